#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/physics/simulator.h"

using namespace taugate;

TEST_CASE("mean lifetimes of a known decay") {
  const Lifetimes l = mean_lifetimes({0.5, 2.0, 0.75});
  CHECK(l.amplitude_ns == doctest::Approx(0.875));  // 0.375 + 0.5
  CHECK(l.intensity_ns == doctest::Approx((0.1875 + 1.0) / 0.875));
  CHECK(mean_lifetimes(Decay::mono(1.7)).amplitude_ns == 1.7);
  CHECK(mean_lifetimes(Decay::mono(1.7)).intensity_ns == doctest::Approx(1.7));
}

TEST_CASE("a sampled mono-exponential comes out as it went in") {
  // From 0.3 gates to the whole window, whatever the period. The SFD is in float: an error of 2^-25
  // in each sample moves the longest lifetimes by a few 1e-6 of themselves.
  for (const Acquisition& a : {Acquisition{70, 0.179, 0.179, 12.53},
                               Acquisition{128, 0.05, 0.05, 12.5}, Acquisition{5, 1.0, 1.0, 5.0}}) {
    for (double tau = 0.3 * a.gate_step_ns; tau <= a.window_ns(); tau *= 1.1) {
      std::vector<float> sfd(static_cast<std::size_t>(a.gates));
      write_sfd(Decay::mono(tau), a, sfd);
      const Lifetimes l = sfd_lifetimes(sfd, a.gate_step_ns);
      CAPTURE(tau);
      CHECK(std::abs(l.amplitude_ns / tau - 1.0) < 3e-6);
      CHECK(std::abs(l.intensity_ns / tau - 1.0) < 3e-6);
    }
  }
}

TEST_CASE("bi-exponential SFDs of the default prior give their mean lifetimes") {
  const Acquisition a = acquisition_preset("ss2-70");
  std::vector<float> sfd(70);
  Random random(1, 2);
  double worst_amplitude = 0.0, worst_intensity = 0.0;
  for (int i = 0; i < 20000; ++i) {
    const Decay d = draw_decay({}, random);
    write_sfd(d, a, sfd);
    const Lifetimes truth = mean_lifetimes(d), found = sfd_lifetimes(sfd, a.gate_step_ns);
    worst_amplitude = std::max(worst_amplitude, std::abs(found.amplitude_ns - truth.amplitude_ns));
    worst_intensity = std::max(worst_intensity, std::abs(found.intensity_ns - truth.intensity_ns));
  }
  CHECK(worst_amplitude < 0.006);  // ns, as lifetime.h says
  CHECK(worst_intensity < 0.03);
}

TEST_CASE("channels are read apart, and the scale does not matter") {
  const Acquisition a{100, 0.1, 0.1, 50.0};
  std::vector<float> sfd(300);
  write_sfd({0.4, 1.5, 0.3}, a, sfd);
  CHECK(sfd_lifetimes(sfd, 0.1, 3, 1).amplitude_ns == doctest::Approx(0.4).epsilon(1e-5));
  CHECK(sfd_lifetimes(sfd, 0.1, 3, 2).intensity_ns == doctest::Approx(1.5).epsilon(1e-5));
  const double whole = sfd_lifetimes(sfd, 0.1, 3, 0).amplitude_ns;
  for (float& s : sfd) s *= 1000.0f;
  CHECK(sfd_lifetimes(sfd, 0.1, 3, 0).amplitude_ns == doctest::Approx(whole).epsilon(1e-6));
  CHECK_THROWS_AS(sfd_lifetimes(sfd, 0.1, 3, 3), Error);
  CHECK_THROWS_AS(sfd_lifetimes(sfd, 0.1, 7, 0), Error);
}

TEST_CASE("SFDs that have no lifetime say so") {
  const auto both = [](std::vector<float> sfd) {
    const Lifetimes l = sfd_lifetimes(sfd, 0.5);
    CHECK((l.amplitude_ns == l.intensity_ns ||
           (std::isnan(l.amplitude_ns) && std::isnan(l.intensity_ns))));
    return l.amplitude_ns;
  };
  CHECK(std::isnan(both({0, 0, 0, 0})));
  CHECK(std::isnan(both({})));
  CHECK(std::isnan(both({-1, 0, 0, 0})));
  CHECK(std::isnan(both({1, NAN, 0, 0})));
  CHECK(both({1, 0, 0, 0}) == 0.0);
  CHECK(both({1, 1, 1, 1}) == std::numeric_limits<double>::infinity());
  // Rising: the mean arrival time says that it does not decay.
  CHECK(sfd_lifetimes(std::vector<float>{0.1f, 0.2f, 1.0f}, 0.5).intensity_ns ==
        std::numeric_limits<double>::infinity());
}
