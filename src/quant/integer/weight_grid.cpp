#include "taugate/quant/integer/weight_grid.h"

#include <algorithm>
#include <cmath>

#include "taugate/core/error.h"

namespace taugate {

std::vector<float> weights_on(WeightGrid grid, const std::string& what, const std::string& dtype,
                              const std::function<std::vector<float>()>& read) {
  const bool integers = dtype.starts_with('I') || dtype.starts_with('U');
  require(!integers || grid != WeightGrid::any, what, ": found ", dtype,
          ", wanted floating point (or, for a QKeras student's integers, --form qkeras)");
  require(!integers || dtype == "I8", what, ": found ", dtype,
          ", wanted I8, the k of k/128, or k/128 in floating point");
  std::vector<float> values = read();
  if (grid == WeightGrid::any) return values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float k = integers ? values[i] : 128.0f * values[i];  // exact
    const float nearest = std::clamp(std::nearbyint(k), -128.0f, 127.0f);
    require(k == nearest || (grid == WeightGrid::k128_rounded && std::isfinite(k)), what,
            ": value ", i, ": found ", values[i], ", wanted k/128 with k in -128..127");
    values[i] = nearest / 128.0f;
  }
  return values;
}

std::vector<float> weights_on(WeightGrid grid, const std::string& file, const StoredTensor& t) {
  return weights_on(grid, concat(file, ": tensor '", t.name, "'"), t.dtype, [&] {
    if (t.dtype != "I8") return floats_of(t, file);
    const std::vector<std::int64_t> k = integers_of(t, file);
    return std::vector<float>(k.begin(), k.end());
  });
}

}  // namespace taugate
