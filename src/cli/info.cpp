#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <numeric>
#include <optional>

#include "cli/commands.h"
#include "cli/options/arguments.h"
#include "cli/options/measurement_options.h"
#include "cli/options/quantize_options.h"
#include "fli/formats/npz.h"
#include "fli/io/phd.h"
#include "taugate/core/file.h"
#include "taugate/fli/inference/trained_model.h"
#include "taugate/quant/integer/integer_model_file.h"

namespace taugate::cli {
namespace {

/// A safetensors file begins with its header's length and a brace.
bool looks_like_a_model(const std::string& path) {
  const std::string start = read_prefix(path, 9);
  return start.size() == 9 && start[8] == '{';
}

void print_layers(const Network& network) {
  std::cout << "  network      " << summary_of(network) << "; " << name_of(network.form()) << ", "
            << name_of(network.activation()) << " activations, " << network.outputs()
            << " output(s)\n";
}

void print_work(std::int64_t multiply_accumulates) {
  std::cout << "  work         " << multiply_accumulates << " multiply-accumulates a trace\n";
}

void print_traces(const TraceModel& model) {
  const Acquisition& acquisition = model.acquisition();
  std::cout << "  acquisition  " << acquisition.gates << " gates of " << acquisition.gate_step_ns
            << " ns (open " << acquisition.gate_width_ns << " ns), laser period "
            << acquisition.period_ns << " ns\n"
            << "  gate 0       opens " << model.first_gate_ns << " ns after the trigger\n"
            << "  prior        " << describe_prior(model.simulator) << '\n'
            << "  training     " << model.training << '\n'
            << "  novelty      "
            << (model.reads_photons() ? "not known: reads photons one by one, in any of these gates"
                : model.novelty       ? "traces unlike its training are flagged"
                                      : "not known: traces unlike its training are not flagged")
            << '\n';
}

void print_float_model(const std::string& path) {
  const TrainedModel model = load_trained_model(path, ModelReads::either);
  std::cout << path << ": a taugate model\n";
  print_layers(model.network.description());
  std::cout << "  parameters   " << model.network.parameters().count() << " ("
            << model.network.published_parameter_count()
            << " counting the zero-fed decoder input), " << 4 * model.network.parameters().count()
            << " bytes\n";
  print_work(static_cast<std::int64_t>(model.network.multiply_accumulates()));
  print_traces(model);
}

void print_widths(const Widths& w) {
  const auto range = [](int bits, int fraction) { return std::ldexp(1.0, bits - 1 - fraction); };
  std::cout << "  arithmetic   version " << kArithmeticVersion << "; bits: weights "
            << w.weight_bits << ", operand " << w.operand_frac_bits + 1 << ", gates "
            << w.gate_frac_bits + 1 << ", candidate " << w.candidate_frac_bits + 1
            << ", carried state " << w.state_frac_bits + 1 << described_write_back(w)
            << (w.input_extra > 0 ? concat(", input ", w.operand_frac_bits + w.input_extra + 1)
                                  : "")
            << '\n'
            << "  ranges       sums of " << w.preact_bits << " bits: gates within +-"
            << range(w.preact_bits, w.gate_preact_frac_bits) << ", candidate within +-"
            << range(w.preact_bits, w.candidate_preact_frac_bits) << "; outputs of "
            << w.output_bits << " bits within +-" << range(w.output_bits, w.output_frac_bits)
            << '\n';
}

/// The most that an accumulator of each layer can reach, whatever the input.
void print_accumulators(const IntegerModel& model) {
  std::map<std::string, std::int64_t> most;
  for (const AccumulatorBound& bound : accumulator_bounds(model))
    most[bound.layer] = std::max(most[bound.layer], bound.most);
  std::cout << "  accumulators " << model.widths.accumulator_bits << " bits; at most";
  const char* before = " ";
  for (const auto& [layer, bound] : most) {
    std::cout << before << bound << " in " << layer;
    before = ", ";
  }
  std::cout << '\n';
}

void print_integer_model(const std::string& path) {
  const IntegerModel model = load_integer_model(path);
  std::cout << path << ": a taugate model of integers\n";
  print_layers(model.description);
  std::cout << "  size         " << std::filesystem::file_size(path) << " bytes, "
            << weight_bytes(model) << " of them for " << weight_count(model) << " weights\n";
  print_work(multiply_accumulates(model));
  print_widths(model.widths);
  print_accumulators(model);
  if (model.notes.contains("simulator"))
    print_traces(load_quantized_model(path, ModelReads::either));
  else
    std::cout << "  acquisition  not in the file\n";
}

void print_arrays(const NpzReader& archive) {
  std::cout << "  arrays\n";
  for (const std::string& name : archive.names()) {
    const NpyHeader header = archive.header(name);
    std::cout << "    " << name << ' ';
    for (const std::size_t extent : header.shape) std::cout << '[' << extent << ']';
    std::cout << (header.shape.empty() ? "one number, " : " ") << header.type.name() << '\n';
  }
}

/// Whether one of the arrays is the one to read as traces; the time axis is no candidate.
bool has_traces(const NpzReader& archive) {
  const auto axis = archive.has("bin_ns") + archive.has("period_ns");
  return archive.has("tpsf") || archive.names().size() == 1u + static_cast<std::size_t>(axis);
}

/// The curves of a PicoHarp file that holds several; true where they differ, so that no measurement
/// can be made of them all.
bool print_curves(const std::string& path) {
  const PhdFile file = read_phd(path);
  if (file.curves.size() < 2) return false;
  std::cout << path << ": PicoHarp PHD, " << file.curves.size() << " curves\n";
  int number = 0;
  bool differ = false;
  for (const PhdCurve& curve : file.curves) {
    std::cout << "  curve " << ++number << ": " << curve.counts.size() << " bins of "
              << curve.resolution_ns << " ns, offset " << curve.offset_ns << " ns, laser period "
              << curve.period_ns() << " ns, " << curve.integral_count << " counts\n";
    differ |= !same_settings(curve, file.curves[0]);
  }
  if (differ) std::cout << "  their settings differ: choose one with --channel N\n";
  return differ;
}

void print_measurement(const Arguments& a, const std::string& path) {
  std::optional<NpzReader> archive;
  if (read_prefix(path, 2) == "PK") archive.emplace(path);
  if (archive && !a.has("member") && !has_traces(*archive)) {
    std::cout << path << ": NPZ, without traces (tpsf); --member NAME reads another array\n";
    return print_arrays(*archive);
  }
  if (!a.has("channel") && read_prefix(path, 12) == "PicoHarp 300" && print_curves(path)) return;
  const Measurement m = measurement_from(a, path, true);
  std::cout << path << ": " << m.format << ", ";
  if (m.height > 1)
    std::cout << "an image of " << m.width << " x " << m.height << " pixels";
  else
    std::cout << m.width << " trace(s)";
  std::cout << " of " << m.bins << " bins\n  counts       " << std::fixed << std::setprecision(0)
            << std::accumulate(m.counts.begin(), m.counts.end(), 0.0) << std::defaultfloat
            << std::setprecision(6) << " in all, at most "
            << *std::max_element(m.counts.begin(), m.counts.end()) << " in a bin\n  bin width    ";
  if (m.bin_ns)
    std::cout << *m.bin_ns << " ns\n";
  else
    std::cout << "not in the file: give --bin NS\n";
  if (m.channel_photons.size() > 1) {
    std::cout << "  channels    " << std::fixed << std::setprecision(0);
    for (const double photons : m.channel_photons) std::cout << ' ' << photons;
    std::cout << std::defaultfloat << std::setprecision(6) << " counts\n";
  }
  std::cout << "  laser period ";
  if (m.period_ns)
    std::cout << *m.period_ns << " ns\n";
  else
    std::cout << "not in the file: give --period NS\n";
  if (archive) print_arrays(*archive);
}

}  // namespace

int info(int argc, char** argv) {
  Arguments a("info", "FILE", "Tells what a model or a file of traces holds.", {"file"});
  add_reading_options(a);
  if (!a.parse(argc, argv)) return kSuccess;
  const std::string path = a.positional("file");
  if (looks_like_a_model(path)) {
    for (const char* option : {"time-first", "member", "channel"})
      if (a.has(option)) fail_usage("--", option, ": does nothing for a model, ", path);
    holds_integers(path) ? print_integer_model(path) : print_float_model(path);
  } else {
    print_measurement(a, path);
  }
  return kSuccess;
}

}  // namespace taugate::cli
