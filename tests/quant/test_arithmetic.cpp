// The scalar definition against roundings written another way, over every value where there are few
// enough.

#include <cfenv>
#include <limits>

#include "fli/io_testing.h"
#include "taugate/quant/integer/arithmetic.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

/// value / 2^shift with halves to even, by the processor's own rounding of doubles (|value| <
/// 2^53).
std::int64_t rounded(double value, int shift) {
  return static_cast<std::int64_t>(std::nearbyint(std::ldexp(value, -shift)));
}

Widths with_fractions(int gate, int candidate) {
  Widths w;
  w.gate_frac_bits = gate;
  w.candidate_frac_bits = candidate;
  return w;
}

}  // namespace

TEST_CASE("round_shift rounds halves to even") {
  for (int shift = 0; shift <= 9; ++shift)
    for (std::int64_t v = -3000; v <= 3000; ++v) CHECK(round_shift(v, shift) == rounded(v, shift));
  CHECK(round_shift(3, 1) == 2);
  CHECK(round_shift(1, 1) == 0);
  CHECK(round_shift(-1, 1) == 0);
  CHECK(round_shift(-3, 1) == -2);
  CHECK(round_shift(-5, 1) == -2);
  CHECK(round_shift(power_of_two(62), 62) == 1);
  CHECK(round_shift(power_of_two(61), 62) == 0);
  CHECK(round_shift(power_of_two(61) + 1, 62) == 1);
  CHECK(round_shift(-power_of_two(61), 62) == 0);
  CHECK(round_shift(-power_of_two(61) - 1, 62) == -1);
  CHECK(rescale(-5, 3, 5) == -20);
  CHECK(rescale(-6, 5, 3) == -2);
}

TEST_CASE("words saturate as two's complement, fractions symmetrically") {
  CHECK(saturate_word(32768, 16) == 32767);
  CHECK(saturate_word(-32769, 16) == -32768);
  CHECK(saturate_word(-32768, 16) == -32768);
  CHECK(saturate_fraction(128, 7) == 127);
  CHECK(saturate_fraction(-128, 7) == -127);
  CHECK(saturate_fraction(-127, 7) == -127);
}

TEST_CASE("round_half_even of doubles, in every rounding mode of the processor") {
  for (int mode : {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(mode);
    const std::int64_t found[]{round_half_even(0.5),  round_half_even(1.5),
                               round_half_even(2.5),  round_half_even(-0.5),
                               round_half_even(-1.5), round_half_even(-2.25)};
    std::fesetround(FE_TONEAREST);
    const std::int64_t wanted[]{0, 2, 2, 0, -2, -2};
    for (int i = 0; i < 6; ++i) CHECK(found[i] == wanted[i]);
  }
}

TEST_CASE("requantize equals an exact double's rounding") {
  Random rng(3, 0);
  for (int i = 0; i < 200000; ++i) {
    const Requantizer by{static_cast<std::uint16_t>(1 + rng.below(65535)),
                         static_cast<std::uint8_t>(rng.below(40))};
    const auto accumulator =
        (static_cast<std::int64_t>(rng.below(4294967295u)) - 2147483647) >> rng.below(31);
    const std::int64_t wanted = std::clamp<std::int64_t>(
        rounded(static_cast<double>(accumulator * by.multiplier), by.shift), -32768, 32767);
    REQUIRE(requantize(accumulator, by, 16) == wanted);
  }
  // Ties, on both sides of 0 and for both parities.
  for (std::int64_t k = -6; k <= 6; ++k)
    CHECK(requantize(2 * k + 1, {1, 1}, 16) == rounded(static_cast<double>(2 * k + 1), 1));
}

TEST_CASE("nearest_requantizer is within 2^-16, and exact for powers of two") {
  Random rng(4, 0);
  for (int i = 0; i < 20000; ++i) {
    const double ratio = std::exp2(rng.uniform(-45.9, 15.99));
    const Requantizer by = nearest_requantizer(ratio);
    REQUIRE(by.multiplier >= 1);
    REQUIRE(by.shift <= 62);
    REQUIRE(std::abs(std::ldexp(by.multiplier, -by.shift) / ratio - 1.0) <=
            (ratio < 32768.0 ? 0x1p-16 : 0x1p-15));
  }
  for (int e = -46; e <= 15; ++e) {
    const Requantizer by = nearest_requantizer(std::ldexp(1.0, e));
    CHECK(by == (e <= 0 ? Requantizer{1, static_cast<std::uint8_t>(-e)}
                        : Requantizer{static_cast<std::uint16_t>(1 << e), 0}));
  }
  CHECK(nearest_requantizer(std::nextafter(0.5, 0.0)) == Requantizer{1, 1});
  for (double bad : {0.0, -1.0, 65535.5, 0x1p-47, std::numeric_limits<double>::quiet_NaN()})
    CHECK(contains(error_of([&] { nearest_requantizer(bad); }), "wanted one in"));
}

TEST_CASE("the table: from 0, never falling, below 1, near tanh") {
  double error = 0.0;
  for (int fraction : {8, 12, 13, 17}) {
    std::int64_t before = 0;
    CHECK(table_tanh(0, fraction) == 0);
    for (std::int64_t u = 0; u <= 9 * power_of_two(fraction); ++u) {
      const std::int64_t y = table_tanh(u, fraction);
      REQUIRE(y >= before);
      REQUIRE(y < power_of_two(kTableFraction));
      before = y;
      const double difference =
          std::abs(std::ldexp(static_cast<double>(y), -15) - std::tanh(std::ldexp(u, -fraction)));
      if (fraction >= 12) error = std::max(error, difference);
    }
    CHECK(table_tanh(power_of_two(47), fraction) == before);
  }
  CHECK(error < 8.1e-4);
}

TEST_CASE("smooth gates and candidates over every sum") {
  for (const auto& [gate_frac_bits, candidate_frac_bits, tolerance] :
       {std::tuple{7, 7, 0.5 / 128}, std::tuple{8, 12, 0.5 / 256}, std::tuple{14, 15, 0.5 / 16384},
        std::tuple{15, 22, 0.5 / 32768}}) {
    const Arithmetic a(with_fractions(gate_frac_bits, candidate_frac_bits), GruForm::reset_after,
                       Activation::smooth);
    const std::int64_t one = power_of_two(gate_frac_bits);
    double gate_error = 0.0, candidate_error = 0.0;
    for (std::int64_t sum = -32768; sum <= 32767; ++sum) {
      const std::int64_t g = a.gate(sum), n = a.candidate(sum);
      REQUIRE(g >= 0);
      REQUIRE(g <= one);
      REQUIRE(std::abs(n) < power_of_two(candidate_frac_bits));
      REQUIRE(a.gate(-sum) == one - g);
      REQUIRE(a.candidate(-sum) == -n);
      const double x = std::ldexp(static_cast<double>(sum), -12);
      gate_error =
          std::max(gate_error, std::abs(std::ldexp(static_cast<double>(g), -gate_frac_bits) -
                                        1.0 / (1.0 + std::exp(-x))));
      candidate_error = std::max(
          candidate_error,
          std::abs(std::ldexp(static_cast<double>(n), -candidate_frac_bits) - std::tanh(x)));
    }
    CHECK(gate_error <= 4.05e-4 + tolerance);
    CHECK(candidate_error <= 8.1e-4 + std::ldexp(1.0, -candidate_frac_bits));
    CHECK(a.gate(0) == one / 2);
    CHECK(a.candidate(0) == 0);
  }
  const Arithmetic a(widths_8bit(), GruForm::reset_after, Activation::smooth);
  CHECK(a.gate(32767) == 128);  // 1 exists
  CHECK(a.gate(-32768) == 0);
}

TEST_CASE("hard gates and candidates over every sum") {
  for (const auto& [gate_frac_bits, candidate_frac_bits] :
       {std::pair{7, 7}, std::pair{13, 12}, std::pair{5, 15}}) {
    const Arithmetic a(with_fractions(gate_frac_bits, candidate_frac_bits), GruForm::reset_before,
                       Activation::hard);
    for (std::int64_t sum = -32768; sum <= 32767; ++sum) {
      const double x = std::ldexp(static_cast<double>(sum), -12);
      REQUIRE(a.gate(sum) == rounded(std::clamp(0.5 * x + 0.5, 0.0, 1.0), -gate_frac_bits));
      const double most = std::ldexp(1.0, candidate_frac_bits) - 1.0;
      REQUIRE(a.candidate(sum) ==
              static_cast<std::int64_t>(std::clamp(
                  std::nearbyint(std::ldexp(std::clamp(x, -1.0, 1.0), candidate_frac_bits)), -most,
                  most)));
    }
  }
}

TEST_CASE("input, operand, product and blend at their corners") {
  const Arithmetic a(widths_8bit(), GruForm::reset_before, Activation::smooth);
  CHECK(a.input(1.0f) == 127);
  CHECK(a.input(-std::numeric_limits<float>::infinity()) == -127);
  CHECK(a.input(2.5f / 128) == 2);
  CHECK(a.input(-3.5f / 128) == -4);
  CHECK(a.input(std::int16_t{-128}) == -127);
  CHECK(a.operand(32767) == 127);
  CHECK(a.operand(-32767) == -127);
  CHECK(a.operand(128) == 0);  // 0.5 steps of the operand
  CHECK(a.operand(384) == 2);
  CHECK(a.product(128, 32767) == 127);
  CHECK(a.product(0, -32767) == 0);
  for (std::int64_t n : {-32767, -1, 0, 32767})
    for (std::int64_t h : {-32767, -12345, 0, 7, 32767}) {
      CHECK(a.blend(0, n, h) == n);    // an open gate takes the candidate,
      CHECK(a.blend(128, n, h) == h);  // a closed one keeps the state
      for (std::int64_t z = 0; z <= 128; ++z) {
        const double exact = static_cast<double>(n * 128 + z * (h - n));
        REQUIRE(a.blend(z, n, h) == rounded(exact, 7));
      }
    }
  Widths coarse;
  coarse.state_frac_bits = 7;
  // A candidate that rounds up to 1 saturates.
  CHECK(Arithmetic(coarse, GruForm::reset_after, Activation::smooth).blend(0, 32767, 0) == 127);
}

TEST_CASE("the dither is uniform and unbiased, over units, steps and layers alike") {
  // Sixteenths of its range over each of the counters: a deviation of 5 sigma fails.
  for (int counter = 0; counter < 3; ++counter)
    for (std::uint32_t other = 0; other < 8; ++other) {
      std::array<int, 16> bins{};
      double product = 0.0, before = 0.5;
      constexpr int kCount = 4096;
      for (std::uint32_t i = 0; i < kCount; ++i) {
        const std::uint32_t u = counter == 0   ? write_dither(other, 3, i)
                                : counter == 1 ? write_dither(1, i, other)
                                               : write_dither(i, other, 2);
        REQUIRE(u < 65536);
        ++bins[u >> 12];
        const double x = u / 65536.0;
        product += (x - 0.5) * (before - 0.5);
        before = x;
      }
      for (const int n : bins) CHECK(std::abs(n - kCount / 16) < 5.0 * std::sqrt(kCount / 16.0));
      CHECK(std::abs(12.0 * product / kCount) < 5.0 / std::sqrt(kCount));  // neighbours, correlated
    }
}

TEST_CASE("a stochastic write-back is right on average, where the nearest one writes nothing") {
  Widths w;
  w.state_frac_bits = 7;
  w.write_back = WriteBack::stochastic;
  const Arithmetic a(w, GruForm::reset_after, Activation::smooth);
  // n is 13 units above h and the gate open by a 64th: an update of 0.203 units.
  const std::int64_t h = 40, n = (h + 13) << 8, z = 126;
  std::int64_t written = 0;
  constexpr std::size_t kSteps = 20000;
  for (std::size_t t = 0; t < kSteps; ++t) written += a.next_state(z, n, h, a.dither(0, t, 5)) - h;
  CHECK(std::abs(static_cast<double>(written) / kSteps - 13.0 / 64) < 0.015);  // 5 sigma
  w.write_back = WriteBack::nearest;
  const Arithmetic nearest(w, GruForm::reset_after, Activation::smooth);
  CHECK(nearest.dither(0, 7, 5) == 0);
  CHECK(nearest.next_state(z, n, h, 0) == h);
}

TEST_CASE("feedback keeps what the leading bits of the state cannot show") {
  Widths w;
  w.write_back = WriteBack::feedback;
  w.state_frac_bits = 7;
  w.residual_bits = 4;  // so that 4 bits are read, on the operand's grid of 8
  const Arithmetic a(w, GruForm::reset_after, Activation::smooth);
  CHECK(a.operand(40) == 32);
  CHECK(a.operand(-41) == -48);
  CHECK(a.operand(127) == 112);  // saturates: 7 of 8
  CHECK(a.held(40) == 32);
  CHECK(a.held_frac_bits() == 7);
  // Updates of 2 units each: after the third the state that is read moves by 16.
  std::int64_t state = 35;
  std::vector<std::int64_t> read;
  for (int t = 0; t < 8; ++t) {
    read.push_back(a.operand(state));
    state = a.next_state(96, (read.back() + 8) << 8, state, 0);
    CHECK(state == 35 + 2 * (t + 1));
  }
  CHECK(read ==
        std::vector<std::int64_t>{32, 32, 32, 48, 48, 48, 48, 48});  // 40 is a half: to even
  CHECK(a.next_state(0, 127 << 8, 120, 0) == 127);                   // 127 + (120 - 112) saturates
}

TEST_CASE("widths that do not fit together are refused by name") {
  const auto message = [](auto change, GruForm form = GruForm::reset_before,
                          Activation activation = Activation::smooth) {
    Widths w;
    change(w);
    return error_of([&] { w.validate(form, activation); });
  };
  CHECK(message([](Widths& w) { w.weight_bits = 1; }) ==
        "[arithmetic] weight_bits: found 1, wanted 2..16");
  CHECK(contains(message([](Widths& w) { w.weight_bits = 17; }), "found 17, wanted 2..16"));
  CHECK(contains(message([](Widths& w) { w.operand_frac_bits = 16; }), "operand_fraction"));
  CHECK(contains(message([](Widths& w) { w.accumulator_bits = 48; }), "wanted 32 or 64"));
  CHECK(contains(message([](Widths& w) { w.preact_bits = 13; }), "gate_sum_fraction"));
  CHECK(contains(message([](Widths& w) { w.gate_frac_bits = 24; }), "found 24, wanted 2..23"));
  CHECK(contains(message([](Widths& w) { w.gate_frac_bits = 16; }, GruForm::reset_after),
                 "found 16, wanted 2..15"));
  CHECK(
      contains(message([](Widths& w) { w.input_extra = 9; }), "input_extra: found 9, wanted 0..8"));
  CHECK(contains(message([](Widths& w) { w.input_extra = 1; }), "product_fraction"));
  CHECK(contains(message([](Widths& w) { w.candidate_preact_frac_bits = 7; }),
                 "candidate_sum_fraction"));
  CHECK(contains(message([](Widths& w) { w.candidate_frac_bits = 0; }), "candidate_fraction"));
  CHECK(contains(message([](Widths& w) { w.product_frac_bits = 6; }), "product_fraction"));
  CHECK(message([](Widths& w) { w.product_frac_bits = 6; }, GruForm::reset_after).empty());
  CHECK(contains(message([](Widths& w) { w.state_frac_bits = 0; }), "state_fraction"));
  CHECK(contains(message([](Widths& w) { w.residual_bits = 15; }),
                 "residual_bits: found 15, wanted 0..14"));
  const auto feedback = [](int state, int residual, bool operand) {
    return [=](Widths& w) {
      w.write_back = WriteBack::feedback, w.state_frac_bits = state, w.residual_bits = residual;
      w.step_reads_operand = operand;
    };
  };
  CHECK(message(feedback(15, 0, false)).empty());
  CHECK(message(feedback(7, 1, false)).empty());
  CHECK(contains(message(feedback(7, 0, false)), "of a state that the multipliers read whole"));
  CHECK(contains(message(feedback(15, 0, true)), "quantized on entry"));
  CHECK(contains(error_of([] { write_back_of("floor"); }), "write-back: found 'floor'"));
  CHECK(contains(message([](Widths& w) { w.output_bits = 49; }), "output_bits"));
  CHECK(contains(message([](Widths& w) { w.output_frac_bits = -1; }), "output_fraction"));
  CHECK(contains(message([](Widths& w) { w.gate_preact_frac_bits = 5; }), "gate_sum_fraction"));
  CHECK(message([](Widths& w) { w.gate_preact_frac_bits = 5; }, GruForm::reset_after,
                Activation::hard)
            .empty());
  CHECK(message([](Widths& w) { w = widths_16bit(); }).empty());
  for (const int bits : {8, 16})
    CHECK(message([bits](Widths& w) { w = widths_qkeras(bits); }, GruForm::reset_before,
                  Activation::hard)
              .empty());
}
