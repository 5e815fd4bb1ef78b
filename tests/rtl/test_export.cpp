// What export-rtl makes of a model, and which models it refuses.

#include <doctest/doctest.h>

#include "rtl_testing.h"
#include "taugate/core/error.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

IntegerModel small_model(int units = 3, int outputs = 2) {
  RandomModel m;
  m.hidden = {units};
  m.outputs = outputs;
  Random rng(5, 6);
  return random_model(m, rng);
}

/// `count` bits from `low` on of a line of hexadecimal digits.
std::int64_t bits(const std::string& line, int low, int count) {
  std::int64_t value = 0;
  for (int i = 0; i < count; ++i) {
    const auto at = line.size() - 1 - static_cast<std::size_t>((low + i) / 4);
    const int digit = std::stoi(line.substr(at, 1), nullptr, 16);
    value |= std::int64_t{digit >> ((low + i) % 4) & 1} << i;
  }
  return value;
}
/// The same with their sign.
std::int64_t field(const std::string& line, int low, int count) {
  const std::int64_t value = bits(line, low, count);
  return value >> (count - 1) & 1 ? value - (std::int64_t{1} << count) : value;
}

}  // namespace

TEST_CASE("the memories hold the model, lane by lane and row by row") {
  const IntegerModel model = small_model();
  const RtlParameters p = rtl_parameters(model);
  const auto memories = rtl_memories(model, p);
  REQUIRE(memories.size() == 7);
  CHECK(memories[0].file == "weights.mem");
  REQUIRE(memories[0].lines.size() == 7);  // U's 3 columns, W's, the decoder's 3
  for (int k = 0; k < 7; ++k)
    for (int lane = 0; lane < 11; ++lane) {
      std::int64_t wanted = 0;
      if (lane < 9)
        wanted = k < 3    ? model.layers[0].recurrent.row(lane)[k]
                 : k == 3 ? model.layers[0].input.row(lane)[0]
                          : model.layers[1].recurrent.row(lane)[k - 4];
      else if (k > 3)
        wanted = model.head.row(lane - 9)[k - 4];
      CHECK(field(memories[0].lines[static_cast<std::size_t>(k)], 8 * lane, 8) == wanted);
    }
  const RtlMemory& s = memories[4];
  CHECK(s.file == "rows_s.mem");
  REQUIRE(s.lines.size() == 8);  // two sides of 4, of which 3 are units
  for (std::size_t side = 0; side < 2; ++side)
    for (std::size_t u = 0; u < 3; ++u) {
      const IntegerLayer& layer = model.layers[side ? 1 : 0];
      const std::string& line = s.lines[4 * side + u];
      CHECK(field(line, p.ShiftBits + p.MulBits, p.AccBits) == layer.recurrent_bias[u]);
      CHECK(bits(line, p.ShiftBits, p.MulBits) == layer.requantizers[9 + u].multiplier);
      CHECK(bits(line, 0, p.ShiftBits) == layer.requantizers[9 + u].shift);
    }
}

TEST_CASE("the identity tells models apart, and comes with the memories and the writes") {
  const IntegerModel model = small_model();
  const RtlParameters p = rtl_parameters(model);
  const RtlMemory identity = rtl_memories(model, p).back();
  CHECK(identity.file == "identity.mem");
  REQUIRE(identity.lines.size() == 2);
  const auto writes = rtl_writes(model, p);
  for (std::size_t half = 0; half < 2; ++half) {
    const RtlWrite& write = writes[writes.size() - 2 + half];
    CHECK(write.address == (6u << 20 | half));
    CHECK(static_cast<std::int64_t>(write.data) == bits(identity.lines[half], 0, 32));
  }
  IntegerModel other = model;
  ++other.head_bias[0];
  CHECK(rtl_memories(other, p).back().lines != identity.lines);
}

TEST_CASE("the parameters are as narrow as the model allows") {
  const IntegerModel model = small_model(32, 1);
  const RtlParameters p = rtl_parameters(model);
  std::int64_t most = 0;
  for (const AccumulatorBound& b : accumulator_bounds(model)) most = std::max(most, b.most);
  CHECK(most <= power_of_two(p.AccBits - 1) - 1);
  CHECK(most > power_of_two(p.AccBits - 2) - 1);
  CHECK(p.Contexts == 2);
  CHECK(rtl_parameters(small_model(16, 1)).Contexts == 3);
  CHECK(rtl_parameters(small_model(8, 1)).Contexts == 5);
}

TEST_CASE("a model that the RTL cannot hold is refused, with the reason") {
  const auto refused = [](const RandomModel& m, const char* why) {
    Random rng(1, 1);
    CHECK_THROWS_WITH_AS(rtl_parameters(random_model(m, rng)), doctest::Contains(why), Error);
  };
  RandomModel m;
  m.hidden = {4};
  m.form = GruForm::reset_before;
  refused(m, "found a reset_before model");
  m = {};
  m.hidden = {4, 4};
  refused(m, "found 2 layers a side, wanted 1");
  m = {};
  m.hidden = {129};
  m.gates = 1;
  refused(m, "found 129 units, wanted 2..128");
  m = {};
  m.hidden = {3};
  m.outputs = 4;
  refused(m, "found 4 outputs");
  m = {};
  m.hidden = {3};
  m.widths.head_reads_state = true;
  refused(m, "whose head reads the state");
  m.widths = {};
  m.widths.write_back = WriteBack::stochastic;
  refused(m, "found a stochastic write-back, wanted nearest or feedback");
  m.widths.write_back = WriteBack::feedback;
  m.widths.state_frac_bits = 23;
  refused(m,
          "found feedback of a state with 23 fraction bits, wanted at most those of a blend, 22");
  RtlOptions o;
  o.cores = 0;
  CHECK_THROWS_AS(rtl_parameters(small_model(), o), UsageError);
  IntegerModel two_heads = small_model(8, 1);
  two_heads.description.encoder_outputs = 1;
  two_heads.encoder_head = {two_heads.head, two_heads.head_bias, two_heads.head_requantizers};
  CHECK_THROWS_WITH_AS(rtl_parameters(two_heads), doctest::Contains("found a second head"), Error);
}

TEST_CASE("cycles a pixel are those that the core's counters have shown") {
  const auto cycles = [](std::vector<int> hidden, int gates, int outputs,
                         GruForm form = GruForm::reset_after) {
    return rtl_cycles(
        seq2seq({.gates = gates, .outputs = outputs, .hidden = std::move(hidden), .form = form}));
  };
  // Measured, with the ends of a stream of 60 to 200 pixels (docs/rtl.md).
  struct Measured {
    int units, gates, outputs;
    double cycles;
  };
  for (const Measured& m : {Measured{16, 70, 1, 2337.2}, {32, 70, 1, 4582.3}, {32, 135, 3, 8808.3}})
    CHECK(testing::close(*cycles({m.units}, m.gates, m.outputs), m.cycles, 0.0, 0.005));
  CHECK(*cycles({32}, 70, 1) == 70 * 65 + 32);
  CHECK_FALSE(cycles({32, 32}, 70, 1));
  CHECK_FALSE(cycles({129}, 70, 1));
  CHECK_FALSE(cycles({2}, 70, 3));
  CHECK_FALSE(cycles({32}, 70, 1, GruForm::reset_before));
}
