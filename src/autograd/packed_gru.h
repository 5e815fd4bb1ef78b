#pragma once
// A GRU layer whose weights lie in the order in which the kernels read them: the forward step that
// training and inference share.

#include "simd/float/kernels.h"
#include "taugate/autograd/gru.h"

namespace taugate {

template <class S>
struct PackedGru {
  const simd::Kernels<S>* kernels = nullptr;  ///< for whose order it is
  int H = 0;
  int I = 0;  ///< 0: no input
  GruForm form{};
  Activation activation{};
  simd::Packed<S> rz;           ///< [W_r W_z | U_r U_z]
  simd::Packed<S> n;            ///< W_n (reset_after) or [W_n | U_n] (reset_before)
  simd::Packed<S> recurrent_n;  ///< U_n (reset_after)
  const S* bias_rz = nullptr;   ///< b + c of r and z (reset_after) or b
  const S* bias_n = nullptr;
  const S* recurrent_bias_n = nullptr;

  /// h_next = GRU(x, h) for blocks of lanes. `gates` is room for four planes [H][lanes] and holds
  /// afterwards r, z, n and s = U_n h + c_n (reset_after) or q = r*h (reset_before). x is not
  /// looked at where I = 0. h_next may be h.
  void step(const S* x, const S* h, S* gates, S* h_next, int lanes) const;
};

/// Copies the weights into `arena`. `with_input` false: for a layer whose input is always zero.
template <class S>
PackedGru<S> pack_gru(Arena& arena, const GruWeights<S>& weights, GruForm form,
                      Activation activation, bool with_input);

}  // namespace taugate
