#pragma once
// Float inference for embedding: plan once, then run without allocating.
//
// A plan is a chain of GRU layers and a linear head, its weights copied into the kernels' order.
// Whole traces run layer by layer over all steps, in blocks of 16 traces whose activations stay in
// the second cache. A stream takes one gate of many pixels at a time, as a camera delivers them.

#include <optional>
#include <span>
#include <vector>

#include "taugate/autograd/packed_gru.h"
#include "taugate/nn/chain.h"
#include "taugate/nn/single_trace.h"

namespace taugate {

/// How traces lie in memory: one after the other, or, as a camera delivers them, one image of all
/// traces after the other.
enum class TraceOrder {
  by_trace,  ///< input [N][T], output [N][T][C]
  by_gate,   ///< input [T][N], output [T][C][N]
};

class Engine {
 public:
  /// `steps` is T. Copies the weights, so the chain may go. Memory: the packed weights, and for
  /// each thread 2 (T+1) x the widest layer x 16 floats.
  Engine(const Chain& chain, int steps);
  explicit Engine(const Seq2Seq& model) : Engine(chain_of(model), model.config().gates) {}

  int steps() const { return steps_; }
  int outputs() const { return outputs_; }

  /// N traces, their input to their output, on all threads. A trace's result does not depend
  /// on the others. Allocates nothing, unless there are more threads than ever before.
  /// One trace alone (N = 1) runs with units in the SIMD lanes: the same up to rounding, and many
  /// times sooner. (reset_before has no such path.)
  void run(std::span<const float> input, std::span<float> output,
           TraceOrder order = TraceOrder::by_trace);

 private:
  struct Scratch {
    Buffer<float> input, states[2], gates, output;
    std::vector<Buffer<float>> final_states;
  };
  struct Layer {
    int H;
    Activation activation;
    int starts_from;
    simd::BatchGru<float> batch{};  // of reset_after
    PackedGru<float> gru{};         // of reset_before
    void run(int steps, const float* x, std::size_t x_stride, float* states, std::size_t stride,
             float* gates) const;
  };
  Layer pack(const Chain::Layer& layer);
  /// Where the values of a batch lie: trace i's step t, and its output c there.
  struct Strides {
    std::size_t trace, step, output_trace, output_step, output;
  };
  void run_block(Scratch& scratch, const float* input, float* output, int batch,
                 const Strides& strides) const;
  Scratch make_scratch() const;

  int steps_, outputs_;
  int widest_ = 1;
  Arena weights_;
  std::vector<Layer> layers_;
  const float* head_ = nullptr;  // [C][H]
  const float* head_bias_ = nullptr;
  std::optional<SingleTrace> single_;  // where every layer is reset_after
  std::vector<Scratch> scratch_;       // one a thread
};

/// Engine(model).run(tpsf, sfd): tpsf [N][T], normalised as in training, to sfd [N][T][C].
void predict(const Seq2Seq& model, std::span<const float> tpsf, std::span<float> sfd);

}  // namespace taugate
