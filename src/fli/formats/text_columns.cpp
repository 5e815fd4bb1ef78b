#include "fli/formats/text_columns.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "taugate/core/error.h"

namespace taugate {
namespace {

/// The words of a name, in small letters: "Time [µs]" is time, us.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char letter : name) {
    const auto c = static_cast<unsigned char>(letter);
    if (c == 0xC2 || c == 0xCE) continue;  // how a µ begins in UTF-8
    if (c == 0xB5 || c == 0xBC)
      words.back() += 'u';
    else if (std::isalpha(c))
      words.back() += static_cast<char>(std::tolower(c));
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

double unit_of(std::string_view word) {
  constexpr std::pair<std::string_view, double> units[] = {
      {"fs", 1e-6},        {"ps", 1e-3}, {"picosecond", 1e-3}, {"ns", 1.0},
      {"nanosecond", 1.0}, {"us", 1e3},  {"microsecond", 1e3}, {"ms", 1e6},
      {"s", 1e9},          {"sec", 1e9}, {"second", 1e9},      {"millisecond", 1e6}};
  if (word.size() > 6 && word.ends_with('s')) word.remove_suffix(1);
  for (const auto& [name, ns] : units)
    if (word == name) return ns;
  return 0.0;
}

TextColumn column_of(std::string_view name) {
  constexpr std::string_view times[] = {"time",      "times",    "t",    "delay",
                                        "microtime", "nanotime", "dtime"},
                             numbers[] = {"bin",   "bins",  "channel", "chan",   "ch",
                                          "index", "gate",  "row",     "column", "no",
                                          "nr",    "point", "x"},
                             amounts[] = {"count", "counts", "photons", "intensity", "per"};
  const auto among = [](const auto& list, std::string_view word) {
    return std::find(std::begin(list), std::end(list), word) != std::end(list);
  };
  TextColumn column{TextColumn::counts, 0.0, std::string(name)};
  const std::vector<std::string> words = words_of(name);
  if (words.empty()) return column;
  for (const std::string& word : words) {
    if (among(amounts, word)) return column;
    if (column.unit_ns == 0.0) column.unit_ns = unit_of(word);
  }
  // A lone letter, milliseconds and seconds are units of time only where a time is named.
  const bool fine = column.unit_ns > 0.0 && column.unit_ns < 1e6;
  const bool digits = name.find_first_of("0123456789") != std::string_view::npos;
  if (among(times, words.front()) || fine)
    column.kind = TextColumn::time;
  else if (words.size() == 1 && among(numbers, words.front()) && !digits)
    column.kind = TextColumn::number;
  return column;
}

}  // namespace

std::vector<TextColumn> text_columns_of(const std::vector<std::string_view>& fields) {
  std::vector<std::string> names;
  for (std::string_view field : fields) {
    if (field.size() > 1 && field.front() == '"' && field.back() == '"')
      field = field.substr(1, field.size() - 2);
    if (!names.empty() && (field.starts_with('[') || field.starts_with('(')))
      names.back() += concat(' ', field);
    else
      names.emplace_back(field);
  }
  std::vector<TextColumn> columns;
  for (const std::string& name : names) columns.push_back(column_of(name));
  return columns;
}

}  // namespace taugate
