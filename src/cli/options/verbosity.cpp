#include "cli/options/verbosity.h"

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <iostream>

#include "core/formatted.h"
#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "taugate/simd/arch.h"

namespace taugate::cli {
namespace {

Verbosity verbosity_now = Verbosity::normal;
const auto program_start = std::chrono::steady_clock::now();

}  // namespace

void set_verbosity(Verbosity verbosity) {
  verbosity_now = verbosity;
  if (verbosity == Verbosity::quiet && !std::freopen("/dev/null", "w", stdout))
    fail("/dev/null: cannot be written, which --quiet wants");
}

Progress shown_progress(std::string label, std::string unit, double total, double already_done) {
  static std::ostream nowhere(nullptr);
  return Progress(verbosity_now == Verbosity::quiet ? nowhere : std::cerr, std::move(label),
                  std::move(unit), total,
                  {.terminal = is_terminal(2), .already_done = already_done, .clock = {}});
}

void print_what_it_took() {
  if (verbosity_now != Verbosity::verbose) return;
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - program_start;
  const double processor =
      static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
      1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  std::cerr << "taugate " TAUGATE_VERSION ", " << simd::active_arch() << " kernels, "
            << thread_count() << " threads: "
            << formatted("%.2f s, %.2f s of processors, at most %.0f MiB of memory\n", wall.count(),
                         processor, static_cast<double>(used.ru_maxrss) / 1024.0);
}

}  // namespace taugate::cli
