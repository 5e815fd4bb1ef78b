#pragma once
// Command lines: cxxopts with one-line complaints, and the few kinds of value that several commands
// take.

#include <cstdint>
#include <cxxopts.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taugate/fli/physics/range.h"

namespace taugate::cli {

/// One subcommand's options. Parsing throws UsageError for anything it does not know.
class Arguments {
 public:
  /// `synopsis` is what follows "taugate COMMAND", `positional` the names of the file arguments.
  Arguments(std::string command, std::string synopsis, std::string about,
            std::vector<std::string> positional = {});

  /// Adds options under a title of their own in --help; "" for those that follow the usage line.
  cxxopts::OptionAdder group(const std::string& title);

  using Names = std::vector<std::string>;
  /// `options` do nothing without one of `others`: parse() refuses them then.
  void needs(Names options, Names others);
  /// Nor where the option `other` has none of these values.
  void needs_value(Names options, const std::string& other, Names values);
  /// Nor beside one of `others`, unless one of `saving` is given.
  void excludes(Names options, Names others, Names saving = {});
  /// UsageError where `option` is given and one that is not among the others, too.
  void allow_beside(const std::string& option, const Names& others) const;
  /// The last file argument may come several times: more() has those after the first.
  void allow_more() { many_ = true; }
  const std::vector<std::string>& more() const { return result_.unmatched(); }
  /// Options that were given, without the file arguments: name and value, "true" of a switch.
  std::vector<std::pair<std::string, std::string>> given() const;
  /// Names of the file arguments.
  const std::vector<std::string>& positionals() const { return positionals_; }

  /// False when --help was asked for, and printed.
  bool parse(int argc, char** argv);
  bool parse(std::vector<std::string> words);  ///< what follows the command's name
  /// The first file argument may come as an option, anywhere: --NAME VALUE.
  void allow_first_as_option() { first_as_option_ = true; }

  const std::string& command() const { return command_; }
  /// What was typed, as a shell would take it again.
  const std::string& command_line() const { return command_line_; }

  bool has(const std::string& name) const { return result_.count(name) > 0; }
  std::string text(const std::string& name) const { return result_[name].as<std::string>(); }
  /// "OUT" for the file argument out, "--json" for an option.
  std::string shown(std::string name) const;
  std::string positional(const std::string& name) const;  ///< UsageError where it is missing
  std::optional<std::string> maybe(const std::string& name) const;

  /// A whole number with an optional suffix k or M: "250k".
  std::uint64_t count(const std::string& name) const;
  /// The same for what is judged where it is used: `most` in place of any larger number.
  int small_count(const std::string& name, int most = 1 << 20) const;
  double number(const std::string& name) const;
  /// "0.2:0.8", or one number for both ends.
  Range range(const std::string& name) const;
  std::vector<int> integers(const std::string& name) const;       ///< "64,16"
  std::vector<double> numbers(const std::string& name) const;     ///< "0.2,1.5"
  std::vector<std::string> texts(const std::string& name) const;  ///< "one,two"

 private:
  /// Options that only mean something in company.
  struct Rule {
    Names options, others, values, saving;
    bool beside = false;  ///< refused beside the others, not without them
  };
  std::string help() const;
  void check_company() const;

  cxxopts::Options options_;
  std::vector<std::string> positionals_;
  std::string command_, command_line_;
  std::vector<std::string> groups_;  // in the order in which they were added
  std::vector<Rule> rules_;
  cxxopts::ParseResult result_;
  bool many_ = false, first_as_option_ = false;
};

/// --threads, for every command that computes.
void add_threads(Arguments& arguments);
void use_threads(const Arguments& arguments);

}  // namespace taugate::cli
