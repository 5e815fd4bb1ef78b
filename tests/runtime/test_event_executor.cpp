// Sequences whose events come in any order beside the engine on each sequence alone: the same bits.

#include "executor_testing.h"
#include "taugate/core/parallel.h"
#include "taugate/quant/ptq/quantize.h"
#include "taugate/runtime/event_executor.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

constexpr std::size_t kSequences = 53, kEvents = 2600;

Model network_of(int features, GruForm form, const std::vector<int>& hidden) {
  Network network = encoder_network({.gates = 200, .outputs = 2, .hidden = hidden, .form = form});
  network.features = features;
  Model model(network);
  model.initialise(3);
  return model;
}

/// One sequence of that length by a BatchExecutor.
void run_alone(const Model& model, int length, std::span<const float> input,
               std::span<float> output) {
  Network network = model.description();
  network.gates = length;
  Model alone(network);
  alone.parameters().take_from(model.parameters());
  Running<BatchExecutor>(alone).run(input, output);
}
void run_alone(IntegerModel model, int length, std::span<const float> input,
               std::span<float> output) {
  model.description.gates = length;
  Running<BatchExecutor>(model).run(input, output);
}

template <class AnyModel>
void set_beside_batches(const AnyModel& model, const Network& network) {
  const auto F = static_cast<std::size_t>(network.features);
  Random rng(4, 2);
  std::vector<std::uint32_t> sequence(kEvents);
  std::vector<float> input(kEvents * F);
  for (auto& s : sequence) {  // some have none, some many
    const double u = rng.uniform();
    s = static_cast<std::uint32_t>(u * u * u * (kSequences - 2));
  }
  for (float& x : input) x = static_cast<float>(rng.uniform(-1.0, 1.0));

  EventExecutor events(model, kSequences);
  ThreadScratch scratch;
  std::vector<float> found(kSequences * 2);
  for (int round = 0; round < 2; ++round) {  // in pieces, and at once
    events.reset();
    const std::size_t piece = round == 0 ? 701 : kEvents;
    for (std::size_t first = 0; first < kEvents; first += piece) {
      const std::size_t n = std::min(piece, kEvents - first);
      events.push(scratch, std::span(sequence).subspan(first, n),
                  std::span(input).subspan(first * F, n * F));
    }
    events.read(scratch, 0, found);
    std::vector<float> few(6);
    events.read(scratch, 17, few);
    CHECK(std::equal(few.begin(), few.end(), found.begin() + 34));
    for (std::size_t s = 0; s < kSequences; ++s) {
      std::vector<float> own;
      for (std::size_t e = 0; e < kEvents; ++e)
        if (sequence[e] == s) own.insert(own.end(), &input[e * F], &input[e * F] + F);
      REQUIRE(events.events(s) == own.size() / F);
      if (own.empty()) continue;
      std::vector<float> wanted(2);
      run_alone(model, static_cast<int>(own.size() / F), own, wanted);
      CAPTURE(s);
      CHECK(wanted[0] == found[2 * s]);
      CHECK(wanted[1] == found[2 * s + 1]);
    }
  }
}

}  // namespace

TEST_CASE("events of many sequences give the bits of each sequence alone, in floats") {
  for (const int features : {1, 2})
    for (const auto form : {GruForm::reset_after, GruForm::reset_before})
      for (const std::vector<int>& hidden : {std::vector{12}, {5, 9}}) {
        CAPTURE(features);
        CAPTURE(hidden);
        const Model model = network_of(features, form, hidden);
        set_beside_batches(model, model.description());
      }
}

TEST_CASE("and in integers, which equal the definition's") {
  for (const int features : {1, 2})
    for (const Widths& widths : {widths_8bit(), widths_16bit()}) {
      CAPTURE(features);
      CAPTURE(widths.operand_frac_bits);
      const Model model = network_of(features, GruForm::reset_after, {12});
      QuantizeOptions options;
      options.widths = widths;
      const IntegerModel integers = quantize(model, options);
      set_beside_batches(integers, integers.description);

      // The best kernels beside the slow twin, on whole traces of two values a step.
      Random rng(5, 5);
      std::vector<float> input(37 * integers.description.input_size());
      for (float& x : input) x = static_cast<float>(rng.uniform(-1.0, 1.0));
      std::vector<float> fast(37 * 2), slow(fast.size());
      ThreadScratch scratch;
      IntegerExecutor(integers).run(scratch, input, fast);
      IntegerExecutor(integers, nullptr).run(scratch, input, slow);
      CHECK(fast == slow);
    }
}

TEST_CASE("what an event executor refuses leaves it as it was") {
  const Model model = network_of(2, GruForm::reset_after, {4});
  EventExecutor events(model, 3);
  ThreadScratch scratch;
  const std::vector<std::uint32_t> one{1}, beyond{1, 3};
  events.push(scratch, one, std::vector<float>{0.5f, 0.1f});
  std::vector<float> before(6), after(6);
  events.read(scratch, 0, before);
  CHECK_THROWS_AS(events.push(scratch, beyond, std::vector<float>(4)), Error);
  CHECK_THROWS_AS(events.push(scratch, one, std::vector<float>(1)), Error);
  CHECK_THROWS_AS(events.read(scratch, 2, after), Error);
  events.read(scratch, 0, after);
  CHECK(before == after);
  CHECK(events.events(1) == 1);
  CHECK(events.events(0) == 0);
  CHECK_THROWS_AS(EventExecutor(Model(seq2seq({.gates = 5, .hidden = {3}})), 2), Error);
}
