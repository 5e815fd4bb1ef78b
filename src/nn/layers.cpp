#include "taugate/nn/layers.h"

#include <cmath>

namespace taugate {

Linear::Linear(Parameters& parameters, const std::string& name, int inputs, int outputs)
    : weight_(parameters.add(name + ".weight", outputs, inputs)),
      bias_(parameters.add(name + ".bias", outputs, 1)) {}

void Linear::initialise(Parameters& parameters, std::uint64_t seed, std::uint64_t stream) const {
  const double limit = 1.0 / std::sqrt(weight_.cols);
  parameters.fill_uniform(weight_, limit, seed, 4 * stream);
  parameters.fill_uniform(bias_, limit, seed, 4 * stream + 1);
}

Gru::Gru(Parameters& parameters, const std::string& name, int inputs, int hidden, GruForm form,
         Activation activation)
    : form_(form), activation_(activation) {
  if (inputs > 0) input_ = parameters.add(name + ".weight_ih", 3 * hidden, inputs);
  recurrent_ = parameters.add(name + ".weight_hh", 3 * hidden, hidden);
  input_bias_ = parameters.add(name + ".bias_ih", 3 * hidden, 1);
  if (form == GruForm::reset_after)
    recurrent_bias_ = parameters.add(name + ".bias_hh", 3 * hidden, 1);
}

void Gru::initialise(Parameters& parameters, std::uint64_t seed, std::uint64_t stream) const {
  const double limit = 1.0 / std::sqrt(hidden());
  if (input_) parameters.fill_uniform(*input_, limit, seed, 4 * stream);
  parameters.fill_uniform(recurrent_, limit, seed, 4 * stream + 1);
  parameters.fill_uniform(input_bias_, limit, seed, 4 * stream + 2);
  if (recurrent_bias_) parameters.fill_uniform(*recurrent_bias_, limit, seed, 4 * stream + 3);
}

}  // namespace taugate
