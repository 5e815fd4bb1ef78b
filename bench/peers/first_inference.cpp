// The same as bench/first_inference.cpp with a peer: a student of 32 units, one trace. FIRST_PEER
// is peers::onednn or peers::libtorch.

#include <cstdio>

#include "bench/peers/engine.h"

int main() {
  const peers::Task task{peers::network("student-32"), 70, 1, 1};
  const auto engine = FIRST_PEER().make(task);
  engine->load(peers::random_weights(task.network, 1));
  std::vector<float> trace(70, 0.5f), decay(70);
  engine->infer(trace.data(), decay.data());
  std::printf("%g\n", decay.back());
}
