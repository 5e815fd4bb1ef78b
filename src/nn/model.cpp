#include "taugate/nn/model.h"

#include <utility>

namespace taugate {
namespace {

std::vector<Gru> make_layers(Parameters& parameters, const Network& network) {
  network.validate();
  std::vector<Gru> layers;
  for (std::size_t k = 0; k < network.layers.size(); ++k) {
    const GruSpec& spec = network.layers[k];
    layers.emplace_back(parameters, spec.name, network.inputs(k), spec.units, spec.form,
                        spec.activation);
  }
  return layers;
}

}  // namespace

Model::Model(Network description)
    : description_(std::move(description)),
      layers_(make_layers(parameters_, description_)),
      head_(parameters_, description_.head.name, description_.layers.back().units,
            description_.head.outputs) {
  if (description_.encoder_outputs > 0)
    encoder_head_.emplace(parameters_, kEncoderHead, description_.encoder_top().units,
                          description_.encoder_outputs);
}

void Model::initialise(std::uint64_t seed) {
  std::uint64_t stream = 0;
  for (const Gru& layer : layers_) layer.initialise(parameters_, seed, stream++);
  head_.initialise(parameters_, seed, stream++);
  if (encoder_head_) encoder_head_->initialise(parameters_, seed, stream);
}

std::size_t Model::published_parameter_count() const {
  std::size_t count = parameters_.count();
  for (const GruSpec& layer : description_.layers)
    if (layer.reads == GruSpec::Reads::zeros)
      count += std::size_t{3} * static_cast<std::size_t>(layer.units * description_.head.outputs);
  return count;
}

std::size_t Model::multiply_accumulates() const {
  const auto size = [](const ParameterRef& at) {
    return static_cast<std::size_t>(at.rows) * static_cast<std::size_t>(at.cols);
  };
  std::size_t per_step = 0;
  for (const Gru& layer : layers_)
    per_step += size(layer.parameters().input) + size(layer.parameters().recurrent);
  return per_step * static_cast<std::size_t>(description_.gates) +
         size(head_.weight()) * description_.output_steps() +
         (encoder_head_ ? size(encoder_head_->weight()) : 0);
}

}  // namespace taugate
