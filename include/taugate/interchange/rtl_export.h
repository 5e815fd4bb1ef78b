#pragma once
// From an integer model to what rtl/ needs: the parameters of seq2seq_top, the contents of its
// memories, and a module that brings both together. rtl/README.md has the memories' layout.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "taugate/nn/network.h"
#include "taugate/quant/integer/integer_model.h"

namespace taugate {

/// What a model leaves open.
struct RtlOptions {
  int contexts = 0;       ///< pixels that a core works on at a time; 0: enough to leave no bubbles
  int cores = 1;          ///< 1..64
  int longest = 0;        ///< T of the longest pixel; 0: the model's gates
  int port_bits = 18;     ///< signed operand of the target's multiplier: 18 (ECP5), 25 (7-series)
  int user_bits = 32;     ///< of tuser, 1..64
  int counter_bits = 48;  ///< 8..64
};

/// The parameters of seq2seq_top, by its names.
struct RtlParameters {
  int H = 0, NOut = 0, TMax = 0, Contexts = 0, Cores = 0, Activation = 0, WeightBits = 0,
      OperandFraction = 0, AccBits = 0, MulBits = 0, ShiftBits = 0, SumBits = 0,
      GateSumFraction = 0, CandidateSumFraction = 0, GateFraction = 0, CandidateFraction = 0,
      StateFraction = 0, ReadFraction = 0, Feedback = 0, OutputBits = 0, UserBits = 0,
      CounterBits = 0, PortBits = 0;

  bool operator==(const RtlParameters&) const = default;

  /// (name, value) in the order above.
  std::vector<std::pair<const char*, int>> all() const;
  int data_bits() const { return (OutputBits + 7) / 8 * 8; }  ///< of the output stream's tdata
};

/// Error, with the reason, for a model that the RTL cannot hold; UsageError for options out of
/// range. The model is valid.
RtlParameters rtl_parameters(const IntegerModel& model, const RtlOptions& options = {});

/// A step's first new operand can be read this many cycles after its last column was chosen, if
/// that is not sooner than H - 1 cycles a context (rtl/gru_core.sv).
inline constexpr int kRtlStepLatency = 32;

/// Cycles that a core takes for a pixel of `network`, streaming; nothing for a network that it does
/// not run (other than one layer a side, reset_after, 2 to 128 units). Contexts 0: enough of them.
///
///   busy   T (H + 1) columns of the encoder, of h and x; T H of the decoder; H for the last output
///   alone  busy, and after each of the 2T steps kRtlStepLatency cycles until its new operands are
///          there, in which other contexts may multiply
///
/// A pixel takes `busy` where contexts fill the waits, alone / contexts where they do not. (What
/// the ends of a stream leave idle is not in it.)
std::optional<double> rtl_cycles(const Network& network, int contexts = 0);

/// One memory: its lines as $readmemh reads them, line k is word k.
struct RtlMemory {
  std::string file;  ///< "weights.mem", "rows_r.mem", ...
  std::vector<std::string> lines;
};
std::vector<RtlMemory> rtl_memories(const IntegerModel& model, const RtlParameters& parameters);

/// A write to the RTL's write port.
struct RtlWrite {
  std::uint32_t address = 0;  ///< region in bits 23..20, index in 19..8, word in 7..0
  std::uint32_t data = 0;
};
/// All of the model, through the write port.
std::vector<RtlWrite> rtl_writes(const IntegerModel& model, const RtlParameters& parameters);

/// The module `seq2seq_model`: seq2seq_top with these parameters, without parameters of its own.
/// load_files: its memories load <prefix><file> when they are made.
std::string rtl_module(const RtlParameters& parameters, bool load_files,
                       const std::string& prefix = "./");

/// Writes seq2seq_model.sv, the memories and writes.txt ("address data", hexadecimal) into a
/// folder, which is made if it is not there.
void export_rtl(const std::filesystem::path& folder, const IntegerModel& model,
                const RtlParameters& parameters);

}  // namespace taugate
