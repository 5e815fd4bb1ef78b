#pragma once
// How a camera cuts time into gates.
//
// A laser fires every `period_ns`. Gate k (k = 0..gates-1) opens k*gate_step_ns after the trigger
// and integrates the light that arrives in
//
//     [k*step, k*step + width)      ns, taken round the period.
//
// A TCSPC histogram has width = step (the gates are its bins). A time-gated camera may have gates
// much wider than their step. Width 0 means that a gate samples the signal at k*step: take it where
// the IRF was measured with the camera's own gates, for such an IRF already contains the gate.

#include <string>
#include <string_view>
#include <vector>

namespace taugate {

struct Acquisition {
  int gates = 70;                ///< T, 2..65536
  double gate_step_ns = 0.179;   ///< > 0
  double gate_width_ns = 0.179;  ///< 0..period
  double period_ns = 12.53;      ///< between laser pulses; every gate opens within one period

  double window_ns() const { return gates * gate_step_ns; }
  bool operator==(const Acquisition&) const = default;
};

/// Throws UsageError with the first thing that is wrong.
void validate(const Acquisition& acquisition);

/// `ss2-70`    70 x 0.179 ns, 12.53 ns: the SwissSPAD2 acquisition of Erbas et al. (2024)
/// `ss3-135`  135 x 0.090 ns, 12.50 ns: SwissSPAD3
/// `iccd-176` 176 x 0.040 ns, 12.50 ns: a gated ICCD
/// Any other name is a UsageError.
Acquisition acquisition_preset(std::string_view name);
std::vector<std::string> acquisition_preset_names();

/// {"gates":70,"gate_step_ns":0.179,"gate_width_ns":0.179,"period_ns":12.53}
std::string to_json(const Acquisition& acquisition);
/// Reads what to_json wrote. All fields but the width (default: the step) must be there; the result
/// is validated. Throws Error.
Acquisition acquisition_from_json(std::string_view text);

}  // namespace taugate
