// Lanes of 16 bits and one trace alone against the slow twin, where sums, gates and states sit at
// the ends of their ranges.

#include <map>

#include "quant/quant_testing.h"
#include "runtime/integer_plan.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

struct Corner {
  int gate_preact_frac_bits = 12, candidate_preact_frac_bits = 12, weight_bits = 8;
  double loudness = 1.0;  ///< of the sums: from 1 to nearly all saturated
  bool pure_shift = false;
};

/// A model of the default widths but for these.
IntegerModel corner_model(const Corner& corner, const std::vector<int>& hidden, Random& rng) {
  Widths widths = widths_8bit();
  widths.gate_preact_frac_bits = corner.gate_preact_frac_bits;
  widths.candidate_preact_frac_bits = corner.candidate_preact_frac_bits;
  widths.weight_bits = corner.weight_bits;
  IntegerModel model = random_model({.widths = widths,
                                     .hidden = hidden,
                                     .gates = 33,
                                     .outputs = 2,
                                     .pure_shift = corner.pure_shift},
                                    rng);
  for (IntegerLayer& layer : model.layers)
    for (Requantizer& by : layer.requantizers)
      by = nearest_requantizer(by.multiplier * std::ldexp(corner.loudness, -by.shift));
  model.validate();
  return model;
}

/// How often values of a node are the lowest and the highest that they can be.
struct Ends {
  int low = 0, high = 0;
};
std::map<TensorId, Ends> ends_of(const IntegerModel& model, Random& rng) {
  const std::map<TensorId, std::pair<std::int64_t, std::int64_t>> limits{
      {TensorId::reset_preact, {-32768, 32767}},
      {TensorId::update_preact, {-32768, 32767}},
      {TensorId::input_preact, {-32768, 32767}},
      {TensorId::recurrent_preact, {-32768, 32767}},
      {TensorId::candidate_preact, {-32768, 32767}},
      {TensorId::reset_gate, {0, 128}},
      {TensorId::update_gate, {0, 128}},
      {TensorId::operand, {-127, 127}}};
  std::map<TensorId, Ends> ends;
  const Arithmetic a(model.widths, model.form(), model.activation());
  const IntegerLayer& layer = model.layers[0];
  std::vector<std::int32_t> state(static_cast<std::size_t>(layer.hidden)), x(1);
  StepScratch scratch(layer.hidden);
  for (int t = 0; t < 33; ++t) {
    x[0] = random_between(rng, -127, 127);
    gru_step(a, layer, x.data(), state.data(), scratch,
             [&](TensorId node, int, std::int64_t value) {
               const auto limit = limits.find(node);
               if (limit == limits.end()) return;
               ends[node].low += value == limit->second.first;
               ends[node].high += value == limit->second.second;
             });
  }
  return ends;
}

}  // namespace

TEST_CASE("lanes of 16 bits and one trace alone equal the slow twin at every corner") {
  std::uint64_t stream = 0;
  for (const simd::IntegerKernels* kernels : simd::integer_kernels())
    for (int weight_bits : {2, 8, 14})
      for (int fraction = 8; fraction <= 14; ++fraction)
        for (double loudness : {0.25, 4.0, 100.0})
          for (const std::vector<int>& hidden : {std::vector{40}, {5, 33}}) {
            if (weight_bits > 32 / kernels->operands_per_word) continue;
            CAPTURE(kernels->name);
            CAPTURE(stream);
            Random rng(21, stream++);
            const IntegerModel model = corner_model({.gate_preact_frac_bits = fraction,
                                                     .candidate_preact_frac_bits = 22 - fraction,
                                                     .weight_bits = weight_bits,
                                                     .loudness = loudness,
                                                     .pure_shift = stream % 4 == 0},
                                                    hidden, rng);
            Running<IntegerExecutor> engine(model, kernels), twin(model, nullptr);
            REQUIRE(engine.executor.arch() == kernels->name);
            const std::size_t T = 33, N = 39;  // side by side; then one after the other
            std::vector<std::int16_t> input(N * T);
            for (auto& word : input)
              word = static_cast<std::int16_t>(random_between(rng, -128, 127));
            std::vector<std::int64_t> words(N * T * 2), wanted(N * T * 2), alone(T * 2);
            twin.run_words(input, wanted);
            engine.run_words(input, words);
            REQUIRE(words == wanted);
            for (std::size_t i : {0u, 38u}) {
              engine.run_words(std::span(input).subspan(i * T, T), alone);
              REQUIRE(std::equal(alone.begin(), alone.end(),
                                 wanted.begin() + static_cast<std::ptrdiff_t>(i * T * 2)));
            }
          }
}

TEST_CASE("those models reach both ends of every range, and both ways to a sum") {
  Random rng(22, 0);
  std::map<TensorId, Ends> ends;
  for (double loudness : {4.0, 100.0})
    for (const auto& [node, found] :
         ends_of(corner_model({.loudness = loudness}, {40}, rng), rng)) {
      ends[node].low += found.low;
      ends[node].high += found.high;
    }
  CHECK(ends.size() == 8);
  for (const auto& [node, found] : ends) {
    const int number = static_cast<int>(node);  // clang 14 captures no binding
    CAPTURE(number);
    CHECK(found.low > 0);
    CHECK(found.high > 0);
  }
  // Accumulators of wide weights are beyond floats; then no trace runs alone.
  for (const simd::IntegerKernels* kernels : simd::integer_kernels()) {
    const auto quiet = make_int32_plan(corner_model({}, {40}, rng), *kernels);
    const auto loud = make_int32_plan(corner_model({.weight_bits = 14}, {40}, rng), *kernels);
    CHECK(quiet->has_single() == kernels->fuses);
    CHECK(!loud->has_single());
  }
}
