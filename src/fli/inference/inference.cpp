#include "taugate/fli/inference/inference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/estimation/reconvolve.h"
#include "taugate/fli/inference/lifetime_head.h"
#include "taugate/fli/io/rebin.h"

namespace taugate {
namespace {

// Pixels that a thread normalises, runs and reads off before it takes the next ones: few enough for
// what lies between these stages to stay in its cache.
constexpr std::size_t kChunk = 256;
constexpr int kReweighted = 4;          // rounds, after which nothing changes that one could see
constexpr float kLeastVariance = 0.1f;  // of a gate's counts
constexpr double kCoarsest = 2.0;       // bins of a record, in gates of the model

/// What one thread needs to take pixels from counts to lifetimes, a chunk after the other. Threads share the executor
/// and meet only once, when the whole image is done.
class Worker {
 public:
  Worker(const TraceModel& model, const Executor& executor, const InferenceOptions& options,
         Inference& out)
      : model_(model),
        options_(options),
        out_(out),
        executor_(executor),
        run_scratch_(executor.make_scratch()),
        T_(static_cast<std::size_t>(out.gates)),
        I_(model.input_size()),
        O_(model.description().output_size()),
        size_(std::min(kChunk, out.intensity.size())),
        input_(size_ * I_),
        output_(size_ * O_),
        states_(model.novelty ? size_ * executor.state_units() : 0) {}

  void run(std::size_t first, std::size_t count) {
    with_counts_.clear();  // only pixels with counts go through the network
    for (std::size_t pixel = first; pixel < first + count; ++pixel)
      if (prepare(pixel, input_.data() + with_counts_.size() * I_)) with_counts_.push_back(pixel);
    blank_ += count - with_counts_.size();
    const std::size_t batch = with_counts_.size();
    if (batch == 0) return;
    const std::size_t D = states_.size() / size_;
    executor_.run(*run_scratch_, {input_.data(), batch * I_}, {output_.data(), batch * O_},
                  TraceOrder::by_trace, {states_.data(), batch * D});
    for (std::size_t k = 0; k < with_counts_.size(); ++k) {
      if (!read_off(with_counts_[k], {&output_[k * O_], O_})) {
        ++imprecise_;
        continue;
      }
      const std::span<const float> input(&input_[k * I_], I_);
      if (D > 0)
        judge(with_counts_[k], gates_of(model_.normalisation, input), {&states_[k * D], D});
    }
  }

  std::size_t blank() const { return blank_ + imprecise_; }
  std::size_t imprecise() const { return imprecise_; }

 private:
  /// Sums the counts of a pixel and normalises them; false where it stays blank.
  bool prepare(std::size_t pixel, float* input) {
    const std::span<const float> counts(&out_.counts[pixel * T_], T_);
    double total = 0.0;
    for (float c : counts) total += c;
    out_.intensity[pixel] = static_cast<float>(total);
    if (const std::vector<IrfQuantiles>& irfs = options_.irfs; !irfs.empty())
      std::ranges::copy(irfs.size() == 1 ? irfs[0] : irfs[pixel], input);
    return total >= options_.least_counts && normalise(model_.normalisation, counts, {input, I_});
  }

  /// False where the pixel stays blank, because it is not precise enough.
  bool read_off(std::size_t pixel, std::span<const float> output) {
    if (model_.gives_lifetimes() && !answer(pixel, lifetime_answer(model_.lifetimes_of(output))))
      return false;
    if (!model_.gives_decays()) return true;
    const std::span<const float> sfd = model_.decay_of(output);
    if (options_.keep_sfd) std::copy(sfd.begin(), sfd.end(), &out_.sfd[pixel * sfd.size()]);
    if (model_.gives_lifetimes()) return true;
    const Lifetimes tau = sfd_lifetimes(sfd, model_.acquisition().gate_step_ns, out_.outputs);
    out_.amplitude_ns[pixel] = static_cast<float>(tau.amplitude_ns);
    out_.intensity_ns[pixel] = static_cast<float>(tau.intensity_ns);
    return true;
  }

  bool answer(std::size_t pixel, const LifetimeAnswer& a) {
    if (options_.least_precision &&
        a.amplitude_ns.deviation > *options_.least_precision * a.amplitude_ns.value)
      return false;
    const auto put = [pixel](const Estimated& e, std::vector<float>& values,
                             std::vector<float>& deviations) {
      values[pixel] = e.value;
      deviations[pixel] = e.deviation;
    };
    put(a.amplitude_ns, out_.amplitude_ns, out_.amplitude_sd_ns);
    put(a.intensity_ns, out_.intensity_ns, out_.intensity_sd_ns);
    if (!out_.fraction.empty()) put(a.fraction, out_.fraction, out_.fraction_sd);
    return true;
  }

  void judge(std::size_t pixel, std::span<const float> input, std::span<const float> state) {
    const Unlikeness u = model_.novelty->assess(out_.intensity[pixel], input, state, scratch_);
    out_.state_distance[pixel] = u.state_distance;
    out_.input_chi2r[pixel] = u.input_chi2r;
    out_.unlike[pixel] = u.unlike;
  }

  const TraceModel& model_;
  const InferenceOptions& options_;
  Inference& out_;
  const Executor& executor_;
  std::unique_ptr<Scratch> run_scratch_;
  std::size_t T_, I_, O_, size_;  // gates, and the network's inputs and outputs of a trace
  std::size_t blank_ = 0, imprecise_ = 0;
  std::vector<std::size_t> with_counts_;        // pixels of the chunk, counted in the whole image
  std::vector<float> input_, output_, states_;  // of those with counts
  std::vector<float> scratch_;
};

}  // namespace

std::vector<float> counts_in_gates(const TraceModel& model, Measurement m,
                                   const InferenceOptions& options) {
  const Acquisition& acquisition = model.acquisition();
  require_counts(m);
  set_time_axis(m, options.bin_ns, options.period_ns);
  const auto wanted = [&](double ns, const char* option) {
    return concat("the model's is ", ns, " ns; if it is the file's, give it (", option, " NS)");
  };
  require(m.bin_ns.has_value(), m.path.string(), ": found ", m.bins, " bins of unknown width; ",
          wanted(acquisition.gate_step_ns, "--bin"));
  require(m.period_ns.has_value(), m.path.string(), ": does not tell its laser period; ",
          wanted(acquisition.period_ns, "--period"));
  require(*m.bin_ns < kCoarsest * acquisition.gate_step_ns, m.path.string(), ": found bins of ",
          *m.bin_ns, " ns, wanted at most ", kCoarsest, " times the model's gates of ",
          acquisition.gate_step_ns, " ns");
  const double first = options.first_gate_ns.value_or(model.first_gate_ns);
  const bool same_gates = m.bins == acquisition.gates && first == 0.0 &&
                          std::abs(*m.bin_ns / acquisition.gate_step_ns - 1.0) < 1e-3 &&
                          std::abs(*m.period_ns / acquisition.period_ns - 1.0) < 0.01;
  if (same_gates) return std::move(m.counts);
  return options.whole_counts ? rebin_whole_counts(m, acquisition, first)
                              : rebin(m, acquisition, first);
}

Inference infer(const TraceModel& model, Measurement measurement, const InferenceOptions& options) {
  const bool lifetimes = model.gives_lifetimes();
  if (options.least_precision && !lifetimes)
    fail(
        "least precision: found a network that gives decays, wanted one that tells how sure it is "
        "of its lifetimes (train --model lifetime)");
  const std::size_t irfs = options.irfs.size();
  if (model.normalisation.reads_irf())
    require(
        irfs == 1 || irfs == measurement.traces(), measurement.path.string(), ": found ", irfs,
        " IRFs beside ", measurement.traces(),
        " pixels, wanted one, or one for each, for a network that is told the IRF (--irf FILE)");
  else
    require(irfs == 0, "inference: found IRFs, wanted none for a network that is not told them");
  const int T = model.gates(), C = model.gives_decays() ? model.outputs() : 0;
  const std::size_t n = measurement.traces();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const int width = measurement.width, height = measurement.height;
  // The record goes before the results come: it is the largest.
  std::vector<float> counts = counts_in_gates(model, std::move(measurement), options);
  const std::size_t judged = model.novelty ? n : 0, sure = lifetimes ? n : 0,
                    two = model.simulator.decay.mono_probability < 1.0 ? sure : 0;
  Inference out{width,
                height,
                T,
                C,
                std::move(counts),
                std::vector<float>(options.keep_sfd ? n * static_cast<std::size_t>(T) * C : 0),
                std::vector<float>(n),
                std::vector<float>(n, nan),
                std::vector<float>(n, nan),
                std::vector<float>(sure, nan),
                std::vector<float>(sure, nan),
                std::vector<float>(two, nan),
                std::vector<float>(two, nan),
                std::vector<float>(judged, nan),
                std::vector<float>(judged, nan),
                std::vector<std::uint8_t>(judged),
                {},
                0,
                0};
  const std::size_t chunks = (n + kChunk - 1) / kChunk;
  const std::unique_ptr<Executor> executor = model.executor();
  std::vector<std::unique_ptr<Worker>> workers(static_cast<std::size_t>(thread_count()));
  parallel_for(chunks, [&](std::size_t chunk, int thread) {
    auto& worker = workers[static_cast<std::size_t>(thread)];
    if (!worker) worker = std::make_unique<Worker>(model, *executor, options, out);
    worker->run(chunk * kChunk, std::min(kChunk, n - chunk * kChunk));
  });
  for (const auto& worker : workers) {
    if (!worker) continue;
    out.blank += worker->blank();
    out.imprecise += worker->imprecise();
  }
  return out;
}

std::vector<IrfQuantiles> quantiles_of(const MeasuredIrfs& irfs) {
  std::vector<IrfQuantiles> all;
  for (int i = 0; i < static_cast<int>(irfs.size()); ++i)
    all.push_back(irf_quantiles(irfs.curve(i)));
  return all;
}

std::vector<float> Inference::relative_precision() const {
  std::vector<float> relative = amplitude_sd_ns;
  for (std::size_t i = 0; i < relative.size(); ++i) relative[i] /= amplitude_ns[i];
  return relative;
}

void require_sfd(const TraceModel& model, const std::string& wanted) {
  require(model.gives_decays(), wanted,
          ": found a network that gives lifetimes and no decay, wanted a Seq2Seq");
}

std::optional<std::size_t> Inference::unlike_count() const {
  if (unlike.empty()) return std::nullopt;
  return static_cast<std::size_t>(std::count(unlike.begin(), unlike.end(), 1));
}

std::vector<float> reconvolved_chi2r(const TraceModel& model, const MeasuredIrfs& irfs,
                                     const Inference& r) {
  const auto T = static_cast<std::size_t>(r.gates);
  const std::size_t n = r.intensity.size();
  const FittedCounts fitted_counts(model, irfs, r);
  std::vector<float> chi2r(n, std::numeric_limits<float>::quiet_NaN());
  parallel_for((n + kChunk - 1) / kChunk, [&](std::size_t chunk, int) {
    std::vector<float> fitted(T), scratch;
    for (std::size_t i = chunk * kChunk; i < std::min(n, (chunk + 1) * kChunk); ++i) {
      if (!std::isfinite(r.amplitude_ns[i])) continue;
      fitted_counts(i, fitted, scratch);
      double sum = 0.0;
      for (std::size_t t = 0; t < T; ++t) {
        const double e = r.counts[i * T + t] - fitted[t];
        sum += e * e / std::max(fitted[t], 1.0f);
      }
      chi2r[i] = static_cast<float>(sum / static_cast<double>(T - 2));
    }
  });
  return chi2r;
}

namespace {

/// fitted [T] from sfd [T][C]; see fitted_counts().
void fit_to_counts(const Reconvolution& reconvolution, std::span<const float> sfd,
                   std::span<const float> counts, std::span<float> fitted,
                   std::vector<float>& scratch) {
  const std::size_t T = counts.size(), C = T > 0 ? sfd.size() / T : 0;
  require(C > 0 && sfd.size() == T * C, "fitted counts: found ", sfd.size(), " and ", counts.size(),
          " values, wanted a decay for each gate");
  scratch.resize(T);
  const std::span<float> shape = scratch;
  for (std::size_t k = 0; k < T; ++k) fitted[k] = sfd[k * C];
  reconvolution(fitted, shape);
  // counts ~ scale * shape + offset, each gate weighted by the variance of the counts that are
  // expected there: at first all alike, then as the fit before says.
  std::fill(fitted.begin(), fitted.end(), 1.0f);
  for (int round = 0; round < kReweighted; ++round) {
    double n = 0, s = 0, ss = 0, c = 0, sc = 0;
    for (std::size_t k = 0; k < T; ++k) {
      const double x = shape[k], weight = 1.0 / std::max(fitted[k], kLeastVariance);
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
    for (std::size_t k = 0; k < T; ++k) fitted[k] = static_cast<float>(scale * shape[k] + offset);
  }
}

}  // namespace

std::vector<float> fitted_counts(const TraceModel& model, const IrfCurve& irf,
                                 std::span<const float> sfd, std::span<const float> counts) {
  std::vector<float> fitted(counts.size()), scratch;
  fit_to_counts(Reconvolution(model.acquisition(), irf), sfd, counts, fitted, scratch);
  return fitted;
}

FittedCounts::FittedCounts(const TraceModel& model, const MeasuredIrfs& irfs, const Inference& r)
    : model_(model), irfs_(irfs), result_(r) {
  require_sfd(model, "fitted counts");
  const std::size_t n = r.intensity.size();
  require(irfs.size() == 1 || static_cast<std::size_t>(irfs.size()) == n, "IRFs: found ",
          irfs.size(), ", wanted one, or one for each of ", n, " pixels");
  if (irfs.size() == 1) common_.emplace(model.acquisition(), irfs.curve(0));
}

void FittedCounts::operator()(std::size_t pixel, std::span<float> fitted,
                              std::vector<float>& scratch) const {
  const auto T = static_cast<std::size_t>(result_.gates),
             TC = T * static_cast<std::size_t>(result_.outputs);
  const std::span<const float> sfd(result_.sfd.data() + pixel * TC, TC),
      counts(result_.counts.data() + pixel * T, T);
  if (common_) return fit_to_counts(*common_, sfd, counts, fitted, scratch);
  fit_to_counts(Reconvolution(model_.acquisition(), irfs_.of_pixel(pixel)), sfd, counts, fitted,
                scratch);
}

}  // namespace taugate
