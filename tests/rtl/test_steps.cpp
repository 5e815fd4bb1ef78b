// The scheduler and the lanes of the RTL beside models of a few lines.

#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <set>

#include "rtl_testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

using In = std::array<std::uint64_t, 6>;
using Response = std::array<std::uint64_t, 7>;

constexpr std::size_t kCycles = 40000;

/// taugate_pkg::beat_t, bit by bit from the lowest.
enum Flag { head, update, zero, dec, is_x, last, last_h, first, valid };

// ------------------------------------------------------------------------ schedulers

constexpr int kContexts[] = {3, 1}, kUnits[] = {5, 2}, kTMax = 6;

/// Words 0 and 1, one a scheduler: a sample for context 1..0, if 2, the pixel's last if 3; operands
/// for context 5..4, if 6; room for context 8..7, if 9.
std::uint64_t schedulers_word(Random& rng, int contexts, std::size_t cycle) {
  const auto context = [&] {
    return static_cast<std::uint64_t>(random_between(rng, 0, contexts - 1));
  };
  const auto bit = [&](double probability) { return std::uint64_t{rng.uniform() < probability}; };
  // By turns the samples, the tail or the output are what is waited for.
  const double rates[] = {0.95, 0.3, 0.05};
  const double source = rates[cycle / 500 % 3], tail = rates[cycle / 1500 % 3],
               sink = rates[cycle / 4500 % 3];
  return context() | bit(source) << 2 | bit(0.25) << 3 | context() << 4 | bit(tail) << 6 |
         context() << 7 | bit(sink) << 9;
}

/// A column as it is due: a step is a row of them.
struct Column {
  int context = 0, column = 0, unit = 0, sample = 0;
  std::uint64_t flags = 0;
  bool takes = false;  // the pixel's samples have been read with it
};

/// A pixel in its context: T steps of the encoder, T of the decoder, one more for the last output.
struct Context {
  int step = 0;    // 0..2T
  int length = 0;  // T, once its last sample has begun
  bool ready = true;

  bool encodes() const { return length == 0; }
  int decoded() const { return step - length; }  // steps of the decoder
  bool may_go(int samples, bool slot_busy) const {
    if (!ready) return false;
    return encodes() ? samples > step : decoded() > 0 || !slot_busy;
  }
  /// The columns of its next step, of a layer of H units, and the state after it.
  std::deque<Column> go(int context, int H, int samples, bool complete) {
    const bool encoder = encodes(), ends = !encoder && decoded() == length;
    const bool takes = encoder && complete && samples == step + 1;
    std::deque<Column> columns;
    for (int k = 0; k < (encoder ? H + 1 : H); ++k) {
      Column c{context, encoder ? k : H + 1 + k, k, step, 1u << valid, false};
      const auto set = [&](Flag flag, bool on) { c.flags |= std::uint64_t{on} << flag; };
      set(first, k == 0);
      set(last_h, k == H - 1);
      set(last, k == (encoder ? H : H - 1));
      set(is_x, k == H);
      set(dec, !encoder);
      set(zero, encoder && step == 0);
      set(update, !ends);
      set(head, !encoder && decoded() > 0);
      c.takes = takes && k == H;
      columns.push_back(c);
    }
    ++step;
    ready = ends;
    if (takes) length = step;
    if (ends) step = length = 0;
    return columns;
  }
};

struct Schedule {
  int different = 0;  // cycles
  int columns = 0, pixels = 0, idle = 0;
  std::set<int> lengths;
};

/// What the scheduler is told, with its answers beside the model's.
Schedule check_schedule(const std::vector<Response>& out, std::size_t which) {
  const int C = kContexts[which], H = kUnits[which];
  Schedule result;
  std::vector<Context> contexts(static_cast<std::size_t>(C));
  const auto at = [&](int context) -> Context& {
    return contexts[static_cast<std::size_t>(context)];
  };
  std::deque<Column> running;  // its front is seen now
  int chosen = -1, latest = C - 1;
  for (const Response& response : out) {
    const std::uint64_t seen = response[2 * which], told = response[2 * which + 1];
    const auto samples = [&](int c) { return static_cast<int>(field(told, 3 * c, 3)); };
    const auto complete = [&](int c) { return field(told, 9 + c, 1) == 1; };
    const auto busy = [&](int c) { return field(told, 12 + c, 1) == 1; };
    const bool start = chosen >= 0 && running.size() <= 1;

    bool equal = field(seen, 22 + valid, 1) == std::uint64_t{!running.empty()};
    bool takes = false, active = !running.empty();
    if (!running.empty()) {
      const Column& c = running.front();
      takes = c.takes;
      equal = equal && field(seen, 22, 9) == c.flags;
      equal = equal && field(seen, 20, 2) == static_cast<std::uint64_t>(c.context);
      equal = equal && field(seen, 16, 4) == static_cast<std::uint64_t>(c.column);
      equal = equal && field(seen, 12, 4) == static_cast<std::uint64_t>(c.unit);
      if (c.flags >> is_x & 1)
        equal = equal && field(seen, 9, 3) == static_cast<std::uint64_t>(c.sample);
    }
    const bool opens = start && !at(chosen).encodes() && at(chosen).decoded() == 0;
    const bool moves =
        start && at(chosen).encodes() && complete(chosen) && samples(chosen) == at(chosen).step + 1;
    equal = equal && field(seen, 8, 1) == std::uint64_t{takes};
    equal = equal && field(seen, 7, 1) == std::uint64_t{moves};
    equal = equal && field(seen, 6, 1) == std::uint64_t{opens};
    if (opens) {
      equal = equal && field(seen, 4, 2) == static_cast<std::uint64_t>(chosen);
      equal = equal && field(seen, 1, 3) == static_cast<std::uint64_t>(at(chosen).length);
      result.lengths.insert(at(chosen).length);
      ++result.pixels;
    }
    for (int c = 0; c < C; ++c) active = active || at(c).step > 0 || samples(c) > 0;
    equal = equal && field(seen, 0, 1) == std::uint64_t{active};
    result.different += !equal;
    result.columns += !running.empty();
    result.idle += running.empty();

    // The next one in turn that may go; the one that starts now has its own step before it.
    int next = -1;
    if (start) latest = chosen;
    for (int k = C; k >= 1; --k) {
      const int c = (latest + k) % C;
      if (at(c).may_go(samples(c), busy(c)) && !(start && c == chosen)) next = c;
    }
    if (!running.empty()) running.pop_front();
    if (start) running = at(chosen).go(chosen, H, samples(chosen), complete(chosen));
    if (field(told, 17, 1)) at(static_cast<int>(field(told, 15, 2))).ready = true;
    chosen = next;
  }
  return result;
}

// ----------------------------------------------------------------------------- lanes

constexpr int kH = 5, kOutputs = 3;

/// What the lanes have to show in a cycle, where they have to.
struct Sums {
  bool unit = false, output = false;
  std::int64_t r = 0, z = 0, input = 0, recurrent = 0, y = 0;
};

/// Word 2 is {dec, operand, beat}, 3..5 the column of weights; `due` gets the sums of each cycle.
void add_steps(Random& rng, std::vector<In>& all, std::vector<Sums>& due) {
  const auto random_byte = [&](int corner) {
    if (corner == 1) return -128;
    if (corner == 2) return rng.uniform() < 0.5 ? -128 : 127;
    return random_between(rng, -128, 127);
  };
  // Between steps and below what counts, anything may stand.
  const auto anything = [&] { return std::uint64_t{rng.bits()} << 32 | rng.bits(); };
  for (In& in : all) {
    in[2] = anything() & ~(std::uint64_t{1} << valid);
    for (std::size_t k = 3; k < 6; ++k) in[k] = anything();
  }
  std::size_t at = 0;
  while (at + 40 < all.size()) {
    const int kind = random_between(rng, 0, 3);  // encoder, first, other and last of the decoder
    const int corner = random_between(rng, 0, 4), columns = kind == 0 ? kH + 1 : kH;
    std::array<std::int64_t, 3 * kH + kOutputs> h{}, x{};
    for (int k = 0; k < columns; ++k) {
      const int operand = random_byte(corner);
      std::array<std::uint8_t, 24> bytes{};
      for (std::size_t lane = 0; lane < h.size(); ++lane) {
        const int weight = random_byte(corner);
        bytes[lane] = static_cast<std::uint8_t>(weight);
        (k < kH ? h : x)[lane] += weight * operand;
      }
      In& in = all[at + static_cast<std::size_t>(k)];
      std::memcpy(&in[3], bytes.data(), bytes.size());
      const auto flag = [](Flag f, bool on) { return std::uint64_t{on} << f; };
      in[2] = (in[2] & 1u << 17) | static_cast<std::uint64_t>(operand & 255) << 9 |
              flag(valid, true) | flag(first, k == 0) | flag(last_h, k == kH - 1) |
              flag(last, k == columns - 1) | flag(is_x, k == kH) | flag(dec, kind > 0) |
              flag(update, kind < 3) | flag(head, kind > 1);
    }
    at += static_cast<std::size_t>(columns);
    for (std::size_t u = 0; u < kH; ++u) {
      Sums& sums = due[at + 3 + u];  // four cycles after the last column
      if (kind < 3) {
        all[at + 3 + u][2] &= ~(std::uint64_t{1} << 17);
        all[at + 3 + u][2] |= std::uint64_t{kind > 0} << 17;
        sums.unit = true;
        sums.r = h[u] + x[u];
        sums.z = h[kH + u] + x[kH + u];
        sums.recurrent = h[2 * kH + u];
        sums.input = x[2 * kH + u];
      }
      if (kind > 1 && u < kOutputs) {
        sums.output = true;
        sums.y = h[3 * kH + u];
      }
    }
    if (rng.uniform() < 0.3) at += static_cast<std::size_t>(random_between(rng, 1, 7));
  }
}

struct Simulation {
  std::vector<In> in = std::vector<In>(kCycles);
  std::vector<Sums> due = std::vector<Sums>(kCycles);
  std::vector<Response> out;
  Simulation() {
    Random rng(31, 32);
    for (std::size_t i = 0; i < kCycles; ++i)
      for (std::size_t which = 0; which < 2; ++which)
        in[i][which] = schedulers_word(rng, kContexts[which], i);
    add_steps(rng, in, due);
    out = simulate<Response>("steps", in);
  }
};
/// One simulation for all cases.
const Simulation& simulation() {
  static const Simulation one;
  return one;
}

}  // namespace

TEST_CASE("step_scheduler takes every pixel through its steps, in turn and without delay") {
  const std::set<int> lengths{1, 2, 3, 4, 5, kTMax};
  const Schedule three = check_schedule(simulation().out, 0);
  CHECK(three.different == 0);
  CHECK(three.pixels > 200);
  CHECK(three.lengths == lengths);
  CHECK(three.columns > 10000);
  CHECK(three.idle > 1000);
  const Schedule alone = check_schedule(simulation().out, 1);
  CHECK(alone.different == 0);
  CHECK(alone.pixels > 200);
  CHECK(alone.lengths == lengths);
  CHECK(alone.idle > 1000);
}

TEST_CASE("mac_array hands out the sums of every step, unit by unit") {
  const Simulation& s = simulation();
  std::array<int, 5> different{};  // r, z, input, recurrent, y
  int units = 0, outputs = 0;
  for (std::size_t i = 0; i < s.out.size(); ++i) {
    const Sums& due = s.due[i];
    if (due.unit) {
      ++units;
      different[0] += number(s.out[i][4], 0, 32) != due.r;
      different[1] += number(s.out[i][4], 32, 32) != due.z;
      different[2] += number(s.out[i][5], 32, 32) != due.input;
      different[3] += number(s.out[i][5], 0, 32) != due.recurrent;
    }
    if (due.output) {
      ++outputs;
      different[4] += number(s.out[i][6], 0, 64) != due.y;
    }
  }
  for (std::size_t which = 0; which < different.size(); ++which) {
    CAPTURE(which);
    CHECK(different[which] == 0);
  }
  CHECK(units > 20000);
  CHECK(outputs > 5000);
}
