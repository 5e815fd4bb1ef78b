#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options/measurement_options.h"
#include "cli/options/outputs.h"
#include "cli/options/rtl_options.h"
#include "core/interrupt.h"
#include "fli/inference/calibration_traces.h"
#include "study/cosimulation.h"
#include "taugate/core/file.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kCosimSeed = 0x636f73696du;  // a data set of its own

Arguments declare() {
  Arguments a("cosim", "MODEL [options]",
              "Runs traces through the RTL of a model of integers, under Verilator, and compares "
              "every output\nword with the integer executor's.",
              {"model"});
  const auto value = [] { return cxxopts::value<std::string>(); };
  const auto otherwise = [](const char* text) {
    return cxxopts::value<std::string>()->default_value(text);
  };
  a.group("")("data", "measured traces (default: simulated ones)", value(), "FILE")(
      "traces", "how many of them", otherwise("100"), "N")(
      "json", "write the figures here", value(), "FILE")("rtl", "folder of the SystemVerilog",
                                                         otherwise(rtl_folder().c_str()), "FOLDER")(
      "work", "folder for simulations, which are found again", otherwise("build/cosim"), "FOLDER");
  add_rtl_options(a);
  a.group("Simulation")("gaps", "chance of a cycle without input", otherwise("0"), "P")(
      "stalls", "chance of a cycle without room for output", otherwise("0"), "P")(
      "seed", "of both", otherwise("1"), "N")(
      "write-port", "load the model over the write port instead of from files")(
      "waveform", "write the waveform of all signals here (FST, for GTKWave)", value(), "FILE")(
      "coverage", "write line and toggle coverage here (for verilator_coverage)", value(), "FILE")(
      "flip", "flip this bit of the weights' memory first, to see that it is found", value(),
      "COLUMN,BIT");
  add_measurement_options(a, "data");
  a.needs({"seed"}, {"gaps", "stalls"});
  a.excludes({"flip"}, {"write-port"});
  return a;
}

double chance(const Arguments& a, const char* name) {
  const double p = a.number(name);
  if (!(p >= 0.0 && p < 1.0)) fail_usage("--", name, ": found ", p, ", wanted 0 to below 1");
  return p;
}

CosimulationTraffic traffic_from(const Arguments& a) {
  CosimulationTraffic t;
  t.gap = chance(a, "gaps");
  t.stall = chance(a, "stalls");
  t.seed = a.count("seed");
  t.write_port = a.has("write-port");
  t.waveform = a.maybe("waveform").value_or("");
  t.coverage = a.maybe("coverage").value_or("");
  if (a.has("flip")) {
    const std::vector<int> flip = a.integers("flip");
    if (flip.size() != 2) fail_usage("--flip: found ", a.text("flip"), ", wanted COLUMN,BIT");
    t.flip = {flip[0], flip[1]};
  }
  return t;
}

std::vector<PixelSamples> traces_from(const QuantizedModel& model, const Arguments& a,
                                      std::size_t traces) {
  if (!a.has("data")) return words_of(model.network, simulated_inputs(model, traces, kCosimSeed));
  return words_of(model.network, recorded_inputs(model, measurement_from(a, a.text("data")),
                                                 inference_options_from(a), traces));
}

/// Cycles from a pixel's last sample to its first and to its last word, where it is alone and its
/// samples come more slowly than a step, as a camera's gates do.
struct Latency {
  std::int64_t first = 0, last = 0;
};

Latency latency_of(const Cosimulation& simulation, const IntegerModel& model,
                   const PixelSamples& pixel) {
  CosimulationTraffic slow;
  slow.gap = 1.0 - 1.0 / (20.0 * (simulation.parameters().H + kRtlStepLatency));
  const PixelResult alone = simulation.run(model, {pixel}, slow).pixels[0];
  return {alone.first_out - alone.last_in, alone.last_out - alone.last_in};
}

void print(const RtlParameters& p, const CosimulationResult& r, const Latency& latency) {
  const auto pixels = static_cast<double>(r.pixels.size());
  std::printf(
      "%lld cycles, %.1f a pixel on each of %d cores; %lld of them issue a column, %lld idle\n",
      static_cast<long long>(r.cycles), static_cast<double>(r.cycles) / pixels, p.Cores,
      static_cast<long long>(r.issues), static_cast<long long>(r.bubbles));
  std::printf("useful multiply-accumulates: %.2f %% of all cycles of %d lanes\n",
              100.0 * r.utilisation(p), 3 * p.H + p.NOut);
  std::printf(
      "latency of a pixel alone, its samples slower than the core: %lld cycles from its last "
      "sample to its first word, %lld to "
      "its last\n",
      static_cast<long long>(latency.first), static_cast<long long>(latency.last));
}

nlohmann::json json_of(const RtlParameters& p, const CosimulationResult& r,
                       const CosimulationComparison& c, const Latency& latency) {
  nlohmann::json parameters;
  for (const auto& [name, value] : p.all()) parameters[name] = value;
  return {
      {"parameters", parameters},
      {"traces", r.pixels.size()},
      {"words", c.words},
      {"different", c.different},
      {"cycles", r.cycles},
      {"issues", r.issues},
      {"bubbles", r.bubbles},
      {"macs", r.macs},
      {"utilisation", r.utilisation(p)},
      {"cycles_per_pixel", static_cast<double>(r.cycles) / static_cast<double>(r.pixels.size())},
      {"latency_first_word", latency.first},
      {"latency_last_word", latency.last}};
}

int compare(const QuantizedModel& model, const RtlParameters& parameters,
            const std::vector<PixelSamples>& pixels, const Arguments& a) {
  const CosimulationTraffic traffic = traffic_from(a);
  if (traffic.flip) check_flip(model.network, parameters, *traffic.flip);
  print_parameters(model.network, parameters);
  std::cout << "building the simulation" << std::endl;
  CosimulationOptions options;
  options.rtl = a.text("rtl");
  options.work = a.text("work");
  options.waveform = a.has("waveform");
  options.coverage = a.has("coverage");
  const Cosimulation simulation(parameters, options);
  std::cout << "running " << pixels.size() << " traces" << std::endl;
  const CosimulationResult result = simulation.run(model.network, pixels, traffic);
  const CosimulationComparison compared =
      compare_with_engine(model.network, pixels, parameters.TMax, result);
  const Latency latency = latency_of(simulation, model.network, pixels[0]);
  print(parameters, result, latency);
  if (a.has("json"))
    write_file(a.text("json"), json_of(parameters, result, compared, latency).dump(2) + "\n");
  if (compared.first)
    fail(compared.different, " of ", compared.words,
         " words differ from the integer executor's; first pixel ", compared.first->pixel,
         ", step ", compared.first->step, ", output ", compared.first->output, ": found ",
         compared.first->found, ", wanted ", compared.first->wanted);
  if (a.has("flip"))
    fail_usage("--flip: found ", a.text("flip"),
               ", a bit that no word of these traces depends on; ", "wanted another");
  std::printf("%llu words, all equal to the integer executor's\n",
              static_cast<unsigned long long>(compared.words));
  return kSuccess;
}

}  // namespace

int cosim(int argc, char** argv) {
  Arguments a = declare();
  if (!a.parse(argc, argv)) return kSuccess;
  const std::string file = a.positional("model");
  const RtlOptions hardware = rtl_options_from(a);
  check_outputs(a, {"json", "waveform", "coverage"});
  traffic_from(a);
  const std::uint64_t traces = a.count("traces");
  if (traces < 1 || traces > 1u << 20) fail_usage("--traces: found ", traces, ", wanted 1 to 2^20");
  if (!holds_integers(file))
    fail(file, ": found a model of floats, wanted one of integers (taugate quantize)");
  const QuantizedModel model = load_quantized_model(file);
  const RtlParameters parameters = rtl_parameters(model.network, hardware);
  const std::vector<PixelSamples> pixels = traces_from(model, a, traces);
  try {
    return compare(model, parameters, pixels, a);
  } catch (const Error&) {
    if (!interrupted()) throw;  // Ctrl-C ends the simulation, too
    std::cout << "stopped\n";
    return kInterrupted;
  }
}

}  // namespace taugate::cli
