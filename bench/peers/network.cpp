#include <algorithm>
#include <cmath>
#include <sstream>

#include "bench/peers/engine.h"
#include "taugate/core/error.h"
#include "taugate/core/random.h"

namespace peers {
namespace {

/// Layers that feed each other, all started from zero.
Network chain(const std::string& name, const std::vector<int>& hidden) {
  Network net{name, {}};
  const std::size_t half = hidden.size() / 2;
  int inputs = 1;
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    const std::string layer =
        i < half ? taugate::concat("encoder.", i) : taugate::concat("decoder.", i - half);
    net.layers.push_back({layer, inputs, hidden[i]});
    inputs = hidden[i];
  }
  return net;
}

Network seq2seq(const std::string& name, const std::vector<int>& hidden) {
  Network net = chain(name, hidden);
  for (std::size_t i = 0; i < hidden.size(); ++i)
    net.layers[i].name = taugate::concat("encoder.", i);
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    Layer layer = net.layers[i];
    layer.name = taugate::concat("decoder.", i);
    layer.reads_zeros = i == 0;
    layer.starts_from = static_cast<int>(i);
    net.layers.push_back(layer);
  }
  return net;
}

std::vector<int> sizes(const std::string& name, const std::string& text) {
  std::vector<int> result;
  std::istringstream in(text);
  for (int size = 0; in >> size && size >= 1 && size <= 1024;) {
    result.push_back(size);
    if (in.peek() == std::istringstream::traits_type::eof()) return result;
    if (in.get() != ',') break;
  }
  taugate::fail_usage("network '", name, "': wanted lite-H, 64x16, teacher or student-A[,B...]");
}

}  // namespace

Network network(const std::string& name) {
  if (name == "64x16") return chain(name, {64, 16, 16, 64});
  if (name == "teacher") return chain(name, {128, 128, 128, 128});
  const std::size_t dash = std::min(name.find('-'), name.size() - 1);
  const std::vector<int> hidden = sizes(name, name.substr(dash + 1));
  if (name.starts_with("student-")) return seq2seq(name, hidden);
  if (name.starts_with("lite-") && hidden.size() == 1) return chain(name, {hidden[0], hidden[0]});
  return chain(name, sizes(name, ""));
}

double Network::flops(int steps) const {
  double macs = layers.back().hidden;
  for (const Layer& layer : layers) {
    macs += 3.0 * layer.hidden * (layer.hidden + (layer.reads_zeros ? 0 : layer.inputs));
  }
  return 2.0 * steps * macs;
}

Weights random_weights(const Network& network, std::uint64_t seed) {
  taugate::Random random(seed, 0);
  Weights weights;
  const auto draw = [&](const std::string& name, int rows, int cols, int hidden) {
    const double bound = 1.0 / std::sqrt(hidden);
    Array array{rows, cols, std::vector<float>(static_cast<std::size_t>(rows) * cols)};
    for (float& w : array.values) w = static_cast<float>(random.uniform(-bound, bound));
    weights[name] = std::move(array);
  };
  for (const Layer& layer : network.layers) {
    const int h = layer.hidden;
    draw(layer.name + ".weight_ih", 3 * h, layer.inputs, h);
    draw(layer.name + ".weight_hh", 3 * h, h, h);
    draw(layer.name + ".bias_ih", 3 * h, 1, h);
    draw(layer.name + ".bias_hh", 3 * h, 1, h);
  }
  const int h = network.layers.back().hidden;
  draw("head.weight", 1, h, h);
  draw("head.bias", 1, 1, h);
  return weights;
}

std::vector<double> reference(const Network& network, const Weights& weights,
                              const std::vector<float>& input) {
  const std::size_t steps = input.size();
  const auto sigmoid = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
  // b[row] + w[row] . x
  const auto affine = [](const Array& w, const Array& b, const std::vector<double>& x, int row) {
    double sum = b.values[row];
    for (int k = 0; k < w.cols; ++k) {
      sum += static_cast<double>(w.values[static_cast<std::size_t>(row) * w.cols + k]) * x[k];
    }
    return sum;
  };

  std::vector<std::vector<double>> x(steps), final_states;
  for (std::size_t t = 0; t < steps; ++t) x[t] = {input[t]};
  for (const Layer& layer : network.layers) {
    const int h = layer.hidden;
    const Array &wi = weights.at(layer.name + ".weight_ih"),
                &bi = weights.at(layer.name + ".bias_ih");
    const Array &wh = weights.at(layer.name + ".weight_hh"),
                &bh = weights.at(layer.name + ".bias_hh");
    std::vector<double> state(h, 0.0), next(h);
    if (layer.starts_from >= 0) state = final_states[layer.starts_from];
    for (auto& features : x) {
      if (layer.reads_zeros) features.assign(layer.inputs, 0.0);
      for (int j = 0; j < h; ++j) {
        const double r = sigmoid(affine(wi, bi, features, j) + affine(wh, bh, state, j));
        const double z = sigmoid(affine(wi, bi, features, h + j) + affine(wh, bh, state, h + j));
        const double n =
            std::tanh(affine(wi, bi, features, 2 * h + j) + r * affine(wh, bh, state, 2 * h + j));
        next[j] = (1.0 - z) * n + z * state[j];
      }
      features = state = next;
    }
    final_states.push_back(state);
  }
  std::vector<double> output;
  for (const auto& features : x) {
    output.push_back(affine(weights.at("head.weight"), weights.at("head.bias"), features, 0));
  }
  return output;
}

}  // namespace peers
