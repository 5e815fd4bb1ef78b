// The scalar engine against the same network in doubles: == on every output of random models in all
// settings.

#include "allocation_trap.h"
#include "fli/io_testing.h"
#include "quant/quant_testing.h"
#include "taugate/core/parallel.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

/// Settings that differ in every width.
std::vector<Widths> settings() {
  std::vector<Widths> all{widths_8bit(), widths_16bit()};
  const auto variant = [&](auto change) { change(all.emplace_back()); };
  variant([](Widths& w) { w.state_frac_bits = 7; });
  variant([](Widths& w) { w.state_frac_bits = 11, w.candidate_frac_bits = 7; });
  variant([](Widths& w) { w.state_frac_bits = 7, w.head_reads_state = true; });
  variant([](Widths& w) { w.step_reads_operand = true, w.candidate_frac_bits = 9; });
  variant([](Widths& w) { w.head_reads_state = true, w.product_frac_bits = 13; });
  variant([](Widths& w) { w.weight_bits = 4, w.gate_frac_bits = 2, w.output_bits = 9; });
  variant([](Widths& w) { w.weight_bits = 2, w.operand_frac_bits = 1, w.product_frac_bits = 1; });
  variant([](Widths& w) {
    w.preact_bits = 12, w.gate_preact_frac_bits = w.candidate_preact_frac_bits = 9;
  });
  variant([](Widths& w) { w.candidate_frac_bits = 22, w.state_frac_bits = 29; });
  variant([](Widths& w) { w.gate_frac_bits = 13, w.candidate_preact_frac_bits = 14; });
  variant([](Widths& w) { w.state_frac_bits = 3; });
  variant([](Widths& w) { w.state_frac_bits = 9, w.residual_bits = 4; });
  variant([](Widths& w) { w.write_back = WriteBack::feedback; });
  variant([](Widths& w) {
    w.write_back = WriteBack::feedback, w.state_frac_bits = 5, w.residual_bits = 2;
  });
  variant([](Widths& w) {
    w.write_back = WriteBack::feedback, w.operand_frac_bits = 3, w.state_frac_bits = 19;
    w.head_reads_state = true, w.accumulator_bits = 64;
  });
  variant([](Widths& w) { w.write_back = WriteBack::stochastic, w.state_frac_bits = 7; });
  variant([](Widths& w) {
    w.write_back = WriteBack::stochastic, w.step_reads_operand = true, w.candidate_frac_bits = 4;
    w.gate_frac_bits = 5, w.state_frac_bits = 8;
  });
  variant([](Widths& w) { w.input_extra = 3, w.product_frac_bits = 12, w.accumulator_bits = 64; });
  return all;
}

std::vector<std::int16_t> random_words(Random& rng, std::size_t count, int fraction) {
  std::vector<std::int16_t> words(count);
  const int most = (1 << fraction) - 1;
  for (auto& word : words)  // every fifth at a corner
    word = static_cast<std::int16_t>(rng.below(5) == 0 ? (rng.below(2) ? most : -most)
                                                       : random_between(rng, -most, most));
  return words;
}

int input_frac_bits(const Widths& w) { return w.operand_frac_bits + w.input_extra; }

void compare(const IntegerModel& model, Random& rng, std::size_t traces) {
  Running<IntegerExecutor> engine(model);
  const auto T = static_cast<std::size_t>(model.gates()),
             C = static_cast<std::size_t>(model.outputs());
  const auto input = random_words(rng, traces * T, input_frac_bits(model.widths));
  std::vector<std::int64_t> output(traces * T * C);
  engine.run_words(input, output);
  DoubleNetwork reference(model);
  for (std::size_t i = 0; i < traces; ++i) {
    std::vector<double> x;
    for (std::size_t t = 0; t < T; ++t)
      x.push_back(std::ldexp(input[i * T + t], -input_frac_bits(model.widths)));
    const std::vector<double> wanted = reference.run(x);
    for (std::size_t j = 0; j < wanted.size(); ++j)
      REQUIRE(static_cast<double>(output[i * T * C + j]) == wanted[j]);
  }
}

}  // namespace

TEST_CASE("the engine equals the network in doubles, in all settings") {
  std::uint64_t stream = 0;
  for (const Widths& widths : settings())
    for (GruForm form : {GruForm::reset_after, GruForm::reset_before})
      for (Activation activation : {Activation::smooth, Activation::hard})
        for (bool pure_shift : {false, true})
          for (const std::vector<int>& hidden : {std::vector{7}, {3, 5}, {6, 2, 4}}) {
            CAPTURE(stream);
            Random rng(17, stream++);
            const IntegerModel model = random_model({.form = form,
                                                     .activation = activation,
                                                     .widths = widths,
                                                     .hidden = hidden,
                                                     .gates = 11,
                                                     .outputs = 2,
                                                     .pure_shift = pure_shift},
                                                    rng);
            compare(model, rng, 4);
          }
}

TEST_CASE("every kernel of this machine equals the slow twin, in all settings, sizes and corners") {
  std::uint64_t stream = 0;
  std::size_t fast = 0, all = 0;
  for (const simd::IntegerKernels* kernels : simd::integer_kernels())
    for (const Widths& widths : settings())
      for (GruForm form : {GruForm::reset_after, GruForm::reset_before})
        for (Activation activation : {Activation::smooth, Activation::hard})
          for (const std::vector<int>& hidden : {std::vector{32}, {1, 9}, {17, 8, 3}}) {
            if (std::max(widths.operand_frac_bits + 1, widths.weight_bits) >
                32 / kernels->operands_per_word)
              continue;  // the engine never pairs these
            CAPTURE(kernels->name);
            CAPTURE(stream);
            Random rng(18, stream++);
            const IntegerModel model = random_model({.form = form,
                                                     .activation = activation,
                                                     .widths = widths,
                                                     .hidden = hidden,
                                                     .gates = 7,
                                                     .outputs = 3,
                                                     .pure_shift = stream % 3 == 0},
                                                    rng);
            Running<IntegerExecutor> engine(model, kernels), twin(model, nullptr);
            REQUIRE(twin.executor.arch() == "scalar");
            const bool counts = widths.write_back == WriteBack::stochastic;  // the trace's steps
            fast += engine.executor.arch() == (counts ? "scalar" : kernels->name);
            ++all;
            // One trace, half a block, a block of 16 or 32 and a tail; words over the grid and at
            // its ends.
            for (std::size_t traces : {1, 14, 19, 45}) {
              const auto input = random_words(rng, traces * 7, input_frac_bits(widths));
              std::vector<std::int64_t> words(traces * 21), wanted(traces * 21);
              engine.run_words(input, words);
              twin.run_words(input, wanted);
              REQUIRE(words == wanted);
            }
          }
  CHECK(fast == all);  // these settings all fit one kind of kernel
}

TEST_CASE("floats in are the words of their grid, floats out are words times a power of two") {
  Random rng(5, 0);
  const IntegerModel model = random_model({.gates = 13, .outputs = 3}, rng);
  Running<IntegerExecutor> engine(model);
  CHECK(engine.executor.steps() == 13);
  CHECK(engine.executor.outputs() == 3);
  std::vector<float> input(2 * 13), output(2 * 13 * 3);
  std::vector<std::int16_t> words(input.size());
  std::vector<std::int64_t> wanted(output.size());
  fill_normal(input.data(), input.size(), rng);
  input[3] = std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < input.size(); ++i)
    words[i] = static_cast<std::int16_t>(
        std::nearbyint(128.0f * std::clamp(input[i], -127.0f / 128, 127.0f / 128)));
  engine.run(input, output);
  engine.run_words(words, wanted);
  for (std::size_t i = 0; i < output.size(); ++i)
    CHECK(output[i] == static_cast<float>(wanted[i]) / 16384.0f);

  // A word beyond the grid saturates; so all results stay within what was proved.
  std::vector<std::int64_t> saturated(wanted.size());
  for (auto& word : words) word = word == -127 ? std::int16_t{-32768} : word;
  engine.run_words(words, saturated);
  CHECK(saturated == wanted);

  input[20] = std::numeric_limits<float>::quiet_NaN();
  CHECK(error_of([&] { engine.run(input, output); }) ==
        "[executor] trace 1, gate 7: found a value that is not a number");
  CHECK(contains(error_of([&] { engine.run(std::span(input).first(14), output); }),
                 "found 14 input"));
}

TEST_CASE("a trace's result depends neither on the others nor on the threads") {
  Random rng(6, 0);
  const IntegerModel model = random_model({.hidden = {9}, .gates = 12}, rng);
  const auto input = random_words(rng, 37 * 12, 7);
  std::vector<std::int64_t> together(37 * 12 * 2), alone(12 * 2);
  Running<IntegerExecutor> engine(model);
  const int threads = thread_count();
  set_thread_count(3);
  engine.run_words(input, together);
  set_thread_count(threads);
  for (std::size_t i : {0u, 17u, 36u}) {
    engine.run_words(std::span(input).subspan(i * 12, 12), alone);
    CHECK(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<long>(i) * 24));
  }
}

TEST_CASE("a run allocates nothing") {
  const int threads = thread_count();
  set_thread_count(2);
  Random rng(8, 0);
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
    Running<IntegerExecutor> engine(random_model({.form = form, .gates = 9}, rng));
    const std::vector<float> input(20 * 9, 0.5f);
    std::vector<float> output(20 * 9 * 2);
    engine.run(input, output);
    CHECK(allocations_of([&] { engine.run(input, output); }) == 0);
  }
  set_thread_count(threads);
}

TEST_CASE("by gate: the same numbers, as a camera delivers and shows them") {
  Random rng(9, 0);
  Running<IntegerExecutor> engine(random_model({.gates = 10, .outputs = 3}, rng));
  const std::size_t N = 5, T = 10, C = 3;
  const auto input = random_words(rng, N * T, 7);
  std::vector<std::int16_t> turned(input.size());
  for (std::size_t i = 0; i < N; ++i)
    for (std::size_t t = 0; t < T; ++t) turned[t * N + i] = input[i * T + t];
  std::vector<std::int64_t> by_trace(N * T * C), by_gate(by_trace.size());
  engine.run_words(input, by_trace);
  engine.run_words(turned, by_gate, TraceOrder::by_gate);
  for (std::size_t i = 0; i < N; ++i)
    for (std::size_t t = 0; t < T; ++t)
      for (std::size_t c = 0; c < C; ++c)
        CHECK(by_gate[(t * C + c) * N + i] == by_trace[(i * T + t) * C + c]);
}

TEST_CASE("an observer sees every value of a step, and its sums make the gates") {
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
    Random rng(7, 0);
    const IntegerModel model = random_model({.form = form, .hidden = {4}, .outputs = 3}, rng);
    const Arithmetic a(model.widths, model.form(), model.activation());
    const IntegerLayer& layer = model.layers[0];
    std::map<TensorId, std::vector<std::int64_t>> seen;
    const auto observe = [&](TensorId node, int unit, std::int64_t value) {
      auto& values = seen[node];
      REQUIRE(static_cast<int>(values.size()) == unit);
      values.push_back(value);
    };
    const std::vector<std::int32_t> before{100, -32767, 5000, 32767};
    std::vector<std::int32_t> state = before, x{-77};
    std::vector<std::int64_t> y(3);
    StepScratch scratch(4);
    gru_step(a, layer, x.data(), state.data(), scratch, observe);
    head_step(a, model, state.data(), y.data(), scratch, observe);
    CHECK(seen.size() == (form == GruForm::reset_after ? 11 : 10));
    CHECK(seen[TensorId::output] == y);
    for (std::size_t u = 0; u < 4; ++u) {
      CHECK(seen[TensorId::operand][u] == a.operand(before[u]));
      CHECK(seen[TensorId::reset_gate][u] == a.gate(seen[TensorId::reset_preact][u]));
      CHECK(seen[TensorId::update_gate][u] == a.gate(seen[TensorId::update_preact][u]));
      if (form == GruForm::reset_after)
        CHECK(seen[TensorId::candidate_preact][u] ==
              a.candidate_preact(seen[TensorId::input_preact][u], seen[TensorId::reset_gate][u],
                                 seen[TensorId::recurrent_preact][u]));
      else
        CHECK(seen[TensorId::product][u] == a.product(seen[TensorId::reset_gate][u], before[u]));
      CHECK(seen[TensorId::candidate][u] == a.candidate(seen[TensorId::candidate_preact][u]));
      CHECK(seen[TensorId::state][u] ==
            a.blend(seen[TensorId::update_gate][u], seen[TensorId::candidate][u], before[u]));
      CHECK(state[u] == seen[TensorId::state][u]);
    }
  }
}
