#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/half.h"

using namespace taugate;

TEST_CASE("floats of 16 bits are the nearest ones, ties to even") {
  CHECK(to_half(1.0f) == 0x3c00);
  CHECK(to_half(-2.5f) == 0xc100);
  CHECK(to_half(65504.0f) == 0x7bff);
  CHECK(to_half(65519.0f) == 0x7bff);
  CHECK(to_half(65520.0f) == 0x7c00);
  CHECK(to_half(std::ldexp(1.0f, -24)) == 1);
  CHECK(to_half(-0.0f) == 0x8000);
  CHECK(std::isnan(from_half(to_half(std::numeric_limits<float>::quiet_NaN()))));
  for (int bits = 0; bits < 0x7bff; ++bits) {
    const auto h = static_cast<std::uint16_t>(bits);
    const auto next = static_cast<std::uint16_t>(bits + 1);
    const float low = from_half(h), high = from_half(next), middle = 0.5f * (low + high);
    if (to_half(low) != h || to_half(-low) != (h | 0x8000) ||
        to_half(middle) != (bits % 2 ? next : h) || to_half(std::nextafter(middle, low)) != h ||
        to_half(std::nextafter(middle, high)) != next)
      FAIL("at ", bits);
  }
}
