// A camera's gates turned into decays while it records them.
//
//   embed_stream [MODEL [PIXELS]]
//
// MODEL is what `taugate train` wrote, without one an untrained network of 32 units; PIXELS is
// 65536.

#include <taugate/fli.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

template <class Action>
double milliseconds(Action&& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

taugate::Model untrained() {
  taugate::Model network({.gates = 70, .hidden = {32}});
  network.initialise(1);
  return network;
}

}  // namespace

int main(int argc, char** argv) try {
  const taugate::Model network =
      argc > 1 ? taugate::load_trained_model(argv[1]).network : untrained();
  const std::size_t pixels = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 65536;
  const auto gates = static_cast<std::size_t>(network.description().gates);
  const auto outputs = static_cast<std::size_t>(network.description().outputs());

  // In a real camera each image is scaled by each pixel's peak, which the frame before tells.
  std::vector<float> images(gates * pixels), sfd(images.size() * outputs), whole(sfd.size());
  for (std::size_t i = 0; i < images.size(); ++i)
    images[i] = static_cast<float>(1.0 / (1.0 + 0.1 * static_cast<double>(i / pixels + i % 7)));

  taugate::StreamingExecutor stream(network, pixels);
  taugate::ThreadScratch scratch;
  double pushing = 0.0;
  for (std::size_t t = 0; t < gates; ++t) {
    const auto image = std::span<const float>(images).subspan(t * pixels, pixels);
    pushing += milliseconds([&] { stream.push(scratch, image); });
  }
  const double decoding =
      milliseconds([&] { stream.finish(scratch, sfd, taugate::TraceOrder::by_gate); });
  std::printf("%zu pixels of %zu bytes: %.2f ms a gate, %.1f ms from the last gate to the decays\n",
              pixels, stream.bytes_per_pixel(), pushing / static_cast<double>(gates), decoding);

  taugate::BatchExecutor(network).run(scratch, images, whole, taugate::TraceOrder::by_gate);
  std::printf("the decays %s those of whole traces\n", sfd == whole ? "equal" : "differ from");
  return sfd == whole ? 0 : 1;
} catch (const taugate::Error& error) {
  std::fprintf(stderr, "embed_stream: %s\n", error.what());
  return 1;
}
