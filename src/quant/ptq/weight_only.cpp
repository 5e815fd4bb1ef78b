#include "taugate/quant/ptq/weight_only.h"

#include <algorithm>

#include "taugate/core/error.h"
#include "taugate/quant/ptq/calibrate.h"

namespace taugate {
namespace {

/// That row becomes integers times the scale.
void put(const IntegerRows& integers, int row, double scale, Matrix<float> to) {
  for (int k = 0; k < integers.cols; ++k)
    to.at(row, k) = static_cast<float>(integers.row(row)[k] * scale);
}

}  // namespace

Model round_weights(const Model& model, const QuantizeOptions& options) {
  QuantizeOptions observing = options;
  observing.widths = observer_widths();  // so that neither biases nor sums raise a scale
  observing.widths.weight_bits = options.widths.weight_bits;
  observing.multiplier_bits = 0;
  const WeightScales scales = weight_scales(model, observing);
  const IntegerModel integers = quantize(model, observing.widths, scales);
  Model out(model.description());
  std::copy_n(model.parameters().data(), model.parameters().size(), out.parameters().data());
  for (std::size_t k = 0; k < integers.layers.size(); ++k) {
    const IntegerLayer& layer = integers.layers[k];
    const GruParameters& at = out.layers()[k].parameters();
    const bool split = !layer.recurrent_bias.empty();
    for (int i = 0; i < 3 * layer.hidden; ++i) {
      const bool own = split && i >= 2 * layer.hidden;  // U_n has scales of its own
      if (layer.inputs > 0)
        put(layer.input, i, scales.layers[k][static_cast<std::size_t>(i)],
            out.parameters().matrix(at.input));
      put(layer.recurrent, i,
          scales.layers[k][static_cast<std::size_t>(own ? i + layer.hidden : i)],
          out.parameters().matrix(at.recurrent));
    }
  }
  for (int c = 0; c < integers.outputs(); ++c)
    put(integers.head, c, scales.head[static_cast<std::size_t>(c)],
        out.parameters().matrix(out.head().weight()));
  for (int c = 0; c < integers.encoder_head.weights.rows; ++c)
    put(integers.encoder_head.weights, c, scales.encoder_head[static_cast<std::size_t>(c)],
        out.parameters().matrix(out.encoder_head()->weight()));
  return out;
}

}  // namespace taugate
