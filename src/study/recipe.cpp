#include "study/recipe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "taugate/core/error.h"

namespace taugate {
namespace {

/// Training's traces and the weights come from different seeds of the same number.
constexpr std::uint64_t kTraceSeed = 0x7261696eu;

Model first_network(const Recipe& recipe, const TrainedModel* start) {
  Model network(recipe.network);
  network.initialise(recipe.seed);
  if (!start) return network;
  const auto alike = [](Network a, const Network& b) {  // activations may change: to hard ones
    for (std::size_t k = 0; k < std::min(a.layers.size(), b.layers.size()); ++k)
      a.layers[k].activation = b.layers[k].activation;
    a.gates = b.gates;
    return a == b;
  };
  require(alike(start->network.description(), network.description()),
          "[training] found a network to start from of other layers, outputs or form than the one "
          "to train");
  network.parameters().take_from(start->network.parameters());
  return network;
}

/// Tells this way to integers from another, for checkpoints.
std::string identity_of(const QatOptions& o) {
  const Widths& w = o.quantize.widths;
  return concat("integers of ", w.weight_bits, ' ', w.operand_frac_bits, ' ', w.preact_bits, ' ',
                w.gate_preact_frac_bits, ' ', w.candidate_preact_frac_bits, ' ', w.gate_frac_bits, ' ',
                w.candidate_frac_bits, ' ', w.product_frac_bits, ' ', w.state_frac_bits, ' ',
                w.step_reads_operand, w.head_reads_state, ' ', w.output_frac_bits, ", scale ",
                static_cast<int>(o.quantize.scale), o.quantize.per_row, o.quantize.powers_of_two,
                ' ', o.quantize.multiplier_bits, o.learned_scales ? " learned" : "");
}

}  // namespace

TrainingRun::TrainingRun(const Recipe& recipe, const TrainedModel* teacher,
                         const TrainedModel* start)
    : recipe_(recipe),
      network_(first_network(recipe, start)),
      data_(recipe.simulator, recipe.normalisation, recipe.seed ^ kTraceSeed) {
  require(recipe.network.gates == recipe.simulator.acquisition.gates &&
              recipe.network.outputs == recipe.simulator.channels,
          "[training] found a network of T = ", recipe.network.gates,
          " gates and C = ", recipe.network.outputs,
          " outputs, wanted the simulator's T = ", recipe.simulator.acquisition.gates,
          " and C = ", recipe.simulator.channels);
  if (recipe.integers)
    qat_ = std::make_unique<QatNetwork>(network_, *recipe.integers);
  else
    own_ = network_.parameters().clone();
  Parameters& parameters = qat_ ? qat_->parameters() : own_;
  std::string& objective = recipe_.training.objective;
  if (qat_) objective = identity_of(*recipe.integers);
  if (recipe.distill) {
    require(teacher != nullptr, "[training] found no teacher to distill from");
    distillation_ = std::make_unique<Distillation>(teacher->network, network_.description(), parameters,
                                                   *recipe.distill, recipe.seed);
    objective += (objective.empty() ? "" : "; ") + distillation_->identity();
  }
  trainer_ = std::make_unique<Trainer>(parameters, make_objective(), data_, recipe_.training);
}

Objective TrainingRun::make_objective() {
  if (distillation_)
    return qat_ ? distillation_->objective(*qat_) : distillation_->objective(network_);
  return qat_ ? least_squares(*qat_) : least_squares(network_);
}

TrainedModel TrainingRun::master() const {
  Model network(recipe_.network);
  network.parameters().take_from(qat_ ? qat_->parameters() : own_);
  return {std::move(network), recipe_.simulator, recipe_.normalisation, recipe_.first_gate_ns,
          note()};
}

std::unique_ptr<TraceModel> TrainingRun::result() const {
  TrainedModel floats = master();
  if (!qat_) return std::make_unique<TrainedModel>(std::move(floats));
  return std::make_unique<QuantizedModel>(qat_->integers(), floats);
}

std::string TrainingRun::note() const {
  const TrainingOptions& o = recipe_.training;
  double best = std::numeric_limits<double>::infinity();
  for (const TrainingPoint& p : trainer_->history()) best = std::min(best, p.validation_loss);
  nlohmann::json note{{"samples", trainer_->samples_done()},
                      {"batch", o.batch},
                      {"seed", recipe_.seed},
                      {"rate", o.schedule.rate},
                      {"schedule", name_of(o.schedule.kind)},
                      {"prior", prior_name(recipe_.simulator)}};
  if (std::isfinite(best)) note["validation_rmse"] = std::sqrt(best);
  if (recipe_.integers)
    note["quantised"] = {{"after_training", false},
                         {"weight_bits", recipe_.integers->quantize.widths.weight_bits},
                         {"learned_scales", recipe_.integers->learned_scales}};
  if (recipe_.distill)
    note["distilled"] = {{"alpha", recipe_.distill->alpha}, {"beta", recipe_.distill->beta}};
  return note.dump();
}

}  // namespace taugate
