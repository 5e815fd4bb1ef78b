#include "taugate/autograd/gru.h"

#include "taugate/autograd/packed_gru.h"

namespace taugate {
namespace {

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
  Sequence<S> states;           // [T+1][H][B]: h_0, h_1, .. h_T
  S* gates = nullptr;           // T x 4 planes, or 4 planes where nothing wants a gradient
  bool keep = false;

  S* gates_at(int t) const { return gates + (keep ? gate_stride * t : 0); }

  // Rows of W and U, by gate.
  simd::Strided<S> W(int first_row, int rows) const {
    return I ? simd::strided<S>(w.input.value.row(first_row), rows, I, I) : simd::Strided<S>{};
  }
  simd::Strided<S> U(int first_row, int rows) const {
    return simd::strided<S>(w.recurrent.value.row(first_row), rows, H, H);
  }
  bool trains_weights() const { return w.recurrent.wants_gradient(); }

  void forward(Arena& arena) const {
    const auto layer = pack_gru(arena, w, form, activation, I > 0);
    for (int t = 0; t < T; ++t)
      layer.step(I ? x.value.step(t) : nullptr, states.step(t), gates_at(t), states.step(t + 1),
                 lanes);
  }

  void backward(Arena& arena) const;
  void backward_through_time(Arena& arena) const;
  void weight_gradients(Arena& arena) const;
};

template <class S>
void GruSequence<S>::backward(Arena& arena) const {
  backward_through_time(arena);
  if (trains_weights()) weight_gradients(arena);
}

/// t = T .. 1: the gradient dh of h_t meets that of the output y_t, passes the gates, and goes on
/// to h_{t-1} directly (z*dh) and through U.
template <class S>
void GruSequence<S>::backward_through_time(Arena& arena) const {
  const auto& kernel = simd::kernels<S>();
  const bool after = form == GruForm::reset_after;
  S* dh = arena.allocate_zeroed<S>(plane);
  S* dq = after ? nullptr : arena.allocate<S>(plane);
  const bool wants_dx = I > 0 && x.wants_gradient();
  // U^T as [U_rz^T | U_n^T]; reset_before sends the two parts to different places.
  const auto ut = simd::pack(arena, after ? U(0, 3 * H).transposed() : U(0, 2 * H).transposed());
  const auto ut_n = after ? simd::Packed<S>{} : simd::pack(arena, U(2 * H, H).transposed());
  const auto wt = wants_dx ? simd::pack(arena, W(0, 3 * H).transposed()) : simd::Packed<S>{};

  for (int t = T - 1; t >= 0; --t) {
    S* g = gates_at(t);
    const S *h = states.step(t), *dy = y.grad.step(t);
    if (after) {
      kernel.gates_after_backward(activation, plane, g, h, dy, dh);
      kernel.matmul({.weights = ut,
                     .first = g,
                     .first_rows = 2 * H,
                     .second = g + 3 * plane,
                     .second_rows = H,
                     .accumulate = true,
                     .out = dh,
                     .lanes = lanes});
    } else {
      kernel.blend_before_backward(activation, plane, g, h, dy, dh);
      kernel.matmul(
          {.weights = ut_n, .first = g + 2 * plane, .first_rows = H, .out = dq, .lanes = lanes});
      kernel.reset_before_backward(activation, plane, g, h, dq, dh);
      kernel.matmul({.weights = ut,
                     .first = g,
                     .first_rows = 2 * H,
                     .accumulate = true,
                     .out = dh,
                     .lanes = lanes});
    }
    if (wants_dx)
      kernel.matmul({.weights = wt,
                     .first = g,
                     .first_rows = 3 * H,
                     .accumulate = true,
                     .out = x.grad.step(t),
                     .lanes = lanes});
  }
  if (!h0.empty() && h0.wants_gradient())
    for (std::size_t i = 0; i < plane; ++i) h0.grad.data[i] += dh[i];
}

/// dW = sum_t d_t x_t^T, dU = sum_t d_t h_{t-1}^T (with d_s or q where the form says so), and sums
/// of d for the biases: three large products over all steps at once.
template <class S>
void GruSequence<S>::weight_gradients(Arena& arena) const {
  const auto& kernel = simd::kernels<S>();
  const bool after = form == GruForm::reset_after;
  const S *d_rz = gates, *d_n = gates + 2 * plane, *fourth = gates + 3 * plane;
  const auto product = [&](const S* a, int a_rows, const S* b, std::size_t b_stride, int b_rows,
                           S* out) {
    kernel.outer({.a = a,
                  .a_stride = gate_stride,
                  .a_rows = a_rows,
                  .b = b,
                  .b_stride = b_stride,
                  .b_rows = b_rows,
                  .steps = T,
                  .lanes = lanes,
                  .out = out,
                  .out_stride = b_rows});
  };
  const Matrix<S>& dU = w.recurrent.grad;
  product(d_rz, 2 * H, states.data, states.step_size(), H, dU.row(0));
  if (after)
    product(fourth, H, states.data, states.step_size(), H, dU.row(2 * H));
  else
    product(d_n, H, fourth, gate_stride, H, dU.row(2 * H));
  if (I) product(gates, 3 * H, x.value.data, x.value.step_size(), I, w.input.grad.data);

  // Where b and c enter as b + c, both have the same gradient.
  S *db = w.input_bias.grad.data, *dc = after ? w.recurrent_bias.grad.data : nullptr;
  S* sums = arena.allocate_zeroed<S>(4 * static_cast<std::size_t>(H));
  kernel.row_sums(gates, gate_stride, after ? 4 * H : 3 * H, T, lanes, sums);
  for (int i = 0; i < 3 * H; ++i) db[i] += sums[i];
  if (after)
    for (int i = 0; i < 3 * H; ++i) dc[i] += sums[i < 2 * H ? i : i + H];
}

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

template <class S>
Var<S> run(Tape<S>& tape, Var<S> x, int steps, Var<S> h0, const GruWeights<S>& weights,
           GruForm form, Activation activation) {
  require(!x.empty() || !h0.empty(), "[gru] wanted an input or an initial state to tell the batch");
  GruSequence<S> s;
  s.x = x;
  s.h0 = h0;
  s.w = weights;
  s.form = form;
  s.activation = activation;
  s.H = weights.recurrent.value.cols;
  s.I = x.empty() ? 0 : x.features();
  s.T = steps;
  check_shapes(x, h0, weights, form, s.H, s.I);
  const int batch = x.empty() ? h0.batch() : x.batch();
  s.lanes = round_up_to_lanes(batch);
  s.plane = static_cast<std::size_t>(s.H) * s.lanes;
  s.keep = s.trains_weights() || x.wants_gradient() || h0.wants_gradient();

  Arena& arena = tape.arena();
  s.states = arena.sequence<S>(s.T + 1, s.H, batch);
  if (h0.empty())
    std::fill_n(s.states.data, s.plane, S(0));
  else
    std::copy_n(h0.value.data, s.plane, s.states.data);
  s.gate_stride = odd_stride(4 * s.plane);
  s.gates = arena.allocate<S>(s.gate_stride * (s.keep ? s.T : 1));
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

#define TAUGATE_INSTANTIATE(S)                                                              \
  template Var<S> gru(Tape<S>&, Var<S>, Var<S>, const GruWeights<S>&, GruForm, Activation); \
  template Var<S> gru_without_input(Tape<S>&, int, Var<S>, const GruWeights<S>&, GruForm,   \
                                    Activation);
TAUGATE_INSTANTIATE(float)
TAUGATE_INSTANTIATE(double)
#undef TAUGATE_INSTANTIATE

}  // namespace taugate
