#pragma once
// A GRU over a sequence, as its backward pass sees it. gru() fills one with the float forward pass;
// another forward pass (quant/qat.h: integers) fills one in its own way and gets the same backward
// pass.

#include <cstdint>

#include "simd/float/kernels.h"
#include "taugate/autograd/gru.h"

namespace taugate {

/// One GRU sequence: what forward leaves for backward. All views, so a tape can keep it by value.
///
/// Per step, `gates` holds four planes [H][lanes] that forward fills with r, z, n and
///   s = U_n h + c_n (reset_after)   or   q = r*h (reset_before),
/// and that backward turns, in place, into the gradients of the pre-activations:
///   d_r, d_z, d_n, d_s   or   d_r, d_z, d_n, q.
template <class S>
struct GruSequence {
  Var<S> x, h0, y;
  GruWeights<S> w;
  GruForm form{};
  Activation activation{};
  int H = 0, I = 0, T = 0;  // I = 0: no input
  int lanes = 0;
  std::size_t plane = 0;        // H * lanes
  std::size_t gate_stride = 0;  // from one step's four planes to the next
  Sequence<S> states;           // [T+1][H][B]: h_0, h_1, .. h_T, as the blend reads them
  Sequence<S> operands;         // likewise, as the matrix products read them: mostly the same
  S* gates = nullptr;           // T x 4 planes, or 4 planes where nothing wants a gradient
  bool keep = false;
  /// [T][H * lanes] or null: bit p stops the gradient of a step's plane p, where that plane was
  /// made by something that had saturated.
  const std::uint8_t* saturation_mask = nullptr;

  S* gates_at(int t) const { return gates + (keep ? gate_stride * t : 0); }

  // Rows of W and U, by gate.
  simd::Strided<S> W(int first_row, int rows) const {
    return I ? simd::strided<S>(w.input.value.row(first_row), rows, I, I) : simd::Strided<S>{};
  }
  simd::Strided<S> U(int first_row, int rows) const {
    return simd::strided<S>(w.recurrent.value.row(first_row), rows, H, H);
  }
  bool trains_weights() const { return w.recurrent.wants_gradient(); }

  /// From x, h0, w and form, which must be there and fit (Error): the sizes, and room for gates.
  void prepare(Arena& arena, int steps);
  int batch() const { return x.empty() ? h0.batch() : x.batch(); }
  void forward(Arena& arena) const;
  /// Adds to the gradients of h0, x and the weights; overwrites the gates.
  void backward(Arena& arena) const;

 private:
  /// What the backward pass works with.
  struct Reverse {
    S* dh = nullptr;         ///< gradient of the state that the next step handed back
    S* dq = nullptr;         ///< of q (reset_before)
    S* bias_sums = nullptr;  ///< [4H]: sums of the four planes of gradients
    simd::Packed<S> ut;      ///< U^T as [U_rz^T | U_n^T]; of reset_before U_rz^T alone,
    simd::Packed<S> ut_n;    ///< since it sends the two parts to different places
    simd::Packed<S> wt;      ///< W^T, where the input wants a gradient
  };
  Reverse reverse(Arena& arena) const;
  void stop_gradients(int t, int first_plane, int last_plane) const;
  void backward_through_time(const Reverse& r, int first, int last) const;
  void weight_gradients(const Reverse& r, int first, int last) const;
  void bias_gradients(const Reverse& r) const;
};

}  // namespace taugate
