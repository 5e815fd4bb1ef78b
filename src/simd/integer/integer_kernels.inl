#pragma once
// The fast twins of quant/integer_step.h, written once on xsimd and compiled once per instruction
// set.

#include "simd/integer/gru_float64.inl"
#include "simd/integer/gru_int32.inl"
#include "simd/integer/single_gru.inl"

namespace taugate::simd {
namespace {

template <class Arch, class Dot, int Units, int Block>
constexpr IntegerKernels integer_table(const char* name) {
  using Int32 = Int32Kernel<Arch, Dot, Units, Block>;
  using Single = SingleNarrowKernel<Arch, Dot>;
  using Float64 = Float64Kernel<Arch>;
  constexpr bool alone = kFusesMultiplyAdd<Arch>;
  return {.name = name,
          .int32_lanes = Block,
          .tile_units = Units,
          .single_units = Single::kUnits,
          .single_lane_words = Single::kWidth,
          .operands_per_word = Dot::kPerWord,
          .offset_operands = Dot::kOffset != 0,
          .fuses = kFusesMultiplyAdd<Arch>,
          .quantize = Int32::quantize,
          .int32_gru = Int32::gru,
          .int32_readout = Int32::readout,
          .single_gru = alone ? Single::gru : nullptr,
          .single_readout = alone ? Single::readout : nullptr,
          .float64_gru = Float64::gru,
          .float64_readout = Float64::readout};
}

}  // namespace
}  // namespace taugate::simd
