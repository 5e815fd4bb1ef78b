#include "taugate/nn/layers.h"

#include <cmath>

#include "taugate/nn/network.h"

namespace taugate {

Linear::Linear(Parameters& parameters, const std::string& name, int inputs, int outputs)
    : weight_(parameters.add(LinearTensors(name).weight, outputs, inputs)),
      bias_(parameters.add(LinearTensors(name).bias, outputs, 1)) {}

void Linear::initialise(Parameters& parameters, std::uint64_t seed, std::uint64_t stream) const {
  const double limit = 1.0 / std::sqrt(weight_.cols);
  parameters.fill_uniform(weight_, limit, seed, 4 * stream);
  parameters.fill_uniform(bias_, limit, seed, 4 * stream + 1);
}

Gru::Gru(Parameters& parameters, const std::string& name, int inputs, int hidden, GruForm form,
         Activation activation)
    : form_(form), activation_(activation) {
  const GruTensors names(name);
  if (inputs > 0) at_.input = parameters.add(names.weight_ih, 3 * hidden, inputs);
  at_.recurrent = parameters.add(names.weight_hh, 3 * hidden, hidden);
  at_.input_bias = parameters.add(names.bias_ih, 3 * hidden, 1);
  if (form == GruForm::reset_after)
    at_.recurrent_bias = parameters.add(names.bias_hh, 3 * hidden, 1);
}

void Gru::initialise(Parameters& parameters, std::uint64_t seed, std::uint64_t stream) const {
  const int H = hidden();
  if (at_.input.rows > 0)
    parameters.fill_uniform(at_.input, std::sqrt(6.0 / (at_.input.cols + H)), seed, 4 * stream);
  for (int gate = 0; gate < 3; ++gate)
    parameters.fill_orthogonal(
        {at_.recurrent.offset + static_cast<std::size_t>(gate) * H * H, H, H}, seed,
        4 * stream + 1 + static_cast<std::uint64_t>(gate));
}

}  // namespace taugate
