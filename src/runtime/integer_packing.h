#pragma once
// Integer layers and heads in the order in which the SIMD kernels read them.

#include "simd/integer/integer_kernels.h"
#include "taugate/core/arena.h"
#include "taugate/quant/integer/integer_model.h"

namespace taugate {

/// Which lanes the units of a 32-bit layer lie in.
struct UnitOrder {
  int group;           ///< units of a tile, or of a group of lanes
  int multiple;        ///< of units that a layer is padded to
  int lane_words = 0;  ///< for one trace alone: words of a register; 0: one unit after the other
};

simd::ElementwiseParams elementwise_of(const IntegerModel& model);
/// Bits that the largest value of the element-wise operations needs, its sign left out.
int elementwise_bits(const IntegerModel& model);

/// multiplier / 2^shift
double scale_of(Requantizer by);

/// Whether simd::FloatRequantizers hold for every accumulator but the head's.
bool floats_fit(const IntegerModel& model);

/// `floats`: with FloatRequantizers.
simd::Int32Gru pack_int32(Arena& memory, const IntegerModel& model, const IntegerLayer& layer,
                          const simd::IntegerKernels& kernels, UnitOrder order, bool floats);
/// Layer k.
simd::Float64Gru pack_float64(Arena& memory, const IntegerModel& model, std::size_t k);

/// The head above a 32-bit layer, its rows `words` words long (at least those of the layer).
simd::IntegerReadout pack_int32_head(Arena& memory, const IntegerModel& model,
                                     const simd::IntegerKernels& kernels, int words);
simd::IntegerReadout pack_float64_head(Arena& memory, const IntegerModel& model);

}  // namespace taugate
