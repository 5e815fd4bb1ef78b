// taugate itself: the inference engine that users embed, and the trainer.

#include "taugate/runtime/engine.h"
#include "taugate/nn/trainer.h"

#include "bench/peers/engine.h"
#include "taugate/core/parallel.h"

namespace peers {
namespace {

using namespace taugate;

/// A network of any of the peers' shapes, made of taugate's layers.
class Layers {
 public:
  explicit Layers(const Network& network)
      : network_(network), head_(make_layers(), "head", network.layers.back().hidden, 1) {}

  Var<float> operator()(Tape<float>& tape, Var<float> x) const {
    Var<float> y = x, states[Seq2Seq::kMostLayers];
    for (std::size_t k = 0; k < grus_.size(); ++k) {
      const Layer& layer = network_.layers[k];
      const Var<float> start = layer.starts_from < 0 ? Var<float>{} : states[layer.starts_from];
      y = layer.reads_zeros ? grus_[k].without_input(tape, x.steps(), start)
                            : grus_[k](tape, y, start);
      states[k] = last_step(y);
    }
    return head_(tape, y);
  }

  Parameters& parameters() { return parameters_; }

  void load(const Weights& weights) {
    for (const auto& entry : parameters_.entries()) {
      const Array& given = weights.at(entry.name);
      std::copy(given.values.begin(), given.values.end(), parameters_.data() + entry.at.offset);
    }
  }

  Chain chain() {
    const auto find = [&](const std::string& name) -> Weight<float> {
      const Parameters::Entry* entry = parameters_.find(name);
      return entry ? Weight<float>{parameters_.matrix(entry->at), {}} : Weight<float>{};
    };
    Chain chain;
    for (const Layer& layer : network_.layers) {
      Chain::Layer l;
      l.weights = {find(layer.name + ".weight_ih"), find(layer.name + ".weight_hh"),
                   find(layer.name + ".bias_ih"), find(layer.name + ".bias_hh")};
      l.reads_zeros = layer.reads_zeros;
      l.starts_from = layer.starts_from;
      chain.layers.push_back(l);
    }
    chain.head_weight = find("head.weight").value;
    chain.head_bias = find("head.bias").value;
    return chain;
  }

 private:
  Parameters& make_layers() {
    for (const Layer& layer : network_.layers)
      grus_.emplace_back(parameters_, layer.name, layer.reads_zeros ? 0 : layer.inputs,
                         layer.hidden);
    return parameters_;
  }

  Network network_;
  Parameters parameters_;
  std::vector<Gru> grus_;
  Linear head_;
};

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
      : task_(task), layers_(task.network), data_(task.steps, task.batch) {
    set_thread_count(task.threads);
  }

  void load(const Weights& weights) override {
    layers_.load(weights);
    engine_ = std::make_unique<taugate::Engine>(layers_.chain(), task_.steps);
  }

  void infer(const float* input, float* output) override {
    set_thread_count(task_.threads);
    const std::size_t values = static_cast<std::size_t>(task_.steps) * task_.batch;
    engine_->run({input, values}, {output, values}, TraceOrder::by_gate);
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
          std::make_unique<Trainer>(layers_.parameters(), least_squares(layers_), data_, options);
    }
    return trainer_->step();
  }

 private:
  Task task_;
  Layers layers_;
  OneBatch data_;
  std::unique_ptr<taugate::Engine> engine_;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace

Peer ours() {
  return {.name = "taugate",
          .isa = simd::kernels<float>().arch,
          .trains = true,
          .splits = false,
          .make = [](const Task& task) { return std::make_unique<Taugate>(task); }};
}

}  // namespace peers
