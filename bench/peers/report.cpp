#include "bench/peers/report.h"

#include <algorithm>
#include <fstream>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "taugate/core/error.h"

namespace peers {
namespace {

/// The value below which this fraction of the values lies.
double quantile(std::vector<double> values, double fraction) {
  const auto place =
      static_cast<std::ptrdiff_t>(fraction * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + place, values.end());
  return values[static_cast<std::size_t>(place)];
}
double median(const std::vector<double>& values) { return quantile(values, 0.5); }

/// The figures of one line, from the rounds.
struct Summary {
  double seconds, fastest, lower, upper, slowest;  // of one call: median, ends and quartiles
  double sequences_per_second;
  double gflops;
  double share_of_peak;
  double ours_faster;  // times, median of the rounds' ratios
};

Summary summarise(const Comparison& c, const Timing& timing) {
  std::vector<double> shares, ratios;
  for (std::size_t i = 0; i < timing.seconds.size(); ++i) {
    shares.push_back(c.flops / timing.seconds[i] / c.peak[i]);
    ratios.push_back(timing.seconds[i] / c.timings.front().seconds[i]);
  }
  const double seconds = median(timing.seconds);
  return {.seconds = seconds,
          .fastest = quantile(timing.seconds, 0.0),
          .lower = quantile(timing.seconds, 0.25),
          .upper = quantile(timing.seconds, 0.75),
          .slowest = quantile(timing.seconds, 1.0),
          .sequences_per_second = c.batch / seconds,
          .gflops = c.flops / seconds * 1e-9,
          .share_of_peak = median(shares),
          .ours_faster = median(ratios)};
}

std::ofstream open(const std::string& path) {
  std::ofstream out(path);
  taugate::require(out.good(), path, ": cannot be written");
  return out;
}

}  // namespace

void print(std::ostream& out, const Comparison& c) {
  out << '\n'
      << c.job << ' ' << c.network << ", batch " << c.batch << ", T " << c.steps << ", threads "
      << c.threads << "; FMA peak " << std::fixed << std::setprecision(0) << median(c.peak) * 1e-9
      << " GF/s; largest error " << std::scientific << std::setprecision(1) << c.largest_error
      << '\n';
  out << "  engine                                      sequences/s   us/sequence (min .. max)"
         "        GF/s   of peak   ours faster\n";
  for (const Timing& timing : c.timings) {
    const Summary s = summarise(c, timing);
    const double us = 1e6 / c.batch;
    out << "  " << std::left << std::setw(43) << timing.engine << std::right << std::fixed
        << std::setprecision(0) << std::setw(12) << s.sequences_per_second << std::setprecision(1)
        << std::setw(14) << s.seconds * us << " (" << s.fastest * us << " .. " << s.slowest * us
        << ")" << std::setw(12) << s.gflops << std::setw(8) << 100 * s.share_of_peak << " %"
        << std::setprecision(2) << std::setw(10) << s.ours_faster << "x\n";
  }
  out << std::flush;
}

void write_json(const std::string& path, const bench::Machine& setting,
                const std::vector<Comparison>& comparisons) {
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  for (const Comparison& c : comparisons) {
    nlohmann::ordered_json engines = nlohmann::ordered_json::array();
    for (const Timing& timing : c.timings) {
      const Summary s = summarise(c, timing);
      engines.push_back({{"engine", timing.engine},
                         {"isa", timing.isa},
                         {"sequences_per_second", s.sequences_per_second},
                         {"seconds_per_call", s.seconds},
                         {"fastest", s.fastest},
                         {"lower_quartile", s.lower},
                         {"upper_quartile", s.upper},
                         {"slowest", s.slowest},
                         {"gflops", s.gflops},
                         {"share_of_peak", s.share_of_peak},
                         {"taugate_faster", s.ours_faster},
                         {"rounds", timing.seconds}});
    }
    results.push_back({{"network", c.network},
                       {"job", c.job},
                       {"batch", c.batch},
                       {"steps", c.steps},
                       {"threads", c.threads},
                       {"flops_per_call", c.flops},
                       {"peak_gflops", median(c.peak) * 1e-9},
                       {"largest_error", c.largest_error},
                       {"engines", engines}});
  }
  const nlohmann::ordered_json all = {
      {"commit", setting.commit},     {"cpu", setting.cpu},
      {"cores", setting.cores},       {"instructions", setting.instructions},
      {"compiler", setting.compiler}, {"blas", bench::loaded_blas()},
      {"comparisons", results}};
  std::ofstream out = open(path);
  out << all.dump(2) << '\n';
}

void write_csv(const std::string& path, const bench::Machine& setting,
               const std::vector<Comparison>& comparisons) {
  std::ofstream out = open(path);
  out << "commit,cpu,cores,compiler,network,job,batch,steps,threads,engine,isa,rounds,"
         "sequences_per_second,seconds_per_call,fastest,lower_quartile,upper_quartile,slowest,"
         "gflops,peak_gflops,share_of_peak,taugate_faster\n";
  for (const Comparison& c : comparisons) {
    for (const Timing& timing : c.timings) {
      const Summary s = summarise(c, timing);
      out << setting.commit << ",\"" << setting.cpu << "\"," << setting.cores << ",\""
          << setting.compiler << "\"," << c.network << ',' << c.job << ',' << c.batch << ','
          << c.steps << ',' << c.threads << ",\"" << timing.engine << "\"," << timing.isa << ','
          << timing.seconds.size() << ',' << s.sequences_per_second << ',' << s.seconds << ','
          << s.fastest << ',' << s.lower << ',' << s.upper << ',' << s.slowest << ',' << s.gflops
          << ',' << median(c.peak) * 1e-9 << ',' << s.share_of_peak << ',' << s.ours_faster << '\n';
    }
  }
}

}  // namespace peers
