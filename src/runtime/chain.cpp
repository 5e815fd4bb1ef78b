#include "runtime/chain.h"

namespace taugate {

void check(const Chain& chain) {
  require(!chain.layers.empty(), "[engine] found no layers, wanted at least one");
  const auto units = [&](std::size_t k) { return chain.layers[k].weights.recurrent.value.cols; };
  int inputs = 1;
  for (std::size_t k = 0; k < chain.layers.size(); ++k) {
    const Chain::Layer& layer = chain.layers[k];
    require(layer.reads_zeros || layer.weights.input.value.cols == inputs, "[engine] layer ", k,
            ": found weights for ", layer.weights.input.value.cols, " inputs, wanted ", inputs);
    require(layer.starts_from < static_cast<int>(k) &&
                (layer.starts_from < 0 ||
                 units(static_cast<std::size_t>(layer.starts_from)) == units(k)),
            "[engine] layer ", k, ": wanted an earlier layer of the same size to start from");
    inputs = units(k);
  }
  require(chain.head_weight.cols == inputs, "[engine] found a head for ", chain.head_weight.cols,
          " units, wanted ", inputs);
}

Chain chain_of(const Seq2Seq& model) {
  const Seq2SeqConfig& config = model.config();
  const int layers = static_cast<int>(config.hidden.size());
  const auto find = [&](const std::string& name) -> Weight<float> {
    for (const auto& entry : model.parameters().entries())
      if (entry.name == name)
        return {{const_cast<float*>(model.parameters().data()) + entry.at.offset, entry.at.rows,
                 entry.at.cols},
                {}};
    return {};
  };
  Chain chain;
  for (const std::string side : {"encoder", "decoder"})
    for (int k = 0; k < layers; ++k) {
      const std::string name = side + "." + std::to_string(k);
      Chain::Layer layer;
      layer.weights = {find(name + ".weight_ih"), find(name + ".weight_hh"),
                       find(name + ".bias_ih"), find(name + ".bias_hh")};
      layer.form = config.form;
      layer.activation = config.activation;
      layer.reads_zeros = side == "decoder" && k == 0;
      layer.starts_from = side == "decoder" ? k : -1;
      chain.layers.push_back(layer);
    }
  chain.head_weight = find("head.weight").value;
  chain.head_bias = find("head.bias").value;
  return chain;
}

}  // namespace taugate
