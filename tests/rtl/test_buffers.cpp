// The memories and buffers of the RTL and its element-wise tail beside models of a few lines.

#include <doctest/doctest.h>

#include <array>
#include <deque>

#include "rtl_testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

using In = std::array<std::uint64_t, 7>;
using Response = std::array<std::uint64_t, 10>;

constexpr std::size_t kCycles = 30000, kDrain = 300;
/// From here on every word of every memory has been written.
constexpr std::size_t kWritten = 2000;

/// Word 0 is data, 1 the control of memories and buffers, 2 that of the tail, 3..6 the rows and
/// sums of r, z, W_n x and U_n h: {sum, bias, multiplier, shift}.
std::vector<In> stimulus() {
  Random rng(21, 22);
  std::vector<In> all;
  std::array<bool, 16> has_state{};
  const auto below = [&](int end) {
    return static_cast<std::uint64_t>(random_between(rng, 0, end - 1));
  };
  const auto bit = [&](double probability) { return std::uint64_t{rng.uniform() < probability}; };
  for (std::size_t i = 0; i < kCycles; ++i) {
    const bool drain = i + kDrain >= kCycles;
    // Full, empty and in between, by turns.
    const double rates[] = {0.9, 0.5, 0.15};
    const double source = rates[i / 100 % 3], sink = rates[i / 300 % 3];
    In in{};
    in[0] = std::uint64_t{rng.bits()} << 32 | rng.bits();
    if (bit(0.5)) in[0] = (in[0] & ~0xffffull) | ((below(260) - 130) & 0xffff);
    in[1] = below(3) | below(3) << 2 | below(5) << 4 | bit(source) << 7 | bit(0.25) << 8 |
            bit(sink) << 9 | (drain ? 0 : bit(source)) << 10 | (drain ? 1 : bit(source)) << 11 |
            (drain ? 1 : bit(sink)) << 12 | (1 + below(5)) << 13 | below(5) << 16 | below(5) << 19 |
            below(16) << 22 | below(8) << 26 | below(8) << 29 | below(8) << 32;
    const std::size_t unit = i * 5 % 16;  // 16 cycles from a unit's step to its next
    const bool valid = bit(0.8), zero = !has_state[unit] || bit(0.1);
    has_state[unit] = has_state[unit] || valid;
    in[2] = std::uint64_t{valid} | unit << 1 | std::uint64_t{zero} << 5;
    for (std::size_t row = 3; row < 7; ++row) {
      const int size = random_between(rng, 4, 20);
      const auto sum = below(1 << size) - (1u << size >> 1);
      const auto bias = below(1 << size) - (1u << size >> 1);
      in[row] =
          (sum & 0x3fffff) << 36 | (bias & 0x3fffff) << 14 | below(256) << 6 | (2 + below(12));
    }
    all.push_back(in);
  }
  return all;
}

struct Simulation {
  std::vector<In> in = stimulus();
  std::vector<Response> out = simulate<Response>("buffers", in);
};
/// One simulation for all cases.
const Simulation& simulation() {
  static const Simulation one;
  return one;
}

}  // namespace

TEST_CASE("column_memory, row_memory and delay_line give back what was written") {
  const auto& [in, out] = simulation();
  std::array<std::array<std::uint64_t, 4>, 5> columns{};
  struct Row {
    std::uint64_t scale = 0, bias = 0;
  };
  std::array<Row, 8> rows{};
  int column_different = 0, row_different = 0, delay_different = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::uint64_t control = in[i][1], data = field(in[i][0], 0, 32);
    if (i >= kWritten && i + 2 < out.size()) {  // read before this cycle's write
      const auto& column = columns[field(control, 19, 3)];
      column_different += out[i + 2][0] != (column[1] << 32 | column[0]);
      column_different += out[i + 2][1] != (column[3] << 32 | column[2]);
      const Row& row = rows[field(control, 32, 3)];
      row_different += static_cast<std::int64_t>(out[i + 2][2]) != number(row.bias, 0, 40);
      row_different += out[i + 2][3] != row.scale;
    }
    if (i + 5 < out.size()) delay_different += out[i + 5][4] != field(data, 0, 16);
    for (int word = 0; word < 4; ++word)
      if (field(control, 22 + word, 1))
        columns[field(control, 16, 3)][static_cast<std::size_t>(word)] = data;
    Row& row = rows[field(control, 29, 3)];
    if (field(control, 26, 1)) row.scale = field(data, 0, 8) << 6 | field(data, 16, 6);
    if (field(control, 27, 1)) row.bias = (row.bias >> 32 << 32) | data;
    if (field(control, 28, 1)) row.bias = field(data, 0, 8) << 32 | field(row.bias, 0, 32);
  }
  CHECK(column_different == 0);
  CHECK(row_different == 0);
  CHECK(delay_different == 0);
}

TEST_CASE("sample_buffer fills its slots in turn and cuts what is too long") {
  const auto& [in, out] = simulation();
  const Arithmetic arithmetic({}, GruForm::reset_after, Activation::smooth);
  struct Slot {
    std::uint64_t count = 0, complete = 0, user = 0;
    std::array<std::int64_t, 5> samples{};
  };
  std::array<Slot, 3> slots{};
  std::size_t into = 0;
  bool drop = false;
  int status_different = 0, sample_different = 0, overlongs = 0, stalls = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::uint64_t control = in[i][1];
    const bool valid = field(control, 7, 1), last = field(control, 8, 1);
    Slot& taken = slots[field(control, 0, 2)];
    const bool take = field(control, 9, 1) && taken.complete;
    Slot& slot = slots[into];
    const bool ready = drop || !slot.complete, stored = valid && ready && !drop;
    const bool overlong = stored && slot.count == 4 && !last;
    std::uint64_t wanted = std::uint64_t{overlong} << 13 | std::uint64_t{ready} << 12;
    for (std::size_t c = 0; c < 3; ++c)
      wanted |=
          slots[c].user << (14 + 8 * c) | slots[c].complete << (9 + c) | slots[c].count << (3 * c);
    if (i >= kWritten) {
      status_different += out[i][5] != wanted;
      if (i + 2 < out.size())
        sample_different +=
            static_cast<std::int64_t>(out[i + 2][6]) !=
            slots[field(control, 2, 2)].samples[static_cast<std::size_t>(field(control, 4, 3))];
    }
    overlongs += overlong;
    stalls += valid && !ready;
    if (stored) {
      if (slot.count == 0) slot.user = field(in[i][0], 16, 8);
      slot.samples[slot.count++] =
          arithmetic.input(static_cast<std::int16_t>(number(in[i][0], 0, 16)));
      if (last || slot.count == 5) {
        slot.complete = 1;
        into = (into + 1) % 3;
        drop = !last;
      }
    } else if (drop && valid && last) {
      drop = false;
    }
    if (take) taken.count = taken.complete = 0;
  }
  CHECK(status_different == 0);
  CHECK(sample_different == 0);
  CHECK(overlongs > 100);
  CHECK(stalls > 100);
}

TEST_CASE("output_buffer sends every word once, pixel after pixel") {
  const auto& [in, out] = simulation();
  struct Pixel {
    std::size_t length = 0;
    std::uint64_t user = 0;
    std::vector<std::uint64_t> words;
  };
  std::vector<Pixel> pixels;            // as they were opened, in turn
  std::array<std::size_t, 3> latest{};  // of each context
  std::size_t pixel = 0, index = 0, words = 0;
  int different = 0, held_different = 0, full = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::uint64_t control = in[i][1], data = in[i][0], seen = out[i][7];
    const bool valid = field(seen, 5, 1), ready = field(control, 12, 1);
    if (valid && !ready && i + 1 < out.size()) {
      const std::uint64_t next = out[i + 1][7];
      held_different += field(next, 5, 26) != field(seen, 5, 26);
    }
    full += (seen & 7) == 7;
    if (valid && ready) {
      ++words;
      if (pixel >= pixels.size() || index >= pixels[pixel].words.size()) {
        ++different;
      } else {
        const Pixel& from = pixels[pixel];
        const bool last = index + 1 == from.length;
        different += field(seen, 15, 16) != from.words[index] || field(seen, 7, 8) != from.user ||
                     field(seen, 6, 1) != std::uint64_t{last};
        index = last ? 0 : index + 1;
        pixel += last;
      }
    }
    if (field(seen, 4, 1)) pixels[latest[field(control, 0, 2)]].words.push_back(field(data, 0, 16));
    if (field(seen, 3, 1)) {
      latest[pixels.size() % 3] = pixels.size();
      pixels.push_back({2 * field(control, 13, 3), field(data, 16, 8), {}});
    }
  }
  CHECK(different == 0);
  CHECK(held_different == 0);
  CHECK(words > 3000);
  CHECK(full > 100);
  CHECK(pixel == pixels.size());
  CHECK((out.back()[7] & 0x27) == 0);  // neither a word nor a busy slot is left
}

TEST_CASE("elementwise_tail equals a step of the integer arithmetic") {
  const std::vector<In>& in = simulation().in;
  const std::vector<Response>& out = simulation().out;
  const Arithmetic arithmetic({}, GruForm::reset_after, Activation::smooth);
  std::array<std::int64_t, 16> states{};
  std::array<int, 2> different{};
  int steps = 0, flow_different = 0;
  for (std::size_t i = 0; i + 25 < in.size(); ++i) {
    const std::uint64_t control = in[i][2];
    const bool valid = control & 1;
    const auto unit = static_cast<std::size_t>(field(control, 1, 4));
    for (std::size_t tail = 8; tail < 10; ++tail) {
      flow_different += field(out[i + 25][tail], 2, 1) != std::uint64_t{valid};
      const bool soon = valid && unit < 2;  // unit 0 of either context
      flow_different += field(out[i + 23][tail], 0, 1) != std::uint64_t{soon};
      if (soon) flow_different += field(out[i + 23][tail], 1, 1) != (unit & 1);
    }
    if (!valid) continue;
    const auto sum = [&](std::size_t row, int bits) {
      const std::uint64_t word = in[i][row];
      const Requantizer by{static_cast<std::uint16_t>(field(word, 6, 8)),
                           static_cast<std::uint8_t>(field(word, 0, 6))};
      return requantize(number(word, 36, bits) + number(word, 14, 22), by, 16);
    };
    const std::int64_t r = arithmetic.gate(sum(3, 22)), z = arithmetic.gate(sum(4, 22));
    const std::int64_t n =
        arithmetic.candidate(arithmetic.candidate_preact(sum(5, 16), r, sum(6, 22)));
    std::int64_t& h = states[unit];
    h = arithmetic.blend(z, n, field(control, 5, 1) ? 0 : h);
    const std::int64_t wanted[] = {arithmetic.operand(h), h};
    for (std::size_t tail = 0; tail < 2; ++tail) {
      const std::uint64_t seen = out[i + 25][8 + tail];
      different[tail] +=
          number(seen, 7, 16) != wanted[tail] || field(seen, 3, 4) != std::uint64_t{unit};
    }
    ++steps;
  }
  CHECK(different[0] == 0);
  CHECK(different[1] == 0);
  CHECK(flow_different == 0);
  CHECK(steps > 20000);
}
