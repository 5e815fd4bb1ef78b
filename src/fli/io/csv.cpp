#include "taugate/fli/io/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace taugate {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// Splits a trimmed, non-empty line. One separator at the end is no field.
void split(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  char separator = ' ';
  for (const char candidate : {';', ',', '\t'}) {
    if (line.find(candidate) == std::string_view::npos) continue;
    separator = candidate;
    break;
  }
  const std::string_view ends = separator == ' ' ? kBlanks : std::string_view(&separator, 1);
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(ends), line.size());
    fields.push_back(trim(line.substr(0, end)));
    line.remove_prefix(std::min(end + 1, line.size()));
    if (separator == ' ') line = trim(line);
  }
}

std::optional<double> number(std::string_view field) {
  if (field.starts_with('+')) field.remove_prefix(1);
  double value = 0.0;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (field.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::string shortened(std::string_view text) {
  constexpr std::size_t longest = 30;
  std::string shown(text.substr(0, longest));
  // Bytes of a binary file have no place in a one-line message.
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 32 || c > 126; }, '?');
  return text.size() > longest ? shown + "..." : shown;
}

}  // namespace

Array<float> read_text_traces(const std::filesystem::path& path, const TextOptions& options) {
  const std::string content = read_file(path);
  const std::string where = path.string();
  std::vector<float> values;
  std::vector<std::string_view> fields;
  std::size_t rows = 0, columns = 0, line_number = 0, first_line = 0;
  bool header_possible = true;

  std::string_view rest = content;
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);  // a byte order mark
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++line_number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    split(line, fields);
    const bool is_header = header_possible && std::none_of(fields.begin(), fields.end(), number);
    header_possible = false;
    if (is_header) continue;
    if (columns == 0) {
      columns = fields.size();
      first_line = line_number;
    }
    if (fields.size() != columns)
      fail(where, ": line ", line_number, " has ", fields.size(), " values, line ", first_line,
           " has ", columns);
    for (std::size_t i = 0; i < columns; ++i) {
      const std::optional<double> value = number(fields[i]);
      if (!value || !(*value >= 0.0) || std::isinf(static_cast<float>(*value)))
        fail(where, ": line ", line_number, ", value ", i + 1, ": found '", shortened(fields[i]),
             "', wanted a count (a number from 0 up)");
      values.push_back(static_cast<float>(*value));
    }
    ++rows;
  }
  if (rows == 0) fail(where, ": holds no numbers");
  if (!options.columns_are_traces) return {{rows, columns}, std::move(values)};

  std::vector<float> transposed(values.size());
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) transposed[c * rows + r] = values[r * columns + c];
  return {{columns, rows}, std::move(transposed)};
}

CsvWriter::CsvWriter(const std::filesystem::path& path, std::span<const std::string> column_names)
    : file_(path), columns_(column_names.size()) {
  for (std::size_t i = 0; i < columns_; ++i) line_ += (i ? "," : "") + column_names[i];
  file_.write(line_ + '\n');
}

void CsvWriter::row(std::span<const double> values) {
  if (values.size() != columns_)
    fail(file_.target().string(), ": a row of ", values.size(), " values, wanted ", columns_);
  line_.clear();
  std::array<char, 32> text;
  for (const double value : values) {
    if (!line_.empty()) line_ += ',';
    // Seven digits are what a float carries; a sign of NaN means nothing.
    const auto end = std::isnan(value) ? std::copy_n("nan", 3, text.data())
                                       : std::to_chars(text.data(), text.data() + text.size(),
                                                       value, std::chars_format::general, 7)
                                             .ptr;
    line_.append(text.data(), end);
  }
  line_ += '\n';
  file_.write(line_);
}

void CsvWriter::finish() { file_.commit(); }

}  // namespace taugate
