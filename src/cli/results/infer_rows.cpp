#include "cli/results/infer_rows.h"

#include <cmath>

#include "taugate/fli/io/rebin.h"

namespace taugate::cli {

std::vector<std::pair<const char*, std::vector<float>>> doubts_of(const Inference& r) {
  std::vector<std::pair<const char*, std::vector<float>>> doubts;
  const auto known = [&](const char* name, const std::vector<float>& values) {
    if (!values.empty()) doubts.emplace_back(name, values);
  };
  known("amplitude_weighted_sd_ns", r.amplitude_sd_ns);
  known("intensity_weighted_sd_ns", r.intensity_sd_ns);
  known("fraction", r.fraction);
  known("fraction_sd", r.fraction_sd);
  if (!r.unlike.empty()) {
    doubts.emplace_back("state_distance", r.state_distance);
    doubts.emplace_back("input_chi2r", r.input_chi2r);
    doubts.emplace_back("unlike_training", std::vector<float>(r.unlike.begin(), r.unlike.end()));
  }
  known("irf_chi2r", r.irf_chi2r);
  known("label", {r.labels.begin(), r.labels.end()});
  return doubts;
}

TableInput::TableInput(const Measurement& m, std::vector<IrfQuantiles> irf_of_sum)
    : channel(m.channel), label_pixels(m.label_pixels), irf(std::move(irf_of_sum)) {
  if (!m.labels.empty() || m.traces() == 1) return;
  const std::vector<double> sum = summed_trace(m);
  summed.path = m.path;
  summed.width = summed.height = 1;
  summed.bins = m.bins;
  summed.counts.assign(sum.begin(), sum.end());
  summed.bin_ns = m.bin_ns;
  summed.period_ns = m.period_ns;
}

namespace {

TraceResults results_of(const Inference& r, const InferenceOptions& options) {
  TraceResults results{{{"counts", r.intensity},
                        {"amplitude_weighted_ns", r.amplitude_ns},
                        {"intensity_weighted_ns", r.intensity_ns}},
                       {},
                       {}};
  for (auto& [name, values] : doubts_of(r)) results.maps.emplace_back(name, std::move(values));
  for (std::size_t i = 0; i < r.intensity.size(); ++i) {
    const bool found = std::isfinite(r.amplitude_ns[i]);
    results.used.push_back(found);
    if (r.intensity[i] == 0.0f || r.intensity[i] < options.least_counts)
      results.flags.emplace_back(kTooFewCounts);
    else if (!found)
      results.flags.emplace_back(options.least_precision ? "imprecise" : "no lifetime");
    else if (r.unlike.empty())
      results.flags.emplace_back("not judged");
    else
      results.flags.emplace_back(r.unlike[i] ? "unlike training" : "ok");
  }
  return results;
}

}  // namespace

std::vector<TableColumn> infer_columns() {
  return {"counts",
          "amplitude_weighted_ns",
          "amplitude_weighted_sd_ns",
          "intensity_weighted_ns",
          "intensity_weighted_sd_ns",
          "fraction",
          "fraction_sd",
          "state_distance",
          "input_chi2r",
          "irf_chi2r"};
}

std::vector<TableRow> infer_rows(const TraceModel& model, const Inference& result, TableInput input,
                                 const InferenceOptions& options,
                                 const std::optional<MeasuredIrfs>& irfs) {
  std::optional<TraceResults> summed;
  if (!input.summed.counts.empty()) {
    InferenceOptions of_sum = options;
    if (!input.irf.empty()) of_sum.irfs = std::move(input.irf);
    Inference all = infer(model, std::move(input.summed), of_sum);
    if (irfs && irfs->size() == 1) all.irf_chi2r = reconvolved_chi2r(model, *irfs, all);
    summed = results_of(all, options);
  }
  return rows_of(infer_columns(), results_of(result, options), result.labels, input.label_pixels,
                 summed, input.channel);
}

}  // namespace taugate::cli
