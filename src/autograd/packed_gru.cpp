#include "autograd/packed_gru.h"

namespace taugate {

template <class S>
PackedGru<S> pack_gru(Arena& arena, const GruWeights<S>& w, GruForm form, Activation activation,
                      bool with_input) {
  PackedGru<S> p;
  p.kernels = &simd::kernels<S>();
  p.H = w.recurrent.value.cols;
  p.I = with_input ? w.input.value.cols : 0;
  p.form = form;
  p.activation = activation;
  const int H = p.H, I = p.I;
  const bool after = form == GruForm::reset_after;
  const auto W = [&](int first_row, int rows) {
    return I ? simd::strided<S>(w.input.value.row(first_row), rows, I, I)
             : simd::Strided<S>{nullptr, rows};
  };
  const auto U = [&](int first_row, int rows) {
    return simd::strided<S>(w.recurrent.value.row(first_row), rows, H, H);
  };
  p.rz = simd::pack(arena, W(0, 2 * H), U(0, 2 * H));
  // reset_after keeps the candidate's two products apart, since r multiplies one of them.
  p.n = after ? simd::pack(arena, W(2 * H, H)) : simd::pack(arena, W(2 * H, H), U(2 * H, H));
  if (after) p.recurrent_n = simd::pack(arena, U(2 * H, H));

  const S *b = w.input_bias.value.data, *c = after ? w.recurrent_bias.value.data : nullptr;
  S* bias = arena.allocate<S>(4 * H);
  for (int i = 0; i < 2 * H; ++i) bias[i] = b[i] + (c ? c[i] : S(0));
  for (int i = 0; i < H; ++i) bias[2 * H + i] = b[2 * H + i];
  for (int i = 0; i < H; ++i) bias[3 * H + i] = c ? c[2 * H + i] : S(0);
  p.bias_rz = bias;
  p.bias_n = bias + 2 * H;
  p.recurrent_bias_n = bias + 3 * H;
  return p;
}

template <class S>
void PackedGru<S>::step(const S* x, const S* h, S* gates, S* h_next, int lanes) const {
  const auto& kernel = *kernels;
  const std::size_t plane = static_cast<std::size_t>(H) * lanes;
  S *a_n = gates + 2 * plane, *fourth = gates + 3 * plane;
  kernel.matmul({.weights = rz,
                 .first = x,
                 .first_rows = I,
                 .second = h,
                 .second_rows = H,
                 .bias = bias_rz,
                 .out = gates,
                 .lanes = lanes});
  if (form == GruForm::reset_after) {
    kernel.matmul(
        {.weights = n, .first = x, .first_rows = I, .bias = bias_n, .out = a_n, .lanes = lanes});
    kernel.matmul({.weights = recurrent_n,
                   .first = h,
                   .first_rows = H,
                   .bias = recurrent_bias_n,
                   .out = fourth,
                   .lanes = lanes});
    kernel.gates_after(activation, plane, gates, h, h_next);
  } else {
    kernel.reset_before(activation, plane, gates, h);
    kernel.matmul({.weights = n,
                   .first = x,
                   .first_rows = I,
                   .second = fourth,
                   .second_rows = H,
                   .bias = bias_n,
                   .out = a_n,
                   .lanes = lanes});
    kernel.blend_before(activation, plane, gates, h, h_next);
  }
}

template struct PackedGru<float>;
template struct PackedGru<double>;
template PackedGru<float> pack_gru(Arena&, const GruWeights<float>&, GruForm, Activation, bool);
template PackedGru<double> pack_gru(Arena&, const GruWeights<double>&, GruForm, Activation, bool);

}  // namespace taugate
