#include <algorithm>
#include <string>
#include <vector>

#include "core/natural_order.h"
#include "testing.h"

using namespace taugate;

TEST_CASE("digits count as numbers, and every pair has an order") {
  const std::vector<std::string> sorted{
      "",      "gate",    "gate01", "gate1",  "gate1b",
      "gate2", "gate9.x", "gate10", "gate11", "gate99999999999999999999",
      "gates", "hate"};
  std::vector<std::string> shuffled(sorted.rbegin(), sorted.rend());
  std::sort(shuffled.begin(), shuffled.end(), natural_less);
  CHECK(shuffled == sorted);
  for (const auto& a : sorted)
    for (const auto& b : sorted) CHECK(natural_less(a, b) == (&a < &b));
}
