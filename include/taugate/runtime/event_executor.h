#pragma once
// Sequences of events that come in any order and number, such as the photons of the pixels of an image: each event
// advances the state of its own sequence by a step, and each sequence can be read out at any time. The steps of different
// sequences run side by side in the SIMD lanes.
//
//     EventExecutor pixels(model, 512 * 512);
//     ThreadScratch scratch;
//     pixels.push(scratch, {pixel, ..}, {input of that photon, ..});  // as many as have come, as often as they come
//     pixels.read(scratch, 0, outputs);                               // [sequences][C]
//
// A sequence's result has the same bits however its events are divided among calls, and those of a BatchExecutor.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "taugate/runtime/executor.h"

namespace taugate {

class EventExecutor {
 public:
  /// Error for a network whose later layers wait for the end of earlier ones (a decoder). The network's number of gates
  /// does not matter, nor whether its head reads every step or the last.
  EventExecutor(const Model& model, std::size_t sequences);
  EventExecutor(const IntegerModel& model, std::size_t sequences);
  ~EventExecutor();
  EventExecutor(EventExecutor&&) noexcept;

  std::size_t sequences() const { return events_.size(); }
  int outputs() const;
  std::size_t bytes_per_sequence() const { return bytes_; }  ///< of state

  /// Forgets all events.
  void reset();
  /// One step for each event: of which sequence, [events], and its input [events][features], in order. On all threads.
  /// Error for a sequence that there is not; then nothing has changed.
  void push(ThreadScratch& scratch, std::span<const std::uint32_t> sequence,
            std::span<const float> input);
  /// Outputs [n][C] of the sequences first, first + 1, ..; of the head on zeros where there was no event yet.
  void read(ThreadScratch& scratch, std::size_t first, std::span<float> output) const;
  /// Events of a sequence so far.
  std::uint64_t events(std::size_t sequence) const { return events_[sequence]; }

 private:
  EventExecutor(std::unique_ptr<Plan> plan, std::size_t sequences);
  void sort(std::span<const std::uint32_t> sequence);
  void run_block(Scratch& scratch, std::size_t first, std::span<const float> input);

  std::unique_ptr<Plan> plan_;
  std::size_t bytes_ = 0;
  std::vector<std::byte> states_;      // [sequences][bytes_]
  std::vector<std::uint64_t> events_;  // [sequences]
  // Of the call that runs: which sequences have events, most of them first, how many, where these begin in order_, and
  // the events sorted by sequence.
  std::vector<std::uint32_t> active_, count_, start_, order_;
};

}  // namespace taugate
