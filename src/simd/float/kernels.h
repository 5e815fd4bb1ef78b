#pragma once
// The inner loops of every network, as one table of functions. The table is chosen once, for the
// best instruction set of this machine; TAUGATE_ARCH=scalar|sse4|avx2|avx512 (or use_arch) forces
// another. Every fast kernel has a slow twin in kernels_scalar.h that never gets clever; tests set
// them side by side. Double precision, which gradient checks use, always runs the scalar twin.
//
// Layout: an activation is [rows][lanes], row-major; `lanes` is a multiple of kLaneBlock, one lane
// a trace. `n` counts the values of such a block, rows * lanes. Pointers are 64-byte aligned.

#include <cstddef>
#include <string>
#include <vector>

#include "taugate/core/arena.h"
#include "taugate/core/gru_form.h"
#include "taugate/core/tensor.h"
#include "taugate/simd/arch.h"

namespace taugate {

namespace simd {

/// A weight matrix copied into the order in which `matmul` reads it: panels of `panel_rows` rows,
/// each panel [cols][rows of the panel].
template <class S>
struct Packed {
  const S* data = nullptr;
  int rows = 0;
  int cols = 0;
};

/// out[m][lane] = (accumulate ? out[m][lane] : bias ? bias[m] : 0)
///                + sum_k weights[m][k] * x[k][lane],
/// where x is `first` [first_rows][lanes] followed by `second` [second_rows][lanes]
/// (possibly none).
template <class S>
struct Matmul {
  Packed<S> weights;  ///< cols = first_rows + second_rows
  const S* first = nullptr;
  int first_rows = 0;
  const S* second = nullptr;
  int second_rows = 0;
  const S* bias = nullptr;
  bool accumulate = false;
  S* out = nullptr;
  int lanes = 0;
};

/// out[m][n] += sum over steps t and lanes of a[t][m][lane] * b[t][n][lane]: a weight's gradient.
template <class S>
struct Outer {
  const S* a = nullptr;  ///< [steps] of [a_rows][lanes], a_stride values apart
  std::size_t a_stride = 0;
  int a_rows = 0;
  const S* b = nullptr;
  std::size_t b_stride = 0;
  int b_rows = 0;
  int steps = 0;
  int lanes = 0;
  S* out = nullptr;  ///< rows `out_stride` values apart
  int out_stride = 0;
};

/// A reset_after GRU layer for blocks of 16 traces, for inference. Made by pack_batch.
///   weights  tiles of units, each tile [k][r,z,n][units of the tile], k over the states and then
///            the inputs. The rows of r and z are scaled by -log2(e), those of n by -2 log2(e), so that
///            sigmoid and tanh are ratios of powers of two; for hard activations those of r and z
///            by 1/2.
///   bias     tiles of [r,z,n,s][units of the tile], scaled likewise: b + c of r and z, b of n, c
///            of n; for hard activations 1/2 more on r and z
template <class S>
struct BatchGru {
  int hidden = 0;
  int inputs = 0;
  const S* weights = nullptr;
  const S* bias = nullptr;
};

/// A reset_after GRU layer for one trace at a time, with units in lanes instead of traces; made by
/// pack_single. Weights and biases are scaled as in BatchGru.
template <class S>
struct SingleGru {
  int hidden = 0;
  int inputs = 0;
  int padded = 0;                ///< hidden rounded up to whole registers
  const S* input = nullptr;      ///< a register of units after the other, each [k][r,z,n][units]
  const S* recurrent = nullptr;  ///< likewise, by two registers of units; an odd one comes last
  const S* bias = nullptr;       ///< [r,z,n,s][padded]: b + c of r and z, b of n, c of n
};

/// Where a SingleGru begins and what it writes.
template <class S>
struct SingleRun {
  const SingleGru<S>* gru = nullptr;
  const S* sums = nullptr;      ///< [steps] of [r,z,n][padded]; without input the layer's bias
  std::size_t sums_stride = 0;  ///< values a step; 0 without input
  const S* h0 = nullptr;        ///< [padded]
  S* states = nullptr;          ///< [steps] of [padded]; padding units mean nothing
  std::size_t states_stride = 0;
};

/// One step of Adam (Kingma & Ba, 2015, algorithm 1) on n parameters.
template <class S>
struct Adam {
  std::size_t n = 0;
  S* value = nullptr;
  const S* gradient = nullptr;
  S* mean = nullptr;    ///< first moment m
  S* square = nullptr;  ///< second moment v
  S gradient_scale = 1;
  S beta1 = 0, beta2 = 0, epsilon = 0;
  S step_size = 0;          ///< learning rate / (1 - beta1^t)
  S square_correction = 0;  ///< 1 / (1 - beta2^t)
};

/// GRU gates of one step are four planes of n values: r, z, n and one more, whose meaning depends
/// on the form: s = U_n h + c_n for reset_after, q = r*h for reset_before. docs/gru.md derives
/// them.
template <class S>
struct Kernels {
  const char* arch;
  int panel_rows;
  int register_values;  ///< units that SingleGru pads to
  int tile_units;       ///< of BatchGru

  void (*matmul)(const Matmul<S>&);
  void (*outer)(const Outer<S>&);
  /// out[m] += sum over steps and lanes of a[t][m][lane].
  void (*row_sums)(const S* a, std::size_t stride, int rows, int steps, int lanes, S* out);

  void (*sigmoid)(Activation, std::size_t n, const S* x, S* y);
  void (*tanh)(Activation, std::size_t n, const S* x, S* y);

  /// reset_after. gates: pre-activations of r, z, n (input part), and s -> r, z, n, s.
  ///   n = tanh(gates.n + r*s);  h = n + z*(h_prev - n)
  void (*gates_after)(Activation, std::size_t n, S* gates, const S* h_prev, S* h);
  /// Its reverse. dh: gradient of h coming from later steps; dy (may be null): from this step's
  /// output. gates: r, z, n, s -> gradients of the pre-activations of r, z, n and of s; dh -> z*(dh
  /// + dy).
  void (*gates_after_backward)(Activation, std::size_t n, S* gates, const S* h_prev, const S* dy,
                               S* dh);

  /// reset_before, first half. gates: pre-activations of r, z -> r, z; q = r*h_prev.
  void (*reset_before)(Activation, std::size_t n, S* gates, const S* h_prev);
  /// Second half. gates: pre-activation of n -> n;  h = n + z*(h_prev - n).
  void (*blend_before)(Activation, std::size_t n, S* gates, const S* h_prev, S* h);
  /// Reverse of blend_before. gates: z, n -> gradients of their pre-activations; dh -> z*(dh + dy).
  void (*blend_before_backward)(Activation, std::size_t n, S* gates, const S* h_prev, const S* dy,
                                S* dh);
  /// Reverse of reset_before. dq: gradient of q. gates: r -> gradient of its pre-activation; dh +=
  /// dq*r.
  void (*reset_before_backward)(Activation, std::size_t n, S* gates, const S* h_prev, const S* dq,
                                S* dh);

  /// Sequences of 16 traces: x [steps] of [inputs][16], `x_stride` values apart; states [steps + 1]
  /// of [hidden][16], `stride` apart, of which the first is given and the others are written.
  void (*batch_gru)(const BatchGru<S>&, Activation, int steps, const S* x, std::size_t x_stride,
                    S* states, std::size_t stride);

  /// A linear layer on the states of 16 traces: out [steps][outputs][16] = bias + weights [outputs]
  /// [units] times states [steps] of [units][16], `stride` values apart.
  void (*readout)(const S* weights, const S* bias, int outputs, int units, int steps,
                  const S* states, std::size_t stride, S* out);

  /// One trace: the part of the sums that does not wait for the state, for `steps` steps.
  /// x [steps][inputs], rows `x_stride` values apart; sums [steps][r,z,n][padded] = bias + W x.
  void (*single_input)(const SingleGru<S>&, int steps, const S* x, std::size_t x_stride, S* sums);
  /// The recurrence over `steps` steps, of one layer or of two. Two are of the same size and
  /// independent of each other (each a block of steps behind its predecessor, say): one computes
  /// where the other waits.
  void (*single_steps)(const SingleRun<S>* runs, int count, Activation, int steps);

  void (*adam)(const Adam<S>&);
};

/// The active table. The first call reads TAUGATE_ARCH; an unknown name, or one this machine cannot
/// run, throws UsageError.
template <class S>
const Kernels<S>& kernels();

/// Where the values of a matrix, or of its transpose, lie.
template <class S>
struct Strided {
  const S* data = nullptr;
  int rows = 0, cols = 0;
  std::ptrdiff_t row_stride = 0, col_stride = 1;
  Strided transposed() const { return {data, cols, rows, col_stride, row_stride}; }
};
template <class S>
Strided<S> strided(const S* data, int rows, int cols, int row_stride) {
  return {data, rows, cols, row_stride, 1};
}

/// Packs [left | right] (right may be empty) for the active table's matmul.
template <class S>
Packed<S> pack(Arena& arena, Strided<S> left, Strided<S> right = {});

/// Lays out and scales W [3H][I] (I may be 0), U [3H][H] and the biases b, c [3H] for batch_gru.
template <class S>
BatchGru<S> pack_batch(Arena& arena, Activation activation, Strided<S> input, Strided<S> recurrent,
                       const S* b, const S* c);

/// Likewise for single_input and single_steps.
template <class S>
SingleGru<S> pack_single(Arena& arena, Activation activation, Strided<S> input,
                         Strided<S> recurrent, const S* b, const S* c);

}  // namespace simd
}  // namespace taugate
