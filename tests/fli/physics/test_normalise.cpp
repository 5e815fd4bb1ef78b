#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/physics/normalise.h"

using namespace taugate;

TEST_CASE("baseline off, clipped at zero, peak 1") {
  const std::vector<float> counts{1, 3, 0, 12, 7, 2};
  std::vector<float> input(6);
  CHECK(normalise({}, counts, input));
  CHECK(input == std::vector<float>{1.0f / 12, 0.25f, 0.0f, 1.0f, 7.0f / 12, 1.0f / 6});
  CHECK(normalise({2, Scaling::peak}, counts, input));  // minus 2
  CHECK(input == std::vector<float>{0.0f, 0.1f, 0.0f, 1.0f, 0.5f, 0.0f});
  std::vector<float> in_place = counts;
  CHECK(normalise({2, Scaling::peak}, in_place, in_place));
  CHECK(in_place == input);
}

TEST_CASE("a trace without light is reported and left zero") {
  std::vector<float> input(4, 7.0f);
  const std::vector<float> zero(4, 0.0f);
  CHECK_FALSE(normalise({}, zero, input));
  CHECK(input == zero);
  CHECK_FALSE(normalise({2, Scaling::peak}, std::vector<float>{5, 5, 5, 1}, input));
  CHECK(input == zero);
}

TEST_CASE("counts that are none are refused") {
  std::vector<float> input(3);
  for (const float bad : {-1.0f, NAN, INFINITY})
    CHECK_THROWS_AS(normalise({}, std::vector<float>{1.0f, bad, 2.0f}, input), Error);
  CHECK_THROWS_AS(normalise({}, std::vector<float>(4, 1.0f), input), Error);
  CHECK_THROWS_AS(normalise({3, Scaling::peak}, std::vector<float>(3, 1.0f), input), Error);
  CHECK_THROWS_AS(validate(Normalisation{70, Scaling::peak}, 70), UsageError);
  CHECK_THROWS_AS(validate(Normalisation{-1, Scaling::peak}, 70), UsageError);
  CHECK_NOTHROW(validate(Normalisation{69, Scaling::peak}, 70));
}

TEST_CASE("the counts come first where a network is to see them, in place too") {
  Normalisation n{1};
  n.counts_first = true;
  REQUIRE(input_size(n, 4) == 5);
  std::vector<float> input{-1, 10, 60, 20, 10};  // counts where their gates will be
  const std::span gates = gates_of(n, std::span(input));
  CHECK(normalise(n, gates, input));
  CHECK(input[0] == static_cast<float>(std::log10(100.0) / 7.0));  // the baseline's included
  CHECK(std::vector<float>(gates.begin(), gates.end()) == std::vector<float>{0, 1, 0.2f, 0});
  std::vector<float> bright{0, 9e6f, 9e6f}, faint{0, 0.2f, 0.1f}, none{3, 0, 0};
  n.baseline_gates = 0;
  for (auto* v : {&bright, &faint}) CHECK(normalise(n, std::span(*v).subspan(1), *v));
  CHECK(bright[0] == 1.0f);  // beyond what it spans
  CHECK(faint[0] == 0.0f);
  CHECK_FALSE(normalise(n, std::span(none).subspan(1), none));
  CHECK(none == std::vector<float>{0, 0, 0});
  CHECK_THROWS_WITH_AS(normalise(n, std::vector<float>(4, 1.0f), std::span(input).first(4)),
                       "normalise: found room for 4 values, wanted 5", Error);
  CHECK(to_json(n) == R"({"baseline_gates":0,"scaling":"peak","counts_first":true})");
  CHECK(normalisation_from_json(to_json(n)) == n);
}

TEST_CASE("JSON keeps a normalisation") {
  const Normalisation n{10, Scaling::peak};
  CHECK(to_json(n) == R"({"baseline_gates":10,"scaling":"peak"})");
  CHECK(normalisation_from_json(to_json(n)) == n);
  CHECK(normalisation_from_json("{}") == Normalisation{});
  CHECK_THROWS_WITH_AS(normalisation_from_json(R"({"scaling":"area"})"),
                       "normalisation.scaling: found \"area\", wanted one of peak", Error);
  CHECK_THROWS_AS(normalisation_from_json(R"({"baseline_gates":-1})"), Error);
}
