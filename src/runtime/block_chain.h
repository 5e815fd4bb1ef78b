#pragma once
// A chain packed for blocks of 16 traces: what Engine and Stream share.

#include <vector>

#include "autograd/packed_gru.h"
#include "taugate/core/tensor.h"
#include "runtime/chain.h"

namespace taugate {

class BlockChain {
 public:
  /// Checks the chain and copies its weights.
  explicit BlockChain(const Chain& chain);

  std::size_t size() const { return layers_.size(); }
  int units(std::size_t layer) const { return layers_[layer].H; }
  bool reads_zeros(std::size_t layer) const { return layers_[layer].reads_zeros; }
  int starts_from(std::size_t layer) const { return layers_[layer].starts_from; }
  int outputs() const { return outputs_; }
  /// Units of the final states that later layers start from: of a Seq2Seq its encoder's.
  std::size_t carried_units() const;

  /// What one thread needs: 2 (T+1) x the widest layer x 16 floats, and little more.
  struct Scratch {
    Buffer<float> input;      ///< [T][16]
    Buffer<float> states[2];  ///< of a layer and its successor, in turn: [T+1] of [H][16]
    Buffer<float> gates, output;
    std::vector<Buffer<float>> final_states;  ///< of each layer [H][16]
  };
  Scratch make_scratch(int steps) const;

  /// Layers [first, last) over `steps` steps: layer 0 reads scratch.input. A layer starts from
  /// zeros or from the final states of another, and leaves its own.
  void run(Scratch& scratch, std::size_t first, std::size_t last, int steps) const;

  /// One step of layers [0, last) from and to final_states; layer 0 reads the first step of
  /// scratch.input. Steps one by one give the same bits as run().
  void step(Scratch& scratch, std::size_t last) const;

  /// The head on the states that the last run() left. Writes the outputs of the first `traces`
  /// traces to output[trace * of_trace + t * of_step + c * of_output].
  struct Strides {
    std::size_t of_trace, of_step, of_output;
  };
  void read_out(Scratch& s, int steps, float* output, std::size_t traces, const Strides& at) const;

  /// These final states of the first `traces` traces, [traces][carried_units()], layer by layer.
  void copy_carried(const Scratch& scratch, std::size_t traces, float* states) const;

 private:
  struct Layer {
    int H;
    Activation activation;
    bool reads_zeros;
    int starts_from;
    simd::BatchGru<float> batch{};  // of reset_after
    PackedGru<float> gru{};         // of reset_before
    void run(int steps, const float* x, std::size_t x_stride, float* states, std::size_t stride,
             float* gates) const;
  };
  Layer pack(const Chain::Layer& from);

  int outputs_, widest_ = 1;
  Arena weights_;
  std::vector<Layer> layers_;
  const float* head_ = nullptr;  // [C][H]
  const float* head_bias_ = nullptr;
};

/// output[trace][t][c] of N traces of T steps and C outputs in the given order.
inline BlockChain::Strides output_strides(TraceOrder order, std::size_t N, std::size_t T,
                                          std::size_t C) {
  if (order == TraceOrder::by_trace) return {T * C, C, 1};
  return {1, C * N, N};
}

}  // namespace taugate
