// The encoder-decoder: its sizes as the literature counts them, its values beside a plain model
// that is written from the equations, its gradients beside finite differences.

#include <array>
#include <map>
#include <numeric>
#include <vector>

#include "executor_testing.h"
#include "taugate/autograd/gradcheck.h"
#include "taugate/core/parallel.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

constexpr std::array kForms{GruForm::reset_after, GruForm::reset_before};
constexpr std::array kActivations{Activation::smooth, Activation::hard};

Model make_model(Seq2SeqConfig config, std::uint64_t seed) {
  Model model(std::move(config));
  // initialise() leaves the GRUs' biases at zero, which would hide a lost bias.
  Random rng(seed, 0);
  for (const auto& entry : model.parameters().entries())
    fill_normal(model.parameters().data() + entry.at.offset,
                model.parameters().matrix(entry.at).size(), rng, 0.4);
  return model;
}

/// Uniform traces [count][T], as a simulator would hand them over.
std::vector<float> make_traces(int count, int T, std::uint64_t seed) {
  Random rng(seed, 1);
  std::vector<float> traces(static_cast<std::size_t>(count) * T);
  for (float& x : traces) x = static_cast<float>(rng.uniform());
  return traces;
}

/// The network in double, one trace at a time, one number at a time: its definition.
class PlainModel {
 public:
  explicit PlainModel(const Model& model) : config_(seq2seq_config(model.description())) {
    for (const auto& entry : model.parameters().entries()) {
      const float* from = model.parameters().data() + entry.at.offset;
      const auto count = static_cast<std::size_t>(entry.at.rows) * entry.at.cols;
      tensors_[entry.name].assign(from, from + count);
    }
  }

  /// SFD [T][C] of the TPSF [T].
  std::vector<double> operator()(const float* tpsf) const {
    using Steps = std::vector<std::vector<double>>;
    const std::size_t layers = config_.hidden.size();
    Steps y;
    for (int t = 0; t < config_.gates; ++t) y.push_back({tpsf[t]});
    std::vector<std::vector<double>> states;
    for (std::size_t k = 0; k < layers; ++k) {
      std::vector<double> h(static_cast<std::size_t>(config_.hidden[k]));
      for (auto& step : y) step = h = gru_step("encoder." + std::to_string(k), step, h);
      states.push_back(h);
    }
    for (auto& step : y) step.clear();  // the decoder's input is nothing
    for (std::size_t k = 0; k < layers; ++k)
      for (auto& step : y)
        step = states[k] = gru_step("decoder." + std::to_string(k), step, states[k]);
    std::vector<double> sfd;
    for (const auto& step : y)
      for (int c = 0; c < config_.outputs; ++c)
        sfd.push_back(row("head.weight", c, step) + bias("head.bias", c));
    return sfd;
  }

 private:
  double row(const std::string& name, int m, const std::vector<double>& x) const {
    double sum = 0.0;
    for (std::size_t k = 0; k < x.size(); ++k) sum += tensors_.at(name)[m * x.size() + k] * x[k];
    return sum;
  }
  double bias(const std::string& name, int m) const {
    const auto it = tensors_.find(name);
    return it == tensors_.end() ? 0.0 : it->second[static_cast<std::size_t>(m)];
  }
  double gate(double x) const {
    return config_.activation == Activation::hard ? std::clamp(0.5 * x + 0.5, 0.0, 1.0)
                                                  : 1.0 / (1.0 + std::exp(-x));
  }
  double candidate(double x) const {
    return config_.activation == Activation::hard ? std::clamp(x, -1.0, 1.0) : std::tanh(x);
  }
  std::vector<double> gru_step(const std::string& layer, const std::vector<double>& x,
                               const std::vector<double>& h) const {
    const int H = static_cast<int>(h.size());
    const auto input = [&](int m) {
      return (x.empty() ? 0.0 : row(layer + ".weight_ih", m, x)) + bias(layer + ".bias_ih", m);
    };
    const auto recurrent = [&](int m, const std::vector<double>& state) {
      return row(layer + ".weight_hh", m, state) + bias(layer + ".bias_hh", m);
    };
    std::vector<double> r, next, gated;
    for (int i = 0; i < H; ++i) r.push_back(gate(input(i) + recurrent(i, h)));
    for (int i = 0; i < H; ++i) gated.push_back(r[i] * h[i]);
    for (int i = 0; i < H; ++i) {
      const double z = gate(input(H + i) + recurrent(H + i, h));
      const double part = config_.form == GruForm::reset_after ? r[i] * recurrent(2 * H + i, h)
                                                               : recurrent(2 * H + i, gated);
      const double n = candidate(input(2 * H + i) + part);
      next.push_back((1.0 - z) * n + z * h[i]);
    }
    return next;
  }

  Seq2SeqConfig config_;
  std::map<std::string, std::vector<double>> tensors_;
};

}  // namespace

TEST_CASE("parameter counts are the published ones") {
  const Model teacher({.gates = 135, .outputs = 1, .hidden = {128, 128}});
  CHECK(teacher.published_parameter_count() == 298'881);
  CHECK(teacher.parameters().count() == 298'881 - 3 * 128);
  const Model student({.gates = 135, .outputs = 1, .hidden = {32}, .form = GruForm::reset_before});
  CHECK(student.published_parameter_count() == 6'561);
  CHECK(student.parameters().count() == 6'561 - 3 * 32);
}

TEST_CASE("tensors have PyTorch's names and shapes") {
  const Model model({.gates = 70, .outputs = 3, .hidden = {64, 16}});
  const std::vector<std::tuple<std::string, int, int>> wanted{{"encoder.0.weight_ih", 192, 1},
                                                              {"encoder.0.weight_hh", 192, 64},
                                                              {"encoder.0.bias_ih", 192, 1},
                                                              {"encoder.0.bias_hh", 192, 1},
                                                              {"encoder.1.weight_ih", 48, 64},
                                                              {"encoder.1.weight_hh", 48, 16},
                                                              {"encoder.1.bias_ih", 48, 1},
                                                              {"encoder.1.bias_hh", 48, 1},
                                                              {"decoder.0.weight_hh", 192, 64},
                                                              {"decoder.0.bias_ih", 192, 1},
                                                              {"decoder.0.bias_hh", 192, 1},
                                                              {"decoder.1.weight_ih", 48, 64},
                                                              {"decoder.1.weight_hh", 48, 16},
                                                              {"decoder.1.bias_ih", 48, 1},
                                                              {"decoder.1.bias_hh", 48, 1},
                                                              {"head.weight", 3, 16},
                                                              {"head.bias", 3, 1}};
  std::vector<std::tuple<std::string, int, int>> found;
  for (const auto& entry : model.parameters().entries())
    found.emplace_back(entry.name, entry.at.rows, entry.at.cols);
  CHECK(found == wanted);
}

TEST_CASE("multiply-accumulates, counted by hand") {
  // Encoder 3*4*(1+4) + 3*3*(4+3), decoder 3*4*4 + 3*3*(4+3), head 2*3: 240 a step.
  CHECK(Model({.gates = 5, .outputs = 2, .hidden = {4, 3}}).multiply_accumulates() == 5 * 240);
  // Of a single unit every matrix is one column: 3*(1+1) + 3*1 + 1.
  CHECK(Model({.gates = 7, .outputs = 1, .hidden = {1}}).multiply_accumulates() == 7 * 10);
}

TEST_CASE("configurations out of range are refused") {
  const auto refused = [](Seq2SeqConfig config) { CHECK_THROWS_AS(Model{config}, UsageError); };
  refused({.gates = 0, .hidden = {4}});
  refused({.gates = 65'537, .hidden = {4}});
  refused({.gates = 5, .outputs = 0, .hidden = {4}});
  refused({.gates = 5, .outputs = 65, .hidden = {4}});
  refused({.gates = 5, .hidden = {}});
  refused({.gates = 5, .hidden = {4, 0}});
  refused({.gates = 5, .hidden = {4097}});
  refused({.gates = 5, .hidden = std::vector<int>(17, 4)});
}

TEST_CASE("initialisation: the seed decides, and recurrent gates are orthogonal") {
  Model a({.gates = 5, .hidden = {6, 4}}), b({.gates = 5, .hidden = {6, 4}});
  const auto equal = [&] {
    return std::equal(a.parameters().data(), a.parameters().data() + a.parameters().size(),
                      b.parameters().data());
  };
  a.initialise(7);
  b.initialise(8);
  CHECK_FALSE(equal());
  b.initialise(7);
  CHECK(equal());
  for (const auto& entry : a.parameters().entries()) {
    if (entry.name.find("weight_hh") == std::string::npos) continue;
    const Matrix<float> u = a.parameters().matrix(entry.at);
    for (int gate = 0; gate < 3; ++gate)
      for (int i = 0; i < u.cols; ++i)
        for (int j = 0; j < u.cols; ++j) {
          double dot = 0.0;
          for (int k = 0; k < u.cols; ++k)
            dot += static_cast<double>(u.at(gate * u.cols + i, k)) * u.at(gate * u.cols + j, k);
          CHECK(close(dot, i == j ? 1.0 : 0.0, 1e-6));
        }
  }
}

TEST_CASE("predict gives what the equations give") {
  constexpr int T = 9, C = 3, N = 5;
  for (GruForm form : kForms)
    for (Activation activation : kActivations)
      for (const std::vector<int>& hidden :
           {std::vector{5}, std::vector{6, 3}, std::vector{3, 4, 7}}) {
        CAPTURE(name_of(form));
        CAPTURE(name_of(activation));
        CAPTURE(hidden.size());
        const Model model = make_model({T, C, hidden, form, activation}, 11);
        const PlainModel plain(model);
        const auto tpsf = make_traces(N, T, 12);
        std::vector<float> sfd(tpsf.size() * C);
        predict(model, tpsf, sfd);
        for (int b = 0; b < N; ++b) {
          const auto wanted = plain(tpsf.data() + b * T);
          for (int i = 0; i < T * C; ++i)
            CHECK(close(sfd[static_cast<std::size_t>(b * T * C + i)], wanted[i], 1e-5));
        }
      }
}

TEST_CASE("predict equals one tape over all traces, whatever the threads and the order") {
  constexpr int T = 9, C = 3, N = 77;  // two slices of 32 and a tail that is no whole SIMD block
  const Model model = make_model({.gates = T, .outputs = C, .hidden = {6, 5}}, 21);
  const auto tpsf = make_traces(N, T, 22);

  Arena arena;
  Tape<float> tape(arena, model.parameters().bind());
  const auto x = arena.zero_sequence<float>(T, 1, N);
  for (int b = 0; b < N; ++b)
    for (int t = 0; t < T; ++t) x.at(t, 0, b) = tpsf[static_cast<std::size_t>(b * T + t)];
  const Var<float> y = model(tape, tape.input(x));
  std::vector<float> wanted;
  for (int b = 0; b < N; ++b)
    for (int t = 0; t < T; ++t)
      for (int c = 0; c < C; ++c) wanted.push_back(y.value.at(t, c, b));

  std::vector<float> alone;
  const int threads = thread_count();
  for (int count : {1, 2, 3}) {
    CAPTURE(count);
    set_thread_count(count);
    std::vector<float> sfd(wanted.size());
    predict(model, tpsf, sfd);
    // The engine's gates are within 2e-6 of libm, as the tape's are, by another formula.
    double worst = 0.0;
    for (std::size_t i = 0; i < sfd.size(); ++i)
      worst = std::max(worst, static_cast<double>(std::abs(sfd[i] - wanted[i])));
    CHECK(worst <= 1e-5);
    if (count > 1) CHECK(sfd == alone);
    alone = sfd;
  }
  set_thread_count(threads);

  std::vector<float> reversed, back(wanted.size());
  for (int b = N - 1; b >= 0; --b)
    reversed.insert(reversed.end(), tpsf.begin() + b * T, tpsf.begin() + (b + 1) * T);
  predict(model, reversed, back);
  for (int b = 0; b < N; ++b)
    CHECK(std::equal(alone.begin() + b * T * C, alone.begin() + (b + 1) * T * C,
                     back.begin() + (N - 1 - b) * T * C));

  // The same traces as images, one a gate.
  std::vector<float> images(tpsf.size()), decays(wanted.size()), turned(wanted.size());
  for (int b = 0; b < N; ++b)
    for (int t = 0; t < T; ++t) images[t * N + b] = tpsf[b * T + t];
  testing::Running<BatchExecutor>(model).run(images, decays, TraceOrder::by_gate);
  for (int b = 0; b < N; ++b)
    for (int t = 0; t < T; ++t)
      for (int c = 0; c < C; ++c) turned[(b * T + t) * C + c] = decays[(t * C + c) * N + b];
  CHECK(turned == alone);

  std::vector<float> none;
  CHECK_NOTHROW(predict(model, none, none));
  CHECK_THROWS_AS(predict(model, std::span(tpsf).first(T + 1), back), Error);
  CHECK_THROWS_AS(predict(model, tpsf, std::span(back).first(T * N)), Error);
  CHECK_THROWS_AS(model(tape, tape.input(arena.zero_sequence<float>(T, 2, N))), Error);
}

TEST_CASE("the whole network's gradients beside finite differences, in double") {
  constexpr int T = 5, C = 3, B = 3;
  Random rng(31, 2);
  const OwnedSequence<double> x(T, 1, B, rng), probe(T, C, B, rng);
  for (GruForm form : kForms)
    for (Activation activation : kActivations) {
      CAPTURE(name_of(form));
      CAPTURE(name_of(activation));
      const Model model = make_model({T, C, {4, 3}, form, activation}, 32);
      const Parameters& parameters = model.parameters();
      Buffer<double> block(parameters.size());
      std::copy_n(parameters.data(), parameters.size(), block.data());
      // Hard activations have corners: a small step keeps the difference on one side of them.
      const double step = activation == Activation::hard ? 2e-5 : 1e-3;
      const GradientCheck result = check_gradients(
          [&](Tape<double>& tape, const std::vector<Var<double>>& v) {
            return weighted_sum(tape, model(tape, v[0]), probe.view);
          },
          {x.view}, {block.data(), 1, static_cast<int>(block.size())}, step);
      INFO("worst at ", result.where, ": analytic ", result.analytic, ", numeric ", result.numeric);
      CHECK(result.worst <= 1e-7);
      CHECK(result.entries == T * B + parameters.size());
    }
}

TEST_CASE(
    "a network may be any list of layers: fed by the one before, from zeros, from an earlier "
    "state") {
  constexpr int T = 9, N = 37;
  Network network{.gates = T, .layers = {}, .head = {.outputs = 2}};
  network.layers = {{.name = "a", .units = 5, .reads = GruSpec::Reads::trace},
                    {.name = "b", .units = 7, .form = GruForm::reset_before},
                    {.name = "c", .units = 5, .starts_from = 0}};
  Model model(network);
  model.initialise(1);
  const Gru &a = model.layers()[0], &b = model.layers()[1], &c = model.layers()[2];

  Random rng(4, 4);
  std::vector<float> input(N * T), output(N * T * 2);
  fill_normal(input.data(), input.size(), rng);
  testing::Running<BatchExecutor>(model).run(input, output);

  Arena arena;
  Tape<float> tape(arena, model.parameters().bind());
  const auto x = arena.zero_sequence<float>(T, 1, N);
  for (int i = 0; i < N; ++i)
    for (int t = 0; t < T; ++t) x.at(t, 0, i) = input[static_cast<std::size_t>(i * T + t)];
  const Var<float> ya = a(tape, tape.input(x));
  const Var<float> y = model.head()(tape, c(tape, b(tape, ya), last_step(ya)));
  for (int i = 0; i < N; ++i)
    for (int t = 0; t < T; ++t)
      for (int k = 0; k < 2; ++k)
        CHECK(close(output[static_cast<std::size_t>((i * T + t) * 2 + k)], y.value.at(t, k, i),
                    1e-5));

  network.layers[2].starts_from = 1;
  CHECK_THROWS_WITH_AS(Model{network}, doctest::Contains("layer 2"), Error);
}

TEST_CASE("one trace alone gives what it gives among others, up to rounding") {
  constexpr int T = 40, N = 3;
  Random rng(4, 5);
  std::vector<float> input(N * T);
  fill_normal(input.data(), input.size(), rng);
  for (const auto kind : {Activation::smooth, Activation::hard})
    for (const std::vector<int>& hidden : {std::vector{1},
                                           {13},
                                           {16, 5},
                                           {33},
                                           {64, 17},
                                           {128},
                                           {16, 16},
                                           {9, 9, 9},
                                           {30, 30},
                                           {64, 64}})
      for (const int outputs : {1, 3, 17}) {
        CAPTURE(hidden);
        CAPTURE(outputs);
        Model model({.gates = T, .outputs = outputs, .hidden = hidden, .activation = kind});
        model.initialise(7);
        for (std::size_t i = 0; i < model.parameters().size(); ++i)  // biases too
          model.parameters().data()[i] += static_cast<float>(0.05 * rng.normal());
        testing::Running<BatchExecutor> batch(model);
        testing::Running<LowLatencyExecutor> one(model);
        std::vector<float> together(N * T * outputs), alone(T * outputs);
        batch.run(input, together);
        for (int i = 0; i < N; ++i) {
          one.run(std::span<const float>(input).subspan(i * T, T), alone);
          double worst = 0.0;
          for (int j = 0; j < T * outputs; ++j)
            worst = std::max<double>(worst, std::abs(alone[j] - together[i * T * outputs + j]));
          CHECK(worst < 1e-5);
        }
      }
}
