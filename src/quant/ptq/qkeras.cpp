#include "taugate/quant/ptq/qkeras.h"

#include "taugate/core/error.h"

namespace taugate {

IntegerModel qkeras_model(const Seq2Seq& network, const std::string& file, int input_bits) {
  const Seq2SeqConfig& config = network.config();
  require(config.form == GruForm::reset_before && config.activation == Activation::hard, file,
          ": found a ", name_of(config.form), ", ", name_of(config.activation),
          " network, wanted a reset_before, hard one");
  Safetensors content;
  content.metadata["gates"] = std::to_string(config.gates);
  for (const auto& [name, at] : network.parameters().entries()) {
    std::vector<std::size_t> shape{static_cast<std::size_t>(at.rows)};
    if (!name.ends_with("bias_ih") && name != "head.bias")
      shape.push_back(static_cast<std::size_t>(at.cols));
    content.add_floats(name, shape, network.parameters().data() + at.offset);
  }
  return qkeras_model(content, file, input_bits);
}

}  // namespace taugate
