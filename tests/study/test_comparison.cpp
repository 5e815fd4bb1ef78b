// The comparison: its arithmetic on a method whose answers are known, and the classical ones
// against the bound.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "study/comparison.h"
#include "taugate/fli/estimation/lifetime.h"
#include "testing.h"

using namespace taugate;
using taugate::testing::close;

namespace {
const Acquisition kSs2 = acquisition_preset("ss2-70");
}

TEST_CASE("bias, deviation and failures of a method whose answers are known") {
  // In turn 0.9, 1.3 and no answer.
  const Method known{"known", Unknowns{}, [](std::span<const float> counts, const IrfCurve& irf) {
                       CHECK(irf.length_ns() > 0.0);
                       std::vector<float> tau;
                       for (std::size_t i = 0; i < counts.size() / 70; ++i)
                         tau.push_back(i % 3 == 0   ? 0.9f
                                       : i % 3 == 1 ? 1.3f
                                                    : std::numeric_limits<float>::quiet_NaN());
                       return tau;
                     }};
  Condition c;
  c.photons = 400.0;
  const auto rows = compare(kSs2, std::span(&known, 1), std::span(&c, 1), 600, 1);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].traces == 600);
  CHECK(rows[0].failures == 200);
  CHECK(close(rows[0].relative_bias(), 0.1, 1e-6));
  CHECK(close(rows[0].deviation_ns, 0.2, 1e-6));
  CHECK(close(rows[0].f_value, 0.2 * 20.0, 1e-5));
  CHECK(rows[0].traces_per_second > 0.0);
  const auto json = nlohmann::json::parse(to_json(rows));
  CHECK(json[0]["estimator"] == "known");
  CHECK(json[0]["failures"] == 200);
}

TEST_CASE("where every estimate fails there is no bias and no deviation") {
  const Method silent{"silent", Unknowns{}, [](std::span<const float> counts, const IrfCurve&) {
                        return std::vector<float>(counts.size() / 70, NAN);
                      }};
  const Condition c;
  const auto rows = compare(kSs2, std::span(&silent, 1), std::span(&c, 1), 40, 1);
  CHECK(rows[0].failures == 40);
  CHECK(std::isnan(rows[0].mean_ns));
  CHECK(std::isnan(rows[0].deviation_ns));
  CHECK(std::isnan(rows[0].f_value));
  CHECK(nlohmann::json::parse(to_json(rows))[0]["deviation_ns"].is_null());
}

TEST_CASE("maximum likelihood stays within 5 % of the bound of its own unknowns") {
  std::vector<Method> methods;
  for (const char* name : {"mle", "mle+shift", "mle+width"})
    methods.push_back(classical_method(name, kSs2, 1));
  std::vector<Condition> conditions(2);
  conditions[0].photons = 300.0;
  conditions[0].background_fraction = 0.1;
  conditions[1].photons = 3000.0;
  conditions[1].background_fraction = 0.1;
  // 2,400 traces know a deviation to 1.4 %.
  const auto rows = compare(kSs2, methods, conditions, 2400, 3);
  REQUIRE(rows.size() == 6);
  for (const ComparisonRow& r : rows) {
    CAPTURE(r.name);
    CAPTURE(r.condition.photons);
    CHECK(std::abs(r.deviation_ns / r.bound_ns - 1.0) < 0.05);
    CHECK(std::abs(r.relative_bias()) < 0.01);
    CHECK(r.failures <= r.traces / 100);
  }
  CHECK(rows[0].bound_ns < rows[1].bound_ns);
  CHECK(rows[1].bound_ns < rows[2].bound_ns);
}

TEST_CASE("conditions by name, methods by name") {
  const std::vector<std::string> one{"background"};
  const auto background = standard_conditions(Decay::mono(1.0), one);
  CHECK(background.front().background_fraction == 0.0);
  CHECK(background.back().background_fraction == 0.5);
  CHECK(standard_conditions(Decay::mono(1.0), {}).size() > 20);
  // Lifetimes of two components keep their ratio.
  const std::vector<std::string> lifetime{"lifetime"};
  for (const Condition& c : standard_conditions({0.4, 1.2, 0.5}, lifetime)) {
    CHECK(close(c.decay.tau2_ns / c.decay.tau1_ns, 3.0, 1e-9));
    CHECK(close(mean_lifetimes(c.decay).amplitude_ns, c.x, 1e-9));
  }
  const std::vector<std::string> wrong{"weather"};
  CHECK_THROWS_AS(standard_conditions(Decay::mono(1.0), wrong), UsageError);
  CHECK_THROWS_AS(classical_method("mle+all", kSs2, 1), UsageError);
  CHECK_THROWS_AS(classical_method("cmm+shift", kSs2, 1), UsageError);
  CHECK_THROWS_AS(classical_method("best", kSs2, 1), UsageError);
  CHECK(classical_method("lm-counts+shift", kSs2, 2).unknowns ==
        Unknowns{2, true, true, true, false});
}
