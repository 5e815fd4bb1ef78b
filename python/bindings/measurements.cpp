// Files, fits and inference: what the Python functions read(), fit() and infer() are made of.

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/tuple.h>

#include <tuple>

#include "bindings.h"
#include "taugate/fli/inference/fit_irfs.h"
#include "taugate/fli/inference/fit_maps.h"
#include "taugate/fli/inference/inference.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/io/exchanged_axes.h"
#include "taugate/fli/io/write_measurement.h"

namespace taugate::python {
namespace {

nb::dict read(const std::filesystem::path& path, bool time_first, const std::string& member,
              int channel, std::optional<double> bin_ns, std::optional<double> period_ns) {
  MeasurementOptions options;
  options.prefix = "";
  options.time_first = time_first;
  options.member = member;
  options.channel = channel;
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
  out["notes"] = m.notes;
  return out;
}

void write(const std::filesystem::path& path, const In<float, 3>& counts,
           std::optional<double> bin_ns, std::optional<double> period_ns) {
  const Measurement m = measurement_of(counts, bin_ns, period_ns, "counts");
  const nb::gil_scoped_release no_gil;
  write_measurement(path, m);
}

/// An IRF's record: counts [H][W][bins], bin width, laser period, name.
using Record = std::tuple<In<float, 3>, std::optional<double>, std::optional<double>, std::string>;

/// With as many bins as the measurement it has its bins' width, where it does not tell another.
Measurement irf_record(const Record& record, std::size_t bins, std::optional<double> bin_ns) {
  const auto& [counts, own_bin_ns, period_ns, name] = record;
  Measurement irf = measurement_of(counts, own_bin_ns, period_ns, name);
  if (!irf.bin_ns && static_cast<std::size_t>(irf.bins) == bins) irf.bin_ns = bin_ns;
  if (!irf.bin_ns)
    fail_usage(name, ": does not tell its bin width, wanted a coordinate H in ns of the IRF");
  return irf;
}

struct FitArguments {
  ImageFitOptions image;
  IrfChoice irf;
  std::optional<double> first_ns;
  int gates = 0;
};

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

nb::dict fit(const In<float, 3>& counts, std::optional<double> bin_ns,
             std::optional<double> period_ns, const std::string& name,
             const std::optional<Record>& irf, const std::string& irf_use,
             std::optional<std::tuple<double, double, double>> gaussian_irf_ns,
             const std::string& method, int components, const std::string& shift, bool background,
             const std::string& weights, std::optional<std::pair<double, double>> tau_ns,
             std::optional<double> from_ns, std::optional<double> to_ns,
             std::optional<double> first_ns, int gates, double least_counts, bool share_lifetimes,
             nb::object progress) {
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
  validate(o);
  IrfChoice choice;
  if (irf) {
    Measurement record = irf_record(*irf, counts.shape(2), bin_ns);
    if (irf_use != "sum" && irf_use != "pixel" && irf_use != "align")
      fail_usage("irf_use: found '", irf_use, "', wanted sum, pixel or align");
    choice.align = irf_use == "align";
    choice.record = irf_use == "sum" ? summed_record(std::move(record)) : std::move(record);
  } else if (gaussian_irf_ns) {
    const auto [fwhm, delay, tail] = *gaussian_irf_ns;
    choice.gaussian = {fwhm, delay, tail};
  } else if (!from_ns && o.kind != EstimatorKind::phasor) {
    fail_usage(
        "wanted an IRF: irf=, or gaussian_irf_ns=(fwhm, delay, tail), or from_ns= where the decay "
        "is bare from there on");
  } else {
    o.shift = ShiftMode::known;
  }
  Measurement m = measurement_of(counts, bin_ns, period_ns, name);
  const std::size_t H = counts.shape(0), W = counts.shape(1);
  Watch watch(std::move(progress), static_cast<double>(H * W));
  Maps maps;
  {
    const nb::gil_scoped_release no_gil;
    const Acquisition tiling = gates_of(m, gates);
    const RecordedGates recorded = recorded_gates(std::move(m), tiling, o, first_ns);
    const FitIrfs irfs = fit_irfs(choice, recorded);
    const ImageFit result = fit_image(recorded, irfs.curves, o, [&](std::size_t done) {
      return watch(static_cast<double>(done));
    });
    if (!watch.stopped()) maps = maps_of(recorded, result);
  }
  watch.finish(true);
  nb::dict out;
  for (auto& [map, values] : maps) out[map.c_str()] = to_numpy(std::move(values), {H, W});
  return out;
}

nb::dict infer(const TraceModel& model, const In<float, 3>& counts, std::optional<double> bin_ns,
               std::optional<double> period_ns, const std::string& name,
               const std::optional<Record>& irf, std::optional<double> first_ns,
               double least_counts, std::optional<double> least_precision, bool decays) {
  InferenceOptions options;
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

std::vector<std::string> fit_flags() {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(FitStatus::below_threshold); ++i)
    names.emplace_back(name_of(static_cast<FitStatus>(i)));
  return names;
}

}  // namespace

void bind_measurements(nb::module_& m) {
  m.def("read", &read, nb::arg("path"), nb::arg("time_first"), nb::arg("member"),
        nb::arg("channel"), nb::arg("bin_ns").none(), nb::arg("period_ns").none(),
        "A file of counts: counts [H][W][bins], bin_ns, period_ns, format, channel, "
        "channel_photons, notes.");
  m.def("write", &write, nb::arg("path"), nb::arg("counts"), nb::arg("bin_ns").none(),
        nb::arg("period_ns").none(),
        "Counts [H][W][bins] as .npy, .npz, .tif, .mat, .h5, .csv, .txt or .png.");
  m.def("fit", &fit, nb::arg("counts"), nb::arg("bin_ns").none(), nb::arg("period_ns").none(),
        nb::arg("name"), nb::arg("irf").none(), nb::arg("irf_use"),
        nb::arg("gaussian_irf_ns").none(), nb::arg("method"), nb::arg("components"),
        nb::arg("shift"), nb::arg("background"), nb::arg("weights"), nb::arg("tau_ns").none(),
        nb::arg("from_ns").none(), nb::arg("to_ns").none(), nb::arg("first_ns").none(),
        nb::arg("gates"), nb::arg("least_counts"), nb::arg("share_lifetimes"),
        nb::arg("progress").none(), "The maps [H][W] of `taugate fit`, by name.");
  m.def("infer", &infer, nb::arg("model"), nb::arg("counts"), nb::arg("bin_ns").none(),
        nb::arg("period_ns").none(), nb::arg("name"), nb::arg("irf").none(),
        nb::arg("first_ns").none(), nb::arg("least_counts"), nb::arg("least_precision").none(),
        nb::arg("decays"), "The maps [H][W] of `taugate infer`, by name.");
  m.def("fit_flags", &fit_flags, "What the values of a fit's flag mean, from 0 on.");
}

}  // namespace taugate::python
