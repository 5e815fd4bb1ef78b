#include "taugate/core/ranks.h"

namespace taugate {

void Ranks::exchange(float*, std::size_t, std::size_t) {}
void Ranks::gather(float*, std::size_t) {}
void Ranks::gather(double*, std::size_t) {}

Ranks& Ranks::alone() {
  static Ranks one;
  return one;
}

}  // namespace taugate
