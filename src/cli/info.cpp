#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "cli/commands.h"
#include "cli/options/arguments.h"
#include "cli/options/measurement_options.h"
#include "cli/options/quantize_options.h"
#include "fli/formats/npz.h"
#include "fli/io/measurement_fields.h"
#include "fli/io/phd.h"
#include "fli/io/phu.h"
#include "nn/network_json.h"
#include "taugate/core/file.h"
#include "taugate/fli/inference/trained_model.h"
#include "taugate/quant/integer/integer_model_file.h"

namespace taugate::cli {
namespace {

using Json = nlohmann::ordered_json;

// Each print_... writes lines for people to `out`; those that find something for machines return it.

/// A safetensors file begins with its header's length and a brace.
bool looks_like_a_model(const std::string& path) {
  const std::string start = read_prefix(path, 9);
  return start.size() == 9 && start[8] == '{';
}

void print_layers(std::ostream& out, const Network& network) {
  out << "  network      " << summary_of(network) << "; " << name_of(network.form()) << ", "
      << name_of(network.activation()) << " activations, " << network.outputs() << " output(s)\n";
}

void print_work(std::ostream& out, std::int64_t multiply_accumulates) {
  out << "  work         " << multiply_accumulates << " multiply-accumulates a trace\n";
}

/// Prints what a model knows of its traces, and adds it to `found`.
void print_traces(std::ostream& out, const TraceModel& model, Json& found) {
  const Acquisition& acquisition = model.acquisition();
  found["acquisition"] = {{"gates", acquisition.gates},
                          {"gate_step_ns", acquisition.gate_step_ns},
                          {"gate_width_ns", acquisition.gate_width_ns},
                          {"period_ns", acquisition.period_ns},
                          {"first_gate_ns", model.first_gate_ns}};
  found["prior"] = describe_prior(model.simulator);
  found["training"] = model.training;
  found["flags_traces_unlike_training"] = model.novelty.has_value();
  out << "  acquisition  " << acquisition.gates << " gates of " << acquisition.gate_step_ns
      << " ns (open " << acquisition.gate_width_ns << " ns), laser period " << acquisition.period_ns
      << " ns\n"
      << "  gate 0       opens " << model.first_gate_ns << " ns after the trigger\n"
      << "  prior        " << describe_prior(model.simulator) << '\n'
      << "  training     " << model.training << '\n'
      << "  novelty      "
      << (model.reads_photons() ? "not known: reads photons one by one, in any of these gates"
          : model.novelty       ? "traces unlike its training are flagged"
                                : "not known: traces unlike its training are not flagged")
      << '\n';
}

Json print_float_model(std::ostream& out, const std::string& path) {
  const TrainedModel model = load_trained_model(path, ModelReads::either);
  Json found{{"kind", "model"},
             {"network", network_to_json(model.network.description())},
             {"parameters", model.network.parameters().count()},
             {"multiply_accumulates", model.network.multiply_accumulates()}};
  out << path << ": a taugate model\n";
  print_layers(out, model.network.description());
  out << "  parameters   " << model.network.parameters().count() << " ("
      << model.network.published_parameter_count() << " counting the zero-fed decoder input), "
      << 4 * model.network.parameters().count() << " bytes\n";
  print_work(out, static_cast<std::int64_t>(model.network.multiply_accumulates()));
  print_traces(out, model, found);
  return found;
}

void print_widths(std::ostream& out, const Widths& w) {
  const auto range = [](int bits, int fraction) { return std::ldexp(1.0, bits - 1 - fraction); };
  out << "  arithmetic   version " << kArithmeticVersion << "; bits: weights " << w.weight_bits
      << ", operand " << w.operand_frac_bits + 1 << ", gates " << w.gate_frac_bits + 1
      << ", candidate " << w.candidate_frac_bits + 1 << ", carried state " << w.state_frac_bits + 1
      << described_write_back(w)
      << (w.input_extra > 0 ? concat(", input ", w.operand_frac_bits + w.input_extra + 1) : "")
      << '\n'
      << "  ranges       sums of " << w.preact_bits << " bits: gates within +-"
      << range(w.preact_bits, w.gate_preact_frac_bits) << ", candidate within +-"
      << range(w.preact_bits, w.candidate_preact_frac_bits) << "; outputs of " << w.output_bits
      << " bits within +-" << range(w.output_bits, w.output_frac_bits) << '\n';
}

/// The most that an accumulator of each layer can reach, whatever the input.
void print_accumulators(std::ostream& out, const IntegerModel& model) {
  std::map<std::string, std::int64_t> most;
  for (const AccumulatorBound& bound : accumulator_bounds(model))
    most[bound.layer] = std::max(most[bound.layer], bound.most);
  out << "  accumulators " << model.widths.accumulator_bits << " bits; at most";
  const char* before = " ";
  for (const auto& [layer, bound] : most) {
    out << before << bound << " in " << layer;
    before = ", ";
  }
  out << '\n';
}

Json print_integer_model(std::ostream& out, const std::string& path) {
  const IntegerModel model = load_integer_model(path);
  const Widths& widths = model.widths;
  Json found{{"kind", "model of integers"},
             {"network", network_to_json(model.description)},
             {"weights", weight_count(model)},
             {"multiply_accumulates", multiply_accumulates(model)},
             {"bytes_of_weights", weight_bytes(model)},
             {"arithmetic_version", kArithmeticVersion},
             {"bits",
              {{"weights", widths.weight_bits},
               {"operand", widths.operand_frac_bits + 1},
               {"gates", widths.gate_frac_bits + 1},
               {"candidate", widths.candidate_frac_bits + 1},
               {"state", widths.state_frac_bits + 1},
               {"accumulators", widths.accumulator_bits}}}};
  out << path << ": a taugate model of integers\n";
  print_layers(out, model.description);
  out << "  size         " << std::filesystem::file_size(path) << " bytes, " << weight_bytes(model)
      << " of them for " << weight_count(model) << " weights\n";
  print_work(out, multiply_accumulates(model));
  print_widths(out, model.widths);
  print_accumulators(out, model);
  if (model.notes.contains("simulator"))
    print_traces(out, load_quantized_model(path, ModelReads::either), found);
  else
    out << "  acquisition  not in the file\n";
  return found;
}

/// Prints the arrays of an archive, and adds them to `found`.
void print_arrays(std::ostream& out, const NpzReader& archive, Json& found) {
  out << "  arrays\n";
  for (const std::string& name : archive.names()) {
    const NpyHeader header = archive.header(name);
    out << "    " << name << ' ';
    for (const std::size_t extent : header.shape) out << '[' << extent << ']';
    out << (header.shape.empty() ? "one number, " : " ") << header.type.name() << '\n';
    found["arrays"][name] = {{"shape", header.shape}, {"type", header.type.name()}};
  }
}

/// Whether one of the arrays is the one to read as traces; the time axis is no candidate.
bool has_traces(const NpzReader& archive) {
  const auto axis = archive.has("bin_ns") + archive.has("period_ns");
  return archive.has("tpsf") || archive.names().size() == 1u + static_cast<std::size_t>(axis);
}

/// The curves of a PicoQuant file that holds several; true where they differ, so that no measurement
/// can be made of them all.
bool print_curves(std::ostream& out, const std::string& path, Json& found) {
  const std::string start = read_prefix(path, 349);
  const bool phd = is_phd(start);
  if (!phd && !start.starts_with("PQHISTO")) return false;
  const PhdFile file = phd ? read_phd(path) : read_phu(path);
  if (file.curves.size() < 2) return false;
  out << path << (phd ? ": PicoHarp PHD, " : ": PicoQuant PHU, ") << file.curves.size()
      << " curves\n";
  int number = 0;
  bool differ = false;
  for (const PhdCurve& curve : file.curves) {
    out << "  curve " << ++number << ": " << curve.counts.size() << " bins of "
        << curve.resolution_ns << " ns, offset " << curve.offset_ns << " ns, laser period "
        << curve.period_ns() << " ns, " << curve.integral_count << " counts\n";
    found["curves"].push_back({{"bins", curve.counts.size()},
                               {"bin_ns", curve.resolution_ns},
                               {"offset_ns", curve.offset_ns},
                               {"period_ns", curve.period_ns()},
                               {"counts", curve.integral_count}});
    differ |= !same_settings(curve, file.curves[0]);
  }
  if (differ) out << "  their settings differ: choose one with --channel N\n";
  return differ;
}

Json print_measurement(std::ostream& out, const Arguments& a, const std::string& path) {
  Json found{{"kind", "traces"}};
  std::optional<NpzReader> archive;
  if (read_prefix(path, 2) == "PK" && lower_ending(path) != ".bhz") archive.emplace(path);
  if (archive && !a.has("member") && !has_traces(*archive)) {
    out << path << ": NPZ, without traces (tpsf); --member NAME reads another array\n";
    found["kind"] = "arrays";
    print_arrays(out, *archive, found);
    return found;
  }
  if (!a.has("channel") && print_curves(out, path, found)) {
    found["kind"] = "curves";
    return found;
  }
  const Measurement m = measurement_from(a, path, true);
  const double counts = std::accumulate(m.counts.begin(), m.counts.end(), 0.0);
  const double most = *std::max_element(m.counts.begin(), m.counts.end());
  found.update({{"format", m.format},
                {"height", m.height},
                {"width", m.width},
                {"bins", m.bins},
                {"bin_ns", m.bin_ns ? Json(*m.bin_ns) : Json()},
                {"period_ns", m.period_ns ? Json(*m.period_ns) : Json()},
                {"counts", counts},
                {"most_counts_in_a_bin", most},
                {"channel_counts", m.channel_photons},
                {"frames", m.frames}});
  out << path << ": " << m.format << ", ";
  if (m.height > 1)
    out << "an image of " << m.width << " x " << m.height << " pixels";
  else
    out << m.width << " trace(s)";
  out << " of " << m.bins << " bins\n  counts       " << std::fixed << std::setprecision(0)
      << counts << std::defaultfloat << std::setprecision(6) << " in all, at most " << most
      << " in a bin\n  bin width    ";
  if (m.bin_ns)
    out << *m.bin_ns << " ns\n";
  else
    out << "not in the file: give --bin NS\n";
  if (m.channel_photons.size() > 1) {
    out << "  channels    " << std::fixed << std::setprecision(0);
    for (const double photons : m.channel_photons) out << ' ' << photons;
    out << std::defaultfloat << std::setprecision(6) << " counts\n";
  }
  if (m.frames > 0) out << "  frames       " << m.frames << ", added up here\n";
  out << "  laser period ";
  if (m.period_ns)
    out << *m.period_ns << " ns\n";
  else
    out << "not in the file: give --period NS\n";
  if (archive) print_arrays(out, *archive, found);
  return found;
}

}  // namespace

int info(int argc, char** argv) {
  Arguments a("info", "FILE", "Tells what a model or a file of traces holds.", {"file"});
  a.group("")("json", "print it as JSON, null for what the file does not tell");
  add_reading_options(a);
  if (!a.parse(argc, argv)) return kSuccess;
  const std::string path = a.positional("file");
  const bool model = looks_like_a_model(path);
  for (const char* option : {"time-first", "member", "channel", "gates-per-frame"})
    if (model && a.has(option)) fail_usage("--", option, ": does nothing for a model, ", path);
  std::ostream nowhere(nullptr);
  std::ostream& out = a.has("json") ? nowhere : std::cout;
  Json found = !model                 ? print_measurement(out, a, path)
               : holds_integers(path) ? print_integer_model(out, path)
                                      : print_float_model(out, path);
  found["file"] = path;
  if (a.has("json")) std::cout << found.dump(2) << '\n';
  return kSuccess;
}

}  // namespace taugate::cli
