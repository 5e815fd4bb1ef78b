#include "fli/formats/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "fli/formats/text_columns.h"
#include "taugate/core/parallel.h"

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

/// Lines of numbers, and what the first line says of their columns.
struct Table {
  Array<float> counts;                    ///< [lines][columns of counts]
  std::vector<TextColumn> axes;           ///< columns that are no counts
  std::vector<std::vector<double>> axis;  ///< their values
};

/// Splits a text into lines and these into fields; reads the names and the numbers.
class TableReader {
 public:
  /// The text's first line has the number `line_number` + 1.
  TableReader(std::string_view text, std::string where, std::size_t line_number = 0)
      : where_(std::move(where)), line_number_(line_number) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      ++line_number_;
      take_line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (rows_ == 0) fail(where_, ": holds no numbers");
    table_.counts.shape = {rows_, columns_.size() - table_.axes.size()};
  }
  Table table() && { return std::move(table_); }

 private:
  void take_line(std::string_view line) {
    const std::size_t comment = line.find('#');
    const std::string_view values = trim(line.substr(0, comment));
    if (values.empty()) {
      // NumPy writes the names of columns as a comment.
      const std::string_view text =
          comment == std::string_view::npos ? values : trim(line.substr(comment + 1));
      if (rows_ == 0 && !text.empty() && text.find('=') == std::string_view::npos) {
        split(text, fields_);
        if (std::none_of(fields_.begin(), fields_.end(), number)) noted_ = text_columns_of(fields_);
      }
      return;
    }
    split(values, fields_);
    const bool is_header = header_possible_ && std::none_of(fields_.begin(), fields_.end(), number);
    header_possible_ = false;
    if (is_header) {
      named_ = text_columns_of(fields_);
      return;
    }
    if (columns_.empty()) begin_rows();
    if (fields_.size() != columns_.size())
      fail(where_, ": line ", line_number_, " has ", fields_.size(), " values, line ", first_line_,
           " has ", columns_.size());
    std::size_t axis = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const bool counts = columns_[i].kind == TextColumn::counts;
      const double value = value_of(i, counts);
      if (counts)
        table_.counts.values.push_back(static_cast<float>(value));
      else
        table_.axis[axis++].push_back(value);
    }
    ++rows_;
  }

  void begin_rows() {
    first_line_ = line_number_;
    columns_ = !named_.empty() ? named_ : noted_;
    if (columns_.size() != fields_.size()) {
      const auto axis = [](const TextColumn& c) { return c.kind != TextColumn::counts; };
      if (std::any_of(named_.begin(), named_.end(), axis))
        fail(where_, ": its first line names ", named_.size(), " columns, line ", line_number_,
             " has ", fields_.size(), " values");
      columns_.assign(fields_.size(), {});
    }
    for (const TextColumn& column : columns_)
      if (column.kind != TextColumn::counts) table_.axes.push_back(column);
    table_.axis.resize(table_.axes.size());
  }

  double value_of(std::size_t i, bool count) const {
    const std::optional<double> value = number(fields_[i]);
    if (value && (count ? *value >= 0.0 && std::isfinite(static_cast<float>(*value))
                        : std::isfinite(*value)))
      return *value;
    fail(where_, ": line ", line_number_, ", value ", i + 1, ": found '", shortened(fields_[i]),
         "', wanted a ", count ? "count (a number from 0 up)" : columns_[i].name);
  }

  std::string where_;
  std::size_t line_number_, first_line_ = 0, rows_ = 0;
  bool header_possible_ = true;
  std::vector<std::string_view> fields_;
  std::vector<TextColumn> named_, noted_, columns_;
  Table table_;
};

/// Values that rise evenly, but for the digits that they were rounded to.
struct EvenSteps {
  double first = 0.0, step = 0.0;
};
template <class S>
std::optional<EvenSteps> even_steps(std::span<const S> values, std::size_t stride = 1) {
  constexpr double tolerance = 0.15;  // a line left out moves others by half a step
  const std::size_t n = values.size() / stride;
  if (n < 2) return std::nullopt;
  const double first = values[0], step = (values[(n - 1) * stride] - first) / (n - 1.0);
  if (!(step > 0.0)) return std::nullopt;
  for (std::size_t i = 0; i < n; ++i)
    if (!(std::abs(values[i * stride] - first - i * step) <= tolerance * step)) return std::nullopt;
  return EvenSteps{first, step};
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
  const Array<float> lines = TableReader(content, where, line_number).table().counts;
  if (lines.shape[1] < 2) fail(where, ": its table has one column, wanted channel and counts");
  for (std::size_t r = 1; r < lines.shape[0]; ++r)
    if (lines.values[r * lines.shape[1]] != lines.values[0] + static_cast<float>(r))
      fail(where, ": channel ", lines.values[r * lines.shape[1]], " follows channel ",
           lines.values[(r - 1) * lines.shape[1]]);
  result.traces = transposed(lines, 1);
  return result;
}

/// What the columns that are no counts tell, into the bin width and the start of the record.
void apply_axes(const Table& table, const std::string& where, TextTraces& result) {
  bool timed = false;
  for (std::size_t i = 0; i < table.axes.size(); ++i) {
    const TextColumn& column = table.axes[i];
    const std::string what = concat(where, ": column '", shortened(column.name), "'");
    const auto steps = even_steps(std::span<const double>(table.axis[i]));
    if (!steps) fail(what, " does not rise evenly from line to line, wanted the times of bins");
    if (column.kind == TextColumn::number) {
      if (std::abs(steps->step - 1.0) > 1e-9)
        fail(what, " rises by ", steps->step,
             " a line; if these are times, name their unit (time_ns)");
      continue;
    }
    if (column.unit_ns == 0.0) fail(what, " tells no unit, wanted it in the name, as in time_ns");
    if (timed) fail(what, " is a second one of times, wanted one");
    timed = true;
    const double bin = steps->step * column.unit_ns;
    if (result.bin_ns && std::abs(bin / *result.bin_ns - 1.0) > 1e-3)
      fail(what, " has bins of ", bin, " ns, its first line says ", *result.bin_ns, " ns");
    result.bin_ns = bin;
    result.start_ns = steps->first * column.unit_ns;
  }
}

/// Refuses a table without names of which lines and columns may both be traces.
void refuse_doubtful(const Array<float>& lines, bool by_columns, const std::string& where) {
  constexpr std::size_t fewest_lines = 8, many_lines = 16, few_columns = 4;
  const std::size_t rows = lines.shape[0], columns = lines.shape[1];
  if (rows < fewest_lines || columns < 2) return;
  if (const auto steps = even_steps(std::span<const float>(lines.values), columns))
    fail(where, ": its first column rises evenly, by ", steps->step,
         " a line; if it is a time, name the columns in a first line, as in time_ns,counts");
  if (!by_columns && columns <= few_columns && rows >= many_lines)
    fail(where, ": found ", rows, " lines of ", columns,
         " values, wanted a trace a line; if a column is a trace, give --time-first (of an IRF "
         "--irf-time-first), else say in a first line '# bin_ns=WIDTH'");
}

}  // namespace

TextTraces read_text_file(const std::filesystem::path& path, const TextOptions& options) {
  const std::string content = read_file(path), where = path.string();
  const std::string_view text = content;
  constexpr std::size_t longest_header = 4096;
  if (text.substr(0, longest_header).find(kHoribaTime) != std::string_view::npos)
    return parse_horiba(text, where);
  TextTraces result;
  bool lines_are_traces = false;
  if (text.starts_with('#')) {
    const std::string_view line = text.substr(0, text.find('\n'));
    for (const auto& [key, value] :
         {std::pair{"bin_ns=", &result.bin_ns}, std::pair{"period_ns=", &result.period_ns}}) {
      *value = number_after(line, key);
      if (!*value && line.find(key) != std::string_view::npos)
        fail(where, ": line 1: found '", shortened(line.substr(line.find(key))),
             "', wanted a number above 0 there");
    }
    const double width = number_after(line, "width=").value_or(0.0);
    if (width >= 1.0 && width <= 65536.0) result.width = static_cast<int>(width);
    // The first line of `taugate convert`, which tells what is known, be it nothing.
    lines_are_traces = result.bin_ns || result.period_ns || result.width > 0 || trim(line) == "#";
  }
  Table table = TableReader(text, where).table();
  Array<float>& lines = table.counts;
  const std::size_t rows = lines.shape[0];
  if (!table.axes.empty()) {
    if (lines.shape[1] == 0) fail(where, ": has no column of counts");
    apply_axes(table, where, result);
    lines = transposed(lines);
  } else if (lines.shape[1] == 1 && rows > 1) {
    if (rows > 2 && lines.values[0] == static_cast<float>(rows - 1))
      lines.values.erase(lines.values.begin());
    lines.shape = {1, lines.values.size()};
  } else {
    if (!lines_are_traces) refuse_doubtful(lines, options.columns_are_traces, where);
    if (options.columns_are_traces) lines = transposed(lines);
    result.either_way = true;
  }
  result.traces = std::move(lines);
  return result;
}

CsvWriter::CsvWriter(const std::filesystem::path& path, std::span<const std::string> column_names)
    : file_(path), columns_(column_names.size()) {
  for (std::size_t i = 0; i < columns_; ++i) line_ += (i ? "," : "") + column_names[i];
  file_.write(line_ + '\n');
}

namespace {

void append_line(std::span<const double> values, std::string& lines) {
  std::array<char, 32> text;
  constexpr double largest_whole = 9999999.0;
  for (const double value : values) {
    char* const begin = text.data();
    char* const limit = begin + text.size();
    const auto whole = static_cast<std::int64_t>(std::abs(value) <= largest_whole ? value : -1.0);
    // Seven digits are what a float carries; a sign of NaN means nothing.
    char* end = std::isnan(value) ? std::copy_n("nan", 3, begin)
                : whole > 0 && static_cast<double>(whole) == value
                    ? std::to_chars(begin, limit, whole).ptr
                    : std::to_chars(begin, limit, value, std::chars_format::general, 7).ptr;
    *end++ = ',';
    lines.append(begin, end);
  }
  lines.back() = '\n';
}

}  // namespace

void CsvWriter::row(std::span<const double> values) {
  if (values.size() != columns_)
    fail(file_.target().string(), ": a row of ", values.size(), " values, wanted ", columns_);
  line_.clear();
  append_line(values, line_);
  file_.write(line_);
}

void CsvWriter::rows(std::size_t count,
                     const std::function<void(std::size_t, std::span<double>)>& values) {
  constexpr std::size_t block = 2048, blocks = 16;  // rows of a block, blocks that are held
  std::array<std::string, blocks> text;
  for (std::size_t first = 0; first < count; first += block * blocks) {
    parallel_for(std::min(blocks, (count - first + block - 1) / block), [&](std::size_t b, int) {
      std::vector<double> row(columns_);
      text[b].clear();
      const std::size_t begin = first + b * block;
      for (std::size_t r = begin; r < std::min(count, begin + block); ++r) {
        values(r, row);
        append_line(row, text[b]);
      }
    });
    for (std::string& lines : text) {
      file_.write(lines);
      lines.clear();
    }
  }
}

void CsvWriter::finish() { file_.commit(); }

}  // namespace taugate
