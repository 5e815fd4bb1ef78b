#include <algorithm>
#include <chrono>

#include "bench/peers/engine.h"
#include "taugate/core/parallel.h"

namespace peers {
namespace {

class Split : public Engine {
 public:
  Split(const Peer& peer, const Task& task) : task_(task), parts_(task.threads) {
    for (int i = 0; i < task.threads; ++i) {
      Part& part = parts_[i];
      part.first = static_cast<std::size_t>(task.batch) * i / task.threads;
      part.count = static_cast<std::size_t>(task.batch) * (i + 1) / task.threads - part.first;
      part.input.resize(part.count * task.steps);
      part.output.resize(part.count * task.steps);
      Task share = task;
      share.batch = static_cast<int>(part.count);
      share.threads = 1;
      part.engine = peer.make(share);
    }
  }

  void load(const Weights& weights) override {
    for (Part& part : parts_) part.engine->load(weights);
  }

  void infer(const float* input, float* output) override {
    taugate::set_thread_count(task_.threads);
    const std::size_t batch = task_.batch, steps = task_.steps;
    taugate::parallel_for(parts_.size(), [&](std::size_t i, int) {
      Part& part = parts_[i];
      for (std::size_t t = 0; t < steps; ++t) {
        std::copy_n(input + t * batch + part.first, part.count, &part.input[t * part.count]);
      }
      part.engine->infer(part.input.data(), part.output.data());
      for (std::size_t t = 0; t < steps; ++t) {
        std::copy_n(&part.output[t * part.count], part.count, output + t * batch + part.first);
      }
    });
  }

 private:
  struct Part {
    std::size_t first = 0, count = 0;  // of the batch
    std::vector<float> input, output;  // [T][count]
    std::unique_ptr<Engine> engine;
  };
  Task task_;
  std::vector<Part> parts_;
};

}  // namespace

double Engine::time_inference(int repeats, const float* input, float* output) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) infer(input, output);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Peer split(const Peer& peer) {
  return {.name = peer.name + " (batch split)", .isa = peer.isa, .make = [peer](const Task& task) {
            return std::make_unique<Split>(peer, task);
          }};
}

Peer on_one_thread(const Peer& peer) {
  Peer result = peer;
  result.name += " (one thread)";
  result.make = [peer](Task task) {
    task.threads = 1;
    return peer.make(task);
  };
  return result;
}

}  // namespace peers
