// Files, fits and inference: what the Python functions read(), fit() and infer() are made of.

#include <nanobind/stl/filesystem.h>

#include "bindings.h"
#include "fli/physics/statistics.h"
#include "taugate/fli/estimation/phasor.h"
#include "taugate/fli/inference/fit_irfs.h"
#include "taugate/fli/inference/fit_maps.h"
#include "taugate/fli/inference/inference.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/io/exchanged_axes.h"
#include "taugate/fli/io/measurement_files.h"
#include "taugate/fli/io/pixel_groups.h"
#include "taugate/fli/io/rebin.h"
#include "taugate/fli/io/write_measurement.h"

namespace taugate::python {
namespace {

nb::dict read(const std::filesystem::path& path, bool time_first, const std::string& member,
              int channel, int frame, int gates_per_frame, std::optional<double> bin_ns,
              std::optional<double> period_ns) {
  MeasurementOptions options;
  options.prefix = "";
  options.time_first = time_first;
  options.member = member;
  options.channel = channel;
  options.frame = frame;
  options.gates_per_frame = gates_per_frame;
  Measurement m;
  {
    const nb::gil_scoped_release no_gil;
    m = read_measurement(path, options);
    if (m.either_way && (!m.bin_ns || time_first) && lies_on_its_side(m))
      fail_usage(path.string(), ": found ", m.traces(), " traces of ", m.bins,
                 " bins, whose counts lie in few of the traces and all over their bins; wanted "
                 "time_first=",
                 time_first ? "False" : "True");
    set_time_axis(m, bin_ns, period_ns, "--");
  }
  nb::dict out;
  out["counts"] = to_numpy(std::move(m.counts),
                           {static_cast<std::size_t>(m.height), static_cast<std::size_t>(m.width),
                            static_cast<std::size_t>(m.bins)});
  out["bin_ns"] = m.bin_ns;
  out["period_ns"] = m.period_ns;
  out["format"] = m.format;
  out["channel"] = m.channel;
  out["channel_photons"] = m.channel_photons;
  out["frames"] = m.frames;
  out["notes"] = m.notes;
  return out;
}

void write(const std::filesystem::path& path, const In<float, 3>& counts,
           std::optional<double> bin_ns, std::optional<double> period_ns) {
  const Measurement m = measurement_of(counts, bin_ns, period_ns, "counts");
  const nb::gil_scoped_release no_gil;
  write_measurement(path, m);
}

ShiftMode shift_mode(const std::string& name) {
  if (name == "known") return ShiftMode::known;
  if (name == "global") return ShiftMode::global;
  if (name == "pixel") return ShiftMode::pixel;
  fail_usage("shift: found '", name, "', wanted known, global or pixel");
}

GateWeights gate_weights(const std::string& name) {
  if (name == "model") return GateWeights::model;
  if (name == "counts") return GateWeights::counts;
  if (name == "equal") return GateWeights::equal;
  fail_usage("weights: found '", name, "', wanted model, counts or equal");
}

IrfChoice irf_choice(const std::optional<Record>& irf, const std::string& irf_use,
                     std::optional<std::tuple<double, double, double>> gaussian_irf_ns,
                     std::size_t bins, std::optional<double> bin_ns) {
  IrfChoice choice;
  if (irf) {
    Measurement record = irf_record(*irf, bins, bin_ns);
    if (irf_use != "sum" && irf_use != "pixel" && irf_use != "align")
      fail_usage("irf_use: found '", irf_use, "', wanted sum, pixel or align");
    choice.align = irf_use == "align";
    choice.record = irf_use == "sum" ? summed_record(std::move(record)) : std::move(record);
  } else if (gaussian_irf_ns) {
    const auto [fwhm, delay, tail] = *gaussian_irf_ns;
    choice.gaussian = {fwhm, delay, tail};
  }
  return choice;
}

/// The recording of a dye that calibrates phasors.
std::optional<Measurement> reference_dye(const std::optional<Record>& reference,
                                         std::optional<double> tau_ns, EstimatorKind kind,
                                         std::size_t bins, std::optional<double> bin_ns) {
  if (reference.has_value() != tau_ns.has_value())
    fail_usage("reference, reference_tau_ns: found one of them, wanted both or none");
  if (!reference) return std::nullopt;
  if (kind != EstimatorKind::phasor) fail_usage("reference: does nothing without method='phasor'");
  return summed_record(irf_record(*reference, bins, bin_ns));
}

nb::dict maps_dict(Maps maps, const std::vector<std::size_t>& shape) {
  nb::dict out;
  for (auto& [map, values] : maps) out[map.c_str()] = to_numpy(std::move(values), shape);
  return out;
}

nb::dict fit(const In<float, 3>& counts, std::optional<double> bin_ns,
             std::optional<double> period_ns, const std::string& name,
             const std::optional<Record>& irf, const std::string& irf_use,
             std::optional<std::tuple<double, double, double>> gaussian_irf_ns,
             const std::optional<Record>& reference, std::optional<double> reference_tau_ns,
             const std::string& method, int components, const std::string& shift, bool background,
             const std::string& weights, std::optional<std::pair<double, double>> tau_ns,
             std::optional<std::vector<double>> fix_tau_ns, std::optional<double> from_ns,
             std::optional<double> to_ns, std::optional<double> first_ns, int gates,
             double least_counts, bool share_lifetimes, bool expected, nb::object progress) {
  ImageFitOptions o;
  o.kind = estimator_kind(method);
  FitOptions& f = o.estimator.fit;
  f.unknowns.components = components;
  f.unknowns.background = background;
  f.weights = gate_weights(weights);
  if (tau_ns) f.tau_ns = {tau_ns->first, tau_ns->second};
  o.shift = shift_mode(shift);
  o.share_lifetimes = share_lifetimes;
  o.from_ns = from_ns.value_or(0.0);
  o.to_ns = to_ns.value_or(0.0);
  o.least_counts = least_counts;
  o.keep_expected = expected;
  const bool fits_traces = o.kind == EstimatorKind::mle || o.kind == EstimatorKind::lm;
  if (fix_tau_ns) {
    const std::vector<double>& tau = *fix_tau_ns;
    if (tau.size() != static_cast<std::size_t>(components) || !(tau[0] > 0.0) ||
        !(tau.back() > 0.0) || !fits_traces || tau_ns || share_lifetimes)
      fail_usage("fix_tau_ns: found ", tau.size(), " lifetime(s), wanted one above 0 for each of ",
                 components,
                 " component(s), method='mle' or 'lm', and neither tau_ns nor share_lifetimes");
    f.unknowns.lifetimes = false;
    f.known.tau_ns = {tau[0], tau.back()};
  }
  if (expected && !fits_traces)
    fail_usage("expected: found method='", method, "', which fits no trace");
  validate(o);
  const IrfChoice choice = irf_choice(irf, irf_use, gaussian_irf_ns, counts.shape(2), bin_ns);
  if (!choice.record && !choice.gaussian) {
    if (!from_ns && o.kind != EstimatorKind::phasor)
      fail_usage(
          "wanted an IRF: irf=, or gaussian_irf_ns=(fwhm, delay, tail), or from_ns= where the "
          "decay is bare from there on");
    o.shift = ShiftMode::known;
  }
  const std::optional<Measurement> dye =
      reference_dye(reference, reference_tau_ns, o.kind, counts.shape(2), bin_ns);
  Measurement m = measurement_of(counts, bin_ns, period_ns, name);
  const std::size_t H = counts.shape(0), W = counts.shape(1);
  Watch watch(std::move(progress), static_cast<double>(H * W));
  Maps maps, summed;
  ImageFit result;
  RecordedGates recorded;
  {
    const nb::gil_scoped_release no_gil;
    const Acquisition tiling = gates_of(m, gates);
    recorded = recorded_gates(std::move(m), tiling, o, first_ns);
    const FitIrfs irfs = fit_irfs(choice, recorded);
    std::optional<PhasorTransform> calibration;
    if (dye)
      calibration.emplace(recorded.acquisition,
                          rebin(*dye, recorded.acquisition, recorded.first_gate_ns),
                          *reference_tau_ns);
    if (calibration) o.estimator.reference = &*calibration;
    result = fit_image(recorded, irfs.curves, o,
                       [&](std::size_t done) { return watch(static_cast<double>(done)); });
    if (!watch.stopped()) {
      maps = maps_of(recorded, result);
      summed = maps_of_sum(recorded, result);
    }
  }
  watch.finish(true);
  nb::dict out = maps_dict(std::move(maps), {H, W});
  out["summed"] = maps_dict(std::move(summed), {});
  out["contradicted"] = (choice.record || choice.gaussian) && result.contradicted_outside();
  if (expected) {
    const auto T = static_cast<std::size_t>(recorded.acquisition.gates);
    out["expected"] = to_numpy(std::move(result.expected), {H, W, T});
    out["gates_ns"] = std::pair(recorded.first_gate_ns, recorded.acquisition.gate_step_ns);
  }
  return out;
}

nb::dict infer(const TraceModel& model, const In<float, 3>& counts, std::optional<double> bin_ns,
               std::optional<double> period_ns, const std::string& name,
               const std::optional<Record>& irf, std::optional<double> first_ns, bool whole_counts,
               double least_counts, std::optional<double> least_precision, bool decays) {
  InferenceOptions options;
  options.whole_counts = whole_counts;
  options.first_gate_ns = first_ns;
  options.least_counts = least_counts;
  options.least_precision = least_precision;
  const double first = first_ns.value_or(model.first_gate_ns);
  std::optional<MeasuredIrfs> irfs;
  if (irf) {
    if (!model.normalisation.reads_irf()) require_sfd(model, "irf");
    irfs = irfs_on_gates(irf_record(*irf, counts.shape(2), bin_ns), model.acquisition(), first);
    if (model.normalisation.reads_irf()) {
      options.irfs = quantiles_of(*irfs);
      irfs.reset();  // without a decay there is nothing to convolve
    }
  }
  options.keep_sfd = decays || irfs;
  if (decays) require_sfd(model, "decays");
  Measurement m = measurement_of(counts, bin_ns, period_ns, name);
  const std::size_t H = counts.shape(0), W = counts.shape(1);
  Inference r;
  {
    const nb::gil_scoped_release no_gil;
    r = taugate::infer(model, std::move(m), options);
    if (irfs) r.irf_chi2r = reconvolved_chi2r(model, *irfs, r);
  }
  nb::dict out;
  const auto put = [&](const char* column, auto& values) {
    if (!values.empty()) out[column] = to_numpy(std::move(values), {H, W});
  };
  put("counts", r.intensity);
  put("amplitude_weighted_ns", r.amplitude_ns);
  put("intensity_weighted_ns", r.intensity_ns);
  put("amplitude_weighted_sd_ns", r.amplitude_sd_ns);
  put("intensity_weighted_sd_ns", r.intensity_sd_ns);
  put("fraction", r.fraction);
  put("fraction_sd", r.fraction_sd);
  put("state_distance", r.state_distance);
  put("input_chi2r", r.input_chi2r);
  put("unlike_training", r.unlike);
  put("irf_chi2r", r.irf_chi2r);
  if (decays)
    out["sfd"] = to_numpy(std::move(r.sfd), {H, W, static_cast<std::size_t>(r.gates),
                                             static_cast<std::size_t>(r.outputs)});
  return out;
}

Out<std::int32_t> labels(const std::filesystem::path& path) {
  LabelImage mask = read_labels(path);
  return to_numpy(std::vector<std::int32_t>(mask.labels.begin(), mask.labels.end()),
                  {static_cast<std::size_t>(mask.height), static_cast<std::size_t>(mask.width)});
}

std::vector<std::string> folder_files(const std::filesystem::path& folder) {
  return files_of_folder(folder).measurements;
}

std::optional<nb::dict> statistics(const In<float, 1>& values) {
  const std::optional<Statistics> s = statistics_of(span_of(values));
  if (!s) return std::nullopt;
  nb::dict out;
  out["count"] = s->count;
  out["mean"] = s->mean;
  out["deviation"] = s->deviation;
  out["median"] = s->median;
  out["low"] = s->low;
  out["high"] = s->high;
  return out;
}

std::vector<std::string> fit_flags() {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(FitStatus::below_threshold); ++i)
    names.emplace_back(name_of(static_cast<FitStatus>(i)));
  return names;
}

}  // namespace

Measurement irf_record(const Record& record, std::size_t bins, std::optional<double> bin_ns) {
  const auto& [counts, own_bin_ns, period_ns, name] = record;
  Measurement irf = measurement_of(counts, own_bin_ns, period_ns, name);
  if (!irf.bin_ns && static_cast<std::size_t>(irf.bins) == bins) irf.bin_ns = bin_ns;
  if (!irf.bin_ns)
    fail_usage(name, ": does not tell its bin width, wanted a coordinate H in ns of the IRF");
  return irf;
}

void bind_measurements(nb::module_& m) {
  m.def("read", &read, nb::arg("path"), nb::arg("time_first"), nb::arg("member"),
        nb::arg("channel"), nb::arg("frame"), nb::arg("gates_per_frame"), nb::arg("bin_ns").none(),
        nb::arg("period_ns").none(),
        "A file of counts: counts [H][W][bins], bin_ns, period_ns, format, channel, "
        "channel_photons, frames, notes.");
  m.def("read_labels", &labels, nb::arg("path"), "The labels [H][W] of a mask's image.");
  m.def("files_of_folder", &folder_files, nb::arg("folder"),
        "Names of the measurements in a folder, in the order of the numbers in them.");
  m.def("statistics", &statistics, nb::arg("values"),
        "Of the finite values: count, mean, deviation, median, low and high, the 16th and 84th\n"
        "percentile; None where there are none.");
  m.def("write", &write, nb::arg("path"), nb::arg("counts"), nb::arg("bin_ns").none(),
        nb::arg("period_ns").none(),
        "Counts [H][W][bins] as .npy, .npz, .tif, .mat, .h5, .csv, .txt or .png.");
  m.def("fit", &fit, nb::arg("counts"), nb::arg("bin_ns").none(), nb::arg("period_ns").none(),
        nb::arg("name"), nb::arg("irf").none(), nb::arg("irf_use"),
        nb::arg("gaussian_irf_ns").none(), nb::arg("reference").none(),
        nb::arg("reference_tau_ns").none(), nb::arg("method"), nb::arg("components"),
        nb::arg("shift"), nb::arg("background"), nb::arg("weights"), nb::arg("tau_ns").none(),
        nb::arg("fix_tau_ns").none(), nb::arg("from_ns").none(), nb::arg("to_ns").none(),
        nb::arg("first_ns").none(), nb::arg("gates"), nb::arg("least_counts"),
        nb::arg("share_lifetimes"), nb::arg("expected"), nb::arg("progress").none(),
        "The maps [H][W] of `taugate fit`, by name; summed, those of the summed decay;\n"
        "contradicted, whether counts outside of the times to fit contradict that; and, if\n"
        "wanted, expected, the fitted counts [H][W][T], with gates_ns, where gate 0 opens and the\n"
        "time from gate to gate.");
  m.def("infer", &infer, nb::arg("model"), nb::arg("counts"), nb::arg("bin_ns").none(),
        nb::arg("period_ns").none(), nb::arg("name"), nb::arg("irf").none(),
        nb::arg("first_ns").none(), nb::arg("whole_counts"), nb::arg("least_counts"),
        nb::arg("least_precision").none(), nb::arg("decays"),
        "The maps [H][W] of `taugate infer`, by name.");
  m.def("fit_flags", &fit_flags, "What the values of a fit's flag mean, from 0 on.");
}

}  // namespace taugate::python
