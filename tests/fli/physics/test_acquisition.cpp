#include <doctest/doctest.h>

#include <cmath>

#include "taugate/core/error.h"
#include "taugate/fli/physics/acquisition.h"

using namespace taugate;

TEST_CASE("the presets are those of the cameras") {
  const Acquisition ss2 = acquisition_preset("ss2-70");
  CHECK(ss2.gates == 70);
  CHECK(ss2.gate_step_ns == 0.179);
  CHECK(ss2.window_ns() == doctest::Approx(ss2.period_ns).epsilon(1e-12));
  CHECK(acquisition_preset("ss3-135") == Acquisition{135, 0.09, 0.09, 12.5});
  CHECK(acquisition_preset("iccd-176") == Acquisition{176, 0.04, 0.04, 12.5});
  for (const auto& name : acquisition_preset_names())
    CHECK_NOTHROW(validate(acquisition_preset(name)));
  CHECK_THROWS_WITH_AS(acquisition_preset("ss4"),
                       "preset: found \"ss4\", wanted one of ss2-70, ss3-135, iccd-176",
                       UsageError);
}

TEST_CASE("an acquisition that makes no sense is refused") {
  const Acquisition good{64, 0.1, 0.1, 12.5};
  CHECK_NOTHROW(validate(good));
  const auto broken = [&](auto change) {
    Acquisition a = good;
    change(a);
    CHECK_THROWS_AS(validate(a), UsageError);
  };
  broken([](auto& a) { a.gates = 1; });
  broken([](auto& a) { a.gates = 127; });  // the last gate would open after the next pulse
  broken([](auto& a) { a.gate_step_ns = 0.0; });
  broken([](auto& a) { a.gate_step_ns = std::nan(""); });
  broken([](auto& a) { a.gate_width_ns = -0.1; });
  broken([](auto& a) { a.gate_width_ns = 13.0; });
  broken([](auto& a) { a.period_ns = INFINITY; });
  Acquisition wide = good;  // wide gates that overlap and run past the period's end are fine
  wide.gate_width_ns = 10.0;
  wide.gates = 125;
  CHECK_NOTHROW(validate(wide));
}

TEST_CASE("JSON keeps an acquisition exactly") {
  const Acquisition a{99, 0.1 / 3.0, 0.25, 12.53};
  CHECK(acquisition_from_json(to_json(a)) == a);
  CHECK(acquisition_from_json(R"({"gates":5,"gate_step_ns":0.5,"period_ns":10})") ==
        Acquisition{5, 0.5, 0.5, 10.0});
  CHECK_THROWS_AS(acquisition_from_json("{"), Error);
  CHECK_THROWS_AS(acquisition_from_json("[]"), Error);
  CHECK_THROWS_AS(acquisition_from_json("{}"), Error);
  CHECK_THROWS_WITH_AS(acquisition_from_json(R"({"gates":5.5})"),
                       "acquisition.gates: found 5.5, wanted an integer", Error);
  CHECK_THROWS_AS(acquisition_from_json(R"({"gates":18446744073709551615})"), Error);
  CHECK_THROWS_WITH_AS(acquisition_from_json(R"({"gate":5})"),
                       "acquisition: found the unknown field \"gate\"", Error);
}
