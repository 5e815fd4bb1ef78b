#pragma once
// What an engine runs, whatever the network was trained as: a chain of GRU layers and a linear
// head.

#include <vector>

#include "taugate/autograd/gru.h"
#include "taugate/nn/seq2seq.h"

namespace taugate {

/// Layer k reads the states of layer k-1 (layer 0 the input), or zeros, and starts from zeros or
/// from the final state of an earlier layer.
struct Chain {
  struct Layer {
    GruWeights<float> weights;  ///< only values are looked at
    GruForm form = GruForm::reset_after;
    Activation activation = Activation::smooth;
    bool reads_zeros = false;
    int starts_from = -1;  ///< index of an earlier layer of the same size; -1: zeros
  };
  std::vector<Layer> layers;
  Matrix<float> head_weight;  ///< [C][H]
  Matrix<float> head_bias;    ///< [C][1]
};

/// The chain of a Seq2Seq; it refers to the model's parameters.
Chain chain_of(const Seq2Seq& model);

/// Throws Error unless the sizes of neighbouring layers and of the head fit each other.
void check(const Chain& chain);

}  // namespace taugate
