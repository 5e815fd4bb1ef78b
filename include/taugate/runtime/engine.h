#pragma once
// Float inference for embedding: plan once, then run without allocating.
//
// A plan is a chain of GRU layers and a linear head, its weights copied into the kernels' order.
// Whole traces run layer by layer over all steps, in blocks of 16 traces whose activations stay in
// the second cache. stream.h takes one gate of many pixels at a time, as a camera delivers them.

#include <optional>
#include <span>
#include <vector>

#include "runtime/block_chain.h"
#include "runtime/single_trace.h"

namespace taugate {

class Engine {
 public:
  /// `steps` is T. Copies the weights, so the chain may go. Memory: the packed weights, and for
  /// each thread 2 (T+1) x the widest layer x 16 floats.
  Engine(const Chain& chain, int steps);
  explicit Engine(const Seq2Seq& model) : Engine(chain_of(model), model.config().gates) {}

  int steps() const { return steps_; }
  int outputs() const { return layers_.outputs(); }
  /// D: units of the encoder's final states, all its layers together.
  std::size_t state_units() const { return layers_.carried_units(); }

  /// N traces, their input to their output, on all threads. A trace's result does not depend
  /// on the others. Allocates nothing, unless there are more threads than ever before.
  /// One trace alone (N = 1) runs with units in the SIMD lanes: the same up to rounding, and many
  /// times sooner. (reset_before has no such path.)
  /// Where `states` is not empty, the encoder's final states go there, [N][D].
  void run(std::span<const float> input, std::span<float> output,
           TraceOrder order = TraceOrder::by_trace, std::span<float> states = {});

 private:
  void make_scratch();
  /// Fills scratch.input from traces whose values lie `of_trace` and `of_step` apart.
  void load_block(BlockChain::Scratch& scratch, const float* input, std::size_t traces,
                  std::size_t of_trace, std::size_t of_step) const;

  int steps_;
  BlockChain layers_;
  std::optional<SingleTrace> single_;         // where every layer is reset_after
  std::vector<BlockChain::Scratch> scratch_;  // one a thread
};

/// Engine(model).run(tpsf, sfd): tpsf [N][T], normalised as in training, to sfd [N][T][C].
void predict(const Seq2Seq& model, std::span<const float> tpsf, std::span<float> sfd);

}  // namespace taugate
