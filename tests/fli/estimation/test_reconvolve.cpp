#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/estimation/reconvolve.h"
#include "taugate/fli/physics/response.h"

using namespace taugate;

TEST_CASE("the true SFD reconvolved is the noise-free TPSF") {
  std::vector<double> buffer;
  for (const Acquisition& a : {Acquisition{70, 0.179, 0.179, 12.53},
                               Acquisition{60, 0.15, 1.0, 12.5}, Acquisition{60, 0.15, 0.0, 12.5}})
    for (const Decay& d : {Decay::mono(2.5), Decay{0.4, 1.5, 0.6}}) {
      CAPTURE(a.gate_width_ns);
      CAPTURE(d.tau1_ns);
      const IrfCurve irf = parametric_irf(1.2, 0.3, 0.0, 0.0, buffer);
      const auto gates = static_cast<std::size_t>(a.gates);
      std::vector<float> sfd(gates), found(gates);
      std::vector<double> wanted(gates);
      write_sfd(d, a, sfd);
      reconvolve(a, irf, sfd, found);
      Response{a}(irf, d, wanted);
      const double peak = *std::max_element(wanted.begin(), wanted.end());
      for (std::size_t k = 0; k < gates; ++k) CHECK(std::abs(found[k] - wanted[k] / peak) < 5e-4);
    }
}

TEST_CASE("an empty SFD gives an empty TPSF; what cannot be convolved is refused") {
  const Acquisition a{10, 0.5, 0.5, 6.0};
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.0, 0.3, 0.0, 0.0, buffer);
  std::vector<float> zero(10, 0.0f), gates(10, 1.0f), few(9);
  reconvolve(a, irf, zero, gates);
  CHECK(gates == zero);
  CHECK_THROWS_AS(reconvolve(a, irf, few, gates), Error);
  CHECK_THROWS_AS(reconvolve(a, irf, zero, few), Error);
  IrfCurve tailed = irf;
  tailed.tail_ns = 0.1;
  CHECK_THROWS_AS(reconvolve(a, tailed, zero, gates), Error);
}
