// Every kind of executor on every kind of network that a description can be: the values of the tape, or, of integers,
// those of the definition.

#include <unistd.h>

#include <cmath>

#include "allocation_trap.h"
#include "executor_testing.h"
#include "quant/integer/reference_executor.h"
#include "taugate/core/parallel.h"
#include "taugate/nn/model_file.h"
#include "taugate/nn/trainer.h"
#include "taugate/quant/integer/integer_model_file.h"
#include "taugate/quant/ptq/calibrate.h"
#include "taugate/quant/ptq/quantize.h"
#include "taugate/quant/ptq/weight_only.h"
#include "taugate/quant/qat/qat.h"
#include "taugate/simd/arch.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

constexpr int kGates = 11;

Network with_form(Network network, GruForm form, Activation activation) {
  for (GruSpec& layer : network.layers) layer.form = form, layer.activation = activation;
  return network;
}

/// A Seq2Seq, an encoder alone, one whose head looks at the last step of a decoder, and one with a second head.
std::vector<Network> networks() {
  const Seq2SeqConfig config{.gates = kGates, .outputs = 3, .hidden = {6, 19}};
  Network last_of_decoder = seq2seq(config);
  last_of_decoder.head.at = HeadSpec::At::last_step;
  Network two_heads = seq2seq(config);
  two_heads.encoder_outputs = 4;
  std::vector<Network> all;
  for (const Network& network :
       {seq2seq(config), encoder_network(config), last_of_decoder, two_heads})
    for (const GruForm form : {GruForm::reset_after, GruForm::reset_before})
      for (const Activation activation : {Activation::smooth, Activation::hard})
        all.push_back(with_form(network, form, activation));
  return all;
}

std::vector<Widths> widths_to_run() {
  std::vector<Widths> all(4);
  all[1].head_reads_state = true;  // in doubles
  all[1].weight_bits = 6;          // so that floats hold the head's accumulators in training
  all[2].write_back = WriteBack::feedback;
  all[2].state_frac_bits = 8;
  all[2].residual_bits = 4;
  all[3].write_back = WriteBack::stochastic;  // counts the steps of a trace
  all[3].state_frac_bits = 6;
  return all;
}

Model random_model(const Network& network, Random& rng) {
  Model model(network);
  model.initialise(3);
  for (std::size_t i = 0; i < model.parameters().size(); ++i)  // biases too
    model.parameters().data()[i] += static_cast<float>(0.1 * rng.normal());
  return model;
}

std::vector<float> random_traces(std::size_t count, Random& rng) {
  std::vector<float> traces(count * kGates);
  for (float& x : traces) x = static_cast<float>(rng.uniform(-0.3, 1.0));
  return traces;
}

std::vector<float> streamed(const auto& model, const std::vector<float>& traces) {
  const std::size_t N = traces.size() / kGates;
  StreamingExecutor stream(model, N);
  ThreadScratch scratch;
  for (std::size_t t = 0; t < kGates; ++t) {
    std::vector<float> gate;
    for (std::size_t i = 0; i < N; ++i) gate.push_back(traces[i * kGates + t]);
    stream.push(scratch, gate);
  }
  std::vector<float> output(N * BatchExecutor(model).output_size());
  stream.finish(scratch, output);
  return output;
}

std::vector<float> batched(const auto& model, const std::vector<float>& traces) {
  std::vector<float> output(traces.size() / kGates * BatchExecutor(model).output_size());
  predict(model, traces, output);
  return output;
}

/// One trace after the other.
std::vector<float> one_by_one(const auto& model, const std::vector<float>& traces) {
  Running<LowLatencyExecutor> executor(model);
  std::vector<float> output(traces.size() / kGates * executor.executor.output_size());
  executor.run(traces, output);
  return output;
}

}  // namespace

TEST_CASE("float executors give the tape's values for any network, a stream the bits of a batch") {
  Random rng(31, 0);
  for (const Network& network : networks()) {
    const std::string name = summary_of(network);
    CAPTURE(name);
    const Model model = random_model(network, rng);
    constexpr int N = 37;
    const std::vector<float> traces = random_traces(N, rng);
    Arena arena;
    Tape<float> tape(arena, model.parameters().bind());
    const auto x = arena.zero_sequence<float>(kGates, 1, N);
    for (int b = 0; b < N; ++b)
      for (int t = 0; t < kGates; ++t)
        x.at(t, 0, b) = traces[static_cast<std::size_t>(b * kGates + t)];
    const NetworkOutput<float> outputs = model.run(tape, tape.input(x));
    const Sequence<float> wanted = outputs.output.value, second = outputs.encoder_output.value;
    REQUIRE(second.empty() == (network.encoder_outputs == 0));
    REQUIRE(static_cast<std::size_t>(wanted.steps) == network.output_steps());

    const std::vector<float> batch = batched(model, traces), alone = one_by_one(model, traces);
    std::vector<float> by_gate(batch.size());
    ThreadScratch scratch;
    std::vector<float> turned(traces.size());
    for (std::size_t i = 0; i < traces.size(); ++i) turned[i % kGates * N + i / kGates] = traces[i];
    BatchExecutor(model).run(scratch, turned, by_gate, TraceOrder::by_gate);
    for (int b = 0; b < N; ++b) {
      auto at = static_cast<std::size_t>(b) * network.output_size();
      auto in_image = static_cast<std::size_t>(b);
      const auto check = [&](float value) {
        CHECK(close(batch[at], value, 1e-5));
        CHECK(close(alone[at], value, 1e-5));
        CHECK(by_gate[in_image] == batch[at++]);
        in_image += N;
      };
      for (int t = 0; t < wanted.steps; ++t)
        for (int c = 0; c < 3; ++c) check(wanted.at(t, c, b));
      for (int e = 0; e < network.encoder_outputs; ++e) check(second.at(0, e, b));
    }
    CHECK(streamed(model, traces) == batch);

    const std::vector<float> first(traces.begin(), traces.begin() + kGates);  // N = 1
    const std::vector<float> single = batched(model, first);
    CHECK(std::equal(single.begin(), single.end(), batch.begin()));
  }
}

TEST_CASE(
    "integer executors give the definition's integers for any network, from PTQ and from QAT") {
  Random rng(32, 0);
  for (const Network& network : networks())
    for (const Widths& widths : widths_to_run()) {
      const Model model = random_model(network, rng);
      QuantizeOptions options;
      options.widths = widths;
      const std::vector<float> traces = random_traces(45, rng);
      options.widths = with_ranges(
          options.widths, calibrate(model, options.widths, traces, CalibrationMethod::mse));
      const IntegerModel integers = quantize(model, options);

      const ReferenceExecutor reference(integers);
      ReferenceExecutor::Scratch s = reference.make_scratch();
      std::vector<float> wanted;
      for (std::size_t i = 0; i < traces.size(); i += kGates) {
        for (std::size_t t = 0; t < kGates; ++t) s.input[t] = reference.input_word(traces[i + t]);
        reference.run(s);
        for (const std::int64_t y : s.output)
          wanted.push_back(static_cast<float>(
              std::ldexp(static_cast<double>(y), -integers.widths.output_frac_bits)));
      }
      CHECK(batched(integers, traces) == wanted);
      CHECK(one_by_one(integers, traces) == wanted);
      CHECK(streamed(integers, traces) == wanted);
      Running<IntegerExecutor> twin(integers, nullptr);
      std::vector<float> output(wanted.size());
      twin.run(traces, output);
      CHECK(output == wanted);
      std::vector<std::int16_t> words;
      for (const float x : traces)
        words.push_back(static_cast<std::int16_t>(reference.input_word(x)));
      std::vector<std::int64_t> outputs(wanted.size());
      Running<IntegerExecutor>(integers).run_words(words, outputs);
      for (std::size_t i = 0; i < outputs.size(); ++i)
        CHECK(std::ldexp(static_cast<double>(outputs[i]), -integers.widths.output_frac_bits) ==
              double{wanted[i]});

      // Training with integers computes the same.
      QatNetwork qat(model, {.quantize = options});
      Arena arena;
      Tape<float> tape(arena, qat.parameters().bind());
      const auto x = arena.zero_sequence<float>(kGates, 1, 45);
      for (int b = 0; b < 45; ++b)
        for (int t = 0; t < kGates; ++t)
          x.at(t, 0, b) = traces[static_cast<std::size_t>(b * kGates + t)];
      const NetworkOutput<float> both = qat.run(tape, tape.input(x));
      const Sequence<float> y = both.output.value, second = both.encoder_output.value;
      std::vector<float> trained;
      for (int b = 0; b < 45; ++b) {
        for (int t = 0; t < y.steps; ++t)
          for (int c = 0; c < 3; ++c) trained.push_back(y.at(t, c, b));
        for (int e = 0; e < network.encoder_outputs; ++e) trained.push_back(second.at(0, e, b));
      }
      CHECK(trained == wanted);
    }
}

TEST_CASE("any network comes back from its file, in floats and in integers") {
  Random rng(33, 0);
  const auto path =
      std::filesystem::temp_directory_path() / concat("taugate_any_network_", ::getpid());
  for (const Network& network : networks()) {
    const Model model = random_model(network, rng);
    save_model(path, model, {});
    const Model loaded = load_model(path).model;
    CHECK(loaded.description() == network);
    const std::vector<float> traces = random_traces(3, rng);
    CHECK(batched(loaded, traces) == batched(model, traces));
    const IntegerModel integers = quantize(model);
    save_integer_model(path, integers);
    CHECK(load_integer_model(path).description == network);
    CHECK(batched(load_integer_model(path), traces) == batched(integers, traces));
    CHECK(round_weights(model, {}).description() == network);
  }
  std::filesystem::remove(path);
}

TEST_CASE(
    "a stream answers with its second head before the decoder runs: the same bits, no allocation") {
  Random rng(38, 0);
  const Model model = random_model(
      seq2seq({.gates = kGates, .outputs = 3, .hidden = {6, 19}, .encoder_outputs = 4}), rng);
  constexpr std::size_t N = 37, E = 4;
  const std::vector<float> traces = random_traces(N, rng);
  const auto check = [&](const auto& network) {
    const std::vector<float> batch = batched(network, traces);
    StreamingExecutor stream(network, N);
    ThreadScratch scratch;
    std::vector<float> gate(N), answers(N * E);
    for (std::size_t t = 0; t < kGates; ++t) {
      CHECK_THROWS_AS(stream.answer(scratch, answers), Error);
      for (std::size_t i = 0; i < N; ++i) gate[i] = traces[i * kGates + t];
      stream.push(scratch, gate);
    }
    stream.answer(scratch, answers);
    CHECK(allocations_of([&] { stream.answer(scratch, answers); }) == 0);
    Running<BatchExecutor> executor(network);
    std::vector<float> output(batch.size());
    executor.run(traces, output);
    CHECK(allocations_of([&] { executor.run(traces, output); }) == 0);
    const std::size_t O = batch.size() / N;
    for (std::size_t i = 0; i < answers.size(); ++i)
      CHECK(answers[i] == batch[i / E * O + O - E + i % E]);
  };
  check(model);
  check(quantize(model));
}

TEST_CASE("a trace's bits depend neither on the others nor on the threads") {
  Random rng(34, 0);
  const Model model = random_model(seq2seq({.gates = kGates, .outputs = 3, .hidden = {9}}), rng);
  const std::vector<float> traces = random_traces(50, rng), together = batched(model, traces);
  const std::size_t size = together.size() / 50;
  const int threads = thread_count();
  for (const int count : {1, 3}) {
    set_thread_count(count);
    CHECK(batched(model, traces) == together);
  }
  set_thread_count(threads);
  for (const std::size_t n : {1u, 2u, 15u, 16u, 17u}) {
    const std::vector<float> some(traces.end() - static_cast<std::ptrdiff_t>(n * kGates),
                                  traces.end());
    CHECK(std::equal(together.end() - static_cast<std::ptrdiff_t>(n * size), together.end(),
                     batched(model, some).begin()));
  }
}

TEST_CASE("an executor keeps the kernels that it was planned for") {
  Random rng(35, 0);
  const std::string architecture = simd::active_arch();
  for (const GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
    const Model model =
        random_model(with_form(seq2seq({.gates = kGates, .outputs = 3, .hidden = {21}}), form,
                               Activation::smooth),
                     rng);
    const IntegerModel integers = quantize(model);
    const std::vector<float> traces = random_traces(20, rng);
    for (const std::string& planned : simd::available_archs()) {
      simd::use_arch(planned);
      Running<BatchExecutor> floats(model), words(integers);
      Running<LowLatencyExecutor> one(model);
      std::vector<float> wanted(20 * floats.executor.output_size()), found(wanted.size());
      for (auto* executor :
           {static_cast<Executor*>(&floats.executor), static_cast<Executor*>(&words.executor),
            static_cast<Executor*>(&one.executor)}) {
        simd::use_arch(planned);
        ThreadScratch scratch;
        executor->run(scratch, traces, wanted);
        for (const std::string& later : simd::available_archs()) {
          simd::use_arch(later);
          executor->run(scratch, traces, found);
          CHECK(found == wanted);
        }
      }
    }
  }
  simd::use_arch(architecture);
}

TEST_CASE("scratch is for the executor that made it") {
  Random rng(36, 0);
  const Model small = random_model(seq2seq({.gates = kGates, .hidden = {4}}), rng);
  const Model large = random_model(seq2seq({.gates = kGates, .hidden = {40}}), rng);
  const BatchExecutor a(small), b(large);
  const std::vector<float> traces = random_traces(2, rng);
  std::vector<float> output(2 * kGates);
  const auto scratch = a.make_scratch();
  CHECK_NOTHROW(a.run(*scratch, traces, output));
  CHECK_THROWS_WITH_AS(b.run(*scratch, traces, output), doctest::Contains("another executor"),
                       Error);
  ThreadScratch threads;  // makes new ones
  a.run(threads, traces, output);
  b.run(threads, traces, output);
  CHECK(output == batched(large, traces));
}

TEST_CASE("a network that cannot be is refused") {
  const auto refused = [](auto change) {
    Network network = seq2seq({.gates = 5, .outputs = 1, .hidden = {3, 4}});
    change(network);
    CHECK_THROWS_AS(network.validate(), Error);
  };
  refused([](Network& n) { n.layers.clear(); });
  refused([](Network& n) { n.layers[0].reads = GruSpec::Reads::below; });
  refused([](Network& n) { n.layers[2].starts_from = 1; });
  refused([](Network& n) { n.layers[1].starts_from = 1; });
  refused([](Network& n) { n.layers[3].units = 0; });
  refused([](Network& n) { n.gates = 0; });
  refused([](Network& n) { n.head.outputs = 65; });
  refused([](Network& n) { n.encoder_outputs = 65; });
  refused([](Network& n) {  // nothing starts from the encoder's last layer
    n.encoder_outputs = 2;
    n.layers[3].starts_from = -1;
  });
  CHECK_THROWS_AS(seq2seq_config(encoder_network({.gates = 5, .hidden = {3}})), Error);
}

namespace {
/// The mean of a trace: what an encoder can answer at its end.
class Means : public TrainingData {
 public:
  int steps() const override { return kGates; }
  int inputs() const override { return 1; }
  int outputs() const override { return 1; }
  int target_steps() const override { return 1; }
  void fill(std::uint64_t first, Sequence<float> input, Sequence<float> target) const override {
    for (int b = 0; b < input.batch; ++b) {
      Random rng(5, first + static_cast<std::uint64_t>(b));
      float sum = 0.0f;
      for (int t = 0; t < kGates; ++t) sum += input.at(t, 0, b) = static_cast<float>(rng.uniform());
      target.at(0, 0, b) = sum / kGates;
    }
  }
};
}  // namespace

TEST_CASE("an encoder alone learns to answer at the last gate") {
  Model model(encoder_network({.gates = kGates, .outputs = 1, .hidden = {8}}));
  model.initialise(1);
  const Means data;
  TrainingOptions options;
  options.samples = 12'800;
  options.validation_samples = 256;
  options.validations = 2;
  options.schedule.rate = 1e-2;
  Trainer trainer(model.parameters(), least_squares(model), data, options);
  trainer.run();
  CHECK(trainer.validate() < 0.1 / 12.0 / kGates);  // a tenth of the means' variance
}
