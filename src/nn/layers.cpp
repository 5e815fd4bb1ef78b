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
  const int H = hidden();
  if (input_)
    parameters.fill_uniform(*input_, std::sqrt(6.0 / (input_->cols + H)), seed, 4 * stream);
  for (int gate = 0; gate < 3; ++gate)
    parameters.fill_orthogonal({recurrent_.offset + static_cast<std::size_t>(gate) * H * H, H, H},
                               seed, 4 * stream + 1 + static_cast<std::uint64_t>(gate));
}

}  // namespace taugate
