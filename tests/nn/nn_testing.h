#pragma once
// What the tests of this module share: a task small enough to learn, a network for it, and files
// that are damaged thousands of times.

#include <fstream>

#include "taugate/nn/layers.h"
#include "taugate/nn/trainer.h"

namespace taugate::testing {

/// A file of these bytes, without waiting for the disk as write_file() does (and as some file
/// systems do when a file is emptied to be written again: hence the removal).
inline void overwrite(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::remove(path);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
  require(out.flush().good(), path.string(), ": cannot be written");
}

/// Input: white noise. Target: the mean of the present and the previous value, which needs a
/// memory.
class SmoothedNoise : public TrainingData {
 public:
  int steps() const override { return 7; }
  int inputs() const override { return 1; }
  int outputs() const override { return 1; }
  void fill(std::uint64_t first, Sequence<float> input, Sequence<float> target) const override {
    for (int b = 0; b < input.batch; ++b) {
      Random rng(5, first + static_cast<std::uint64_t>(b));
      float previous = 0.0f;
      for (int t = 0; t < input.steps; ++t) {
        const auto x = static_cast<float>(rng.uniform(-1.0, 1.0));
        input.at(t, 0, b) = x;
        target.at(t, 0, b) = 0.5f * (x + previous);
        previous = x;
      }
    }
  }
};

/// One GRU layer and a linear head, with parameters of its own.
struct SmallNetwork {
  Parameters parameters;
  Gru layer;
  Linear head;

  explicit SmallNetwork(std::uint64_t seed = 1, int hidden = 6)
      : layer(parameters, "layer", 1, hidden), head(parameters, "head", hidden, 1) {
    layer.initialise(parameters, seed, 0);
    head.initialise(parameters, seed, 1);
  }
  Var<float> operator()(Tape<float>& tape, Var<float> x) const {
    return head(tape, layer(tape, x));
  }
  std::vector<float> values() const {
    return {parameters.data(), parameters.data() + parameters.size()};
  }
};

}  // namespace taugate::testing
