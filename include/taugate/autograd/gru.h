#pragma once
// A gated recurrent unit over a whole sequence, as one operation with a hand-written backward pass
// (back-propagation through time). docs/gru.md derives it with the names used here.
//
//   reset_after  (PyTorch, cuDNN, Keras >= 2)     reset_before  (Cho et al. 2014; QKeras)
//   r = sigmoid(W_r x + b_r + U_r h + c_r)        r = sigmoid(W_r x + U_r h + b_r)
//   z = sigmoid(W_z x + b_z + U_z h + c_z)        z = sigmoid(W_z x + U_z h + b_z)
//   n = tanh(W_n x + b_n + r*(U_n h + c_n))       n = tanh(W_n x + U_n (r*h) + b_n)
//   h' = n + z*(h - n)                            h' = n + z*(h - n)

#include "taugate/autograd/tape.h"
#include "taugate/core/gru_form.h"

namespace taugate {

/// Gates are stacked in the order r, z, n, as in PyTorch. (Keras stacks z, r, h.)
template <class S>
struct GruWeights {
  Weight<S> input;           ///< W [3H][I]; empty for a GRU without input
  Weight<S> recurrent;       ///< U [3H][H]
  Weight<S> input_bias;      ///< b [3H][1]
  Weight<S> recurrent_bias;  ///< c [3H][1] for reset_after, empty for reset_before
};

/// The states h_1 .. h_T, [T][H][B]; last_step of it is the final state.
///   x   [T][I][B]; empty for a GRU without input, whose x is zero at each of `steps` steps
///   h0  [1][H][B] or empty for zeros (then x tells the batch)
template <class S>
Var<S> gru(Tape<S>& tape, Var<S> x, Var<S> h0, const GruWeights<S>& weights,
           GruForm form = GruForm::reset_after, Activation activation = Activation::smooth);
template <class S>
Var<S> gru_without_input(Tape<S>& tape, int steps, Var<S> h0, const GruWeights<S>& weights,
                         GruForm form = GruForm::reset_after,
                         Activation activation = Activation::smooth);

}  // namespace taugate
