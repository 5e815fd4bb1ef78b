// The peer oneDNN: one lbr_gru primitive per layer ("linear before reset" is PyTorch's GRU) and a
// matmul for the head. Weights are reordered once, into the layout that each primitive asks for.

#include <omp.h>

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "bench/peers/engine.h"
#include "taugate/core/error.h"

namespace peers {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

memory::desc plain(const memory::dims& dims, Tag tag) {
  return {dims, memory::data_type::f32, tag};
}

class OneDnn : public Engine {
 public:
  explicit OneDnn(const Task& task) : task_(task) {
    use_threads();
    for (const Layer& layer : task.network.layers) add_layer(layer);
    add_head();
  }

  void load(const Weights& weights) override {
    use_threads();
    for (std::size_t i = 0; i < gates_.size(); ++i)
      load_layer(task_.network.layers[i], gates_[i], weights);
    put(head_.at(DNNL_ARG_WEIGHTS), weights.at("head.weight").values,
        plain({task_.network.layers.back().hidden, 1}, Tag::ab));
    put(head_.at(DNNL_ARG_BIAS), weights.at("head.bias").values, plain({1, 1}, Tag::ab));
    stream_.wait();
  }

  void infer(const float* input, float* output) override {
    use_threads();
    const std::size_t count = static_cast<std::size_t>(task_.steps) * task_.batch;
    std::copy_n(input, count, static_cast<float*>(input_.get_data_handle()));
    for (auto& [primitive, arguments] : program_) primitive.execute(stream_, arguments);
    stream_.wait();
    const auto& result = head_.at(DNNL_ARG_DST);
    std::copy_n(static_cast<const float*>(result.get_data_handle()), count, output);
  }

 private:
  using Arguments = std::unordered_map<int, memory>;

  // OpenMP keeps this per calling thread, so engines side by side (see split) do not disturb each
  // other.
  void use_threads() const { omp_set_num_threads(task_.threads); }

  memory zeros(const memory::desc& desc) {
    memory m(desc, engine_);
    std::fill_n(static_cast<char*>(m.get_data_handle()), desc.get_size(), 0);
    return m;
  }

  void add_layer(const Layer& layer) {
    const memory::dim t = task_.steps, b = task_.batch, in = layer.inputs, h = layer.hidden;
    const bool starts_from_zero = layer.starts_from < 0;
    const memory::desc state = plain({1, 1, b, h}, Tag::ldnc);
    const dnnl::lbr_gru_forward::desc desc(
        dnnl::prop_kind::forward_inference, dnnl::rnn_direction::unidirectional_left2right,
        plain({t, b, in}, Tag::tnc), starts_from_zero ? memory::desc() : state,
        plain({1, 1, in, 3, h}, Tag::any), plain({1, 1, h, 3, h}, Tag::any),
        plain({1, 1, 4, h}, Tag::ldgo), plain({t, b, h}, Tag::tnc), state);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::lbr_gru_forward::primitive_desc chosen(desc, attributes, engine_);

    memory source = layer.reads_zeros || gates_.empty() ? zeros(chosen.src_layer_desc())
                                                        : gates_.back().at(DNNL_ARG_DST_LAYER);
    if (gates_.empty()) input_ = source;
    Arguments arguments{{DNNL_ARG_SRC_LAYER, source},
                        {DNNL_ARG_WEIGHTS_LAYER, zeros(chosen.weights_layer_desc())},
                        {DNNL_ARG_WEIGHTS_ITER, zeros(chosen.weights_iter_desc())},
                        {DNNL_ARG_BIAS, zeros(chosen.bias_desc())},
                        {DNNL_ARG_DST_LAYER, zeros(chosen.dst_layer_desc())},
                        {DNNL_ARG_DST_ITER, zeros(chosen.dst_iter_desc())},
                        {DNNL_ARG_SCRATCHPAD, zeros(chosen.scratchpad_desc())}};
    if (!starts_from_zero) {
      arguments[DNNL_ARG_SRC_ITER] = gates_[layer.starts_from].at(DNNL_ARG_DST_ITER);
    }
    program_.emplace_back(dnnl::lbr_gru_forward(chosen), arguments);
    gates_.push_back(arguments);
  }

  void add_head() {
    const memory::dim rows = memory::dim{task_.steps} * task_.batch;
    const memory::dim h = task_.network.layers.back().hidden;
    const dnnl::matmul::desc desc(plain({rows, h}, Tag::ab), plain({h, 1}, Tag::any),
                                  plain({1, 1}, Tag::ab), plain({rows, 1}, Tag::ab));
    const dnnl::matmul::primitive_desc chosen(desc, engine_);
    memory source(chosen.src_desc(), engine_,
                  gates_.back().at(DNNL_ARG_DST_LAYER).get_data_handle());
    head_ = {{DNNL_ARG_SRC, source},
             {DNNL_ARG_WEIGHTS, zeros(chosen.weights_desc())},
             {DNNL_ARG_BIAS, zeros(chosen.bias_desc())},
             {DNNL_ARG_DST, zeros(chosen.dst_desc())}};
    program_.emplace_back(dnnl::matmul(chosen), head_);
  }

  // PyTorch's [r,z,n][H][I] becomes oneDNN's [I][z,r,n][H]; its two biases become z, r, n and n's
  // recurrent one.
  void load_layer(const Layer& layer, Arguments& arguments, const Weights& weights) {
    const std::size_t h = layer.hidden;
    constexpr std::size_t kFrom[] = {1, 0, 2};  // of r,z,n
    const auto transpose = [&](const Array& from) {
      std::vector<float> to(from.values.size());
      const std::size_t inputs = from.cols;
      for (std::size_t i = 0; i < inputs; ++i) {
        for (std::size_t g = 0; g < 3; ++g) {
          for (std::size_t j = 0; j < h; ++j) {
            to[(i * 3 + g) * h + j] = from.values[(kFrom[g] * h + j) * inputs + i];
          }
        }
      }
      return to;
    };
    put(arguments.at(DNNL_ARG_WEIGHTS_LAYER), transpose(weights.at(layer.name + ".weight_ih")),
        plain({1, 1, layer.inputs, 3, layer.hidden}, Tag::ldigo));
    put(arguments.at(DNNL_ARG_WEIGHTS_ITER), transpose(weights.at(layer.name + ".weight_hh")),
        plain({1, 1, layer.hidden, 3, layer.hidden}, Tag::ldigo));

    const auto& bi = weights.at(layer.name + ".bias_ih").values;
    const auto& bh = weights.at(layer.name + ".bias_hh").values;
    std::vector<float> bias(4 * h);
    for (std::size_t j = 0; j < h; ++j) {
      bias[j] = bi[h + j] + bh[h + j];
      bias[h + j] = bi[j] + bh[j];
      bias[2 * h + j] = bi[2 * h + j];
      bias[3 * h + j] = bh[2 * h + j];
    }
    put(arguments.at(DNNL_ARG_BIAS), bias, plain({1, 1, 4, layer.hidden}, Tag::ldgo));
  }

  void put(memory to, const std::vector<float>& values, const memory::desc& layout) {
    memory from(layout, engine_);
    std::copy(values.begin(), values.end(), static_cast<float*>(from.get_data_handle()));
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
  }

  Task task_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  memory input_;
  std::vector<Arguments> gates_;  // of each layer
  Arguments head_;
  std::vector<std::pair<dnnl::primitive, Arguments>> program_;
};

}  // namespace

Peer onednn() {
  const dnnl_version_t* version = dnnl_version();
  const auto isa = dnnl::get_effective_cpu_isa();
  return {.name = taugate::concat("oneDNN ", version->major, ".", version->minor, " lbr_gru"),
          .isa = isa == dnnl::cpu_isa::avx2    ? "avx2"
                 : isa == dnnl::cpu_isa::sse41 ? "sse4.1"
                 : isa == dnnl::cpu_isa::avx   ? "avx"
                                               : "avx512",
          .make = [](const Task& task) { return std::make_unique<OneDnn>(task); }};
}

}  // namespace peers
