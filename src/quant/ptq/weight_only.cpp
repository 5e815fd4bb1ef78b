#include "taugate/quant/ptq/weight_only.h"

#include <algorithm>

#include "taugate/core/error.h"
#include "taugate/quant/ptq/calibrate.h"

namespace taugate {
namespace {

Matrix<float> weights_named(Seq2Seq& model, const std::string& name) {
  const Parameters::Entry* entry = model.parameters().find(name);
  return entry ? model.parameters().matrix(entry->at) : Matrix<float>{};
}

/// That row becomes integers times the scale.
void put(const IntegerRows& integers, int row, double scale, Matrix<float> to) {
  for (int k = 0; k < integers.cols; ++k)
    to.at(row, k) = static_cast<float>(integers.row(row)[k] * scale);
}

}  // namespace

Seq2Seq round_weights(const Seq2Seq& model, const QuantizeOptions& options) {
  QuantizeOptions wide = options;
  wide.widths = observer_widths();  // so that neither biases nor sums raise a scale
  wide.widths.weight_bits = options.widths.weight_bits;
  wide.multiplier_bits = 0;
  const WeightScales scales = weight_scales(model, wide);
  const IntegerModel integers = quantize(model, wide.widths, scales);
  Seq2Seq out(model.config());
  std::copy_n(model.parameters().data(), model.parameters().size(), out.parameters().data());
  const std::size_t layers = integers.encoder.size();
  for (std::size_t k = 0; k < 2 * layers; ++k) {
    const IntegerLayer& layer = k < layers ? integers.encoder[k] : integers.decoder[k - layers];
    const std::string name = concat(k < layers ? "encoder." : "decoder.", k % layers);
    const Matrix<float> input = weights_named(out, name + ".weight_ih");
    const Matrix<float> recurrent = weights_named(out, name + ".weight_hh");
    const bool split = !layer.recurrent_bias.empty();
    for (int i = 0; i < 3 * layer.hidden; ++i) {
      const bool own = split && i >= 2 * layer.hidden;  // U_n has scales of its own
      put(layer.input, i, scales.layers[k][static_cast<std::size_t>(i)], input);
      put(layer.recurrent, i,
          scales.layers[k][static_cast<std::size_t>(own ? i + layer.hidden : i)], recurrent);
    }
  }
  const Matrix<float> head = weights_named(out, "head.weight");
  for (int c = 0; c < integers.outputs(); ++c)
    put(integers.head, c, scales.head[static_cast<std::size_t>(c)], head);
  return out;
}

}  // namespace taugate
