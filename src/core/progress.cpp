#include "core/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "core/formatted.h"

namespace taugate {
namespace {

double steady_seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

std::string format_seconds(double seconds) {
  if (!(seconds < 1e9)) return "?";
  const auto s = static_cast<long>(std::lround(std::max(seconds, 0.0)));
  if (s < 60) return formatted("%ld s", s);
  if (s < 3600) return formatted("%ld min %02ld s", s / 60, s % 60);
  return formatted("%ld h %02ld min", s / 3600, s % 3600 / 60);
}

std::string format_quantity(double value) {
  if (std::abs(value) < 999.5) return formatted("%.3g", value);
  if (std::abs(value) < 999.5e3) return formatted("%.3g k", value / 1e3);
  if (std::abs(value) < 999.5e6) return formatted("%.3g M", value / 1e6);
  return formatted("%.3g G", value / 1e9);
}

Progress::Progress(std::ostream& out, std::string label, std::string unit, double total,
                   Options options)
    : out_(out),
      label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      options_(std::move(options)) {
  if (!options_.clock) options_.clock = steady_seconds;
  if (options_.interval_s <= 0.0) options_.interval_s = options_.terminal ? 0.2 : 5.0;
  start_ = last_line_ = options_.clock();
}

Progress::Progress(std::ostream& out, std::string label, std::string unit, double total)
    : Progress(out, std::move(label), std::move(unit), total, Options{}) {}

void Progress::update(double done, std::string_view note) {
  const double now = options_.clock();
  if (now - last_line_ < options_.interval_s) return;
  last_line_ = now;

  const double rate = (done - options_.already_done) / std::max(now - start_, 1e-9);
  std::string line = label_ + "  " + format_quantity(done);
  if (total_ > 0.0)
    line += " of " + format_quantity(total_) + " " + unit_ +
            formatted(" (%.0f %%)", 100.0 * done / total_);
  else
    line += " " + unit_;
  line += "  " + format_quantity(rate) + "/s";
  if (total_ > 0.0 && rate > 0.0) line += "  " + format_seconds((total_ - done) / rate) + " left";
  if (!note.empty()) line += "  " + std::string(note);
  write(line, false);
}

void Progress::finish(double done, std::string_view note) {
  if (!options_.terminal && last_line_ == start_) return;
  const double seconds = std::max(elapsed(), 1e-9);
  std::string line = label_ + "  " + format_quantity(done) + " " + unit_ + " in " +
                     format_seconds(seconds) + "  " +
                     format_quantity((done - options_.already_done) / seconds) + "/s";
  if (!note.empty()) line += "  " + std::string(note);
  write(line, true);
}

void Progress::write(const std::string& line, bool last) {
  if (!options_.terminal) {
    out_ << line << '\n' << std::flush;
    return;
  }
  const std::size_t padding = line_length_ > line.size() ? line_length_ - line.size() : 0;
  out_ << '\r' << line << std::string(padding, ' ') << (last ? "\n" : "") << std::flush;
  line_length_ = line.size();
}

}  // namespace taugate
