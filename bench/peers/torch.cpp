// The peer libtorch, used as its documentation says: one torch::nn::GRU per layer, time-major.

#include <ATen/Version.h>
#include <omp.h>
#include <torch/torch.h>

#include <algorithm>
#include <cctype>

#include "bench/peers/engine.h"

namespace peers {
namespace {

class Libtorch : public Engine {
 public:
  explicit Libtorch(const Task& task) : task_(task), head_(task.network.layers.back().hidden, 1) {
    for (const Layer& layer : task.network.layers) {
      grus_.emplace_back(torch::nn::GRUOptions(layer.inputs, layer.hidden));
      if (layer.reads_zeros) zeros_ = torch::zeros({task.steps, task.batch, layer.inputs});
    }
  }

  void load(const Weights& weights) override {
    torch::NoGradGuard no_gradients;
    const auto copy = [&](torch::Tensor& parameter, const std::string& name) {
      parameter.copy_(torch::tensor(weights.at(name).values).view_as(parameter));
      parameters_.push_back(parameter);
    };
    for (std::size_t i = 0; i < grus_.size(); ++i) {
      auto named = grus_[i]->named_parameters();
      for (const char* part : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
        copy(named[std::string(part) + "_l0"], task_.network.layers[i].name + "." + part);
      }
    }
    copy(head_->weight, "head.weight");
    copy(head_->bias, "head.bias");
    adam_ = std::make_unique<torch::optim::Adam>(parameters_, torch::optim::AdamOptions(1e-3));
  }

  void infer(const float* input, float* output) override {
    torch::InferenceMode inference;
    use_threads();
    const torch::Tensor result = forward(wrap(input)).contiguous();
    std::copy_n(result.data_ptr<float>(), result.numel(), output);
  }

  double train_step(const float* input, const float* target) override {
    use_threads();
    adam_->zero_grad();
    torch::Tensor loss = torch::mse_loss(forward(wrap(input)), wrap(target));
    loss.backward();
    adam_->step();
    return loss.item<double>();
  }

 private:
  // OpenMP keeps this per calling thread, so engines side by side (see split) do not disturb each
  // other.
  void use_threads() const { at::set_num_threads(task_.threads); }

  torch::Tensor wrap(const float* data) const {
    return torch::from_blob(const_cast<float*>(data), {task_.steps, task_.batch, 1});
  }

  torch::Tensor forward(torch::Tensor x) {
    std::vector<torch::Tensor> final_states;
    for (std::size_t i = 0; i < grus_.size(); ++i) {
      const Layer& layer = task_.network.layers[i];
      const torch::Tensor start =
          layer.starts_from >= 0 ? final_states[layer.starts_from] : torch::Tensor();
      auto [output, state] = grus_[i]->forward(layer.reads_zeros ? zeros_ : x, start);
      x = output;
      final_states.push_back(state);
    }
    return head_->forward(x);
  }

  Task task_;
  std::vector<torch::nn::GRU> grus_;
  torch::nn::Linear head_;
  torch::Tensor zeros_;
  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<torch::optim::Adam> adam_;
};

/// "avx2", from the line "CPU capability usage: AVX2" of what libtorch says of itself.
std::string capability() {
  const std::string about = at::show_config(), label = "CPU capability usage: ";
  const std::size_t at = about.find(label);
  if (at == std::string::npos) return "unknown";
  std::string isa = about.substr(at + label.size());
  isa.resize(std::min(isa.find_first_of(" ,\n"), isa.size()));
  for (char& c : isa) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return isa;
}

}  // namespace

Peer libtorch() {
  return {.name = "libtorch " TORCH_VERSION,
          .isa = capability(),
          .trains = true,
          .make = [](const Task& task) { return std::make_unique<Libtorch>(task); }};
}

}  // namespace peers
