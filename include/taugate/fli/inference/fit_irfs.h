#pragma once
// The IRFs behind a fit, on the clock of its gates.

#include <optional>
#include <vector>

#include "taugate/fli/inference/image_fit.h"
#include "taugate/fli/physics/measured_irf.h"

namespace taugate {

/// What is known of the IRF: one of these, or nothing.
struct IrfChoice {
  struct Gaussian {
    double fwhm_ns = 0.0;
    double delay_ns = 0.0;  ///< of its centre, on the recorder's clock
    double tail_ns = 0.0;   ///< of its exponential tail; 0: none
  };
  std::optional<Measurement> record;  ///< of one trace, or of one a pixel; knows its bins
  bool align = false;                 ///< the record's traces become one, moved onto one time
  std::optional<Gaussian> gaussian;
};

/// The curves, and what their samples lie in.
struct FitIrfs {
  std::optional<MeasuredIrfs> measured;
  std::vector<double> buffer;
  std::vector<IrfCurve> curves;
  std::vector<double> shift_ns;  ///< of an aligned record: by how much each trace lay later

  std::size_t index_of(std::size_t pixel) const { return curves.size() > 1 ? pixel : 0; }
};

/// All traces of a record added up: the IRF of all pixels together.
Measurement summed_record(Measurement record);

/// Without any IRF it is a pulse at time 0, from where on the decay is bare. UsageError for a Gaussian that does not fit
/// the period, Error as irfs_on_gates().
FitIrfs fit_irfs(const IrfChoice& choice, const RecordedGates& gates);

}  // namespace taugate
