// Parametric fits of measured IRFs: known shapes, recorded in bins, come back.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/core/random.h"
#include "taugate/fli/estimation/irf_fit.h"
#include "taugate/fli/physics/response.h"
#include "testing.h"

using namespace taugate;
using taugate::testing::close;

namespace {

/// What a recorder of fine bins holds of an IRF: its light, a background, and noise.
std::vector<double> recording(const IrfCurve& irf, int bins, double bin_ns, std::uint64_t seed) {
  const Acquisition a{bins, bin_ns, bin_ns, 2.0 * bins * bin_ns};
  std::vector<double> counts(static_cast<std::size_t>(bins));
  Response{a}(irf, Decay::mono(1e-4), counts);
  double sum = 0.0;
  for (const double c : counts) sum += c;
  Random random(seed, 0);
  for (double& c : counts) c = static_cast<double>(random.poisson(c / sum * 1e6 + 3.0));
  return counts;
}

}  // namespace

TEST_CASE("an exGaussian IRF comes back from its recording") {
  std::vector<double> buffer;
  for (const double tail : {0.0, 0.08, 0.3}) {
    const IrfCurve truth = parametric_irf(2.0, 0.25, 0.0, tail, buffer);
    const auto counts = recording(truth, 400, 0.016, 5);
    const MeasuredIrfs measured(counts, 400, 0.016);
    const IrfFit fit = fit_irf(measured.curve(0), IrfShape::ex_gaussian);
    CAPTURE(tail);
    // A million counts place a peak of 0.25 ns to 1e-4 ns and its width to 1e-3; a tail under a
    // tenth of the width and none at all look alike.
    CHECK(close(fit.delay_ns + fit.tail_ns, 2.0 + tail, 2e-3));
    CHECK(close(fit.fwhm_ns, 0.25, tail == 0.0 ? 8e-3 : 4e-3));
    CHECK(close(fit.tail_ns, tail, tail == 0.0 ? 0.025 : 0.0, 0.02));
    CHECK(fit.gate_ns == 0.0);
    CHECK(fit.residual < 5e-3);
  }
}

TEST_CASE("a gate with soft edges comes back from its recording") {
  std::vector<double> buffer;
  const IrfCurve truth = parametric_irf(3.0, 0.3, 1.8, 0.0, buffer);
  const auto counts = recording(truth, 300, 0.02, 9);
  const MeasuredIrfs measured(counts, 300, 0.02);
  const IrfFit fit = fit_irf(measured.curve(0), IrfShape::gate);
  CHECK(close(fit.delay_ns, 3.0, 5e-3));
  CHECK(close(fit.gate_ns, 1.8, 0.01));
  CHECK(close(fit.fwhm_ns, 0.3, 0.02));
  CHECK(fit.tail_ns == 0.0);
}

TEST_CASE("the prior spans the fits and simulates") {
  const IrfPrior prior =
      prior_of(std::vector<IrfFit>{{1.0, 0.2, 0.0, 0.1, 0.0}, {1.4, 0.3, 0.0, 0.0, 0.0}}, 0.05);
  CHECK(prior.delay_ns == Range{0.95, 1.45});
  CHECK(prior.fwhm_ns == Range{0.2, 0.3});
  CHECK(prior.tail_probability == 1.0);
  CHECK_NOTHROW(validate(prior, 12.5));
  // A tail too short for a prior, as fits of a symmetric IRF have it, is none, or has the shortest.
  const auto tails = [](double one, double other) {
    return prior_of(std::vector<IrfFit>{{1.0, 0.2, 0.0, one, 0.0}, {1.4, 0.3, 0.0, other, 0.0}},
                    0.05);
  };
  CHECK_NOTHROW(validate(tails(1e-6, 0.03), 12.5));
  CHECK_NOTHROW(validate(tails(1e-6, 5e-5), 12.5));
  CHECK(tails(1e-6, 5e-5).tail_probability == 0.0);
  CHECK_THROWS_AS(prior_of({}, 0.0), Error);
  const std::vector<double> few{0.0, 1.0, 0.0};
  CHECK_THROWS_AS(fit_irf({0.0, 0.1, few, 0.0}, IrfShape::gate), Error);
}
