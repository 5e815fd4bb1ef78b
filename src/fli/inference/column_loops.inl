// The loops of column_loops.h for the registers that this compilation may use. Functions of the
// standard library stay out: the linker might take their wide version for all.

#include <string.h>

#include "fli/inference/column_loops.h"

namespace taugate {
namespace {

#if defined(__AVX512F__)
constexpr std::size_t kLanes = 16;
#elif defined(__AVX2__)
constexpr std::size_t kLanes = 8;
#else
constexpr std::size_t kLanes = 4;
#endif
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

/// n values, 1 or kLanes; the others are zero.
inline __attribute__((always_inline)) Lanes loaded(const float* from, std::size_t n) {
  Lanes lanes = {};
  if (n == kLanes)
    memcpy(&lanes, from, sizeof lanes);
  else
    memcpy(&lanes, from, n * sizeof(float));
  return lanes;
}

inline __attribute__((always_inline)) void store(Lanes lanes, float* to, std::size_t n) {
  if (n == kLanes)
    memcpy(to, &lanes, sizeof lanes);
  else
    memcpy(to, &lanes, n * sizeof(float));
}

/// body(first, n) with a constant n, which is fast: for all groups of kLanes columns, of which the last may overlap the
/// one before and then says the same again; where there are too few for one, for each column.
template <class Body>
inline __attribute__((always_inline)) void for_groups(std::size_t columns, Body body) {
  if (columns < kLanes) {
    for (std::size_t first = 0; first < columns; ++first) body(first, 1);
    return;
  }
  std::size_t first = 0;
  for (; first + kLanes < columns; first += kLanes) body(first, kLanes);
  body(columns - kLanes, kLanes);
}

void product(const float* x, std::size_t rows, const float* m, std::size_t columns, float* out) {
  for_groups(
      columns, [=](std::size_t first, std::size_t n) __attribute__((always_inline)) {
        Lanes sum = {};
        for (std::size_t k = 0; k < rows; ++k) sum += x[k] * loaded(m + k * columns + first, n);
        store(sum, out + first, n);
      });
}

void squares(const MixtureArrays& mixture, const float* a, float noise, float* chi2) {
  const float *c = mixture.centre, *u = mixture.axes, *l = mixture.variance;
  const std::size_t M = mixture.M, P = mixture.P, Q = mixture.Q;
  for_groups(
      M, [=](std::size_t m, std::size_t n) __attribute__((always_inline)) {
        Lanes left = {};  // |e|^2 still has the b^2
        for (std::size_t k = 0; k < P; ++k) {
          const Lanes e = a[k] - loaded(c + k * M + m, n);
          left += e * e;
        }
        left /= noise;
        for (std::size_t q = 0; q < Q; ++q) {
          Lanes b = {};
          for (std::size_t k = 0; k < P; ++k)
            b += (a[k] - loaded(c + k * M + m, n)) * loaded(u + (k * Q + q) * M + m, n);
          const Lanes width = loaded(l + q * M + m, n);
          left -= b * b * (width / (width + noise)) / noise;
        }
        store(left, chi2 + m, n);
      });
}

}  // namespace
}  // namespace taugate
