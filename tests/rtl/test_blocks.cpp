// The blocks of the RTL and the functions of its package beside the C++ that defines them.

#include <doctest/doctest.h>

#include <array>
#include <deque>

#include "rtl_testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

using In = std::array<std::int64_t, 4>;
/// As rtl/sim/blocks.sv has them.
enum Out {
  input_word,
  operand,
  candidate_preact,
  blended,
  requantized,
  requantized_wide,
  gate,
  gate_hard,
  gate_wide,
  candidate,
  candidate_hard,
  product,
  acc,
  fifo,
  chain,
  outputs
};
using Response = std::array<std::int64_t, outputs>;

/// The low bits of a value, as two's complement.
std::int64_t word(std::int64_t value, int bits) {
  return number(static_cast<std::uint64_t>(value), 0, bits);
}

/// Every 16-bit sum, and beside it random words of all sizes.
std::vector<In> stimulus() {
  Random rng(11, 12);
  std::vector<In> all;
  const auto random_word = [&](int bits) {
    const auto low = static_cast<std::uint64_t>(rng.bits()) << 32 | rng.bits();
    return word(static_cast<std::int64_t>(low), random_between(rng, 2, bits));
  };
  int level = 0;  // of the queue, which its writer must know
  for (int sum = -32768; sum < 32768; ++sum) {
    const std::int64_t a = word(random_word(42), 44) & ~std::int64_t{0xffff};
    const bool read = level > 0 && rng.uniform() < 0.5;
    const bool write = level < 4 && rng.uniform() < 0.6;
    level += int{write} - int{read};
    const std::int64_t shift = random_between(rng, 0, 59);
    all.push_back({a | (sum & 0xffff), random_word(42), random_word(16),
                   (shift & ~std::int64_t{3}) | int{read} << 1 | int{write}});
  }
  return all;
}

}  // namespace

TEST_CASE("blocks and package equal the C++ on every 16-bit sum") {
  const std::vector<In> in = stimulus();
  const std::vector<Response> out = simulate<Response>("blocks", in);
  const Arithmetic smooth({}, GruForm::reset_after, Activation::smooth);
  const Arithmetic hard({}, GruForm::reset_after, Activation::hard);
  const Arithmetic wide(widths_16bit(), GruForm::reset_after, Activation::smooth);
  std::array<std::uint64_t, outputs> different{};
  const auto compare = [&](Out which, std::size_t at, std::int64_t wanted) {
    if (at < out.size()) different[which] += out[at][which] != wanted;
  };
  std::int64_t sum = 0;  // of the lane
  std::deque<std::int64_t> queue;
  std::vector<std::int64_t> chained(11, 0);
  bool load = false, loaded = false;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::int64_t a = in[i][0], b = in[i][1], c = in[i][2], d = in[i][3];
    const std::int64_t a16 = word(a, 16), c16 = word(c, 16), b8 = b & 255;
    compare(input_word, i, smooth.input(static_cast<std::int16_t>(a16)));
    compare(operand, i, smooth.operand(a16));
    compare(candidate_preact, i, smooth.candidate_preact(a16, b8, c16));
    compare(blended, i, smooth.blend(b8, a16, c16));

    const int shift = static_cast<int>(d & 63);
    const auto requantized_as = [&](int acc_bits, int mul_bits) {
      const Requantizer by{static_cast<std::uint16_t>(c & ((1 << mul_bits) - 1)),
                           static_cast<std::uint8_t>(shift)};
      return requantize(word(word(a, acc_bits) + word(b, acc_bits), acc_bits), by, 16);
    };
    compare(requantized, i + 6, requantized_as(24, 8));
    compare(requantized_wide, i + 6, requantized_as(44, 16));
    compare(gate, i + 6, smooth.gate(a16));
    compare(gate_hard, i + 6, hard.gate(a16));
    compare(gate_wide, i + 6, wide.gate(a16));
    compare(candidate, i + 6, smooth.candidate(a16));
    compare(candidate_hard, i + 6, hard.candidate(a16));

    compare(product, i + 2, word(a, 40) * word(b, 17));
    sum = word((c & 1 ? 0 : sum) + word(a, 8) * word(b, 8), 22);
    if (i >= 40) compare(acc, i + 3, sum);

    compare(fifo, i, queue.empty() ? -1 : queue.front());
    if (d >> 1 & 1 && !queue.empty()) queue.pop_front();
    if (d & 1) queue.push_back(a & 255);

    loaded = loaded || load;
    if (load)
      for (int k = 0; k < 11; ++k) chained[static_cast<std::size_t>(k)] = (a + k) & 255;
    else
      for (std::size_t k = 0; k < 11; ++k) chained[k] = k < 10 ? chained[k + 1] : 0;
    load = c & 1;
    if (loaded) compare(chain, i + 1, chained[0]);
  }
  CHECK(in.size() == 65536);
  for (int which = 0; which < outputs; ++which) {
    CAPTURE(which);
    CHECK(different[static_cast<std::size_t>(which)] == 0);
  }
}
