// Each structure is taken apart by a structured binding, which must name all of its fields: one that
// is added and not listed here does not compile.

#include "study/fingerprint.h"

#include <nlohmann/json.hpp>

#include "core/hash.h"

namespace taugate {
namespace {

using Json = nlohmann::json;

/// What was added later is listed only where it is not as it always was, so that checkpoints and runs
/// of before stay good.
Json json_of(const Seq2SeqConfig& config) {
  const auto& [gates, outputs, hidden, form, activation, encoder_outputs] = config;
  Json json{{"gates", gates},
            {"outputs", outputs},
            {"hidden", hidden},
            {"form", name_of(form)},
            {"activation", name_of(activation)}};
  if (encoder_outputs != 0) json["encoder_outputs"] = encoder_outputs;
  return json;
}

Json json_of(const Widths& widths) {
  const auto& [weight_bits, operand_frac_bits, input_extra, accumulator_bits, preact_bits,
               gate_preact_frac_bits, candidate_preact_frac_bits, gate_frac_bits,
               candidate_frac_bits, product_frac_bits, state_frac_bits, residual_bits, write_back,
               step_reads_operand, head_reads_state, output_bits, output_frac_bits] = widths;
  Json json{{"weight_bits", weight_bits},
            {"operand_fraction", operand_frac_bits},
            {"input_extra", input_extra},
            {"accumulator_bits", accumulator_bits},
            {"sum_bits", preact_bits},
            {"gate_sum_fraction", gate_preact_frac_bits},
            {"candidate_sum_fraction", candidate_preact_frac_bits},
            {"gate_fraction", gate_frac_bits},
            {"candidate_fraction", candidate_frac_bits},
            {"product_fraction", product_frac_bits},
            {"state_fraction", state_frac_bits},
            {"step_reads_operand", step_reads_operand},
            {"head_reads_state", head_reads_state},
            {"output_bits", output_bits},
            {"output_fraction", output_frac_bits}};
  if (residual_bits != 0) json["residual_bits"] = residual_bits;
  if (write_back != WriteBack::nearest) json["write_back"] = name_of(write_back);
  return json;
}

Json json_of(const QatOptions& options) {
  const auto& [quantize, learned_scales] = options;
  const auto& [widths, scale, per_row, powers_of_two, multiplier_bits] = quantize;
  return {{"widths", json_of(widths)},
          {"scale", static_cast<int>(scale)},
          {"per_row", per_row},
          {"powers_of_two", powers_of_two},
          {"multiplier_bits", multiplier_bits},
          {"learned_scales", learned_scales},
          {"arithmetic", kArithmeticVersion}};
}

Json json_of(const FixedSet& set) {
  const auto& [seed, traces, first, truth_counts] = set;
  return {{"seed", seed}, {"traces", traces}, {"first", first}, {"truth_counts", truth_counts}};
}

/// Of the text of a prior; only its hash where a library of measured IRFs makes it long.
Json json_of(const SimulatorConfig& simulator) {
  constexpr std::size_t kLongest = std::size_t{1} << 16;
  const std::string text = to_json(simulator);
  return text.size() > kLongest ? Json(fnv1a(text)) : Json::parse(text);
}

}  // namespace

std::string fingerprint(const Recipe& recipe) {
  const auto& [network, simulator, normalisation, first_gate_ns, training, seed, integers, distill,
               loss, fixed, lifetime_beta, photons] = recipe;
  Json json{{"network", json_of(network)},
            {"simulator", json_of(simulator)},
            {"normalisation", Json::parse(to_json(normalisation))},
            {"first_gate_ns", first_gate_ns},
            {"training", Json::parse(to_json(training))},
            {"seed", seed},
            {"loss", name_of(loss)}};
  if (integers) json["integers"] = json_of(*integers);
  if (distill) json["distil"] = Json::parse(to_json(*distill));
  if (fixed) json["fixed_set"] = json_of(*fixed);
  if (photons) json["photons"] = *photons;
  if (lifetime_beta) json["lifetime_beta"] = *lifetime_beta;
  return json.dump();
}

}  // namespace taugate
