#pragma once
// Lifetimes of pixels while their photons come, one by one, in any order of the pixels:
//
//     PhotonStream pixels(model, width * height);
//     pixels.push(photons);                   // as they come: {pixel, ns since the laser pulse}
//     Estimated tau = pixels.answer(pixel);   // at any time: ns, and its standard deviation
//
// No photon is kept: a pixel is its network's state (48 bytes for 12 units in floats) and the number of its photons. The
// answers do not depend on how photons are divided among calls; the more come at once, the faster.

#include <optional>
#include <variant>

#include "taugate/fli/inference/photon_network.h"
#include "taugate/fli/inference/trained_model.h"
#include "taugate/fli/io/photons.h"
#include "taugate/runtime/event_executor.h"

namespace taugate {

class PhotonStream {
 public:
  /// With a copy of the model's weights. `first_gate_ns`: where, on the recorder's clock, the model's gates begin, if not
  /// where they did in its training. Error for a model that reads no photons.
  PhotonStream(const TraceModel& model, std::size_t pixels,
               std::optional<double> first_gate_ns = {});

  std::size_t pixels() const { return executor_.sequences(); }
  /// Forgets all photons.
  void reset() { executor_.reset(); }
  /// On all threads. Error for a pixel that there is not or a time that is not finite; then nothing has changed.
  void push(std::span<const PixelPhoton> photons);
  /// Photons of a pixel so far.
  std::uint64_t photons(std::size_t pixel) const { return executor_.events(pixel); }
  /// NaN of a pixel without photons.
  Estimated answer(std::size_t pixel);
  std::vector<Estimated> answers();  ///< of all pixels

 private:
  EventExecutor executor_;
  double period_ns_, first_gate_ns_;
  ThreadScratch scratch_;
  std::vector<float> log_counts_;  ///< the second input of the first photons
  // Of the call that runs: how many photons of each pixel are before, and what the executor reads.
  std::vector<std::uint32_t> seen_, sequence_;
  std::vector<float> input_;
};

}  // namespace taugate
