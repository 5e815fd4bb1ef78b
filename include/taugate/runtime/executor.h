#pragma once
// Networks at work, without autograd: an executor is planned once, its weights copied into the kernels' order, and then
// runs without allocating. Floats and integers alike:
//
//   BatchExecutor       many traces, in blocks that lie in the SIMD lanes: most traces a second
//   LowLatencyExecutor  one trace after the other, units in the lanes: the next answer soonest
//   StreamingExecutor   one gate of many pixels at a time, as a camera delivers them
//
// An executor is constant: threads may share it. What a run needs beside it is handed in: a Scratch of one thread, or a
// ThreadScratch, with which a call uses all threads. A trace's result has the same bits whatever comes with it, and
// for any number of threads; batch and streaming agree in every bit, the low-latency executor up to rounding (integers:
// in every bit too). The kernels are those of the architecture that was active when the executor was made.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "taugate/core/tensor.h"
#include "taugate/nn/model.h"
#include "taugate/quant/integer/integer_model.h"

namespace taugate {

namespace simd {
struct IntegerKernels;
}
class Plan;  // src/runtime/plan.h

/// Working memory of one thread, for the executor that made it.
struct Scratch {
  virtual ~Scratch() = default;
  std::uint64_t plan = 0;     ///< which it is for
  std::size_t lanes = 0;      ///< traces side by side, of the run that it was last used for
  std::vector<float> states;  ///< [D] of one trace, for a network's second head
};

/// One Scratch a thread, made as they are needed; for one executor after the other.
class ThreadScratch {
 public:
  /// That of a thread; all of thread_count() are there after reserve().
  Scratch& operator[](int thread) { return *scratch_[static_cast<std::size_t>(thread)]; }
  /// Allocates nothing, unless it was last used for another executor or there are more threads than ever before.
  void reserve(const Plan& plan);

 private:
  std::vector<std::unique_ptr<Scratch>> scratch_;
};

class Executor {
 public:
  ~Executor();
  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;

  int steps() const;    ///< T
  int outputs() const;  ///< C
  std::size_t output_size()
      const;  ///< values of a trace's output: T x C, or C of a head at the last step; + E
  std::size_t state_units()
      const;  ///< D: units of the encoder's final states, all its layers together

  std::unique_ptr<Scratch> make_scratch() const;

  /// N traces, normalised as in training, input [N][T] (or [N][T][features]) to output [N][T][C], or in the other `order`;
  /// on this thread. Of a network with a second head its outputs follow, [N]([T][C], [E]), or in the other order
  /// [T][C][N], [E][N].
  /// Where `states` is not empty, the encoder's final states go there, [N][D]; of integers the operands, as real numbers.
  /// Integers refuse a NaN (Error); infinity saturates.
  void run(Scratch& scratch, std::span<const float> input, std::span<float> output,
           TraceOrder order = TraceOrder::by_trace, std::span<float> states = {}) const;
  /// The same on all threads.
  void run(ThreadScratch& scratch, std::span<const float> input, std::span<float> output,
           TraceOrder order = TraceOrder::by_trace, std::span<float> states = {}) const;

 protected:
  explicit Executor(std::unique_ptr<Plan> plan, bool one_by_one = false);
  const Plan& plan() const { return *plan_; }
  std::size_t block() const;  ///< traces that a thread takes at a time
  /// body(first trace, traces) for the `count` traces of a block, with scratch.lanes set.
  template <class Body>
  void each_part(Scratch& scratch, std::size_t first, std::size_t count, Body&& body) const;
  /// Checks the sizes of input, output and states, and returns N.
  std::size_t check(std::size_t input, std::size_t output, std::size_t states) const;

 private:
  struct Job;
  Job job(std::span<const float> input, std::span<float> output, TraceOrder order,
          std::span<float> states) const;
  void run_block(Scratch& scratch, const Job& job, std::size_t first) const;

  std::unique_ptr<Plan> plan_;
  bool one_by_one_;
};

/// Memory: the packed weights; a scratch has 2 (T+1) x the widest layer x 16 floats, and little more.
class BatchExecutor : public Executor {
 public:
  explicit BatchExecutor(const Model& model);
  /// Validates the model (Error). Runs on the active architecture's kernels, or, where these could not hold every value
  /// of the model, on their slow twin: to the same integers.
  explicit BatchExecutor(const IntegerModel& model);
};

/// Forms that have no kernel for one trace (reset_before; wide integers) run as the BatchExecutor does.
class LowLatencyExecutor : public Executor {
 public:
  explicit LowLatencyExecutor(const Model& model);
  explicit LowLatencyExecutor(const IntegerModel& model);
};

/// Integers in, integers out, to set them beside hardware.
class IntegerExecutor : public Executor {
 public:
  explicit IntegerExecutor(const IntegerModel& model);
  /// On these kernels; null: on the slow twin.
  IntegerExecutor(const IntegerModel& model, const simd::IntegerKernels* kernels);

  /// Which kernels run: a name as in simd::IntegerKernels, or "scalar".
  std::string arch() const;
  /// On all threads. Input words k for k / 2^input_frac_bits (saturated to that grid), output words k for k / 2^output_frac_bits.
  void run_words(ThreadScratch& scratch, std::span<const std::int16_t> input,
                 std::span<std::int64_t> output, TraceOrder order = TraceOrder::by_trace) const;
};

/// The encoder advances with each gate, so that the answers are ready one pass of the decoder after the last gate:
///
///     StreamingExecutor stream(model, 512 * 512);
///     ThreadScratch scratch;
///     for (int t = 0; t < T; ++t) stream.push(scratch, gate_image(t));  // [pixels]
///     stream.finish(scratch, sfd);                                      // [pixels][T][C]
///
/// A network is trained on traces that are divided by their own maximum, which a stream cannot know before the last
/// gate. So the caller scales: push values are final, and a pixel's scale must be known before its first gate, from the
/// frame before (live imaging) or from an intensity image. A scale that is wrong by a few per cent is an input that the
/// network has not seen in training.
class StreamingExecutor {
 public:
  /// Error unless the network begins with layers that read one value a step of the trace and start from zeros. Memory: bytes_per_pixel()
  /// for each pixel, rounded up to whole blocks, and the packed weights.
  StreamingExecutor(const Model& model, std::size_t pixels);
  StreamingExecutor(const IntegerModel& model, std::size_t pixels);
  ~StreamingExecutor();
  StreamingExecutor(StreamingExecutor&&) noexcept;

  std::size_t pixels() const { return pixels_; }
  int steps() const;
  int outputs() const;
  int gates() const { return gates_; }  ///< pushed since the last reset
  /// The encoder's state; of floats 4 bytes for each unit of each of its layers.
  std::size_t bytes_per_pixel() const;

  /// Forgets all gates.
  void reset();
  /// Advances every pixel by its next gate: gate [pixels], normalised as in training. At most steps() gates after a
  /// reset. On all threads, like finish().
  void push(ThreadScratch& scratch, std::span<const float> gate);
  /// After steps() gates: the outputs, of the same bits as a BatchExecutor's on these traces. May be called again.
  void finish(ThreadScratch& scratch, std::span<float> output,
              TraceOrder order = TraceOrder::by_trace) const;
  /// After steps() gates, before finish() or in place of it: the outputs of the second head [pixels][E], without a pass
  /// of the decoder.
  void answer(ThreadScratch& scratch, std::span<float> output) const;

 private:
  StreamingExecutor(std::unique_ptr<Plan> plan, std::size_t pixels);
  template <class Body>
  void each_block(ThreadScratch& scratch, Body&& body) const;

  std::unique_ptr<Plan> plan_;
  std::size_t pixels_;
  int gates_ = 0;
  std::size_t block_bytes_ = 0;
  std::vector<std::byte> states_;  // [blocks][block_bytes_]
};

/// BatchExecutor(model).run(tpsf, sfd) on all threads.
void predict(const Model& model, std::span<const float> tpsf, std::span<float> sfd);
void predict(const IntegerModel& model, std::span<const float> tpsf, std::span<float> sfd);

}  // namespace taugate
