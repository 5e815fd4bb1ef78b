#pragma once
// What the simulator draws its pixels from: the prior, as a struct, by name and as JSON.

#include <string>
#include <string_view>

#include "taugate/fli/physics/acquisition.h"
#include "taugate/fli/physics/detector.h"
#include "taugate/fli/physics/irf.h"
#include "taugate/fli/physics/range.h"

namespace taugate {

/// From what a pixel's lifetimes are drawn.
struct DecayPrior {
  Range tau1_ns{0.2, 0.8};
  Range tau2_ns{0.8, 1.5};        ///< where it overlaps tau1's range, the shorter draw becomes tau1
  Range fraction{0.0, 1.0};       ///< A, the amplitude of tau1; uniform
  double mono_probability = 0.0;  ///< of one component only: A = 1, tau1 = tau2, from the lower end
                                  ///< of the ranges above to the upper one
  bool log_uniform = false;       ///< lifetimes log-uniform instead of uniform
  /// The emitting state fills up with this time constant, or with tau1 where that is shorter...
  Range rise_ns{0.0, 0.0};
  Range rise_amplitude{0.0, 0.0};  ///< ...and this negative amplitude, tau1's and tau2's being 1
  bool operator==(const DecayPrior&) const = default;
};

struct SimulatorConfig {
  Acquisition acquisition;
  DecayPrior decay;
  IrfPrior irf;
  Range peak_counts{100.0, 3000.0};   ///< peak of the noise-free TPSF above background; log-uniform
  Range background_counts{0.0, 0.0};  ///< mean per gate, the same in all gates; uniform
  Range background_fraction{0.0, 0.0};  ///< the same as a fraction of the peak; all are added
  /// The same as a share of all counts, in `background_probability` of the pixels.
  Range background_share{0.0, 0.0};
  double background_probability = 0.5;
  Range scatter{0.0, 0.0};  ///< share of the light, without background, that follows the IRF itself
  Detector detector;
  int channels = 1;  ///< C of the SFD: 1, or 3 (whole, short and long component)
};

/// Throws UsageError with the first thing that is wrong.
void validate(const SimulatorConfig& config);

/// A prior for each preset of acquisition.h:
/// `ss2-70`   the defaults above: tau1 0.2-0.8, tau2 0.8-1.5 ns, A 0-1 (Erbas et al. 2024);
///            Gaussian IRF of FWHM 0.15-0.6 ns centred at 1-2 ns; Poisson counts of peak 100-3000.
///            The IRF has no exponential tail unless asked for: an unknown tail looks like a short
///            lifetime
/// `ss3-135`  the same on that acquisition
/// `iccd-176` IRF of FWHM 0.23-0.31 ns centred at 0.8-1.0 ns; ICCD noise; the rest the same
SimulatorConfig simulator_preset(std::string_view name);

/// What a network is trained for, whatever the instrument. Sets lifetimes, peak counts, background,
/// scatter and rise, and leaves acquisition, IRF and detector alone.
/// `paper`    the defaults above: every pixel has two components
/// `general`  85 % of them have one; lifetimes of 0.2-1.6 ns, peak counts 10-3000, a
///            background of up to 0.05 % of the peak
void set_prior(SimulatorConfig& config, std::string_view name);
/// `paper` or `general` where the prior is just that, else `custom`.
std::string_view prior_name(const SimulatorConfig& config);
/// The prior's name and what it says, in a line: "paper: lifetimes 0.2 to 1.5 ns, ...".
std::string describe_prior(const SimulatorConfig& config);

/// One JSON object with a field for each member, measured IRFs included: the same text makes the
/// same traces.
std::string to_json(const SimulatorConfig& config);
/// Reads what to_json wrote. A field that is absent keeps the value of the preset that the field
/// "preset" names, or of `ss2-70`; the gate width follows the step. The result is validated; an
/// unknown field is an Error.
SimulatorConfig simulator_config_from_json(std::string_view text);

}  // namespace taugate
