#include "taugate/fli/inference/measured_prior.h"

#include <algorithm>
#include <memory>

#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/inference/recorded_irf.h"

namespace taugate {
namespace {

constexpr double kDriftNs = 0.03;  // of a recorder, from the IRF to the sample

std::vector<IrfFit> fits_of(const MeasuredIrfs& irfs, IrfShape shape) {
  std::vector<IrfFit> fits(static_cast<std::size_t>(irfs.size()));
  parallel_for(fits.size(), [&](std::size_t i, int) {
    fits[i] = fit_irf(irfs.curve(static_cast<int>(i)), shape);
  });
  return fits;
}

}  // namespace

MeasuredPriorResult set_measured_irf(SimulatorConfig& config, const Measurement& irf,
                                     const MeasuredPrior& options, double first_gate_ns) {
  const Acquisition& acquisition = config.acquisition;
  MeasuredPriorResult result{first_gate_ns, {}};
  if (irf.period_ns)
    result.first_gate_ns = first_gate_before_rise(irf, acquisition, options.within);
  auto measured =
      std::make_shared<MeasuredIrfs>(irfs_on_gates(irf, acquisition, result.first_gate_ns));
  if (options.align) result.shift_ns = measured->align();
  const double margin = std::max(0.25 * acquisition.gate_step_ns, irf.period_ns ? kDriftNs : 0.0);
  if (options.shape) {
    config.irf = prior_of(fits_of(*measured, *options.shape), margin);
    return result;
  }
  config.irf.measured = std::move(measured);
  config.irf.delay_ns = {-margin, margin};
  config.irf.tail_probability = 0.0;
  return result;
}

std::optional<IrfShape> irf_shape(const std::string& name) {
  if (name == "measured") return std::nullopt;
  if (name == "exgauss") return IrfShape::ex_gaussian;
  if (name == "gate") return IrfShape::gate;
  fail_usage("--irf-model: found '", name, "', wanted measured, exgauss or gate");
}

}  // namespace taugate
