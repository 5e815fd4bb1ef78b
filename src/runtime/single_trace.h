#pragma once
// One trace at a time, as soon as possible: units lie in the SIMD lanes. Engine::run takes this way
// for N = 1.
//
// A layer runs over the whole trace before the next one begins, so that its weights stay in cache,
// in blocks of steps: first the input's part of all steps of a block, which reads each weight once,
// then the recurrence. Two small layers of one size run side by side, the second a block behind.

#include <vector>

#include "taugate/core/arena.h"
#include "runtime/chain.h"
#include "simd/float/kernels.h"

namespace taugate {

class SingleTrace {
 public:
  /// `chain` has been checked, its layers are reset_after; `steps` is T. Copies the weights.
  SingleTrace(const Chain& chain, int steps);

  /// input [T] to output [T][C], row-major. Allocates nothing.
  void run(const float* input, float* output);
  /// As BlockChain::copy_carried, of the last run.
  void copy_carried(float* states) const;

 private:
  struct Layer {
    simd::SingleGru<float> gru;
    Activation activation;
    bool reads_zeros;
    int starts_from;
    bool with_next = false;  // runs side by side with the layer above
    Buffer<float> start;     // [padded], for layers that start from zeros
    Buffer<float> sums;      // [block][3][padded]
    Buffer<float> states;    // [T][padded]
    const float* last() const { return states.end() - gru.padded; }
  };
  simd::SingleRun<float> block(std::size_t k, int first, const float* input, int& steps);
  void run_head(float* output);

  int steps_, outputs_;
  Arena weights_;
  std::vector<Layer> layers_;
  const float* head_rows_ = nullptr;  // [C][padded]
  Buffer<float> head_bias_, by_output_;
};

}  // namespace taugate
