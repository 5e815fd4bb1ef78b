#pragma once
// The second head of a network (Network::encoder_outputs): one small product a trace, in plain loops over the encoder's
// last state as Plan::copy_states gives it. Floats add up in doubles; integers are those of the definition.

#include <span>
#include <vector>

#include "taugate/nn/model.h"
#include "taugate/quant/integer/integer_model.h"

namespace taugate {

class EncoderHead {
 public:
  explicit EncoderHead(const Model& model) {
    if (!model.encoder_head()) return;
    const auto values = [&](const ParameterRef& at) {
      const float* first = model.parameters().data() + at.offset;
      return std::vector<float>(first, first + at.rows * at.cols);
    };
    units_ = static_cast<std::size_t>(model.encoder_head()->weight().cols);
    weights_ = values(model.encoder_head()->weight());
    bias_ = values(model.encoder_head()->bias());
  }
  explicit EncoderHead(const IntegerModel& model)
      : units_(static_cast<std::size_t>(model.encoder_head.weights.cols)),
        integers_(model.encoder_head),
        operands_per_one_(static_cast<double>(power_of_two(model.widths.operand_frac_bits))),
        output_bits_(model.widths.output_bits) {}

  /// Output e of a trace whose encoder's final states are `states` [D]; of integers a word on the outputs' grid.
  double operator()(std::size_t e, std::span<const float> states) const {
    const std::span<const float> h = states.last(units_);
    if (!weights_.empty()) {
      double sum = bias_[e];
      for (std::size_t u = 0; u < units_; ++u) sum += double{weights_[e * units_ + u]} * h[u];
      return sum;
    }
    const std::int16_t* weights = integers_.weights.row(static_cast<int>(e));
    std::int64_t sum = integers_.bias[e];
    for (std::size_t u = 0; u < units_; ++u)
      sum += weights[u] * static_cast<std::int64_t>(h[u] * operands_per_one_);  // exact
    return static_cast<double>(requantize(sum, integers_.requantizers[e], output_bits_));
  }

 private:
  std::size_t units_ = 0;
  std::vector<float> weights_, bias_;  // [E][H] and [E] of floats
  IntegerHead integers_;
  double operands_per_one_ = 1.0;
  int output_bits_ = 0;
};

}  // namespace taugate
