// Simulated pixels with their truth, and the Cramer-Rao bound.

#include <algorithm>
#include <array>

#include "bindings.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/cramer_rao.h"
#include "taugate/fli/inference/measured_prior.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/physics/masks.h"
#include "taugate/fli/physics/simulator.h"

namespace taugate::python {
namespace {

constexpr std::size_t kPart = 128;    // traces of a thread's item
constexpr std::size_t kBlock = 8192;  // traces between two looks at the watch

std::string prior(const std::string& name, const std::string& preset) {
  SimulatorConfig config = simulator_preset(preset);
  set_prior(config, name);
  return to_json(config);
}

std::pair<std::string, double> measured_prior(const std::string& config, const Record& irf,
                                              const std::string& model, bool align,
                                              double first_gate_ns) {
  SimulatorConfig c = simulator_config_from_json(config);
  const MeasuredPrior options{irf_shape(model), align, {}};
  const Measurement record = irf_record(irf, 0, {});
  const nb::gil_scoped_release no_gil;
  const MeasuredPriorResult found = set_measured_irf(c, record, options, first_gate_ns);
  return {to_json(c), found.first_gate_ns};
}

nb::dict simulate_traces(const std::string& config, std::size_t samples, std::uint64_t seed,
                         nb::object progress) {
  if (samples < 1) fail_usage("samples: found 0, wanted at least 1");
  const Simulator simulator(simulator_config_from_json(config));
  const auto T = static_cast<std::size_t>(simulator.gates()),
             C = static_cast<std::size_t>(simulator.channels());
  std::vector<float> counts(samples * T), decays(samples * T * C);
  std::array<std::vector<float>, 4> columns;
  for (auto& column : columns) column.resize(samples);
  Watch watch(std::move(progress), static_cast<double>(samples));
  {
    const nb::gil_scoped_release no_gil;
    for (std::size_t first = 0; first < samples; first += kBlock) {
      const std::size_t end = std::min(samples, first + kBlock);
      parallel_for((end - first + kPart - 1) / kPart, [&](std::size_t part, int) {
        const std::size_t begin = first + part * kPart;
        for (std::size_t i = begin; i < std::min(end, begin + kPart); ++i) {
          Sample pixel{{counts.data() + i * T, T}, {decays.data() + i * T * C, T * C}, {}};
          simulator.sample(seed, i, pixel);
          const Decay& decay = pixel.truth.decay;
          const double row[] = {decay.tau1_ns, decay.tau2_ns, decay.fraction,
                                pixel.truth.total_counts};
          for (std::size_t c = 0; c < columns.size(); ++c)
            columns[c][i] = static_cast<float>(row[c]);
        }
      });
      if (!watch(static_cast<double>(end))) break;
    }
  }
  watch.finish(true);
  nb::dict out;
  out["tpsf"] = to_numpy(std::move(counts), {samples, T});
  out["sfd"] = to_numpy(std::move(decays), {samples, T, C});
  constexpr const char* names[] = {"tau1", "tau2", "fraction", "total_counts"};
  for (std::size_t c = 0; c < columns.size(); ++c)
    out[names[c]] = to_numpy(std::move(columns[c]), {samples});
  return out;
}

nb::dict simulate_images(const std::string& config, int images, std::uint64_t seed,
                         bool one_decay_per_image) {
  if (images < 1 || images > 400) fail_usage("images: found ", images, ", wanted 1 to 400");
  const Simulator simulator(simulator_config_from_json(config));
  ImageSet set;
  {
    const nb::gil_scoped_release no_gil;
    set = taugate::simulate_images(simulator, procedural_masks(images, seed), images, seed,
                                   one_decay_per_image ? LifetimesPer::image : LifetimesPer::pixel);
  }
  const auto I = static_cast<std::size_t>(images), H = static_cast<std::size_t>(set.rows),
             W = static_cast<std::size_t>(set.cols), T = static_cast<std::size_t>(set.gates);
  nb::dict out;
  out["tpsf"] = to_numpy(std::move(set.counts), {I, H, W, T});
  out["sfd"] = to_numpy(std::move(set.sfd), {I, H, W, T, static_cast<std::size_t>(set.channels)});
  out["tau1"] = to_numpy(std::move(set.tau1), {I, H, W});
  out["tau2"] = to_numpy(std::move(set.tau2), {I, H, W});
  out["fraction"] = to_numpy(std::move(set.fraction), {I, H, W});
  out["total_counts"] = to_numpy(std::move(set.total_counts), {I, H, W});
  return out;
}

nb::dict cramer_rao(double tau_ns, double photons, const std::string& preset,
                    std::optional<int> gates, std::optional<double> gate_step_ns,
                    std::optional<double> period_ns, double irf_fwhm_ns, double irf_delay_ns,
                    double irf_tail_ns, std::optional<double> tau2_ns, double fraction,
                    double background, bool unknown_background, bool unknown_shift) {
  Acquisition a = acquisition_preset(preset);
  a.gates = gates.value_or(a.gates);
  if (gate_step_ns) a.gate_step_ns = a.gate_width_ns = *gate_step_ns;
  a.period_ns = period_ns.value_or(a.period_ns);
  validate(a);
  check_within("tau_ns", tau_ns, 1e-6, 1e6);
  check_within("tau2_ns", tau2_ns.value_or(tau_ns), 1e-6, 1e6);
  check_within("fraction", fraction, 0.0, 1.0);
  check_within("photons", photons, 1e-6, 1e15);
  check_within("background", background, 0.0, 1e15);
  check_within("irf_fwhm_ns", irf_fwhm_ns, 1e-3, a.period_ns);
  check_within("irf_delay_ns", irf_delay_ns, 0.0, a.period_ns);
  check_within("irf_tail_ns", irf_tail_ns, 0.0, a.period_ns);
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(irf_delay_ns, irf_fwhm_ns, 0.0, irf_tail_ns, buffer);
  Unknowns unknowns;
  unknowns.components = tau2_ns ? 2 : 1;
  unknowns.background = unknown_background;
  unknowns.shift = unknown_shift;
  const Decay decay = tau2_ns ? Decay{tau_ns, *tau2_ns, fraction} : Decay::mono(tau_ns);
  const DecayParameters at = parameters_of(a, irf, decay, photons, background);
  const LifetimeBound b = cramer_rao_bound(a, irf, at, unknowns);
  nb::dict out;
  out["tau_ns"] = b.tau_ns[0];
  if (tau2_ns) out["tau2_ns"] = b.tau_ns[1];
  out["amplitude_weighted_ns"] = b.amplitude_ns;
  out["intensity_weighted_ns"] = b.intensity_ns;
  out["fraction"] = b.fraction;
  out["background"] = b.background;
  out["shift_ns"] = b.shift_ns;
  out["photons"] = b.photons_sd;
  out["f_value"] = b.f_value;
  return out;
}

}  // namespace

void bind_simulation(nb::module_& m) {
  m.def("prior", &prior, nb::arg("name"), nb::arg("preset"),
        "A simulator's configuration as JSON.");
  m.def("measured_prior", &measured_prior, nb::arg("config"), nb::arg("irf"), nb::arg("model"),
        nb::arg("align"), nb::arg("first_gate_ns"),
        "The configuration with measured IRFs, and where its gate 0 opens in ns.");
  m.def("simulate_traces", &simulate_traces, nb::arg("config"), nb::arg("samples"), nb::arg("seed"),
        nb::arg("progress").none(), "Traces [N][T] with their truth, by name.");
  m.def("simulate_images", &simulate_images, nb::arg("config"), nb::arg("images"), nb::arg("seed"),
        nb::arg("one_decay_per_image"), "Images [I][H][W][T] with their truth, by name.");
  m.def("cramer_rao", &cramer_rao, nb::arg("tau_ns"), nb::arg("photons"), nb::kw_only(),
        nb::arg("preset") = "ss2-70", nb::arg("gates") = nb::none(),
        nb::arg("gate_step_ns") = nb::none(), nb::arg("period_ns") = nb::none(),
        nb::arg("irf_fwhm_ns") = 0.2, nb::arg("irf_delay_ns") = 1.5, nb::arg("irf_tail_ns") = 0.0,
        nb::arg("tau2_ns") = nb::none(), nb::arg("fraction") = 1.0, nb::arg("background") = 0.0,
        nb::arg("unknown_background") = true, nb::arg("unknown_shift") = false,
        "The Cramer-Rao bound: least standard deviations of what is unknown, at so many expected\n"
        "photons in all gates, NaN of what is known and infinite where the counts cannot tell it.\n"
        "tau_ns alone is a mono-exponential decay; with tau2_ns, `fraction` is tau_ns' amplitude.\n"
        "background: counts a gate. The IRF is a Gaussian with an exponential tail. f_value: the\n"
        "deviation of the lifetime over it, times the root of the photons; 1 is ideal.");
}

}  // namespace taugate::python
