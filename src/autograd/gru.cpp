#include "taugate/autograd/gru.h"

#include <algorithm>

#include "autograd/gru_sequence.h"
#include "autograd/packed_gru.h"

namespace taugate {
namespace {

template <class S>
void check_shapes(const Var<S>& x, const Var<S>& h0, const GruWeights<S>& w, GruForm form, int H,
                  int I) {
  const bool input_fits = I == 0 || (w.input.value.rows == 3 * H && w.input.value.cols == I);
  const bool bias_fits = w.input_bias.value.rows == 3 * H &&
                         (form == GruForm::reset_before ? w.recurrent_bias.empty()
                                                        : w.recurrent_bias.value.rows == 3 * H);
  require(w.recurrent.value.rows == 3 * H && H > 0 && input_fits && bias_fits, "[gru] found input ",
          shape_of(x.value), " with weights W ", shape_of(w.input.value), ", U ",
          shape_of(w.recurrent.value), ", biases of ", w.input_bias.value.rows, " and ",
          w.recurrent_bias.value.rows, " rows; wanted [T][I][B], [3H][I], [3H][H], [3H] and ",
          form == GruForm::reset_after ? "[3H] (reset_after)" : "none (reset_before)");
  require(h0.empty() ||
              (h0.steps() == 1 && h0.features() == H && (x.empty() || h0.batch() == x.batch())),
          "[gru] found an initial state ", shape_of(h0.value), ", wanted [1][", H,
          "][batch of the input]");
}

}  // namespace

template <class S>
void GruSequence<S>::prepare(Arena& arena, int steps) {
  require(!x.empty() || !h0.empty(), "[gru] wanted an input or an initial state to tell the batch");
  H = w.recurrent.value.cols;
  I = x.empty() ? 0 : x.features();
  T = steps;
  check_shapes(x, h0, w, form, H, I);
  lanes = round_up_to_lanes(batch());
  plane = static_cast<std::size_t>(H) * lanes;
  keep = trains_weights() || x.wants_gradient() || h0.wants_gradient();
  gate_stride = odd_stride(4 * plane);
  gates = arena.allocate<S>(gate_stride * (keep ? T : 1));
}

template <class S>
void GruSequence<S>::forward(Arena& arena) const {
  const auto layer = pack_gru(arena, w, form, activation, I > 0);
  for (int t = 0; t < T; ++t)
    layer.step(I ? x.value.step(t) : nullptr, states.step(t), gates_at(t), states.step(t + 1),
               lanes);
}

template <class S>
typename GruSequence<S>::Reverse GruSequence<S>::reverse(Arena& arena) const {
  const bool after = form == GruForm::reset_after;
  Reverse r;
  r.dh = arena.allocate_zeroed<S>(plane);
  r.bias_sums = arena.allocate_zeroed<S>(4 * static_cast<std::size_t>(H));
  r.ut = simd::pack(arena, U(0, after ? 3 * H : 2 * H).transposed());
  if (!after) {
    r.dq = arena.allocate<S>(plane);
    r.ut_n = simd::pack(arena, U(2 * H, H).transposed());
  }
  if (I > 0 && x.wants_gradient()) r.wt = simd::pack(arena, W(0, 3 * H).transposed());
  return r;
}

/// Some steps at a time, latest first: what they leave for the weights' gradients is still in the
/// second cache when those are summed.
template <class S>
void GruSequence<S>::backward(Arena& arena) const {
  constexpr std::size_t kCacheBytes = 512 * 1024;
  const std::size_t step_bytes = (gate_stride + 2 * plane) * sizeof(S);
  const int chunk = static_cast<int>(std::clamp<std::size_t>(kCacheBytes / step_bytes, 16, 64));
  const Reverse r = reverse(arena);
  for (int last = T; last > 0; last -= chunk) {
    const int first = std::max(0, last - chunk);
    backward_through_time(r, first, last);
    if (trains_weights()) weight_gradients(r, first, last);
  }
  if (trains_weights()) bias_gradients(r);
  if (!h0.empty() && h0.wants_gradient())
    for (std::size_t i = 0; i < plane; ++i) h0.grad.data[i] += r.dh[i];
}

template <class S>
void GruSequence<S>::stop_gradients(int t, int first_plane, int last_plane) const {
  const std::uint8_t* stop = saturation_mask + plane * static_cast<std::size_t>(t);
  for (int p = first_plane; p < last_plane; ++p) {
    S* d = gates_at(t) + plane * static_cast<std::size_t>(p);
    for (std::size_t i = 0; i < plane; ++i) d[i] = (stop[i] >> p) & 1 ? S(0) : d[i];
  }
}

/// t = T .. 1: the gradient dh of h_t meets that of the output y_t, passes the gates, and goes on
/// to h_{t-1} directly (z*dh) and through U.
template <class S>
void GruSequence<S>::backward_through_time(const Reverse& r, int first, int last) const {
  const auto& kernel = simd::kernels<S>();
  for (int t = last - 1; t >= first; --t) {
    S* g = gates_at(t);
    const S *h = states.step(t), *dy = y.grad.step(t);
    if (form == GruForm::reset_after) {
      kernel.gates_after_backward(activation, plane, g, h, dy, r.dh);
      if (saturation_mask) stop_gradients(t, 0, 4);
      kernel.matmul({.weights = r.ut,
                     .first = g,
                     .first_rows = 2 * H,
                     .second = g + 3 * plane,
                     .second_rows = H,
                     .accumulate = true,
                     .out = r.dh,
                     .lanes = lanes});
    } else {
      kernel.blend_before_backward(activation, plane, g, h, dy, r.dh);
      if (saturation_mask) stop_gradients(t, 1, 3);
      kernel.matmul({.weights = r.ut_n,
                     .first = g + 2 * plane,
                     .first_rows = H,
                     .out = r.dq,
                     .lanes = lanes});
      kernel.reset_before_backward(activation, plane, g, h, r.dq, r.dh);
      if (saturation_mask) stop_gradients(t, 0, 1);
      kernel.matmul({.weights = r.ut,
                     .first = g,
                     .first_rows = 2 * H,
                     .accumulate = true,
                     .out = r.dh,
                     .lanes = lanes});
    }
    if (r.wt.data)
      kernel.matmul({.weights = r.wt,
                     .first = g,
                     .first_rows = 3 * H,
                     .accumulate = true,
                     .out = x.grad.step(t),
                     .lanes = lanes});
  }
}

/// dW = sum_t d_t x_t^T, dU = sum_t d_t h_{t-1}^T (with d_s or q where the form says so), and sums
/// of d for the biases: products over many steps at once.
template <class S>
void GruSequence<S>::weight_gradients(const Reverse& r, int first, int last) const {
  const auto& kernel = simd::kernels<S>();
  const bool after = form == GruForm::reset_after;
  const S *d_rz = gates_at(first), *d_n = d_rz + 2 * plane, *fourth = d_rz + 3 * plane;
  const auto product = [&](const S* a, int a_rows, const S* b, std::size_t b_stride, int b_rows,
                           S* out) {
    kernel.outer({.a = a,
                  .a_stride = gate_stride,
                  .a_rows = a_rows,
                  .b = b,
                  .b_stride = b_stride,
                  .b_rows = b_rows,
                  .steps = last - first,
                  .lanes = lanes,
                  .out = out,
                  .out_stride = b_rows});
  };
  const Matrix<S>& dU = w.recurrent.grad;
  const S* q = operands.step(first);
  product(d_rz, 2 * H, q, operands.step_size(), H, dU.row(0));
  if (after)
    product(fourth, H, q, operands.step_size(), H, dU.row(2 * H));
  else
    product(d_n, H, fourth, gate_stride, H, dU.row(2 * H));
  if (I) product(d_rz, 3 * H, x.value.step(first), x.value.step_size(), I, w.input.grad.data);
  kernel.row_sums(d_rz, gate_stride, after ? 4 * H : 3 * H, last - first, lanes, r.bias_sums);
}

/// Where b and c enter as b + c, both have the same gradient.
template <class S>
void GruSequence<S>::bias_gradients(const Reverse& r) const {
  for (int i = 0; i < 3 * H; ++i) w.input_bias.grad.data[i] += r.bias_sums[i];
  if (form == GruForm::reset_after)
    for (int i = 0; i < 3 * H; ++i)
      w.recurrent_bias.grad.data[i] += r.bias_sums[i < 2 * H ? i : i + H];
}

namespace {

template <class S>
Var<S> run(Tape<S>& tape, Var<S> x, int steps, Var<S> h0, const GruWeights<S>& weights,
           GruForm form, Activation activation) {
  GruSequence<S> s;
  s.x = x;
  s.h0 = h0;
  s.w = weights;
  s.form = form;
  s.activation = activation;
  Arena& arena = tape.arena();
  s.prepare(arena, steps);

  const int batch = s.batch();
  s.states = arena.sequence<S>(s.T + 1, s.H, batch);
  if (h0.empty())
    std::fill_n(s.states.data, s.plane, S(0));
  else
    std::copy_n(h0.value.data, s.plane, s.states.data);
  s.operands = s.states;
  s.y.value = s.states.slice(1, s.T);
  if (s.keep) s.y.grad = arena.zero_sequence<S>(s.T, s.H, batch);
  s.forward(arena);
  if (s.keep) tape.record([s, &arena] { s.backward(arena); });
  return s.y;
}

}  // namespace

template <class S>
Var<S> gru(Tape<S>& tape, Var<S> x, Var<S> h0, const GruWeights<S>& weights, GruForm form,
           Activation activation) {
  require(!x.empty(), "[gru] wanted an input; gru_without_input needs none");
  return run(tape, x, x.steps(), h0, weights, form, activation);
}

template <class S>
Var<S> gru_without_input(Tape<S>& tape, int steps, Var<S> h0, const GruWeights<S>& weights,
                         GruForm form, Activation activation) {
  require(steps >= 1, "[gru] found ", steps, " steps, wanted at least 1");
  return run(tape, Var<S>{}, steps, h0, weights, form, activation);
}

template struct GruSequence<float>;
template struct GruSequence<double>;
#define TAUGATE_INSTANTIATE(S)                                                              \
  template Var<S> gru(Tape<S>&, Var<S>, Var<S>, const GruWeights<S>&, GruForm, Activation); \
  template Var<S> gru_without_input(Tape<S>&, int, Var<S>, const GruWeights<S>&, GruForm,   \
                                    Activation);
TAUGATE_INSTANTIATE(float)
TAUGATE_INSTANTIATE(double)
#undef TAUGATE_INSTANTIATE

}  // namespace taugate
