#pragma once
// What the tests of the RTL share: where it is, and pixels that lead it into its corners.

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>

#include "core/process.h"
#include "quant/quant_testing.h"
#include "study/cosimulation.h"
#include "taugate/core/file.h"

namespace taugate::testing {

inline CosimulationOptions simulation_options() {
  CosimulationOptions options;
  options.rtl = std::filesystem::path(TAUGATE_SOURCE_DIR) / "rtl";
  options.work = "cosim";  // below the folder that the tests run in
  return options;
}

/// What rtl/sim/<bench>.sv answers to a stimulus: In and Response are arrays of 64-bit words, a
/// cycle each.
template <class Response, class In>
std::vector<Response> simulate(const std::string& bench, const std::vector<In>& stimulus) {
  const CosimulationOptions options = simulation_options();
  const std::filesystem::path folder = std::filesystem::absolute(options.work / bench);
  std::filesystem::create_directories(folder);
  build_simulation(options, folder, bench,
                   {options.rtl / "sim" / (bench + ".sv"), options.rtl / "sim" / "bench.cpp"});
  write_file(folder / "stimulus.bin",
             {reinterpret_cast<const char*>(stimulus.data()), sizeof(In) * stimulus.size()});
  REQUIRE(run_process({(folder / "build" / "simulation").string(), "stimulus.bin", "response.bin"},
                      folder / "simulation.log", folder) == 0);
  const std::string bytes = read_file(folder / "response.bin");
  REQUIRE(bytes.size() == sizeof(Response) * stimulus.size());
  std::vector<Response> all(stimulus.size());
  std::memcpy(all.data(), bytes.data(), bytes.size());
  return all;
}

/// Bits of a word: as they are, and as two's complement.
inline std::uint64_t field(std::uint64_t word, int at, int bits) {
  return word >> at & ((std::uint64_t{1} << bits) - 1);
}
inline std::int64_t number(std::uint64_t word, int at, int bits) {
  return static_cast<std::int64_t>(word << (64 - at - bits)) >> (64 - bits);
}

/// Decays with noise, random words over the whole of 16 bits (most of which saturate), constants at
/// both ends, and silence; lengths 1, 2, the longest,
/// some between, and some longer ones.
inline std::vector<PixelSamples> corner_pixels(Random& rng, std::size_t count, int longest,
                                               int operand_frac_bits) {
  std::vector<PixelSamples> pixels;
  const double one = std::ldexp(1.0, operand_frac_bits);
  for (std::size_t i = 0; i < count; ++i) {
    const int lengths[] = {longest, 1, 2, longest, random_between(rng, 1, longest)};
    const int length = i % 11 == 7 ? longest + 3 : std::min(lengths[i % 5], longest);
    const int kind = random_between(rng, 0, 5);
    PixelSamples samples;
    for (int t = 0; t < length; ++t) {
      double value = 0.0;
      if (kind < 2) value = one * (std::exp(-0.1 * t) + 0.05 * rng.normal());
      if (kind == 2) value = random_between(rng, -32768, 32767);
      if (kind == 3) value = rng.uniform() < 0.5 ? 32767.0 : -32768.0;
      if (kind == 4) value = random_between(rng, -static_cast<int>(one), static_cast<int>(one));
      samples.push_back(static_cast<std::int16_t>(
          clip(round_half_even(std::clamp(value, -4e4, 4e4)), -32768, 32767)));
    }
    pixels.push_back(std::move(samples));
  }
  return pixels;
}

inline RandomModel random_shape(int units, int outputs, int gates, Widths widths = {},
                                Activation activation = Activation::smooth,
                                bool pure_shift = false) {
  RandomModel m;
  m.hidden = {units};
  m.outputs = outputs;
  m.gates = gates;
  m.widths = widths;
  m.activation = activation;
  m.pure_shift = pure_shift;
  return m;
}

inline RtlOptions hardware(int contexts, int cores, int port_bits = 18) {
  RtlOptions o;
  o.contexts = contexts;
  o.cores = cores;
  o.port_bits = port_bits;
  return o;
}

/// Of the hardware that holds any of the models.
inline RtlParameters widest(const std::vector<IntegerModel>& models, const RtlOptions& options) {
  RtlParameters all = rtl_parameters(models[0], options);
  for (const IntegerModel& model : models) {
    const RtlParameters p = rtl_parameters(model, options);
    all.AccBits = std::max(all.AccBits, p.AccBits);
    all.MulBits = std::max(all.MulBits, p.MulBits);
    all.ShiftBits = std::max(all.ShiftBits, p.ShiftBits);
  }
  return all;
}

/// The pixels through both; every word, and what the counters must say.
inline CosimulationResult check_equal(const IntegerModel& model, const Cosimulation& simulation,
                                      const std::vector<PixelSamples>& pixels,
                                      const CosimulationTraffic& traffic) {
  const auto result = simulation.run(model, pixels, traffic);
  const auto comparison = compare_with_engine(model, pixels, simulation.parameters().TMax, result);
  CHECK(comparison.words > 0);
  CHECK(comparison.different == 0);
  if (comparison.first)
    FAIL_CHECK("pixel ", comparison.first->pixel, ", step ", comparison.first->step, ", output ",
               comparison.first->output, ": found ", comparison.first->found, ", wanted ",
               comparison.first->wanted);
  // A pixel's columns: T steps of h and x, T steps of h, and h once more for the last output.
  const std::int64_t H = model.layers[0].hidden, C = model.outputs();
  const std::int64_t longest = simulation.parameters().TMax;
  std::int64_t issues = 0, macs = 0, overlong = 0;
  for (const PixelSamples& pixel : pixels) {
    const std::int64_t length = static_cast<std::int64_t>(pixel.size()),
                       T = std::min(length, longest);
    overlong += length > longest;
    issues += T * (2 * H + 1) + H;
    macs += T * 3 * H * (2 * H + 1) + T * C * H;
  }
  CHECK(result.issues == issues);
  CHECK(result.macs == macs);
  CHECK(result.cycles == result.issues + result.bubbles);
  CHECK(result.counted_pixels == static_cast<std::int64_t>(pixels.size()));
  CHECK(result.overlong == overlong);
  return result;
}

}  // namespace taugate::testing
