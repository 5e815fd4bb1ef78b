// FLIMLib's own test cases: its transients, IRFs and answers. Its model is a discrete convolution:
// sample j of the IRF excites sample j. In ours that is a comb of narrow pulses just before the
// samples, seen by gates of no width.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "taugate/fli/estimation/fit.h"
#include "testing.h"

using namespace taugate;

namespace {

double number(const nlohmann::json& text) { return std::stod(text.get<std::string>()); }

std::vector<double> numbers(const nlohmann::json& list) {
  std::istringstream in(list.at("value").get<std::string>());
  std::vector<double> values;
  for (std::string field; std::getline(in, field, ',');) values.push_back(std::stod(field));
  return values;
}

struct Case {
  Acquisition acquisition;
  std::vector<float> counts;
  std::vector<double> density;  // of the comb
  IrfCurve irf;
  FitOptions options;

  Case(const nlohmann::json& inputs, int components) {
    const double step = number(inputs.at("xinc"));
    for (const double c : numbers(inputs.at("counts"))) counts.push_back(static_cast<float>(c));
    // One pulse, long ago forgotten by the next.
    acquisition = {static_cast<int>(counts.size()), step, 0.0, 1e4 * step};
    std::vector<double> pulses{1.0};
    if (inputs.contains("instr")) pulses = numbers(inputs.at("instr"));
    constexpr std::size_t kFine = 8;
    density.assign(kFine * pulses.size() + 2, 0.0);
    for (std::size_t j = 0; j < pulses.size(); ++j) density[kFine * j + 1] = pulses[j];
    irf = {-2.0 * step / kFine, step / kFine, density, 0.0};
    options.unknowns = {components, true, true, false, false};
    options.first_gate = std::stoi(inputs.at("fitstart").get<std::string>());
    options.end_gate = std::stoi(inputs.at("fitstop").get<std::string>());
    const int noise = std::stoi(inputs.at("noise").get<std::string>());
    options.method = noise == 5 ? FitMethod::likelihood : FitMethod::least_squares;
    options.weights = noise < 2    ? GateWeights::equal
                      : noise == 2 ? GateWeights::counts
                                   : GateWeights::model;
    options.variance_floor = noise == 4 ? 1.0 : 15.0;  // what its answers for such weights follow
    // Without an IRF nothing tells when the decay began: the first fitted sample will do.
    if (!inputs.contains("instr")) irf.start_ns += options.first_gate * step;
  }
  Fit fit() { return Fitter(acquisition, irf, options)(counts); }
  /// The best objective with these lifetimes.
  double objective_at(double tau1, double tau2) const {
    FitOptions o = options;
    o.unknowns.lifetimes = false;
    o.known.tau_ns = {tau1, tau2};
    return Fitter(acquisition, irf, o)(counts).objective;
  }
};

}  // namespace

TEST_CASE("FLIMLib's cases: its lifetimes, or a better fit" * doctest::test_suite("measured")) {
  const auto data = testing::data_folder();
  if (!data) return;
  std::ifstream file(*data / "flimlib" / "ref.json");
  REQUIRE(file.good());
  const auto tests = nlohmann::json::parse(file).at("testrun").at("tests");
  int mono = 0, beaten = 0, bi = 0;
  for (const auto& test : tests) {
    const std::string kind = test.at("test");
    if (kind == "tri-exp") continue;
    const int noise = std::stoi(test.at("inputs").at("noise").get<std::string>());
    const bool two = kind == "bi-exp";
    Case c(test.at("inputs"), two ? 2 : 1);
    const Fit ours = c.fit();
    const auto& out = test.at("outputs");
    const double tau1 = number(out.at(two ? "t1" : "t"));
    const double tau2 = two ? number(out.at("t2")) : tau1;
    const double theirs = c.objective_at(tau1, tau2);
    CAPTURE(test.at("comment").get<std::string>());
    CHECK(ours.objective <= theirs * (1.0 + 1e-6));
    if (two) {
      ++bi;
      continue;
    }
    // Its answers to noise 4 have a lower sum of (n - mu)^2 / mu than ours: the minimum of that is
    // another estimator, and so are its lifetimes, 0.9 to 2.7 ns where ours are 1.8 to 2.9.
    if (noise == 4) continue;
    ++mono;
    if (ours.objective < theirs * 0.999) {  // its iterations ended elsewhere
      ++beaten;
      continue;
    }
    CHECK(ours.status == FitStatus::converged);
    CHECK(std::abs(ours.parameters.tau_ns[0] / tau1 - 1.0) < 0.005);
  }
  CHECK(mono == 50);
  CHECK(beaten <= 2);
  CHECK(bi == 12);
}

TEST_CASE("FLIMLib's example: the tail of data.dat" * doctest::test_suite("measured")) {
  const auto data = testing::data_folder();
  if (!data) return;
  std::ifstream file(*data / "flimlib" / "data.dat");
  std::size_t size = 0;
  REQUIRE((file >> size && size == 256));
  std::vector<float> counts(size);
  for (float& c : counts) file >> c;
  REQUIRE(file.good());
  const Acquisition a{256, 0.0586, 0.0, 1e3};
  const std::vector<double> pulse{0.0, 1.0, 0.0};
  const IrfCurve irf{0.0, 1e-5, pulse, 0.0};
  FitOptions o;
  o.method = FitMethod::least_squares;
  o.first_gate = 49;
  o.end_gate = 230;
  CHECK(Fitter(a, irf, o)(counts).parameters.tau_ns[0] == doctest::Approx(2.268).epsilon(0.005));
  o.unknowns.components = 2;
  const Fit two = Fitter(a, irf, o)(counts);
  CHECK(two.parameters.tau_ns[0] == doctest::Approx(0.780).epsilon(0.005));
  CHECK(two.parameters.tau_ns[1] == doctest::Approx(2.841).epsilon(0.005));
  CHECK(two.chi2_reduced < 1.215);  // its 1.21
}
