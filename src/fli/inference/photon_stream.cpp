#include "taugate/fli/inference/photon_stream.h"

#include <cmath>
#include <limits>

namespace taugate {
namespace {

constexpr std::size_t kLogs = 4096;  // of counts, kept

EventExecutor executor_of(const TraceModel& model, std::size_t pixels) {
  require(model.reads_photons(),
          "photon stream: found a network that reads traces, wanted one of single photons (train "
          "--photons)");
  if (const auto* integers = dynamic_cast<const QuantizedModel*>(&model))
    return {integers->network, pixels};
  return {dynamic_cast<const TrainedModel&>(model).network, pixels};
}

}  // namespace

PhotonStream::PhotonStream(const TraceModel& model, std::size_t pixels,
                           std::optional<double> first_gate_ns)
    : executor_(executor_of(model, pixels)),
      period_ns_(model.acquisition().period_ns),
      first_gate_ns_(first_gate_ns.value_or(model.first_gate_ns)),
      seen_(pixels) {
  for (std::size_t n = 1; n <= kLogs; ++n) log_counts_.push_back(photon_input(0.0f, n)[1]);
}

void PhotonStream::push(std::span<const PixelPhoton> photons) {
  sequence_.resize(photons.size());
  input_.resize(photons.size() * PhotonNetwork::kInputs);
  for (const PixelPhoton& p : photons)
    require(p.pixel < pixels() && std::isfinite(p.since_ns),
            "photon stream: found a photon of pixel ", p.pixel, " after ", p.since_ns,
            " ns, wanted a pixel below ", pixels(), " and a finite time");
  const auto per_ns = static_cast<float>(1.0 / period_ns_);
  const auto first = static_cast<float>(first_gate_ns_);
  for (std::size_t i = 0; i < photons.size(); ++i) {
    const std::uint32_t pixel = sequence_[i] = photons[i].pixel;
    const std::uint64_t before = executor_.events(pixel) + seen_[pixel]++;
    float share = (photons[i].since_ns - first) * per_ns;
    share -= std::floor(share);
    const auto x = photon_input(share, 1);
    input_[2 * i] = x[0];
    input_[2 * i + 1] = before < kLogs ? log_counts_[before] : photon_input(0.0f, before + 1)[1];
  }
  for (const std::uint32_t pixel : sequence_) seen_[pixel] = 0;
  executor_.push(scratch_, sequence_, input_);
}

Estimated PhotonStream::answer(std::size_t pixel) {
  constexpr float none = std::numeric_limits<float>::quiet_NaN();
  require(pixel < pixels(), "photon stream: found pixel ", pixel, ", wanted one below ", pixels());
  if (photons(pixel) == 0) return {none, none};
  float output[PhotonNetwork::kOutputs];
  executor_.read(scratch_, pixel, output);
  return photon_answer(output, photons(pixel));
}

std::vector<Estimated> PhotonStream::answers() {
  constexpr float none = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> outputs(pixels() * PhotonNetwork::kOutputs);
  executor_.read(scratch_, 0, outputs);
  std::vector<Estimated> all;
  for (std::size_t i = 0; i < pixels(); ++i)
    all.push_back(photons(i) == 0
                      ? Estimated{none, none}
                      : photon_answer(std::span(outputs).subspan(i * PhotonNetwork::kOutputs,
                                                                 PhotonNetwork::kOutputs),
                                      photons(i)));
  return all;
}

}  // namespace taugate
