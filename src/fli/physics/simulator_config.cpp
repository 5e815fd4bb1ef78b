#include "taugate/fli/physics/simulator_config.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "fli/physics/acquisition_fields.h"

namespace taugate {
namespace {

constexpr double kLongestLifetime = 1e4;  // ns
constexpr double kMostCounts = 1e9;
constexpr double kMostRise = 0.95;  // 1 leaves a mono-exponential of the rise's own time no counts

/// What set_prior sets.
auto prior_of(const SimulatorConfig& c) {
  return std::tie(c.decay, c.peak_counts, c.background_counts, c.background_fraction,
                  c.background_share, c.scatter);
}

}  // namespace

// Found through their argument, hence not in the unnamed namespace.

static constexpr std::array<std::string_view, 3> enum_names(DetectorKind) {
  return {"tcspc", "gated_spad", "iccd"};
}

template <class Visit, json_fields::Is<DecayPrior> P>
static void fields(Visit& visit, P& p) {
  visit("tau1_ns", p.tau1_ns);
  visit("tau2_ns", p.tau2_ns);
  visit("fraction", p.fraction);
  visit("mono_probability", p.mono_probability);
  visit("log_uniform", p.log_uniform);
  visit("rise_ns", p.rise_ns);
  visit("rise_amplitude", p.rise_amplitude);
}

template <class Visit, json_fields::Is<IrfPrior> P>
static void fields(Visit& visit, P& p) {  // `measured` is read and written beside these
  visit("delay_ns", p.delay_ns);
  visit("fwhm_ns", p.fwhm_ns);
  visit("gate_ns", p.gate_ns);
  visit("tail_probability", p.tail_probability);
  visit("tail_ns", p.tail_ns);
  visit("stretch", p.stretch);
}

template <class Visit, json_fields::Is<Detector> D>
static void fields(Visit& visit, D& d) {
  visit("kind", d.kind);
  visit("frame_bits", d.frame_bits);
  visit("excess_noise", d.excess_noise);
  visit("gain", d.gain);
  visit("dark_counts", d.dark_counts);
  visit("hot_probability", d.hot_probability);
  visit("hot_counts", d.hot_counts);
}

template <class Visit, json_fields::Is<SimulatorConfig> C>
static void fields(Visit& visit, C& c) {
  visit("acquisition", c.acquisition);
  visit("decay", c.decay);
  visit("irf", c.irf);
  visit("peak_counts", c.peak_counts);
  visit("background_counts", c.background_counts);
  visit("background_fraction", c.background_fraction);
  visit.unless("background_share", c.background_share, Range{});
  visit.unless("background_probability", c.background_probability, 0.5);
  visit("scatter", c.scatter);
  visit("detector", c.detector);
  visit("channels", c.channels);
}

void validate(const SimulatorConfig& c) {
  validate(c.acquisition);
  check_range("tau1 (ns)", c.decay.tau1_ns, 1e-4, kLongestLifetime);
  check_range("tau2 (ns)", c.decay.tau2_ns, 1e-4, kLongestLifetime);
  check_range("fraction", c.decay.fraction, 0.0, 1.0);
  check_within("probability of a mono-exponential", c.decay.mono_probability, 0.0, 1.0);
  check_range("rise (ns)", c.decay.rise_ns, c.decay.rise_amplitude.high > 0.0 ? 1e-4 : 0.0,
              kLongestLifetime);
  check_range("amplitude of the rise", c.decay.rise_amplitude, 0.0, kMostRise);
  validate(c.irf, c.acquisition.period_ns);
  check_range("peak counts", c.peak_counts, 1e-3, kMostCounts);
  check_range("background counts", c.background_counts, 0.0, kMostCounts);
  check_range("background fraction", c.background_fraction, 0.0, 1e3);
  check_range("background share", c.background_share, 0.0, 0.95);
  check_within("probability of a background", c.background_probability, 0.0, 1.0);
  check_range("scatter", c.scatter, 0.0, 0.95);
  validate(c.detector);
  if (c.channels != 1 && c.channels != 3)
    fail_usage("channels: found ", c.channels, ", wanted 1 or 3");
}

SimulatorConfig simulator_preset(std::string_view name) {
  SimulatorConfig config;
  config.acquisition = acquisition_preset(name);
  if (name == "iccd-176") {
    config.irf.fwhm_ns = {0.23, 0.31};
    config.irf.delay_ns = {0.8, 1.0};
    config.detector.kind = DetectorKind::iccd;
  }
  return config;
}

void set_prior(SimulatorConfig& config, std::string_view name) {
  SimulatorConfig prior;
  if (name == "general") {
    prior.decay = {.tau1_ns = {0.2, 0.8}, .tau2_ns = {0.8, 1.6}, .mono_probability = 0.85};
    prior.peak_counts = {10.0, 3000.0};
    prior.background_fraction = {0.0, 0.0005};
  } else if (name != "paper") {
    fail_usage("prior: found '", name, "', wanted general or paper");
  }
  config.decay = prior.decay;
  config.peak_counts = prior.peak_counts;
  config.background_counts = prior.background_counts;
  config.background_fraction = prior.background_fraction;
  config.background_share = prior.background_share;
  config.scatter = prior.scatter;
}

std::string_view prior_name(const SimulatorConfig& config) {
  for (const std::string_view name : {"general", "paper"}) {
    SimulatorConfig named;
    set_prior(named, name);
    if (prior_of(named) == prior_of(config)) return name;
  }
  return "custom";
}

std::string describe_prior(const SimulatorConfig& c) {
  const DecayPrior& d = c.decay;
  std::string text =
      concat(prior_name(c), ": lifetimes ", std::min(d.tau1_ns.low, d.tau2_ns.low), " to ",
             std::max(d.tau1_ns.high, d.tau2_ns.high), " ns, ", 100.0 * d.mono_probability,
             " % with one component; peak counts ", c.peak_counts.low, " to ", c.peak_counts.high);
  if (c.background_fraction.high > 0.0)
    text += concat("; background to ", 100.0 * c.background_fraction.high, " % of the peak");
  if (c.background_counts.high > 0.0)
    text += concat("; background to ", c.background_counts.high, " counts a gate");
  if (c.background_share.high > 0.0)
    text += concat("; background to ", 100.0 * c.background_share.high, " % of all counts in ",
                   100.0 * c.background_probability, " %");
  if (c.scatter.high > 0.0) text += concat("; scatter to ", 100.0 * c.scatter.high, " %");
  if (d.rise_amplitude.high > 0.0)
    text += concat("; rise of ", d.rise_ns.low, " to ", d.rise_ns.high, " ns, amplitude to -",
                   d.rise_amplitude.high);
  return text;
}

std::string to_json(const SimulatorConfig& config) {
  json_fields::Writer writer;
  fields(writer, config);
  if (config.irf.measured)
    writer.json()["irf"]["measured"] = json_fields::parse(config.irf.measured->to_json(), "IRF");
  return writer.json().dump();
}

SimulatorConfig simulator_config_from_json(std::string_view text) {
  constexpr const char* what = "simulator";
  json_fields::Json json = json_fields::parse(text, what);
  std::shared_ptr<const MeasuredIrfs> measured;
  if (json.is_object() && json.contains("irf") && json["irf"].is_object() &&
      json["irf"].contains("measured")) {
    measured =
        std::make_shared<MeasuredIrfs>(MeasuredIrfs::from_json(json["irf"]["measured"].dump()));
    json["irf"].erase("measured");
  }
  json_fields::Reader reader(json, what);
  std::string_view preset = "ss2-70";
  if (const auto* name = reader.find("preset")) {
    require(name->is_string(), "simulator.preset: found ", name->dump(), ", wanted a name");
    preset = name->get_ref<const std::string&>();
  }
  SimulatorConfig config = simulator_preset(preset);
  if (const auto* name = reader.find("prior")) {
    require(name->is_string(), "simulator.prior: found ", name->dump(), ", wanted a name");
    set_prior(config, name->get_ref<const std::string&>());
  }
  config.irf.measured = std::move(measured);
  config.acquisition.gate_width_ns = -1.0;
  fields(reader, config);
  reader.finish();
  if (config.acquisition.gate_width_ns == -1.0)
    config.acquisition.gate_width_ns = config.acquisition.gate_step_ns;
  validate(config);
  return config;
}

}  // namespace taugate
