// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Verilated seq2seq_model behind the integer executor's call: reset, run. Drives the streams with
// random gaps and stalls and keeps the time of what happened.

#include <verilated.h>
#if VM_COVERAGE
#include <verilated_cov.h>
#endif
#if VM_TRACE_FST
#include <verilated_fst_c.h>
#endif

#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "Vsimulation.h"

/// One pixel on its way through: what goes in, what came out, and in which cycles.
struct Pixel {
  std::vector<std::int16_t> samples;
  std::size_t due = 0;  // words
  std::vector<std::int64_t> words;
  std::uint64_t user = 0, user_back = 0;
  std::int64_t first_in = -1, last_in = -1, first_out = -1, last_out = -1;
};

/// A word of the write port.
struct Word {
  std::uint32_t address = 0, data = 0;
};

/// Sums over the cores.
struct Counters {
  std::int64_t cycles = 0, issues = 0, bubbles = 0, macs = 0, pixels = 0, overlong = 0;

  bool operator==(const Counters&) const = default;
  Counters operator-(const Counters& b) const {
    return {cycles - b.cycles, issues - b.issues, bubbles - b.bubbles,
            macs - b.macs,     pixels - b.pixels, overlong - b.overlong};
  }
};

struct Traffic {
  double gap = 0;    ///< chance that the input has nothing to offer in a cycle
  double stall = 0;  ///< chance that the output is not taken in a cycle
  double clear = 0;  ///< chance that the counters are cleared in a cycle
  std::uint64_t seed = 1;
};

class RtlEngine {
 public:
  /// Widths as the model's module has them. Registers begin with random bits of `seed`. `trace`: a
  /// waveform, if it is not empty.
  RtlEngine(int data_bits, int user_bits, int counter_bits, int cores, std::uint64_t seed,
            const std::string& trace);
  ~RtlEngine();

  void reset();  // for one cycle
  void write(std::uint32_t address, std::uint32_t data);
  /// Throws std::runtime_error where a core holds another word, or answers at another time.
  void read_back(const std::vector<Word>& wanted, int core);
  void wait_until_idle();
  /// Sends all pixels and waits for all their words, or stops after `cycles`, if that is not
  /// negative. Throws std::runtime_error where the RTL stops, sends a word or a tlast that is not
  /// due, or says wrongly that it is idle.
  void run(std::vector<Pixel>& pixels, const Traffic& traffic, std::int64_t cycles = -1);
  /// All that was counted since reset.
  Counters counters() const;
  void save_coverage(const std::string& file);

 private:
  void tick();            // to just after the next rising edge
  void clear_counters();  // in the next cycle

  VerilatedContext context_;
  std::unique_ptr<Vsimulation> top_;
#if VM_TRACE_FST
  std::unique_ptr<VerilatedFstC> trace_;
#endif
  int data_bits_, user_bits_, counter_bits_, cores_;
  std::int64_t cycle_ = 0;
  Counters cleared_;  // what clears took
};
