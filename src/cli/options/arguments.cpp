#include "cli/options/arguments.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <iostream>
#include <regex>
#include <sstream>

#include "cli/options/verbosity.h"
#include "fli/plot/gnuplot.h"
#include "taugate/core/parallel.h"

namespace taugate::cli {
namespace {

/// The number at the start of `text`, which is shortened by it.
double take_number(std::string_view& text, const std::string& option, const std::string& whole) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value))
    fail_usage("--", option, ": found '", whole, "', wanted a number");
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

double one_number(const std::string& whole, const std::string& option) {
  std::string_view rest = whole;
  const double value = take_number(rest, option, whole);
  if (!rest.empty()) fail_usage("--", option, ": found '", whole, "', wanted a number");
  return value;
}

/// As it is where a shell would take it so, else in single quotes.
std::string shell_quoted(const std::string& word) {
  static constexpr const char* kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./,:=+@%-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// The words of a command line, with "-oFILE" as "-o" and "FILE": cxxopts wants them apart.
std::vector<std::string> apart_from_values(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("-o") && word.size() > 2) words.push_back("-o");
    words.push_back(word.starts_with("-o") && word.size() > 2 ? word.substr(2) : word);
    if (word == "--") return words.insert(words.end(), argv + i + 1, argv + argc), words;
  }
  return words;
}

/// Moves `option` and its value, behind the command, before all file arguments: of these it is then the first.
void move_to_front(std::vector<std::string>& words, const std::string& option) {
  for (std::size_t i = 1; i < words.size() && words[i] != "--"; ++i) {
    const bool apart = words[i] == option;
    if (!apart && !words[i].starts_with(option + "=")) continue;
    const std::size_t end = std::min(words.size(), i + (apart ? 2 : 1));
    const auto at = [&](std::size_t n) { return words.begin() + static_cast<std::ptrdiff_t>(n); };
    std::rotate(at(1), at(i), at(end));
  }
}

}  // namespace

Arguments::Arguments(std::string command, std::string synopsis, std::string about,
                     std::vector<std::string> positional)
    : options_("taugate " + command, std::move(about)),
      positionals_(std::move(positional)),
      command_(std::move(command)) {
  options_.custom_help(std::move(synopsis));
  options_.positional_help("");
  for (const auto& name : positionals_)
    options_.add_options("hidden")(name, "", cxxopts::value<std::string>());
  options_.parse_positional(positionals_);
  options_.set_width(80);
  group("")("h,help", "print this text")("q,quiet", "print errors and warnings alone")(
      "v,verbose", "tell version, kernels, threads, time and memory at the end");
}

cxxopts::OptionAdder Arguments::group(const std::string& title) {
  if (std::find(groups_.begin(), groups_.end(), title) == groups_.end()) groups_.push_back(title);
  return options_.add_options(title);
}

/// cxxopts' text in our layout: usage in a paragraph of its own, our titles instead of " TITLE
/// options:", and no blanks at the ends of lines.
std::string Arguments::help() const {
  std::string text =
      std::regex_replace(options_.help(groups_), std::regex("\nUsage:\n +"), "\n\nUsage: ");
  for (const auto& title : groups_) {
    const std::string theirs = "\n " + title + " options:\n";
    const auto at = title.empty() ? std::string::npos : text.find(theirs);
    if (at != std::string::npos) text.replace(at, theirs.size(), "\n" + title + ":\n");
  }
  return std::regex_replace(text, std::regex(" +\n"), "\n");
}

bool Arguments::parse(int argc, char** argv) {
  command_line_ = "taugate " + command_;
  for (int i = 1; i < argc; ++i) command_line_ += " " + shell_quoted(argv[i]);
  std::vector<std::string> words = apart_from_values(argc, argv);
  if (first_as_option_) move_to_front(words, "--" + positionals_.front());
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  try {
    result_ = options_.parse(static_cast<int>(pointers.size()), pointers.data());
  } catch (const cxxopts::exceptions::exception& e) {
    fail_usage(e.what(), " (see: taugate ", command_, " --help)");
  }
  if (!result_.unmatched().empty() && !many_)
    fail_usage("found an argument too many, '", result_.unmatched().front(), "' (see: taugate ",
               command_, " --help)");
  for (const auto& given : result_.arguments())
    if (given.value().empty()) fail_usage(shown(given.key()), ": found nothing, wanted a value");
  if (has("help")) {
    std::cout << help();
    return false;
  }
  if (has("quiet") && has("verbose"))
    fail_usage("--quiet: found --verbose, too, wanted one of the two");
  if (has("quiet")) set_verbosity(Verbosity::quiet);
  if (has("verbose")) set_verbosity(Verbosity::verbose);
  check_company();
  return true;
}

bool Arguments::parse(std::vector<std::string> words) {
  words.insert(words.begin(), command_);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return parse(static_cast<int>(pointers.size()), pointers.data());
}

std::vector<std::pair<std::string, std::string>> Arguments::given() const {
  std::vector<std::pair<std::string, std::string>> options;
  for (const auto& option : result_.arguments())
    if (std::find(positionals_.begin(), positionals_.end(), option.key()) == positionals_.end())
      options.emplace_back(option.key(), option.value());
  return options;
}

void Arguments::needs(Names options, Names others) {
  rules_.push_back({std::move(options), std::move(others), {}, {}});
}
void Arguments::needs_value(Names options, const std::string& other, Names values) {
  rules_.push_back({std::move(options), {other}, std::move(values), {}});
}
void Arguments::excludes(Names options, Names others, Names saving) {
  rules_.push_back({std::move(options), std::move(others), {}, std::move(saving), true});
}

void Arguments::check_company() const {
  const auto given = [this](const Names& names) {
    return std::find_if(names.begin(), names.end(), [this](const auto& n) { return has(n); });
  };
  const auto either = [](const Names& names, const std::string& before) {
    std::string text;
    for (const auto& name : names)
      text.append(text.empty() ? "" : " or ").append(before).append(name);
    return text;
  };
  for (const Rule& rule : rules_) {
    const auto option = given(rule.options), other = given(rule.others);
    if (option == rule.options.end() || given(rule.saving) != rule.saving.end()) continue;
    if (rule.beside && other != rule.others.end())
      fail_usage("--", *option, ": does nothing beside --", *other, ", wanted one of the two");
    if (rule.beside) continue;
    if (rule.values.empty() && other == rule.others.end())
      fail_usage("--", *option, ": does nothing without ", either(rule.others, "--"));
    const std::string value = rule.values.empty() ? "" : text(rule.others.front());
    if (std::count(rule.values.begin(), rule.values.end(), value) == 0 && !rule.values.empty())
      fail_usage("--", *option, ": does nothing with --", rule.others.front(), ' ', value,
                 ", wanted ", either(rule.values, ""));
  }
}

void Arguments::allow_beside(const std::string& option, const Names& others) const {
  for (const auto& given : result_.arguments())
    if (has(option) && given.key() != option &&
        std::find(others.begin(), others.end(), given.key()) == others.end())
      fail_usage("--", given.key(), ": does nothing beside --", option);
}

std::string Arguments::shown(std::string name) const {
  if (name.size() == 1) return "-" + name;
  if (std::find(positionals_.begin(), positionals_.end(), name) == positionals_.end())
    return "--" + name;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

std::string Arguments::positional(const std::string& name) const {
  if (!has(name)) fail_usage("wanted ", shown(name), " (see: taugate ", command_, " --help)");
  return text(name);
}

std::optional<std::string> Arguments::maybe(const std::string& name) const {
  if (!has(name)) return std::nullopt;
  return text(name);
}

std::uint64_t Arguments::count(const std::string& name) const {
  const std::string whole = text(name);
  std::string_view rest = whole;
  const double value = take_number(rest, name, whole);
  const double factor = rest == "k" ? 1e3 : rest == "M" ? 1e6 : rest.empty() ? 1.0 : 0.0;
  const double result = value * factor;
  if (factor == 0.0 || !(result >= 0.0 && result <= 0x1p53) || result != std::floor(result))
    fail_usage("--", name, ": found '", whole,
               "', wanted a whole number such as 2000, 20k or 1.5M");
  return static_cast<std::uint64_t>(result);
}

int Arguments::small_count(const std::string& name, int most) const {
  return static_cast<int>(std::min(count(name), static_cast<std::uint64_t>(most)));
}

double Arguments::number(const std::string& name) const { return one_number(text(name), name); }

std::vector<double> Arguments::numbers(const std::string& name) const {
  std::vector<double> values;
  for (const std::string& value : texts(name)) values.push_back(one_number(value, name));
  return values;
}

Range Arguments::range(const std::string& name) const {
  const std::string whole = text(name);
  std::string_view rest = whole;
  Range range;
  range.low = range.high = take_number(rest, name, whole);
  if (rest.starts_with(':')) {
    rest.remove_prefix(1);
    range.high = take_number(rest, name, whole);
  }
  if (!rest.empty() || range.high < range.low)
    fail_usage("--", name, ": found '", whole, "', wanted LOW:HIGH or one number");
  return range;
}

std::vector<int> Arguments::integers(const std::string& name) const {
  const std::string whole = text(name);
  std::string_view rest = whole;
  std::vector<int> values;
  while (true) {
    int value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (error != std::errc{} || (!rest.empty() && rest[0] != ','))
      fail_usage("--", name, ": found '", whole,
                 "', wanted whole numbers with commas between them");
    values.push_back(value);
    if (rest.empty()) return values;
    rest.remove_prefix(1);
  }
}

std::vector<std::string> Arguments::texts(const std::string& name) const {
  std::vector<std::string> values;
  std::istringstream rest(text(name) + ',');
  for (std::string value; std::getline(rest, value, ',');) {
    if (value.empty() || std::find(values.begin(), values.end(), value) != values.end())
      fail_usage("--", name, ": found '", text(name),
                 "', wanted values that differ, with commas between them");
    values.push_back(value);
  }
  return values;
}

void add_threads(Arguments& arguments) {
  arguments.group("")("threads", "threads to use (default: all cores)",
                      cxxopts::value<std::string>(), "N");
}

void use_threads(const Arguments& arguments) {
  if (!arguments.has("threads")) return;
  const std::uint64_t n = arguments.count("threads");
  if (n < 1 || n > kMostThreads) fail_usage("--threads: found ", n, ", wanted 1 to ", kMostThreads);
  set_thread_count(static_cast<int>(n));
}

}  // namespace taugate::cli
