// For teaching: the tape with its operations, in double, and a GRU layer over NumPy arrays.

#include <algorithm>
#include <cmath>

#include "bindings.h"
#include "taugate/autograd/gru.h"
#include "taugate/autograd/ops.h"
#include "taugate/core/parallel.h"
#include "taugate/nn/layers.h"
#include "taugate/nn/losses.h"
#include "taugate/nn/network.h"

namespace taugate::python {
namespace {

using Array3 = In<double, 3>;
using View = nb::ndarray<nb::numpy, double>;

class TeachingTape;

/// A value on a tape.
struct Value {
  TeachingTape* tape;
  Var<double> var;
};
/// A matrix that is learned.
struct Learned {
  TeachingTape* tape;
  Weight<double> weight;
};

class TeachingTape {
 public:
  Value input(const Array3& values, bool gradient) {
    return {this, tape_.input(sequence_of("values", values), gradient)};
  }
  Learned weight(const In<double, 2>& values) {
    const std::size_t rows = values.shape(0), cols = values.shape(1);
    if (rows < 1 || cols < 1 || rows > kMost || cols > kMost)
      fail_usage("weight: found a matrix of shape (", rows, ", ", cols, "), wanted 1 to ", kMost,
                 " rows and columns");
    check_finite("weight", {values.data(), values.size()}, cols);
    const auto r = static_cast<int>(rows), c = static_cast<int>(cols);
    Weight<double> w{arena_.matrix<double>(r, c), arena_.matrix<double>(r, c)};
    std::copy_n(values.data(), values.size(), w.value.data);
    std::fill_n(w.grad.data, values.size(), 0.0);
    return {this, w};
  }
  Sequence<double> sequence_of(const char* name, const Array3& values) {
    const std::size_t T = values.shape(0), F = values.shape(1), B = values.shape(2);
    if (std::min({T, F, B}) < 1 || std::max({T, F, B}) > kMost)
      fail_usage(name, ": found an array of shape (", T, ", ", F, ", ", B,
                 "), wanted steps, features and traces of 1 to ", kMost);
    check_finite(name, {values.data(), values.size()}, F * B);
    const Sequence<double> s =
        arena_.zero_sequence<double>(static_cast<int>(T), static_cast<int>(F), static_cast<int>(B));
    for (int t = 0; t < s.steps; ++t)
      for (int f = 0; f < s.features; ++f)
        std::copy_n(
            values.data() + (static_cast<std::size_t>(t) * F + static_cast<std::size_t>(f)) * B, B,
            s.row(t, f));
    return s;
  }
  void backward(const Value& loss) {
    if (ran_) fail_usage("backward: found a tape that has run back, wanted a new one");
    tape_.backward(var(loss));
    ran_ = true;
  }
  Var<double> var(const Value& v) const {
    if (v.tape != this) fail_usage("found a value of another tape, wanted one of this");
    return v.var;
  }
  Weight<double> matrix(const Learned& w) const {
    if (w.tape != this) fail_usage("found a weight of another tape, wanted one of this");
    return w.weight;
  }
  Weight<double> matrix(const std::optional<Learned>& w) const {
    return w ? matrix(*w) : Weight<double>{};
  }
  Tape<double>& tape() { return tape_; }

 private:
  static constexpr std::size_t kMost = 1u << 20;
  Arena arena_;
  Tape<double> tape_{arena_};
  bool ran_ = false;
};

/// steps, features and traces, without the padding lanes; a view that `owner` keeps.
View view_of(const Sequence<double>& s, nb::handle owner) {
  const std::size_t shape[] = {static_cast<std::size_t>(s.steps),
                               static_cast<std::size_t>(s.features),
                               static_cast<std::size_t>(s.batch)};
  const std::int64_t strides[] = {static_cast<std::int64_t>(s.step_size()), s.lanes(), 1};
  return View(s.data, 3, shape, owner, strides);
}
View view_of(const Matrix<double>& m, nb::handle owner) {
  const std::size_t shape[] = {static_cast<std::size_t>(m.rows), static_cast<std::size_t>(m.cols)};
  return View(m.data, 2, shape, owner);
}

double scale_of(std::optional<double> scale, const Sequence<double>& target) {
  return scale ? *scale : mean_scale(target);
}

using Binary = Var<double> (*)(Tape<double>&, Var<double>, Var<double>);

void bind_values(nb::module_& m) {
  nb::class_<Value>(m, "Value", "A value on a tape, float64 [steps][features][traces].")
      .def_prop_ro(
          "value", [](nb::handle self) { return view_of(nb::cast<Value&>(self).var.value, self); },
          nb::sig("def value(self) -> numpy.typing.NDArray[numpy.float64]"),
          "The numbers, as a view.")
      .def_prop_ro(
          "grad",
          [](nb::handle self) -> nb::object {
            const Var<double>& v = nb::cast<Value&>(self).var;
            if (!v.wants_gradient()) return nb::none();
            return nb::cast(view_of(v.grad, self));
          },
          nb::sig("def grad(self) -> numpy.typing.NDArray[numpy.float64] | None"),
          "After backward(): d loss / d value, as a view; None where none is wanted.");
  nb::class_<Learned>(m, "Weight", "A matrix that is learned, float64 [rows][columns].")
      .def_prop_ro(
          "value",
          [](nb::handle self) { return view_of(nb::cast<Learned&>(self).weight.value, self); },
          nb::sig("def value(self) -> numpy.typing.NDArray[numpy.float64]"),
          "The numbers, as a view.")
      .def_prop_ro(
          "grad",
          [](nb::handle self) { return view_of(nb::cast<Learned&>(self).weight.grad, self); },
          nb::sig("def grad(self) -> numpy.typing.NDArray[numpy.float64]"),
          "After backward(): d loss / d weight, as a view.");
}

void bind_operations(nb::class_<TeachingTape>& tape) {
  using T = TeachingTape;
  const auto keep = nb::keep_alive<0, 1>();
  const auto binary = [&](const char* name, Binary operation, const char* text) {
    tape.def(
        name,
        [operation](T& t, const Value& a, const Value& b) {
          return Value{&t, operation(t.tape(), t.var(a), t.var(b))};
        },
        keep, nb::arg("a"), nb::arg("b"), text);
  };
  binary("add", &add<double>, "a + b, of the same shape.");
  binary("subtract", &subtract<double>, "a - b, of the same shape.");
  binary("multiply", &multiply<double>, "a * b, element by element, of the same shape.");
  binary("concat", &concat<double>, "Features of a over features of b.");
  tape.def(
      "affine",
      [](T& t, const Value& a, double factor, double offset) {
        return Value{&t, affine(t.tape(), t.var(a), factor, offset)};
      },
      keep, nb::arg("a"), nb::arg("factor"), nb::arg("offset") = 0.0, "factor * a + offset.");
  tape.def(
      "sigmoid",
      [](T& t, const Value& a, const std::string& kind) {
        return Value{&t, sigmoid(t.tape(), t.var(a), activation(kind))};
      },
      keep, nb::arg("a"), nb::arg("activation") = "smooth", "1 / (1 + exp(-a)), or its hard form.");
  tape.def(
      "tanh",
      [](T& t, const Value& a, const std::string& kind) {
        return Value{&t, tanh(t.tape(), t.var(a), activation(kind))};
      },
      keep, nb::arg("a"), nb::arg("activation") = "smooth", "tanh(a), or its hard form.");
  tape.def(
      "steps_of",
      [](T& t, const Value& a, int first, int count) {
        return Value{&t, steps_of(t.var(a), first, count)};
      },
      keep, nb::arg("a"), nb::arg("first"), nb::arg("count"), "Some of the steps, as a view.");
  tape.def(
      "last_step",
      [](T& t, const Value& a) {
        return Value{&t, last_step(t.var(a))};
      },
      keep, nb::arg("a"), "The last step: the final state of a GRU.");
  tape.def(
      "features_of",
      [](T& t, const Value& a, int first, int count) {
        return Value{&t, features_of(t.tape(), t.var(a), first, count)};
      },
      keep, nb::arg("a"), nb::arg("first"), nb::arg("count"), "Some of the features.");
  tape.def(
      "linear",
      [](T& t, const Value& x, const Learned& w, const std::optional<Learned>& b) {
        return Value{&t, linear(t.tape(), t.var(x), t.matrix(w), t.matrix(b))};
      },
      keep, nb::arg("x"), nb::arg("weight"), nb::arg("bias") = nb::none(),
      "weight @ x + bias at every step: x [T][I][B], weight [O][I], bias [O][1].");
}

void bind_gru_and_losses(nb::class_<TeachingTape>& tape) {
  using T = TeachingTape;
  const auto keep = nb::keep_alive<0, 1>();
  tape.def(
      "gru",
      [](T& t, const Value& x, const Learned& input, const Learned& recurrent,
         const Learned& input_bias, const std::optional<Learned>& recurrent_bias,
         const std::optional<Value>& h0, const std::string& form, const std::string& kind) {
        const GruWeights<double> weights{t.matrix(input), t.matrix(recurrent), t.matrix(input_bias),
                                         t.matrix(recurrent_bias)};
        const Var<double> start = h0 ? t.var(*h0) : Var<double>{};
        return Value{&t, gru(t.tape(), t.var(x), start, weights, gru_form(form), activation(kind))};
      },
      keep, nb::arg("x"), nb::arg("input"), nb::arg("recurrent"), nb::arg("input_bias"),
      nb::arg("recurrent_bias") = nb::none(), nb::arg("h0") = nb::none(),
      nb::arg("form") = "reset_after", nb::arg("activation") = "smooth",
      "The states [T][H][B] of a GRU (docs/gru.md): x [T][I][B], input [3H][I], recurrent\n"
      "[3H][H], biases [3H][1] (the recurrent one for reset_after only), gates r, z, n; h0\n"
      "[1][H][B] or None for zeros.");
  tape.def(
      "squared_error",
      [](T& t, const Value& a, const Array3& target, std::optional<double> scale) {
        const Sequence<double> wanted = t.sequence_of("target", target);
        return Value{&t, squared_error(t.tape(), t.var(a), wanted, scale_of(scale, wanted))};
      },
      keep, nb::arg("a"), nb::arg("target"), nb::arg("scale") = nb::none(),
      "scale * sum of (a - target)**2, a single number; without a scale the mean.");
  tape.def(
      "absolute_error",
      [](T& t, const Value& a, const Array3& target, std::optional<double> scale) {
        const Sequence<double> wanted = t.sequence_of("target", target);
        return Value{&t, absolute_error(t.tape(), t.var(a), wanted, scale_of(scale, wanted))};
      },
      keep, nb::arg("a"), nb::arg("target"), nb::arg("scale") = nb::none(),
      "scale * sum of abs(a - target), a single number; without a scale the mean.");
}

/// A GRU layer of floats.
class GruLayer {
 public:
  GruLayer(int inputs, int hidden, const std::string& form, const std::string& kind,
           std::uint64_t seed)
      : inputs_(checked("inputs", inputs)),
        layer_(parameters_, "gru", inputs_, checked("hidden", hidden), gru_form(form),
               activation(kind)) {
    layer_.initialise(parameters_, seed, 0);
  }

  /// x [N][T][I] and h0 [N][H] to states [N][T][H].
  Out<float> operator()(const In<float, 3>& x, const std::optional<In<float, 2>>& h0) const {
    const std::size_t N = x.shape(0), T = x.shape(1), I = x.shape(2),
                      H = static_cast<std::size_t>(layer_.hidden());
    if (N < 1 || T < 1 || T > (1u << 20) || I != static_cast<std::size_t>(inputs_))
      fail_usage("x: found an array of shape (", N, ", ", T, ", ", I, "), wanted (N, T, ", inputs_,
                 ")");
    if (h0 && (h0->shape(0) != N || h0->shape(1) != H))
      fail_usage("h0: found an array of shape (", h0->shape(0), ", ", h0->shape(1), "), wanted (",
                 N, ", ", H, ")");
    check_finite("x", {x.data(), x.size()}, T * I);
    if (h0) check_finite("h0", {h0->data(), h0->size()}, H);
    const float* const start = h0 ? h0->data() : nullptr;
    std::vector<float> states(N * T * H);
    {
      const nb::gil_scoped_release no_gil;
      parallel_for((N + kBlock - 1) / kBlock, [&](std::size_t block, int) {
        const std::size_t first = block * kBlock;
        run(x.data() + first * T * I, start ? start + first * H : nullptr,
            states.data() + first * T * H, static_cast<int>(std::min(kBlock, N - first)),
            static_cast<int>(T));
      });
    }
    return to_numpy(std::move(states), {N, T, H});
  }

  /// A view; a bias has one axis.
  nb::ndarray<nb::numpy, float> view(nb::handle self, const ParameterRef& at, bool bias) {
    const std::size_t shape[] = {static_cast<std::size_t>(at.rows),
                                 static_cast<std::size_t>(at.cols)};
    return {parameters_.data() + at.offset, bias ? 1u : 2u, shape, self};
  }
  const GruParameters& at() const { return layer_.parameters(); }

 private:
  static constexpr std::size_t kBlock = 64;  // traces a thread takes at a time
  static int checked(const char* name, int count) {
    if (count < 1 || count > Network::kMostUnits)
      fail_usage(name, ": found ", count, ", wanted 1 to ", Network::kMostUnits);
    return count;
  }
  void run(const float* x, const float* h0, float* states, int batch, int steps) const {
    Arena arena;
    Tape<float> tape(arena, parameters_.bind());
    const auto in = arena.zero_sequence<float>(steps, inputs_, batch);
    const int H = layer_.hidden();
    for (int b = 0; b < batch; ++b)
      for (int t = 0; t < steps; ++t)
        for (int f = 0; f < inputs_; ++f) in.at(t, f, b) = *x++;
    Var<float> start;
    if (h0) {
      const auto h = arena.zero_sequence<float>(1, H, batch);
      for (int b = 0; b < batch; ++b)
        for (int f = 0; f < H; ++f) h.at(0, f, b) = *h0++;
      start = tape.input(h);
    }
    const Sequence<float> out = layer_(tape, tape.input(in), start).value;
    for (int b = 0; b < batch; ++b)
      for (int t = 0; t < steps; ++t)
        for (int f = 0; f < H; ++f) *states++ = out.at(t, f, b);
  }

  Parameters parameters_;
  int inputs_;
  Gru layer_;
};

void bind_gru(nb::module_& m) {
  nb::class_<GruLayer> layer(
      m, "Gru",
      "A GRU layer of floats, with PyTorch's weights and gates in the order r, z, n. Its weights\n"
      "are writable views: gru.weight_ih[:] = ...");
  layer.def(nb::init<int, int, const std::string&, const std::string&, std::uint64_t>(),
            nb::arg("inputs"), nb::arg("hidden"), nb::kw_only(), nb::arg("form") = "reset_after",
            nb::arg("activation") = "smooth", nb::arg("seed") = 1);
  layer.def("__call__", &GruLayer::operator(), nb::arg("x"), nb::arg("h0") = nb::none(),
            "States [N][T][H] for x [N][T][I]; h0 [N][H] or None for zeros. On all threads.");
  const auto view = [&](const char* name, ParameterRef GruParameters::*part, bool bias,
                        const char* signature, const char* text) {
    layer.def_prop_ro(
        name,
        [part, bias](nb::handle self) -> nb::object {
          GruLayer& gru = nb::cast<GruLayer&>(self);
          const ParameterRef& at = gru.at().*part;
          if (at.rows == 0) return nb::none();
          return nb::cast(gru.view(self, at, bias));
        },
        nb::sig(signature), text);
  };
  view("weight_ih", &GruParameters::input, false,
       "def weight_ih(self) -> numpy.typing.NDArray[numpy.float32]", "[3H][I]");
  view("weight_hh", &GruParameters::recurrent, false,
       "def weight_hh(self) -> numpy.typing.NDArray[numpy.float32]", "[3H][H]");
  view("bias_ih", &GruParameters::input_bias, true,
       "def bias_ih(self) -> numpy.typing.NDArray[numpy.float32]", "[3H]");
  view("bias_hh", &GruParameters::recurrent_bias, true,
       "def bias_hh(self) -> numpy.typing.NDArray[numpy.float32] | None",
       "[3H]; None for reset_before");
}

}  // namespace

void bind_tape(nb::module_& m) {
  bind_values(m);
  nb::class_<TeachingTape> tape(
      m, "Tape",
      "Reverse-mode differentiation in float64, for teaching: operations are recorded as they "
      "run,\n"
      "and backward() fills the gradients. Arrays are [steps][features][traces].");
  tape.def(nb::init<>())
      .def("input", &TeachingTape::input, nb::keep_alive<0, 1>(), nb::arg("values"),
           nb::arg("gradient") = false, "A value [T][F][B] from outside, copied.")
      .def("weight", &TeachingTape::weight, nb::keep_alive<0, 1>(), nb::arg("values"),
           "A matrix [rows][columns] to be learned, copied.")
      .def("backward", &TeachingTape::backward, nb::arg("loss"),
           "d loss / d value of all values and weights; once a tape.");
  bind_operations(tape);
  bind_gru_and_losses(tape);
  bind_gru(m);
}

}  // namespace taugate::python
