#include "taugate/fli/inference/fit_irfs.h"

#include <cmath>
#include <utility>

#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/io/rebin.h"

namespace taugate {
namespace {

constexpr double kNarrowestIrf = 1e-3;  // ns

void add_gaussian(const IrfChoice::Gaussian& g, const RecordedGates& gates, FitIrfs& irfs) {
  const double delay = g.delay_ns - gates.first_gate_ns, period = gates.acquisition.period_ns;
  if (!(g.fwhm_ns >= kNarrowestIrf && g.fwhm_ns <= period && g.tail_ns >= 0.0 &&
        g.tail_ns <= period))
    fail_usage("--irf-fwhm, --irf-tail: found ", g.fwhm_ns, " and ", g.tail_ns,
               " ns, wanted a width of ", kNarrowestIrf, " to ", period, " and a tail of 0 to ",
               period, " ns");
  if (!(g.delay_ns >= 0.0 && std::abs(delay) <= period))
    fail_usage("--irf-delay: found ", g.delay_ns,
               " ns, wanted 0 or more, within a laser period of ", period, " ns from ",
               gates.first_gate_ns, " ns");
  irfs.curves.push_back(parametric_irf(delay, g.fwhm_ns, 0.0, g.tail_ns, irfs.buffer));
}

}  // namespace

Measurement summed_record(Measurement record) {
  const std::vector<double> sum = summed_trace(record);
  record.counts.assign(sum.begin(), sum.end());
  record.width = record.height = 1;
  return record;
}

FitIrfs fit_irfs(const IrfChoice& choice, const RecordedGates& gates) {
  const Acquisition& acquisition = gates.acquisition;
  FitIrfs irfs;
  if (choice.record) {
    if (choice.align) {
      AlignedIrf aligned = aligned_irf_on_gates(*choice.record, acquisition, gates.first_gate_ns);
      irfs.shift_ns = std::move(aligned.shift_ns);
      irfs.measured = std::move(aligned.sum);
    } else {
      irfs.measured = irfs_on_gates(*choice.record, acquisition, gates.first_gate_ns);
    }
    for (int i = 0; i < irfs.measured->size(); ++i) irfs.curves.push_back(irfs.measured->curve(i));
  } else if (choice.gaussian) {
    add_gaussian(*choice.gaussian, gates, irfs);
  } else {
    irfs.buffer = {0.0, 1.0, 0.0};
    irfs.curves.push_back({0.0, 1e-4 * acquisition.gate_step_ns, irfs.buffer, 0.0});
  }
  return irfs;
}

}  // namespace taugate
