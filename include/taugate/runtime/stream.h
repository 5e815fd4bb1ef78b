#pragma once
// Float inference while the camera still records: the encoder advances with each gate, so that the
// decays are ready one pass of the decoder after the last gate.
//
//     Stream stream(model, 512 * 512);
//     for (int t = 0; t < T; ++t) stream.push(gate_image(t));  // [pixels]
//     stream.decode(sfd);                                      // [pixels][T][C]
//
// A network is trained on traces that are divided by their own maximum, which a stream cannot know
// before the last gate. So the caller scales: push values are final, and a pixel's scale must be
// known before its first gate, from the frame before (live imaging) or from an intensity image.
// A scale that is wrong by a few per cent is an input that the network has not seen in training.

#include <span>
#include <vector>

#include "runtime/block_chain.h"

namespace taugate {

class Stream {
 public:
  /// `chain` is an encoder followed by a decoder that reads zeros; an Error says so where it is
  /// not. `steps` is T. Copies the weights. Memory: bytes_per_pixel() for each pixel, rounded up to
  /// 16 pixels; the packed weights; and for each thread 2 (T+1) x the widest layer x 16 floats.
  Stream(const Chain& chain, int steps, std::size_t pixels);
  Stream(const Seq2Seq& model, std::size_t pixels)
      : Stream(chain_of(model), model.config().gates, pixels) {}

  std::size_t pixels() const { return pixels_; }
  int steps() const { return steps_; }
  int outputs() const { return layers_.outputs(); }
  int gates() const { return gates_; }  ///< pushed since the last reset
  /// The encoder's state: 4 bytes for each unit of each of its layers.
  std::size_t bytes_per_pixel() const { return sizeof(float) * units_; }

  /// Forgets all gates.
  void reset();
  /// Advances every pixel by its next gate: gate [pixels], normalised as in training. At most
  /// steps() gates after a reset. Like decode(), on all threads, without allocating (unless there
  /// are more threads than ever before).
  void push(std::span<const float> gate);
  /// After steps() gates: the decays, of the same bits as Engine::run on these traces (N > 1).
  /// output [pixels][T][C], or [T][C][pixels] by_gate. May be called again.
  void decode(std::span<float> output, TraceOrder order = TraceOrder::by_trace);

 private:
  void make_scratch();
  /// body(block, first pixel, pixels of the block, scratch with the block's states) on all threads.
  template <class Body>
  void each_block(Body&& body);
  float* state_of(std::size_t block, std::size_t layer);

  int steps_, gates_ = 0;
  std::size_t pixels_, units_ = 0;
  BlockChain layers_;
  std::size_t encoder_ = 0;                // layers of it
  std::vector<std::size_t> units_before_;  // of a layer of the encoder, in those below it
  Buffer<float> states_;                   // [blocks] of [units][16]
  std::vector<BlockChain::Scratch> scratch_;
};

}  // namespace taugate
