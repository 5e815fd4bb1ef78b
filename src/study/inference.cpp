#include "taugate/study/inference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "taugate/fli/io/rebin.h"
#include "taugate/fli/lifetime.h"
#include "taugate/fli/reconvolve.h"
#include "taugate/nn/engine.h"

namespace taugate {
namespace {

/// Counts [N][T] in the model's gates.
std::vector<float> in_gates(const TrainedModel& model, const Measurement& given,
                            const InferenceOptions& options) {
  const Acquisition& acquisition = model.acquisition();
  Measurement m = given;
  if (options.bin_ns) m.bin_ns = options.bin_ns;
  if (options.period_ns) m.period_ns = options.period_ns;
  const double first = options.first_gate_ns.value_or(model.first_gate_ns);
  const bool same_gates =
      m.bins == acquisition.gates && first == 0.0 &&
      (!m.bin_ns || std::abs(*m.bin_ns / acquisition.gate_step_ns - 1.0) < 1e-3);
  if (same_gates) return std::move(m.counts);
  require(m.bin_ns.has_value(), m.path.string(), ": found ", m.bins,
          " bins of unknown width, wanted the model's ", acquisition.gates, " gates of ",
          acquisition.gate_step_ns, " ns, or a bin width (--bin NS) to bin them");
  return rebin(m, acquisition, first);
}

}  // namespace

Inference infer(const TrainedModel& model, const Measurement& measurement,
                const InferenceOptions& options) {
  const Acquisition& acquisition = model.acquisition();
  const auto T = static_cast<std::size_t>(acquisition.gates),
             C = static_cast<std::size_t>(model.simulator.channels);
  const std::size_t n = measurement.traces();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  Inference out{measurement.width,
                measurement.height,
                acquisition.gates,
                model.simulator.channels,
                in_gates(model, measurement, options),
                std::vector<float>(n * T * C),
                std::vector<float>(n),
                std::vector<float>(n, nan),
                std::vector<float>(n, nan),
                0};

  // Only pixels with light go through the network.
  std::vector<float> input;
  std::vector<std::size_t> lit;
  std::vector<float> one(T);
  for (std::size_t i = 0; i < n; ++i) {
    const std::span counts(out.counts.data() + i * T, T);
    double total = 0.0;
    for (float c : counts) total += c;
    out.intensity[i] = static_cast<float>(total);
    if (total < options.least_counts || !normalise(model.normalisation, counts, one)) continue;
    input.insert(input.end(), one.begin(), one.end());
    lit.push_back(i);
  }
  out.blank = n - lit.size();
  std::vector<float> sfd(lit.size() * T * C);
  predict(model.network, input, sfd);
  for (std::size_t k = 0; k < lit.size(); ++k) {
    const std::span<const float> decay(sfd.data() + k * T * C, T * C);
    std::copy(decay.begin(), decay.end(),
              out.sfd.begin() + static_cast<std::ptrdiff_t>(lit[k] * T * C));
    const Lifetimes tau = sfd_lifetimes(decay, acquisition.gate_step_ns, out.outputs);
    out.amplitude_ns[lit[k]] = static_cast<float>(tau.amplitude_ns);
    out.intensity_ns[lit[k]] = static_cast<float>(tau.intensity_ns);
  }
  return out;
}

std::vector<float> fitted_counts(const TrainedModel& model, const IrfCurve& irf,
                                 std::span<const float> sfd, std::span<const float> counts) {
  const Acquisition& acquisition = model.acquisition();
  const auto T = static_cast<std::size_t>(acquisition.gates),
             C = static_cast<std::size_t>(model.simulator.channels);
  require(sfd.size() == T * C && counts.size() == T, "fitted counts: found ", sfd.size(), " and ",
          counts.size(), " values, wanted ", T * C, " and ", T);
  std::vector<float> whole(T), shape(T);
  for (std::size_t k = 0; k < T; ++k) whole[k] = sfd[k * C];
  reconvolve(acquisition, irf, whole, shape);
  // counts ~ scale * shape + offset, each gate weighted by its Poisson variance.
  double n = 0, s = 0, ss = 0, c = 0, sc = 0;
  for (std::size_t k = 0; k < T; ++k) {
    const double x = shape[k], weight = 1.0 / std::max(counts[k], 1.0f);
    n += weight;
    s += weight * x;
    ss += weight * x * x;
    c += weight * counts[k];
    sc += weight * x * counts[k];
  }
  const double determinant = n * ss - s * s;
  double scale = determinant > 0.0 ? (n * sc - s * c) / determinant : 0.0;
  double offset = (c - scale * s) / n;
  if (offset < 0.0) {  // there is no negative background
    offset = 0.0;
    scale = ss > 0.0 ? sc / ss : 0.0;
  }
  std::vector<float> fitted(T);
  for (std::size_t k = 0; k < T; ++k) fitted[k] = static_cast<float>(scale * shape[k] + offset);
  return fitted;
}

}  // namespace taugate
