#pragma once
// How far a long job is: rate and time left, on a stream that the caller gives.

#include <cstddef>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

namespace taugate {

/// Whether the file descriptor is a terminal (2: standard error).
bool is_terminal(int descriptor);

/// Seconds as a reader wants them: "8 s", "3 min 20 s", "2 h 05 min".
std::string format_seconds(double seconds);

/// A number with a metric prefix: 950, "12.3 k", "3.92 M".
std::string format_quantity(double value);

class Progress {
 public:
  struct Options {
    bool terminal = false;    ///< one line that is rewritten, instead of plain lines
    double interval_s = 0;    ///< least seconds between two lines; 0: 0.2 on a terminal, else 5
    double already_done = 0;  ///< where a resumed job starts
    std::function<double()> clock;  ///< seconds from any start; empty: the steady clock
  };

  /// `label` begins each line, `unit` names what is counted ("traces"), `total` of them are
  /// expected (0: unknown, so there is no time left).
  Progress(std::ostream& out, std::string label, std::string unit, double total, Options options);
  Progress(std::ostream& out, std::string label, std::string unit, double total);

  /// `done` of `total`, with a note at the end of the line ("loss 0.0123"). Writes only when the
  /// last line is older than the interval.
  void update(double done, std::string_view note = {});
  /// The last line: everything done, in how long, at what rate. Away from a terminal a job that was
  /// over before its first line has none.
  void finish(double done, std::string_view note = {});

 private:
  void write(const std::string& line, bool last);
  double elapsed() const { return options_.clock() - start_; }

  std::ostream& out_;
  std::string label_, unit_;
  double total_;
  Options options_;
  double start_, last_line_;
  std::size_t line_length_ = 0;  // on a terminal: what the next line must cover
};

}  // namespace taugate
