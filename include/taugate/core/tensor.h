#pragma once
// The two shapes that everything is made of. Both are views: they own nothing and cost nothing to
// copy.
//
//   Sequence  [steps][features][lanes]   what flows through a network: at each step, each feature
//                                        of each trace of the batch. The batch is innermost, so
//                                        that one SIMD register holds the same feature of
//                                        neighbouring traces.
//   Matrix    [rows][cols]               weights, row-major; a bias is a matrix of one column.

#include <cstddef>
#include <ostream>

#include "taugate/core/error.h"

namespace taugate {

/// Kernels work on 16 traces at a time (one AVX-512 register, two of AVX2), so the lane count of a
/// Sequence is its batch rounded up to a multiple of this. Padding lanes hold finite numbers that
/// nobody reads; gradients there are zero.
inline constexpr int kLaneBlock = 16;

constexpr int round_up_to_lanes(int batch) {
  return (batch + kLaneBlock - 1) / kLaneBlock * kLaneBlock;
}

/// So many values, as an odd number of lane blocks. A distance of a power of two between the steps
/// of a sequence would put all of them into the same few sets of the cache; an odd number of cache
/// lines spreads them over all.
constexpr std::size_t odd_stride(std::size_t values) {
  return (values / kLaneBlock | 1) * kLaneBlock;
}

template <class S>
struct Sequence {
  S* data = nullptr;  ///< 64-byte aligned
  int steps = 0;
  int features = 0;
  int batch = 0;  ///< traces that count; lanes() is the stride

  int lanes() const { return round_up_to_lanes(batch); }
  /// Values from one step to the next: features * lanes(), and a padding block where that would be
  /// even.
  std::size_t step_size() const { return odd_stride(static_cast<std::size_t>(features) * lanes()); }
  std::size_t size() const { return step_size() * steps; }  ///< padding included
  bool empty() const { return data == nullptr; }

  S* step(int t) const { return data + step_size() * t; }
  S* row(int t, int f) const { return step(t) + static_cast<std::size_t>(f) * lanes(); }
  S& at(int t, int f, int b) const { return row(t, f)[b]; }

  /// The steps first..first+count-1 as a sequence of their own.
  Sequence slice(int first, int count) const { return {step(first), count, features, batch}; }
  bool same_shape(const Sequence& other) const {
    return steps == other.steps && features == other.features && batch == other.batch;
  }
};

template <class S>
struct Matrix {
  S* data = nullptr;
  int rows = 0;
  int cols = 0;

  std::size_t size() const { return static_cast<std::size_t>(rows) * cols; }
  bool empty() const { return data == nullptr; }
  S* row(int r) const { return data + static_cast<std::size_t>(r) * cols; }
  S& at(int r, int c) const { return row(r)[c]; }
};

/// How traces lie in memory: one after the other, or, as a camera delivers them, one image of all
/// traces after the other.
enum class TraceOrder {
  by_trace,  ///< input [N][T], output [N][T][C]
  by_gate,   ///< input [T][N], output [T][C][N]
};

/// What shape_of() returns: numbers that become text only where a message is printed. A check that
/// passes must not build a string, since checks run in every training step.
struct SequenceShape {
  int steps, features, batch;
  friend std::ostream& operator<<(std::ostream& out, const SequenceShape& s) {
    return out << "[steps " << s.steps << "][features " << s.features << "][batch " << s.batch
               << ']';
  }
};
struct MatrixShape {
  int rows, cols;
  friend std::ostream& operator<<(std::ostream& out, const MatrixShape& m) {
    return out << '[' << m.rows << "][" << m.cols << ']';
  }
};

/// Prints as "[steps 5][features 3][batch 2]", for messages.
template <class S>
SequenceShape shape_of(const Sequence<S>& s) {
  return {s.steps, s.features, s.batch};
}
/// Prints as "[12][4]".
template <class S>
MatrixShape shape_of(const Matrix<S>& m) {
  return {m.rows, m.cols};
}

}  // namespace taugate
