// taugate itself: the executors that users embed, and the trainer.

#include "taugate/nn/trainer.h"
#include "taugate/runtime/executor.h"

#include "bench/peers/engine.h"
#include "taugate/core/parallel.h"
#include "taugate/simd/arch.h"

namespace peers {
namespace {

using namespace taugate;

/// A network of any of the peers' shapes.
taugate::Network description_of(const Task& task) {
  taugate::Network network{.gates = task.steps, .layers = {}, .head = {}};
  for (std::size_t k = 0; k < task.network.layers.size(); ++k) {
    const Layer& layer = task.network.layers[k];
    network.layers.push_back({.name = layer.name,
                              .units = layer.hidden,
                              .reads = layer.reads_zeros ? GruSpec::Reads::zeros
                                       : k == 0          ? GruSpec::Reads::trace
                                                         : GruSpec::Reads::below,
                              .starts_from = layer.starts_from});
  }
  return network;
}

/// The peers' one batch, over and over.
class OneBatch : public TrainingData {
 public:
  OneBatch(int steps, int batch) : steps_(steps), batch_(batch) {}
  int steps() const override { return steps_; }
  int inputs() const override { return 1; }
  int outputs() const override { return 1; }
  void fill(std::uint64_t first, Sequence<float> x, Sequence<float> y) const override {
    if (!input) return;  // the trainer's dry run
    const std::size_t start = first % static_cast<std::uint64_t>(batch_);
    for (int t = 0; t < steps_; ++t) {
      const std::size_t row = static_cast<std::size_t>(t) * batch_ + start;
      std::copy_n(input + row, x.batch, x.row(t, 0));
      std::copy_n(target + row, y.batch, y.row(t, 0));
    }
  }
  const float *input = nullptr, *target = nullptr;

 private:
  int steps_, batch_;
};

class Taugate : public peers::Engine {
 public:
  explicit Taugate(const Task& task)
      : task_(task), model_(description_of(task)), data_(task.steps, task.batch) {
    set_thread_count(task.threads);
  }

  void load(const Weights& weights) override {
    for (const auto& entry : model_.parameters().entries()) {
      const Array& given = weights.at(entry.name);
      std::copy(given.values.begin(), given.values.end(),
                model_.parameters().data() + entry.at.offset);
    }
    if (task_.batch == 1)
      executor_ = std::make_unique<LowLatencyExecutor>(model_);
    else
      executor_ = std::make_unique<BatchExecutor>(model_);
  }

  void infer(const float* input, float* output) override {
    set_thread_count(task_.threads);
    const std::size_t values = static_cast<std::size_t>(task_.steps) * task_.batch;
    executor_->run(scratch_, {input, values}, {output, values}, TraceOrder::by_gate);
  }

  double train_step(const float* input, const float* target) override {
    set_thread_count(task_.threads);
    data_.input = input;
    data_.target = target;
    if (!trainer_) {
      TrainingOptions options;
      options.batch = task_.batch;
      options.samples = std::uint64_t{1} << 40;
      options.schedule.kind = Schedule::Kind::constant;
      options.schedule.rate = 1e-3;
      options.adam.clip_norm = 0.0;
      options.validation_samples = 1;
      trainer_ =
          std::make_unique<Trainer>(model_.parameters(), least_squares(model_), data_, options);
    }
    return trainer_->step();
  }

 private:
  Task task_;
  Model model_;
  OneBatch data_;
  std::unique_ptr<Executor> executor_;
  ThreadScratch scratch_;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace

Peer ours() {
  return {.name = "taugate",
          .isa = simd::active_arch(),
          .trains = true,
          .splits = false,
          .make = [](const Task& task) { return std::make_unique<Taugate>(task); }};
}

}  // namespace peers
