// A recurrent cell of your own, in few bits.
//
// The cell is a minimal gated unit (Zhou et al., 2016), a GRU with one gate, written with the
// tape's plain operations:
//
//     f  = sigmoid(W_f x + b_f + U_f h)         how much of the state is replaced
//     c  = tanh(W_c x + b_c + U_c (f * h))      by what
//     h' = h + f * (c - h)
//
// It learns to remember the first of some numbers. Then its weights are put onto a grid of 3 bits
// (7 values a row): once after training, where nobody asked the network about it, and once with
// fake quantization in every step of a short second training, so that it learns to live with it.

#include <taugate/taugate.h>

#include <algorithm>
#include <cstdio>

namespace {

using namespace taugate;

constexpr int kSteps = 10, kHidden = 8, kBatch = 64;
constexpr IntegerRange kThreeBits{-3, 3};

struct MinimalGatedUnit {
  Parameters parameters;
  ParameterRef wf = parameters.add("wf", kHidden, 1), wc = parameters.add("wc", kHidden, 1),
               uf = parameters.add("uf", kHidden, kHidden),
               uc = parameters.add("uc", kHidden, kHidden), bf = parameters.add("bf", kHidden, 1),
               bc = parameters.add("bc", kHidden, 1), head = parameters.add("head", 1, kHidden);

  MinimalGatedUnit() {
    std::uint64_t stream = 0;
    for (const ParameterRef& at : {wf, wc, uf, uc, head})
      parameters.fill_uniform(at, 0.8, /*seed=*/1, stream++);
  }

  /// The weight as it is, or on a grid with a step a row, the row's largest weight at its end.
  template <class S>
  static Weight<S> weight(Tape<S>& tape, const ParameterRef& at, bool quantize) {
    const Weight<S> w = tape.weight(at);
    if (!quantize) return w;
    const Weight<S> scale{tape.arena().template matrix<S>(at.rows, 1), {}};
    for (int r = 0; r < at.rows; ++r) {
      S largest = S(1e-6);
      for (int c = 0; c < at.cols; ++c) largest = std::max(largest, std::abs(w.value.at(r, c)));
      scale.value.at(r, 0) = largest / S(kThreeBits.high);
    }
    return fake_quant(tape, w, scale, kThreeBits);
  }

  /// x [T][1][B] to the answer after the last step, [1][1][B].
  template <class S>
  Var<S> operator()(Tape<S>& tape, Var<S> x, bool quantize) const {
    const Weight<S> Wf = weight(tape, wf, quantize), Wc = weight(tape, wc, quantize);
    const Weight<S> Uf = weight(tape, uf, quantize), Uc = weight(tape, uc, quantize);
    const Weight<S> bias_f = tape.weight(bf), bias_c = tape.weight(bc);
    Var<S> h = tape.input(tape.arena().template zero_sequence<S>(1, kHidden, x.batch()));
    for (int t = 0; t < x.steps(); ++t) {
      const Var<S> xt = steps_of(x, t, 1);
      const Var<S> f = sigmoid(tape, add(tape, linear(tape, xt, Wf, bias_f), linear(tape, h, Uf)));
      const Var<S> kept = linear(tape, multiply(tape, f, h), Uc);
      const Var<S> c = tanh(tape, add(tape, linear(tape, xt, Wc, bias_c), kept));
      h = add(tape, h, multiply(tape, f, subtract(tape, c, h)));
    }
    return linear(tape, h, weight(tape, head, quantize));
  }
};

/// Numbers in [-1, 1]; the first of each trace is the answer.
template <class S>
Var<S> loss_of(const MinimalGatedUnit& cell, Tape<S>& tape, Random& random, int batch,
               bool quantize) {
  const auto x = tape.arena().template zero_sequence<S>(kSteps, 1, batch);
  for (int t = 0; t < kSteps; ++t)
    for (int b = 0; b < batch; ++b) x.at(t, 0, b) = static_cast<S>(random.uniform(-1.0, 1.0));
  return mean_squared_error(tape, cell(tape, tape.input(x), quantize), x.slice(0, 1));
}

void train(MinimalGatedUnit& cell, int rounds, bool quantize) {
  AdamOptimizer adam(cell.parameters.size());
  Random random(/*seed=*/2, /*stream=*/quantize);
  Buffer<float> gradients(cell.parameters.size());
  Arena arena;
  for (int round = 0; round < rounds; ++round) {
    arena.reset();
    std::fill(gradients.begin(), gradients.end(), 0.0f);
    Tape<float> tape(arena, cell.parameters.bind(gradients.data()));
    tape.backward(loss_of(cell, tape, random, kBatch, quantize));
    adam.step(cell.parameters.data(), gradients.data(), round < rounds / 2 ? 0.01 : 0.002);
  }
}

double test(const MinimalGatedUnit& cell, bool quantize) {
  Arena arena;
  Tape<float> tape(arena, cell.parameters.bind());
  Random random(/*seed=*/3, /*stream=*/0);
  return loss_of(cell, tape, random, 4096, quantize).value.at(0, 0, 0);
}

/// Of the cell in floats; a grid has no slope to compare with.
double check(MinimalGatedUnit& cell) {
  std::vector<double> weights(cell.parameters.data(),
                              cell.parameters.data() + cell.parameters.size());
  return check_gradients(
             [&](Tape<double>& tape, const std::vector<Var<double>>&) {
               Random random(/*seed=*/4, /*stream=*/0);
               return loss_of(cell, tape, random, 3, false);
             },
             {}, {weights.data(), 1, static_cast<int>(weights.size())})
      .worst;
}

}  // namespace

int main() try {
  MinimalGatedUnit cell;
  const double worst = check(cell);
  std::printf("gradients of the cell beside finite differences: worst relative error %.1e\n",
              worst);
  train(cell, 1500, false);
  const double floats = test(cell, false), rounded = test(cell, true);
  train(cell, 1500, true);
  const double trained = test(cell, true);
  std::printf("mean squared error (always answering 0: 0.333)\n");
  std::printf("  float weights                    %.5f\n", floats);
  std::printf("  3 bits, rounded after training   %.5f\n", rounded);
  std::printf("  3 bits, trained with rounding    %.5f\n", trained);
  const bool good = worst < 1e-7 && floats < 0.01 && trained < 0.5 * rounded;
  std::printf("%s\n", good ? "It has learned to live with 3 bits." : "It has not worked out.");
  return good ? 0 : 1;
} catch (const Error& error) {
  std::fprintf(stderr, "teach_quantization: %s\n", error.what());
  return 1;
}
