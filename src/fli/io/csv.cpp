#include "taugate/fli/io/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

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

/// [lines][values] of a text whose first line has the number `line_number` + 1.
Array<float> parse_lines(std::string_view rest, const std::string& where,
                         std::size_t line_number = 0) {
  std::vector<float> values;
  std::vector<std::string_view> fields;
  std::size_t rows = 0, columns = 0, first_line = 0;
  bool header_possible = true;

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
  return {{rows, columns}, std::move(values)};
}

/// [rows][columns] to [columns - skipped][rows].
Array<float> transposed(const Array<float>& lines, std::size_t skipped = 0) {
  const std::size_t rows = lines.shape[0], columns = lines.shape[1];
  Array<float> result{{columns - skipped, rows}, std::vector<float>((columns - skipped) * rows)};
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = skipped; c < columns; ++c)
      result.values[(c - skipped) * rows + r] = lines.values[r * columns + c];
  return result;
}

/// The number that follows `key` somewhere in `text`, and what stands behind it.
std::optional<double> number_after(std::string_view text, std::string_view key,
                                   std::string_view* behind = nullptr) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  text = trim(text.substr(at + key.size()));
  double value = 0.0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !(value > 0.0 && std::isfinite(value))) return std::nullopt;
  if (behind) *behind = trim(text.substr(static_cast<std::size_t>(stop - text.data())));
  return value;
}

constexpr std::string_view kHoribaTime = "Time calibration:";

/// A Horiba export: a header of lines "name: value", then a table whose first column counts
/// channels.
TextTraces parse_horiba(std::string_view content, const std::string& where) {
  TextTraces result;
  result.horiba = true;
  std::string_view unit;
  const auto time = number_after(content, kHoribaTime, &unit);
  double ns = 0.0;
  for (const auto& [name, factor] :
       {std::pair{"ps/ch", 1e-3}, {"ns/ch", 1.0}, {"us/ch", 1e3}, {"ms/ch", 1e6}, {"s/ch", 1e9}})
    if (ns == 0.0 && unit.starts_with(name)) ns = factor;
  if (!time || ns == 0.0)
    fail(where, ": found no time a channel behind '", kHoribaTime,
         "', wanted one such as 0.01ns/ch");
  result.bin_ns = *time * ns;

  std::size_t line_number = 0;
  for (bool table = false; !table;) {
    const std::size_t end = content.find('\n');
    if (end == std::string_view::npos) fail(where, ": found no line that begins with 'Chan'");
    table = content.starts_with("Chan");
    content.remove_prefix(end + 1);
    ++line_number;
  }
  const Array<float> lines = parse_lines(content, where, line_number);
  if (lines.shape[1] < 2) fail(where, ": its table has one column, wanted channel and counts");
  for (std::size_t r = 1; r < lines.shape[0]; ++r)
    if (lines.values[r * lines.shape[1]] != lines.values[0] + static_cast<float>(r))
      fail(where, ": channel ", lines.values[r * lines.shape[1]], " follows channel ",
           lines.values[(r - 1) * lines.shape[1]]);
  result.traces = transposed(lines, 1);
  return result;
}

}  // namespace

Array<float> read_text_traces(const std::filesystem::path& path, const TextOptions& options) {
  Array<float> lines = parse_lines(read_file(path), path.string());
  return options.columns_are_traces ? transposed(lines) : lines;
}

TextTraces read_text_file(const std::filesystem::path& path, const TextOptions& options) {
  const std::string content = read_file(path);
  const std::string_view text = content;
  constexpr std::size_t longest_header = 4096;
  if (text.substr(0, longest_header).find(kHoribaTime) != std::string_view::npos)
    return parse_horiba(text, path.string());
  TextTraces result;
  if (text.starts_with('#')) {
    const std::string_view line = text.substr(0, text.find('\n'));
    result.bin_ns = number_after(line, "bin_ns=");
    result.period_ns = number_after(line, "period_ns=");
    const double width = number_after(line, "width=").value_or(0.0);
    if (width >= 1.0 && width <= 65536.0) result.width = static_cast<int>(width);
  }
  Array<float> lines = parse_lines(text, path.string());
  const std::size_t rows = lines.shape[0];
  if (lines.shape[1] == 1 && rows > 1) {
    if (rows > 2 && lines.values[0] == static_cast<float>(rows - 1))
      lines.values.erase(lines.values.begin());
    lines.shape = {1, lines.values.size()};
  } else if (options.columns_are_traces) {
    lines = transposed(lines);
  }
  result.traces = std::move(lines);
  return result;
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
