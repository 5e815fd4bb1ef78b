// taugate_bench: what each part of this project reaches on this machine, beside the FMA peak that
// is measured between the parts. Options are Google Benchmark's; beside them
//
//   --csv=FILE      write the figures as a table
//   --commit=NAME   what is measured, for the record

#include <algorithm>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "bench/bench.h"
#include "bench/machine.h"
#include "bench/peak.h"
#include "core/progress.h"
#include "simd/float/kernels.h"
#include "taugate/core/error.h"

namespace {

/// Of each benchmark the median over the repetitions, the fastest and the slowest. Repetitions of
/// different benchmarks are shuffled, so the table is printed at the end.
class Table : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      taugate::require(!run.error_occurred, run.benchmark_name(), ": ", run.error_message);
      Line& line = lines_[{run.family_index, run.per_family_instance_index}];
      line.name = run.run_name.function_name;
      if (!run.run_name.args.empty()) line.name += "/" + run.run_name.args;
      const bool iterations = run.run_type == Run::RT_Iteration;
      if (iterations)
        line.seconds.push_back(run.real_accumulated_time / static_cast<double>(run.iterations));
      if (iterations || run.aggregate_name == "median")  // which comes last, if it comes
        for (const auto& [name, counter] : run.counters) line.counters[name] = counter.value;
    }
  }

  void print(std::ostream& out) {
    out << std::left << std::setw(34) << "benchmark" << std::right << std::setw(12) << "median"
        << std::setw(28) << "fastest .. slowest" << std::setw(10) << "GF/s" << std::setw(10)
        << "of peak"
        << "   rate\n";
    for (auto& [order, line] : lines_) {
      std::sort(line.seconds.begin(), line.seconds.end());
      out << std::left << std::setw(34) << line.name << std::right << std::setw(12)
          << time(line.median()) << std::setw(28)
          << time(line.seconds.front()) + " .. " + time(line.seconds.back()) << std::fixed
          << std::setprecision(1) << std::setw(10);
      if (line.counters.contains("GF/s"))
        out << line.counters["GF/s"] << std::setw(8) << 100 * line.counters["of peak"] << " %";
      else
        out << "" << std::setw(10) << "";
      if (const auto rate = line.rate())
        out << "   " << taugate::format_quantity(rate->second) << " " << rate->first;
      if (line.counters.contains("times_float"))
        out << ", " << std::setprecision(2) << line.counters["times_float"] << " times float";
      out << '\n';
    }
  }

  void write(const std::string& path, const bench::Machine& machine) const {
    std::ofstream out(path);
    out << "commit,cpu,cores,instructions,kernels,compiler,benchmark,repetitions,seconds,fastest,"
           "slowest,gflops,share_of_peak,flops_per_byte,rate,"
           "float_seconds,times_float\n";
    for (const auto& [order, line] : lines_) {
      const auto counter = [&](const char* key) {
        const auto it = line.counters.find(key);
        return it == line.counters.end() ? std::string() : taugate::concat(it->second);
      };
      const auto rate = line.rate();
      out << machine.commit << ",\"" << machine.cpu << "\"," << machine.cores << ','
          << machine.instructions << ',' << taugate::simd::kernels<float>().arch << ",\""
          << machine.compiler << "\"," << line.name << ',' << line.seconds.size() << ','
          << line.median() << ',' << line.seconds.front() << ',' << line.seconds.back() << ','
          << counter("GF/s") << ',' << counter("of peak") << ',' << counter("flops/byte") << ','
          << (rate ? taugate::concat(rate->second) : std::string()) << ','
          << counter("float_seconds") << ',' << counter("times_float") << '\n';
    }
    taugate::require(out.good(), path, ": cannot be written");
  }

 private:
  struct Line {
    std::string name;
    std::vector<double> seconds;  // of an iteration, per repetition; sorted by print()
    std::map<std::string, double> counters;

    double median() const { return seconds[seconds.size() / 2]; }
    std::optional<std::pair<std::string, double>> rate() const {
      for (const auto& [name, value] : counters)
        if (name.ends_with("/s") && name != "GF/s") return std::pair{name, value};
      return std::nullopt;
    }
  };
  static std::string time(double seconds) {
    std::ostringstream text;
    text << std::setprecision(3);
    if (seconds < 1e-3)
      text << seconds * 1e6 << " us";
    else
      text << seconds * 1e3 << " ms";
    return text.str();
  }
  std::map<std::pair<std::int64_t, std::int64_t>, Line> lines_;
};

/// Takes `--name=VALUE` out of the arguments; `value` where it is not there.
std::string take(int& argc, char** argv, const std::string& name, std::string value) {
  const std::string start = "--" + name + "=";
  for (int i = 1; i < argc; ++i) {
    if (!std::string(argv[i]).starts_with(start)) continue;
    value = argv[i] + start.size();
    std::copy(argv + i + 1, argv + argc + 1, argv + i);
    --argc;
    break;
  }
  return value;
}

int run(int argc, char** argv) {
  const std::string csv = take(argc, argv, "csv", ""),
                    commit = take(argc, argv, "commit", "unknown");
  const std::string kernels = taugate::simd::kernels<float>().arch;
  if (kernels != "avx512") bench::limit_instructions_to_avx2();  // the limit of what is forced
  const bench::Machine machine = bench::this_machine(commit);
  // Ours first: what is given on the command line has the last word.
  std::vector<std::string> words{argv[0], "--benchmark_enable_random_interleaving=true",
                                 "--benchmark_repetitions=7", "--benchmark_min_time=0.05"};
  words.insert(words.end(), argv + 1, argv + argc);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

  benchmark::AddCustomContext("commit", machine.commit);
  benchmark::AddCustomContext("cpu", machine.cpu);
  benchmark::AddCustomContext("compiler", machine.compiler);
  benchmark::AddCustomContext("kernels", kernels);
  std::cout << "commit " << machine.commit << "; " << machine.cpu << ", " << machine.cores
            << " cores; kernels " << kernels << "; " << machine.compiler << '\n';
  bench::add_limits();
  bench::add_kernels();
  bench::add_networks();
  bench::add_integers();
  bench::add_fits();
  bench::add_training();
  bench::add_imaging();
  bench::add_photons();
  Table table;
  benchmark::RunSpecifiedBenchmarks(&table);
  table.print(std::cout);
  if (!csv.empty()) table.write(csv, machine);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
