#include "taugate/fli/inference/image_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "fli/physics/valid_gates.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/cramer_rao.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/io/rebin.h"
#include "taugate/fli/physics/response.h"

namespace taugate {
namespace {

constexpr int kFoldedGates = 1024;
constexpr std::size_t kChunk = 64;    // pixels a thread takes at a time
constexpr std::size_t kBlock = 4096;  // pixels between two looks at keep_going
constexpr double kMostShift = 0.02;   // share of the window, of the IRF against the summed decay
constexpr double kMostOutside = 0.2;  // of the counts outside the times to fit, and of the photons

/// The gates from `first` on before the decay rises, for estimators that take their mean off.
int gates_before_rise(const Acquisition& a, const IrfCurve& irf, double shift_ns, int first) {
  const double area = std::accumulate(irf.density.begin(), irf.density.end(), 0.0);
  double sum = 0.0;
  std::size_t j = 0;
  while (j < irf.density.size() && (sum += irf.density[j]) < 0.001 * area) ++j;
  const double rise = irf.start_ns + shift_ns + irf.bin_ns * static_cast<double>(j);
  const int gates = static_cast<int>(std::floor(rise / a.gate_step_ns)) - 1 - first;
  return std::clamp(gates, 0, a.gates / 2);
}

/// The gates to fit, of those that can hold counts at all.
EstimatorOptions options_for(const RecordedGates& recorded, const ImageFitOptions& o,
                             std::span<const double> summed) {
  const Acquisition& a = recorded.acquisition;
  EstimatorOptions e = o.estimator;
  const double first = recorded.first_gate_ns, end = first + a.window_ns();
  if (o.from_ns >= end || (o.to_ns > 0.0 && o.to_ns <= first) || o.to_ns > end + a.gate_step_ns)
    fail_usage("times to fit: found ", o.from_ns, " to ", o.to_ns > 0.0 ? o.to_ns : end,
               " ns, wanted a part of the record's gates, ", first, " to ", end, " ns");
  const auto gates = [&](double time) { return (time - first) / a.gate_step_ns; };
  e.fit.first_gate = std::max(0, static_cast<int>(std::ceil(gates(o.from_ns) - 1e-6)));
  e.fit.end_gate = a.gates;
  if (o.to_ns > 0.0 && o.to_ns < end)
    e.fit.end_gate = static_cast<int>(std::floor(gates(o.to_ns) + 1e-6));
  const ValidGates range = valid_gates(summed);
  e.fit.first_gate = std::max(e.fit.first_gate, static_cast<int>(range.first));
  e.fit.end_gate = std::min(e.fit.end_gate, static_cast<int>(range.end));
  return e;
}

/// How far the decay is from where the IRF says, from the rise of both; 0 where a fit finds it.
double rough_shift(const Acquisition& a, const IrfCurve& irf, std::span<const double> counts,
                   double reach_ns) {
  std::vector<double> flash(static_cast<std::size_t>(a.gates));
  Response{a}(irf, Decay::mono(0.1 * a.gate_step_ns), flash);
  const double peak = *std::max_element(flash.begin(), flash.end());
  for (double& value : flash) value *= 1e6 / peak;  // so that nothing needs smoothing
  double shift =
      rise_ns(counts, a.gate_step_ns, a.period_ns) - rise_ns(flash, a.gate_step_ns, a.period_ns);
  shift -= a.period_ns * std::round(shift / a.period_ns);
  return std::abs(shift) > 0.5 * reach_ns ? shift : 0.0;
}

}  // namespace

void validate(const ImageFitOptions& o) {
  const FitOptions& fit = o.estimator.fit;
  const int components = fit.unknowns.components;
  if (components < 1 || components > kMostComponents)
    fail_usage("--components: found ", components,
               ", wanted 1 or 2 (three take a million photons: docs/fitting.md)");
  if (o.share_lifetimes && o.shift == ShiftMode::pixel)
    fail_usage("--share-lifetimes: found --shift pixel, wanted known or global");
  if (fit.tau_ns != Range{} && !(fit.tau_ns.low > 0.0 && fit.tau_ns.high > fit.tau_ns.low))
    fail_usage("--tau: found ", fit.tau_ns.low, ":", fit.tau_ns.high,
               ", wanted two different limits above 0");
  if (!(o.from_ns >= 0.0) || !(o.to_ns == 0.0 || o.to_ns > o.from_ns))
    fail_usage("--from, --to: found ", o.from_ns, " and ", o.to_ns,
               " ns, wanted times from 0 up in this order");
  const bool moments = o.kind != EstimatorKind::lm && o.kind != EstimatorKind::mle;
  if (moments && (components > 1 || o.share_lifetimes || o.shift == ShiftMode::pixel))
    fail_usage("--method ", name_of(o.kind),
               ": knows one component and no shift of a pixel; wanted lm or mle");
}

Acquisition gates_of(const Measurement& m, int gates) {
  const std::string where = m.path.string();
  if (!m.bin_ns) fail_usage(where, ": does not tell its bin width; give --bin NS");
  if (!m.period_ns) fail_usage(where, ": does not tell the laser period; give --period NS");
  const double bin = *m.bin_ns, period = *m.period_ns, record = m.bins * bin;
  if (gates < 0 || gates == 1 || gates > 65536)
    fail_usage("gates: found ", gates, ", wanted 2 to 65536");
  Acquisition a;
  a.period_ns = period;
  if (record > period * (1.0 + 1e-6)) {
    const int whole = static_cast<int>(std::floor(period / bin));
    a.gates = gates > 0 ? gates : std::min(kFoldedGates, whole);
    a.gate_step_ns = period / a.gates;
  } else {
    if (gates > m.bins)
      fail_usage("gates: found ", gates, ", wanted at most the ", m.bins, " bins of ", where);
    const int together = gates > 0 && gates < m.bins ? m.bins / gates : 1;
    a.gates = m.bins / together;
    a.gate_step_ns = together * bin;
  }
  a.gate_width_ns = a.gate_step_ns;
  validate(a);
  return a;
}

RecordedGates recorded_gates(Measurement m, const Acquisition& a, const ImageFitOptions& o,
                             std::optional<double> first_ns) {
  require_counts(m);
  RecordedGates r{a,        first_ns.value_or(0.0), m.width,      m.height, {},
                  m.labels, m.label_pixels,         m.photon_uses};
  const double record = m.bins * *m.bin_ns, period = a.period_ns;
  const bool folded = record > period * (1.0 + 1e-6);
  if (folded && !first_ns) {
    r.first_gate_ns = std::floor(o.from_ns / period) * period;
    if (o.to_ns > r.first_gate_ns + period) r.first_gate_ns = o.from_ns;
    if (o.from_ns >= record || o.to_ns - o.from_ns > period * (1.0 + 1e-6))
      fail_usage("times to fit: found ", o.from_ns, " to ", o.to_ns > 0.0 ? o.to_ns : record,
                 " ns, wanted no more than the laser period of ", period,
                 " ns, within the record of ", record, " ns");
  }
  if (!folded && a.gates == m.bins && r.first_gate_ns == 0.0) {
    r.counts = std::move(m.counts);
    return r;
  }
  if (record < period * (1.0 - 1e-6)) {
    const double reached = (record - r.first_gate_ns) / a.gate_step_ns + 1e-6;
    if (r.first_gate_ns < 0.0 || reached < 2.0)
      fail_usage("time of the first gate: found ", r.first_gate_ns, " ns, wanted 0 to less than ",
                 record, " ns, the end of the record");
    r.acquisition.gates = static_cast<int>(std::min<double>(a.gates, std::floor(reached)));
  }
  r.counts = rebin(m, r.acquisition, r.first_gate_ns);
  return r;
}

namespace {

bool is_moment(EstimatorKind kind) {
  return kind != EstimatorKind::lm && kind != EstimatorKind::mle;
}

/// Each photon once, or, at the edges of sliding sums, a little less: counts whose errors are those of photons.
std::vector<double> summed_decay(const RecordedGates& recorded) {
  const std::size_t T = static_cast<std::size_t>(recorded.acquisition.gates);
  std::vector<double> sum(T);
  for (std::size_t at = 0; at < recorded.counts.size(); at += T)
    for (std::size_t k = 0; k < T; ++k) sum[k] += recorded.counts[at + k];
  for (double& counts : sum) counts /= recorded.photon_uses;
  return sum;
}

/// Whether a tenth of the IRF at least lies in the gates to fit: without it, an exponential that
/// comes earlier is one that is brighter, and nothing tells the IRF's shift.
bool sees_irf(const Acquisition& a, const IrfCurve& irf, const FitOptions& fit) {
  const std::vector<float> gates = irf_in_gates(a, irf);
  const auto begin = gates.begin();
  const double all = std::accumulate(begin, gates.end(), 0.0);
  return all > 0.0 &&
         std::accumulate(begin + fit.first_gate, begin + fit.end_gate, 0.0) > 0.1 * all;
}

/// Error where the times to fit are too far from the decay to tell its lifetime.
void check_determined(const RecordedGates& recorded, IrfCurve irf, const ImageFitOptions& options,
                      const FitOptions& fit, const Estimate& found) {
  const Acquisition& a = recorded.acquisition;
  irf.start_ns += found.shift_ns;
  std::vector<double> gates(static_cast<std::size_t>(a.gates));
  Response{a}(irf, {found.tau1_ns, found.tau2_ns, found.fraction}, gates);
  const double share =
      std::accumulate(gates.begin() + fit.first_gate, gates.begin() + fit.end_gate, 0.0);
  const double scale = share > 0.0 ? std::max(found.photons, 0.0) / share : 0.0;
  const DecayParameters at{{scale * found.fraction, scale * (1.0 - found.fraction)},
                           {found.tau1_ns, found.tau2_ns},
                           found.background};
  const double bound =
      cramer_rao_bound(a, irf, at, fit.unknowns, fit.first_gate, fit.end_gate).amplitude_ns;
  if (bound < 0.5 * found.amplitude_ns) return;
  const double first = recorded.first_gate_ns;
  fail("times to fit: found ", std::max(options.from_ns, first), " to ",
       options.to_ns > 0.0 ? options.to_ns : first + a.window_ns(),
       " ns, whose counts do not tell a lifetime; wanted times in which the decay lies");
}

/// The IRF of the summed decay: those of the pixels, each of area 1, weighed with the pixel's counts.
class SummedIrf {
 public:
  SummedIrf(const RecordedGates& recorded, std::span<const IrfCurve> irfs) : curve_(irfs[0]) {
    if (irfs.size() == 1) return;
    double end = curve_.start_ns;
    for (const IrfCurve& irf : irfs) {
      require(irf.tail_ns == curve_.tail_ns, "IRFs: found tails of ", irf.tail_ns, " and ",
              curve_.tail_ns, " ns, wanted one");
      curve_.start_ns = std::min(curve_.start_ns, irf.start_ns);
      curve_.bin_ns = std::min(curve_.bin_ns, irf.bin_ns);
      end = std::max(end, irf.start_ns + irf.length_ns());
    }
    density_.resize(static_cast<std::size_t>(std::ceil((end - curve_.start_ns) / curve_.bin_ns)) +
                    1);
    const auto T = static_cast<std::size_t>(recorded.acquisition.gates);
    for (std::size_t i = 0; i < irfs.size(); ++i) {
      const auto counts = recorded.counts.begin() + static_cast<std::ptrdiff_t>(i * T);
      add(irfs[i], std::accumulate(counts, counts + static_cast<std::ptrdiff_t>(T), 0.0));
    }
    // An image without a count: any of them will do.
    if (*std::max_element(density_.begin(), density_.end()) > 0.0)
      curve_.density = density_;
    else
      curve_ = irfs[0];
  }
  SummedIrf(const SummedIrf&) = delete;
  SummedIrf& operator=(const SummedIrf&) = delete;
  const IrfCurve& curve() const { return curve_; }

 private:
  void add(const IrfCurve& irf, double counts) {
    const double area = std::accumulate(irf.density.begin(), irf.density.end(), 0.0) * irf.bin_ns;
    if (!(counts > 0.0 && area > 0.0)) return;
    for (std::size_t k = 0; k < density_.size(); ++k) {
      const double at =
          (curve_.start_ns + static_cast<double>(k) * curve_.bin_ns - irf.start_ns) / irf.bin_ns;
      const double below = std::floor(at);
      if (below < 0.0 || below + 1.0 >= static_cast<double>(irf.density.size())) continue;
      const auto j = static_cast<std::size_t>(below);
      density_[k] +=
          counts / area * (irf.density[j] + (at - below) * (irf.density[j + 1] - irf.density[j]));
    }
  }

  IrfCurve curve_;
  std::vector<double> density_;
};

/// Estimates the summed decay, and from that what every pixel is told.
void fit_summed_decay(const RecordedGates& recorded, const IrfCurve& irf,
                      const ImageFitOptions& options, std::span<const double> summed,
                      ImageFit& result) {
  const Acquisition& a = recorded.acquisition;
  EstimatorOptions& e = result.options;
  EstimatorOptions options_of_sum = e;
  options_of_sum.fit.unknowns.shift = options.shift != ShiftMode::known;
  options_of_sum.fit.most_shift_ns = std::max(3.0 * a.gate_step_ns, kMostShift * a.window_ns());
  if (options_of_sum.fit.unknowns.shift && std::accumulate(summed.begin(), summed.end(), 0.0) > 0.0)
    options_of_sum.fit.known.shift_ns =
        rough_shift(a, irf, summed, options_of_sum.fit.most_shift_ns);
  // Moments need a fit to tell them where the IRF is.
  const bool moment = is_moment(options.kind);
  const auto fitter =
      make_estimator(moment ? EstimatorKind::mle : options.kind, a, irf, options_of_sum);
  const Estimate all = (*fitter)(result.whole_counts);
  if ((options.from_ns > 0.0 || options.to_ns > 0.0) && all.status != FitStatus::no_counts &&
      e.fit.unknowns.lifetimes)
    check_determined(recorded, irf, options, options_of_sum.fit, all);
  if (all.status != FitStatus::no_counts) {
    e.fit.known.shift_ns = all.shift_ns;
    e.typical_ns = all.intensity_ns;
    if (e.fit.unknowns.background)
      e.baseline_gates = gates_before_rise(a, irf, all.shift_ns, e.fit.first_gate);
    if (moment && e.fit.unknowns.background && options.from_ns > 0.0 && e.baseline_gates == 0)
      fail_usage("times to fit: found none before the decay rises, where ", name_of(options.kind),
                 " takes the background from; wanted an earlier beginning, mle or lm, or no "
                 "background");
    e.fit.known.tau_ns = {all.tau1_ns, all.tau2_ns};
  }
  result.whole = moment ? (*make_estimator(options.kind, a, irf, e))(result.whole_counts) : all;
  if (!moment) result.whole_expected.assign(fitter->expected().begin(), fitter->expected().end());
  e.fit.unknowns.shift = options.shift == ShiftMode::pixel;
  if (result.whole_expected.empty() || (options.from_ns <= 0.0 && options.to_ns <= 0.0)) return;
  const ValidGates range = valid_gates(summed);
  for (std::size_t k = range.first; k < range.end; ++k)
    if (k < static_cast<std::size_t>(e.fit.first_gate) ||
        k >= static_cast<std::size_t>(e.fit.end_gate)) {
      result.outside_expected += result.whole_expected[k];
      result.outside_recorded += summed[k];
    }
}

/// One fit of all pixels with common lifetimes, and, unless it is known, a common place of the IRF.
/// From then on those are what every pixel is told.
void share_lifetimes(const RecordedGates& recorded, std::span<const IrfCurve> irfs,
                     const ImageFitOptions& options,
                     const std::function<bool(std::size_t)>& keep_going, ImageFit& result) {
  FitOptions& fit = result.options.fit;
  FitOptions shared = fit;
  shared.method =
      options.kind == EstimatorKind::mle ? FitMethod::likelihood : FitMethod::least_squares;
  shared.unknowns.shift = options.shift == ShiftMode::global;
  result.shared = fit_shared_lifetimes(recorded.acquisition, irfs, shared, recorded.counts,
                                       options.least_counts,
                                       [&keep_going] { return !keep_going || keep_going(0); });
  fit.unknowns.lifetimes = false;
  if (result.shared->status == FitStatus::no_counts) return;
  fit.known.tau_ns = result.shared->tau_ns;
  fit.known.shift_ns = result.shared->shift_ns;
}

}  // namespace

bool ImageFit::contradicted_outside() const {
  return std::abs(outside_expected - outside_recorded) >
         kMostOutside * std::max(outside_recorded, whole.photons);
}

ImageFit fit_image(const RecordedGates& recorded, std::span<const IrfCurve> irfs,
                   const ImageFitOptions& wanted,
                   const std::function<bool(std::size_t)>& keep_going) {
  ImageFitOptions options = wanted;
  const Acquisition& a = recorded.acquisition;
  const std::size_t T = static_cast<std::size_t>(a.gates), N = recorded.counts.size() / T;
  require(irfs.size() == 1 || irfs.size() == N, "IRFs: found ", irfs.size(), ", wanted one, or ", N,
          " for as many pixels");
  ImageFit result;
  const std::vector<double> summed = summed_decay(recorded);
  result.whole_counts.assign(summed.begin(), summed.end());
  result.options = options_for(recorded, options, summed);
  const bool window = options.from_ns > 0.0 || options.to_ns > 0.0;
  const SummedIrf irf_of_sum(recorded, irfs);
  if (window && options.shift != ShiftMode::known &&
      !sees_irf(a, irf_of_sum.curve(), result.options.fit)) {
    if (options.shift == ShiftMode::pixel)
      fail_usage(
          "shift of every pixel: found times to fit that leave the IRF out, wanted it known");
    options.shift = ShiftMode::known;
  }
  fit_summed_decay(recorded, irf_of_sum.curve(), options, summed, result);
  if (options.share_lifetimes && result.whole.status != FitStatus::no_counts)
    share_lifetimes(recorded, irfs, options, keep_going, result);

  result.pixels.assign(N, {});
  if (options.keep_expected && !is_moment(options.kind)) result.expected.assign(N * T, 0.0f);
  std::vector<std::unique_ptr<Estimator>> workers(static_cast<std::size_t>(thread_count()));
  const auto fit_pixel = [&](std::size_t i, std::unique_ptr<Estimator>& worker) {
    const std::span counts(recorded.counts.data() + i * T, T);
    const double total = std::accumulate(counts.begin() + result.options.fit.first_gate,
                                         counts.begin() + result.options.fit.end_gate, 0.0);
    if (!(total > 0.0)) return;
    if (!(total >= options.least_counts)) {
      result.pixels[i].status = FitStatus::below_threshold;
      return;
    }
    if (!worker || irfs.size() > 1)
      worker = make_estimator(options.kind, a, irfs[irfs.size() > 1 ? i : 0], result.options);
    result.pixels[i] = (*worker)(counts);
    if (!result.expected.empty())
      std::copy(worker->expected().begin(), worker->expected().end(),
                result.expected.begin() + static_cast<std::ptrdiff_t>(i * T));
  };
  for (std::size_t block = 0; block < N; block += kBlock) {
    if (keep_going && !keep_going(block)) break;
    const std::size_t end = std::min(N, block + kBlock);
    parallel_for((end - block + kChunk - 1) / kChunk, [&](std::size_t chunk, int thread) {
      const std::size_t first = block + kChunk * chunk;
      for (std::size_t i = first; i < std::min(end, first + kChunk); ++i)
        fit_pixel(i, workers[static_cast<std::size_t>(thread)]);
    });
  }
  return result;
}

}  // namespace taugate
