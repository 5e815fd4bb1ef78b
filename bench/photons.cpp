// Networks of single photons at work: photons a second through an image's stream, floats and integers, beside the FMA
// peak.

#include "bench/bench.h"
#include "taugate/core/parallel.h"
#include "taugate/core/random.h"
#include "taugate/fli/inference/photon_stream.h"
#include "taugate/quant/ptq/quantize.h"

namespace bench {
namespace {

constexpr std::uint32_t kPixels = 256 * 256;
constexpr std::size_t kPhotons = std::size_t{1} << 22;  // 64 of a pixel

struct Case {
  int units, bits, threads;  ///< 0 bits: floats
};

/// Lines of an image, as a scanner would deliver their photons.
std::vector<taugate::PixelPhoton> photons() {
  taugate::Random random(1, 0);
  std::vector<taugate::PixelPhoton> all(kPhotons);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = {static_cast<std::uint32_t>(i * kPixels / kPhotons) / 256 * 256 +
                  static_cast<std::uint32_t>(random.below(256)),
              static_cast<float>(random.uniform(0.0, 25.0))};
  return all;
}

void push(benchmark::State& state, const Case& c) {
  taugate::set_thread_count(c.threads);
  taugate::SimulatorConfig config;
  config.acquisition = {256, 25.0 / 256, 25.0 / 256, 25.0};
  taugate::Model network(
      taugate::photon_network({.gates = 1000, .outputs = 2, .hidden = {c.units}}));
  taugate::initialise_photon_network(network, config, 1);
  const taugate::TrainedModel floats(std::move(network), config);
  taugate::QuantizeOptions options;
  if (c.bits == 16) options.widths = taugate::widths_16bit();
  taugate::PhotonStream stream =
      c.bits == 0 ? taugate::PhotonStream(floats, kPixels)
                  : taugate::PhotonStream(
                        taugate::QuantizedModel(taugate::quantize(floats.network, options), floats),
                        kPixels);
  const std::vector<taugate::PixelPhoton> all = photons();
  for (auto _ : state) {
    stream.push(all);
    benchmark::ClobberMemory();
  }
  count_rate(state, "photons/s", static_cast<double>(kPhotons));
  const double flops = 2.0 * 3 * c.units * (c.units + taugate::PhotonNetwork::kInputs);
  count_flops(state, flops * static_cast<double>(kPhotons), c.threads);
}

}  // namespace

void add_photons() {
  const auto add = [](const std::string& name, const Case& c) {
    benchmark::RegisterBenchmark(name.c_str(), [c](benchmark::State& state) { push(state, c); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  };
  for (const int units : {8, 12, 16, 32})
    add("photons/H:" + std::to_string(units), {units, 0, cores()});
  add("photons/H:12/threads:1", {12, 0, 1});
  for (const int bits : {8, 16})
    add("photons/H:12/bits:" + std::to_string(bits), {12, bits, cores()});
}

}  // namespace bench
