// Models that an earlier version wrote, and what it made of them: files stay readable and their values stay
// (tests/data/models/README.md).

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "executor_testing.h"
#include "taugate/fli/formats/npy.h"
#include "taugate/fli/inference/trained_model.h"
#include "taugate/runtime/executor.h"
#include "taugate/simd/arch.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

struct OldModel {
  const char* name;
  int gates;
  bool integers;
};
constexpr OldModel kOldModels[] = {
    {"one-layer", 70, false},     {"two-layers", 70, false},      {"before-hard", 135, false},
    {"one-layer-int8", 70, true}, {"two-layers-int16", 70, true}, {"before-hard-int8", 135, true},
    {"hard-int4", 70, true},      {"qkeras", 135, true},
};

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(TAUGATE_SOURCE_DIR) / "tests/data/models" / name;
}

std::vector<float> input_of(const OldModel& old) {
  return read_npy<float>(fixture("input-" + std::to_string(old.gates) + ".npy")).values;
}
/// Doubles hold the floats and the integers (of 48 bits at most) exactly.
std::vector<double> output_of(const OldModel& old) {
  return read_npy<double>(fixture(std::string(old.name) + ".output.npy")).values;
}
std::unique_ptr<TraceModel> load(const OldModel& old) {
  auto model = load_trace_model(fixture(std::string(old.name) + ".safetensors"));
  REQUIRE(model->gates() == old.gates);
  // The others were written without their statistics, which are large.
  CHECK(model->novelty.has_value() == (std::string(old.name) == "one-layer-int8"));
  return model;
}

/// An architecture for as long as it lives.
class UsedArch {
 public:
  explicit UsedArch(const std::string& name) { simd::use_arch(name); }
  ~UsedArch() { simd::use_arch(before_); }
  UsedArch(const UsedArch&) = delete;
  UsedArch& operator=(const UsedArch&) = delete;

 private:
  std::string before_ = simd::active_arch();
};

std::vector<float> sfd_of(const OldModel& old) {
  const auto model = load(old);
  const std::vector<float> input = input_of(old);
  std::vector<float> sfd(input.size() * static_cast<std::size_t>(model->outputs()));
  ThreadScratch scratch;
  model->executor()->run(scratch, input, sfd);
  return sfd;
}

/// x on a grid of `frac_bits`, halves to even.
std::int16_t word_of(float x, int frac_bits) {
  const double word = std::nearbyint(std::ldexp(static_cast<double>(x), frac_bits));
  return static_cast<std::int16_t>(std::fmin(std::fmax(word, -32768.0), 32767.0));
}

std::size_t different(const std::vector<double>& wanted, const auto& found, double tolerance) {
  REQUIRE(found.size() == wanted.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    count += !(std::abs(static_cast<double>(found[i]) - wanted[i]) <= tolerance);
  return count;
}

}  // namespace

TEST_CASE("models of floats that an earlier version wrote give its very values") {
  for (const OldModel& old : kOldModels) {
    if (old.integers) continue;
    CAPTURE(old.name);
    const std::vector<double> wanted = output_of(old);
    CHECK(different(wanted, sfd_of(old), 1e-5) == 0);
    const UsedArch scalar("scalar");
    CHECK(different(wanted, sfd_of(old), 0.0) == 0);
  }
}

TEST_CASE("models of integers that an earlier version wrote give its very words") {
  for (const OldModel& old : kOldModels) {
    if (!old.integers) continue;
    CAPTURE(old.name);
    const auto model = load(old);
    const auto* quantized = dynamic_cast<const QuantizedModel*>(model.get());
    REQUIRE(quantized != nullptr);
    const Widths& widths = quantized->network.widths;
    const int input_frac_bits = widths.operand_frac_bits + widths.input_extra;
    std::vector<std::int16_t> input;
    for (const float x : input_of(old)) input.push_back(word_of(x, input_frac_bits));
    const std::vector<double> wanted = output_of(old);
    const auto words = [&] {
      Running<IntegerExecutor> running(quantized->network);
      std::vector<std::int64_t> output(wanted.size());
      running.run_words(input, output);
      return output;
    };
    CHECK(different(wanted, words(), 0.0) == 0);
    {
      const UsedArch scalar("scalar");
      CHECK(different(wanted, words(), 0.0) == 0);
    }
    // And as real numbers, from real ones.
    const double unit = std::ldexp(1.0, -widths.output_frac_bits);
    std::vector<double> real;
    for (const double word : wanted) real.push_back(static_cast<float>(word * unit));
    CHECK(different(real, sfd_of(old), 0.0) == 0);
  }
}
