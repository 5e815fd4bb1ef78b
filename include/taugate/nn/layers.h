#pragma once
// Layers: an operation together with the parameters that it uses. A layer holds references into a
// Parameters block; the tape that runs it says which block that is (and where gradients go).

#include "taugate/autograd/gru.h"
#include "taugate/autograd/ops.h"
#include "taugate/nn/parameters.h"

namespace taugate {

/// y = weight x + bias at every step. Parameters: name.weight [O][I], name.bias [O].
class Linear {
 public:
  Linear(Parameters& parameters, const std::string& name, int inputs, int outputs);
  /// Uniform in +-1/sqrt(inputs), as PyTorch does.
  void initialise(Parameters& parameters, std::uint64_t seed, std::uint64_t stream) const;

  const ParameterRef& weight() const { return weight_; }
  const ParameterRef& bias() const { return bias_; }

  template <class S>
  Var<S> operator()(Tape<S>& tape, Var<S> x) const {
    return linear(tape, x, tape.weight(weight_), tape.weight(bias_));
  }

 private:
  ParameterRef weight_, bias_;
};

/// Where a GRU layer's parameters lie; those that it does not have are of no rows.
struct GruParameters {
  ParameterRef input, recurrent, input_bias, recurrent_bias;
};

/// A GRU layer. Parameters: name.weight_ih [3H][I] (none for inputs = 0), name.weight_hh [3H][H],
/// name.bias_ih [3H], and for reset_after name.bias_hh [3H]; gates in the order r, z, n.
class Gru {
 public:
  Gru(Parameters& parameters, const std::string& name, int inputs, int hidden,
      GruForm form = GruForm::reset_after, Activation activation = Activation::smooth);
  /// As Keras does: input weights uniform in +-sqrt(6 / (inputs + hidden)) (Glorot), each gate's
  /// recurrent weights orthogonal, biases zero. It trains faster here than PyTorch's uniform
  /// +-1/sqrt(hidden).
  void initialise(Parameters& parameters, std::uint64_t seed, std::uint64_t stream) const;

  int hidden() const { return at_.recurrent.cols; }
  const GruParameters& parameters() const { return at_; }

  /// States [T][H][B] for an input [T][I][B]; h0 [1][H][B] or empty for zeros.
  template <class S>
  Var<S> operator()(Tape<S>& tape, Var<S> x, Var<S> h0 = {}) const {
    return gru(tape, x, h0, weights(tape), form_, activation_);
  }
  /// States of `steps` steps whose input is zero.
  template <class S>
  Var<S> without_input(Tape<S>& tape, int steps, Var<S> h0) const {
    return gru_without_input(tape, steps, h0, weights(tape), form_, activation_);
  }

  /// Its weights as the tape has them bound.
  template <class S>
  GruWeights<S> weights(const Tape<S>& tape) const {
    const auto weight = [&](const ParameterRef& at) {
      return at.rows > 0 ? tape.weight(at) : Weight<S>{};
    };
    return {weight(at_.input), weight(at_.recurrent), weight(at_.input_bias),
            weight(at_.recurrent_bias)};
  }

 private:
  GruParameters at_;
  GruForm form_;
  Activation activation_;
};

}  // namespace taugate
