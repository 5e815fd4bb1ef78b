#include "taugate/quant/ptq/qkeras.h"

#include "taugate/core/error.h"
#include "taugate/quant/integer/qkeras_file.h"

namespace taugate {

IntegerModel qkeras_model(const Model& network, const std::string& file, int input_bits) {
  const GruForm form = network.description().form();
  const Activation activation = network.description().activation();
  require(form == GruForm::reset_before && activation == Activation::hard, file, ": found a ",
          name_of(form), ", ", name_of(activation), " network, wanted a reset_before, hard one");
  Safetensors content;
  content.metadata["gates"] = std::to_string(network.description().gates);
  for (const auto& [name, at] : network.parameters().entries()) {
    std::vector<std::size_t> shape{static_cast<std::size_t>(at.rows)};
    if (name.find("bias") == std::string::npos) shape.push_back(static_cast<std::size_t>(at.cols));
    content.add_floats(name, shape, network.parameters().data() + at.offset);
  }
  return qkeras_model(content, file, input_bits);
}

}  // namespace taugate
