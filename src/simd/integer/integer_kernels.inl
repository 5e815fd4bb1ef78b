#pragma once
// The fast twins of quant/integer_step.h, written once on xsimd and compiled once per instruction
// set.

#include "simd/integer/gru_int32.inl"
#include "simd/integer/single_gru.inl"
#include "simd/integer/gru_float64.inl"

namespace taugate::simd {
namespace {

template <class Arch, class Dot, int Units, int Block>
constexpr IntegerKernels integer_table(const char* name) {
  using Narrow = NarrowKernel<Arch, Dot, Units, Block>;
  using Single = SingleNarrowKernel<Arch, Dot>;
  using Wide = WideKernel<Arch>;
  constexpr bool alone = kFusesMultiplyAdd<Arch>;
  return {.name = name,
          .int32_lanes = Block,
          .tile_units = Units,
          .single_units = Single::kUnits,
          .single_lane_words = Single::kWidth,
          .operands_per_word = Dot::kPerWord,
          .offset_operands = Dot::kOffset != 0,
          .fuses = kFusesMultiplyAdd<Arch>,
          .quantize = Narrow::quantize,
          .int32_gru = Narrow::gru,
          .int32_readout = Narrow::readout,
          .single_gru = alone ? Single::gru : nullptr,
          .single_readout = alone ? Single::readout : nullptr,
          .float64_gru = Wide::gru,
          .float64_readout = Wide::readout};
}

}  // namespace
}  // namespace taugate::simd
