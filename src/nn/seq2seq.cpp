#include "taugate/nn/seq2seq.h"

#include <utility>

namespace taugate {

void Seq2SeqConfig::validate() const {
  const auto in = [](int low, int value, int high) { return low <= value && value <= high; };
  if (!in(1, gates, 65536)) fail_usage("gates: found ", gates, ", wanted 1 to 65536");
  if (!in(1, outputs, 64)) fail_usage("outputs: found ", outputs, ", wanted 1 to 64");
  if (!in(1, static_cast<int>(hidden.size()), Seq2Seq::kMostLayers))
    fail_usage("hidden: found ", hidden.size(), " layers, wanted 1 to ", Seq2Seq::kMostLayers);
  for (int units : hidden)
    if (!in(1, units, 4096)) fail_usage("hidden: found ", units, " units, wanted 1 to 4096");
}

std::vector<Gru> Seq2Seq::make_side(Parameters& parameters, const Seq2SeqConfig& config,
                                    const std::string& side, int inputs) {
  std::vector<Gru> layers;
  for (std::size_t k = 0; k < config.hidden.size(); ++k) {
    layers.emplace_back(parameters, side + "." + std::to_string(k), inputs, config.hidden[k],
                        config.form, config.activation);
    inputs = config.hidden[k];
  }
  return layers;
}

Seq2Seq::Seq2Seq(Seq2SeqConfig config)
    : config_((config.validate(), std::move(config))),
      encoder_(make_side(parameters_, config_, "encoder", 1)),
      decoder_(make_side(parameters_, config_, "decoder", 0)),
      head_(parameters_, "head", config_.hidden.back(), config_.outputs) {}

void Seq2Seq::initialise(std::uint64_t seed) {
  std::uint64_t stream = 0;
  for (const Gru& layer : encoder_) layer.initialise(parameters_, seed, stream++);
  for (const Gru& layer : decoder_) layer.initialise(parameters_, seed, stream++);
  head_.initialise(parameters_, seed, stream);
}

std::size_t Seq2Seq::published_parameter_count() const {
  return parameters_.count() + std::size_t{3} * config_.hidden[0] * config_.outputs;
}

std::size_t Seq2Seq::multiply_accumulates() const {
  std::size_t per_step = 0;
  for (const auto& entry : parameters_.entries())
    if (entry.name.find("weight") != std::string::npos)
      per_step += static_cast<std::size_t>(entry.at.rows) * entry.at.cols;
  return per_step * config_.gates;
}

}  // namespace taugate
