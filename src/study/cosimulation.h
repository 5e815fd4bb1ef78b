#pragma once
// The RTL beside the integer executor: rtl/, Verilated for one set of parameters, runs the pixels
// that the engine runs, and every output word must be the same.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "taugate/interchange/rtl_export.h"

namespace taugate {

struct CosimulationOptions {
  std::filesystem::path rtl;   ///< the folder of the SystemVerilog
  std::filesystem::path work;  ///< simulations are built below it, and found again
  bool waveform = false;       ///< able to write one (slower)
  bool coverage = false;       ///< able to write it (slower, and without the RTL's assertions)
};

/// Verilates the module `top` of rtl/ and of `own` sources, SystemVerilog and a C++ program around
/// it (there its class is Vsimulation), into <folder>/build/simulation. Error where verilator is
/// missing or fails, with the file of its complaints.
void build_simulation(const CosimulationOptions& options, const std::filesystem::path& folder,
                      const std::string& top, const std::vector<std::filesystem::path>& own);

/// What the streams do to the RTL, and how the model gets into it.
struct CosimulationTraffic {
  double gap = 0;          ///< chance that the input offers nothing in a cycle, below 1
  double stall = 0;        ///< chance that the output is not taken in a cycle, below 1
  double clear = 0;        ///< chance that the counters are cleared in a cycle
  std::uint64_t seed = 1;  ///< of these, and of what the registers begin with
  /// The pixels are sent once before; after so many cycles of it a reset of one cycle comes, or,
  /// where it is negative, all of them pass first.
  std::optional<std::int64_t> first_cycles;
  const IntegerModel* first_model =
      nullptr;  ///< first in the memories; `write_port` brings the next
  int resets =
      0;  ///< then again after resets of one cycle, 0, 1 .. resets - 1 cycles after a start
  bool write_port = false;  ///< the model comes over the write port instead of from files
  std::filesystem::path waveform, coverage;  ///< written here, unless empty
  /// A column and a bit of the weights' memory to be flipped first: the comparison must find it.
  std::optional<std::pair<int, int>> flip;
};

/// A pixel's samples, words k / 2^operand_frac_bits, at least one. The RTL leaves out those beyond
/// its TMax.
using PixelSamples = std::vector<std::int16_t>;

struct PixelResult {
  std::vector<std::int64_t> words;  ///< [T][C]
  /// Cycles of its first and last sample, and of its first and last word, since reset.
  std::int64_t first_in = 0, last_in = 0, first_out = 0, last_out = 0;
};

struct CosimulationResult {
  std::vector<PixelResult> pixels;
  /// The RTL's counters, summed over its cores (rtl/gru_core.sv).
  std::int64_t cycles = 0, issues = 0, bubbles = 0, macs = 0, counted_pixels = 0, overlong = 0;

  /// Of all cycles of all lanes, those with a multiply-accumulate that a result needs.
  double utilisation(const RtlParameters& parameters) const;
};

class Cosimulation {
 public:
  /// Builds the simulation, unless it is there already. Error as build_simulation().
  Cosimulation(const RtlParameters& parameters, CosimulationOptions options);

  const RtlParameters& parameters() const { return parameters_; }

  /// Runs the pixels through the model, which has these parameters. Error where the simulation
  /// fails: an assertion of the RTL, a stream that stands still, a tlast or a pixel number that is
  /// not due.
  CosimulationResult run(const IntegerModel& model, const std::vector<PixelSamples>& pixels,
                         const CosimulationTraffic& traffic = {}) const;

 private:
  void build();

  RtlParameters parameters_;
  CosimulationOptions options_;
  std::filesystem::path folder_;
};

/// UsageError for a bit {column, bit} that the weights' memory does not have.
void check_flip(const IntegerModel& model, const RtlParameters& parameters,
                std::pair<int, int> flip);

/// Where the RTL first differs from the engine.
struct CosimulationDifference {
  std::size_t pixel = 0, step = 0, output = 0;
  std::int64_t found = 0, wanted = 0;
};
struct CosimulationComparison {
  std::uint64_t words = 0, different = 0;
  std::optional<CosimulationDifference> first;
};
/// Every word of the result beside the IntegerExecutor's for the same pixels, of which `longest` samples
/// count at most.
CosimulationComparison compare_with_engine(const IntegerModel& model,
                                           const std::vector<PixelSamples>& pixels, int longest,
                                           const CosimulationResult& result);

}  // namespace taugate
