#include "study/recipe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "study/fingerprint.h"
#include "taugate/core/error.h"
#include "taugate/fli/inference/joint_loss.h"

namespace taugate {
namespace {

/// Training's traces and the weights come from different seeds of the same number.
constexpr std::uint64_t kTraceSeed = 0x7261696eu;

Model first_network(const Recipe& recipe, const TrainedModel* start) {
  Model network(network_of(recipe));
  if (recipe.photons)
    initialise_photon_network(network, recipe.simulator, recipe.seed);
  else
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

/// Tells this training from another, for checkpoints: the recipe (whose training options the
/// trainer adds by itself), the weights that it begins with, and its teacher.
std::string identity_of(const Recipe& recipe, const Model& first, const std::string& teaching) {
  nlohmann::json json = nlohmann::json::parse(fingerprint(recipe));
  json.erase("training");
  json["first_weights"] = first.parameters().hash();
  if (!teaching.empty()) json["teaching"] = nlohmann::json::parse(teaching);
  return json.dump();
}

LifetimeTeacher lifetime_teacher(const TrainedModel& teacher, const Recipe& recipe) {
  require(teacher.gives_decays() && !teacher.normalisation.counts_first &&
              teacher.gates() == recipe.simulator.acquisition.gates &&
              teacher.normalisation.baseline_gates == recipe.normalisation.baseline_gates,
          "[distillation] found a teacher that gives no decay, or one of ", teacher.gates(),
          " gates or another normalisation, wanted a Seq2Seq of the student's ",
          recipe.simulator.acquisition.gates, " gates and normalisation");
  if (recipe.distill->beta > 0.0)
    fail_usage(
        "beta: found ", recipe.distill->beta,
        ", wanted 0 for a network with lifetimes, whose decoder, if any, learns from outputs "
        "alone");
  return {teacher.network, teacher.acquisition().gate_step_ns, recipe.distill->alpha};
}

}  // namespace

Network network_of(const Recipe& recipe) {
  if (recipe.photons) return photon_network(recipe.network);
  const bool encoder = recipe.lifetime_beta && recipe.network.encoder_outputs == 0;
  return encoder ? encoder_network(recipe.network) : seq2seq(recipe.network);
}

TrainingRun::TrainingRun(const Recipe& recipe, const TrainedModel* teacher,
                         const TrainedModel* start, const TeacherOutputs* teacher_outputs,
                         Ranks& ranks)
    : recipe_(recipe), network_(first_network(recipe, start)), data_(make_data(teacher_outputs)) {
  const std::size_t steps =
      recipe.photons ? static_cast<std::size_t>(*recipe.photons)
                     : input_size(recipe.normalisation,
                                  static_cast<std::size_t>(recipe.simulator.acquisition.gates));
  const int second = recipe.network.encoder_outputs;
  require(second == 0 || (recipe.lifetime_beta && second == LifetimeHead::kOutputs),
          "[training] found ", second, " outputs of the encoder's last state, wanted the ",
          LifetimeHead::kOutputs, " of a lifetime head");
  const int outputs = recipe.photons                        ? PhotonNetwork::kOutputs
                      : recipe.lifetime_beta && second == 0 ? LifetimeHead::kOutputs
                                                            : recipe.simulator.channels;
  require(
      static_cast<std::size_t>(recipe.network.gates) == steps && recipe.network.outputs == outputs,
      "[training] found a network of T = ", recipe.network.gates,
      " gates and C = ", recipe.network.outputs, " outputs, wanted the simulator's T = ", steps,
      " and C = ", outputs);
  require(!recipe.photons || (recipe.lifetime_beta && !recipe.distill),
          "[training] found photons with a teacher or without the beta of a likelihood");
  require(!recipe.lifetime_beta || !recipe.fixed,
          "[training] found a lifetime head and a fixed set, wanted fresh traces");
  if (recipe.integers)
    qat_ = std::make_unique<QatNetwork>(network_, *recipe.integers);
  else
    own_ = network_.parameters().clone();
  Parameters& parameters = qat_ ? qat_->parameters() : own_;
  std::string teaching;
  if (recipe.distill) {
    if (recipe.loss != Loss::mse && !recipe.fixed)
      fail_usage("[training] found the loss ", name_of(recipe.loss), " and a teacher, wanted mse");
    require(teacher != nullptr, "[training] found no teacher to distill from");
    if (recipe.lifetime_beta) {
      lifetime_teacher_.emplace(lifetime_teacher(*teacher, recipe));
      teaching = concat("{\"teacher\":", teacher->network.parameters().hash(),
                        ",\"distil\":", to_json(*recipe.distill), '}');
    } else {
      distillation_ = std::make_unique<Distillation>(teacher->network, network_.description(),
                                                     parameters, *recipe.distill, recipe.seed);
      teaching = distillation_->identity();
    }
    if (recipe.fixed) distillation_.reset();  // the targets of FixedTraces teach
  }
  recipe_.training.objective = identity_of(recipe, network_, teaching);
  trainer_ =
      std::make_unique<Trainer>(parameters, make_objective(), *data_, recipe_.training, ranks);
}

std::unique_ptr<TrainingData> TrainingRun::make_data(const TeacherOutputs* outputs) const {
  const Recipe& r = recipe_;
  if (r.photons) return std::make_unique<PhotonLists>(r.simulator, *r.photons, r.seed ^ kTraceSeed);
  if (r.lifetime_beta)
    return std::make_unique<LifetimeTraces>(r.simulator, r.normalisation, r.seed ^ kTraceSeed,
                                            r.network.encoder_outputs > 0);
  if (!r.fixed)
    return std::make_unique<SimulatedTraces>(r.simulator, r.normalisation, r.seed ^ kTraceSeed);
  require(
      !r.distill || (outputs && r.distill->beta == 0.0),
      "[training] found a teacher and a fixed set, but no outputs of the one on the other, or a "
      "weight of its hidden features, wanted outputs alone");
  return std::make_unique<FixedTraces>(r.simulator, r.normalisation, *r.fixed,
                                       r.distill ? outputs : nullptr,
                                       r.distill ? r.distill->alpha : 0.0);
}

Objective TrainingRun::make_objective() {
  if (distillation_)
    return qat_ ? distillation_->objective(*qat_) : distillation_->objective(network_);
  if (recipe_.lifetime_beta) return lifetime_objective();
  const Loss loss = recipe_.loss;
  return qat_ ? against_truth(*qat_, loss) : against_truth(network_, loss);
}

Objective TrainingRun::lifetime_objective() const {
  return [this, beta = *recipe_.lifetime_beta](Tape<float>& tape, Var<float> input,
                                               Sequence<float> target, float scale) {
    const NetworkOutput<float> y = qat_ ? qat_->run(tape, input) : network_.run(tape, input);
    if (recipe_.photons) return photon_loss(tape, y.output, target, beta, scale);
    if (!y.encoder_output.empty())
      return joint_loss(tape, y, input.value, target, beta, scale,
                        lifetime_teacher_ ? &*lifetime_teacher_ : nullptr);
    return lifetime_teacher_
               ? lifetime_teacher_->loss(tape, y.output, input.value, target, beta, scale)
               : lifetime_loss(tape, y.output, target, beta, scale);
  };
}

TrainedModel TrainingRun::master() const {
  Model network(network_of(recipe_));
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
  if (recipe_.loss != Loss::mse) note["loss"] = name_of(recipe_.loss);
  if (recipe_.lifetime_beta) note["likelihood_beta"] = *recipe_.lifetime_beta;
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
