// A stream beside the engine on the same traces: the same bits, gate by gate.

#include "executor_testing.h"
#include "taugate/core/parallel.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

Model random_model(const std::vector<int>& hidden, int outputs, int T, GruForm form,
                   Activation activation, Random& rng) {
  Model model(
      {.gates = T, .outputs = outputs, .hidden = hidden, .form = form, .activation = activation});
  model.initialise(3);
  for (std::size_t i = 0; i < model.parameters().size(); ++i)  // biases too
    model.parameters().data()[i] += static_cast<float>(0.05 * rng.normal());
  return model;
}

}  // namespace

TEST_CASE("a stream gives the bits of a batch, for any number of pixels, layers and threads") {
  constexpr int T = 11;
  Random rng(9, 1);
  const int threads = thread_count();
  for (const auto form : {GruForm::reset_after, GruForm::reset_before})
    for (const auto kind : {Activation::smooth, Activation::hard})
      for (const std::vector<int>& hidden : {std::vector{5}, {16, 3}, {7, 20, 9}})
        for (const int pixels : {2, 16, 37})
          for (const int outputs : {1, 3}) {
            CAPTURE(hidden);
            CAPTURE(pixels);
            CAPTURE(outputs);
            const Model model = random_model(hidden, outputs, T, form, kind, rng);
            const auto N = static_cast<std::size_t>(pixels);
            std::vector<float> images(T * N), wanted(images.size() * outputs), sfd(wanted.size());
            StreamingExecutor stream(model, N);
            ThreadScratch scratch;
            for (int round = 0; round < 2; ++round) {
              fill_normal(images.data(), images.size(), rng);
              set_thread_count(round + 1);
              for (std::size_t t = 0; t < T; ++t)
                stream.push(scratch, std::span<const float>(images).subspan(t * N, N));
              CHECK(stream.gates() == T);
              for (const auto order : {TraceOrder::by_gate, TraceOrder::by_trace}) {
                std::vector<float> input = images;
                if (order == TraceOrder::by_trace)
                  for (std::size_t i = 0; i < N; ++i)
                    for (std::size_t t = 0; t < T; ++t) input[i * T + t] = images[t * N + i];
                testing::Running<BatchExecutor>(model).run(input, wanted, order);
                stream.finish(scratch, sfd, order);
                CHECK(sfd == wanted);
              }
              stream.reset();
            }
          }
  set_thread_count(threads);
}

TEST_CASE("a stream says how much memory a pixel takes, and what it cannot take") {
  constexpr int T = 3;
  Random rng(9, 2);
  const Model model = random_model({6, 4}, 1, T, GruForm::reset_after, Activation::smooth, rng);
  StreamingExecutor stream(model, 5);
  ThreadScratch scratch;
  CHECK(stream.bytes_per_pixel() == 4 * (6 + 4));
  const std::vector<float> gate(5), short_gate(4);
  std::vector<float> sfd(5 * T);
  CHECK_THROWS_WITH_AS(stream.push(scratch, short_gate), doctest::Contains("gate of 4"), Error);
  stream.push(scratch, gate);
  CHECK_THROWS_WITH_AS(stream.finish(scratch, sfd), doctest::Contains("1 gates"), Error);
  stream.push(scratch, gate);
  stream.push(scratch, gate);
  CHECK_THROWS_WITH_AS(stream.push(scratch, gate), doctest::Contains("more than 3"), Error);
  CHECK_THROWS_AS(stream.finish(scratch, std::span(sfd).first(4)), Error);
  CHECK_NOTHROW(stream.finish(scratch, sfd));
  stream.reset();
  CHECK(stream.gates() == 0);

  Network decoder = model.description();
  for (GruSpec& layer : decoder.layers) layer.reads = GruSpec::Reads::zeros;
  CHECK_THROWS_WITH_AS(StreamingExecutor(Model(decoder), 5), doctest::Contains("encoder"), Error);
  CHECK_THROWS_AS(StreamingExecutor(model, 0), Error);
}
