#include "taugate/nn/seq2seq.h"

#include <utility>

#include "taugate/core/parallel.h"

namespace taugate {

void Seq2SeqConfig::validate() const {
  const auto in = [](int low, int value, int high) { return low <= value && value <= high; };
  if (!in(1, gates, 65536)) fail_usage("gates: found ", gates, ", wanted 1 to 65536");
  if (!in(1, outputs, 64)) fail_usage("outputs: found ", outputs, ", wanted 1 to 64");
  if (!in(1, static_cast<int>(hidden.size()), Seq2Seq::kMostLayers))
    fail_usage("hidden: found ", hidden.size(), " layers, wanted 1 to ", Seq2Seq::kMostLayers);
  for (int units : hidden)
    if (!in(1, units, 4096)) fail_usage("hidden: found ", units, " units, wanted 1 to 4096");
}

std::vector<Gru> Seq2Seq::make_side(Parameters& parameters, const Seq2SeqConfig& config,
                                    const std::string& side, int inputs) {
  std::vector<Gru> layers;
  for (std::size_t k = 0; k < config.hidden.size(); ++k) {
    layers.emplace_back(parameters, side + "." + std::to_string(k), inputs, config.hidden[k], config.form,
                        config.activation);
    inputs = config.hidden[k];
  }
  return layers;
}

Seq2Seq::Seq2Seq(Seq2SeqConfig config)
    : config_((config.validate(), std::move(config))),
      encoder_(make_side(parameters_, config_, "encoder", 1)),
      decoder_(make_side(parameters_, config_, "decoder", 0)),
      head_(parameters_, "head", config_.hidden.back(), config_.outputs) {}

void Seq2Seq::initialise(std::uint64_t seed) {
  std::uint64_t stream = 0;
  for (const Gru& layer : encoder_) layer.initialise(parameters_, seed, stream++);
  for (const Gru& layer : decoder_) layer.initialise(parameters_, seed, stream++);
  head_.initialise(parameters_, seed, stream);
}

std::size_t Seq2Seq::published_parameter_count() const {
  return parameters_.count() + std::size_t{3} * config_.hidden[0] * config_.outputs;
}

std::size_t Seq2Seq::multiply_accumulates() const {
  std::size_t per_step = 0;
  for (const auto& entry : parameters_.entries())
    if (entry.name.find("weight") != std::string::npos)
      per_step += static_cast<std::size_t>(entry.at.rows) * entry.at.cols;
  return per_step * config_.gates;
}

void predict(const Seq2Seq& model, std::span<const float> tpsf, std::span<float> sfd) {
  const int T = model.config().gates, C = model.config().outputs;
  const std::size_t count = tpsf.size() / T;
  require(tpsf.size() == count * T && sfd.size() == tpsf.size() * C, "[predict] found ", tpsf.size(),
          " input and ", sfd.size(), " output values, wanted N x ", T, " and N x ", T, " x ", C);
  constexpr std::size_t kSlice = 2 * kLaneBlock;
  std::vector<Arena> arenas(static_cast<std::size_t>(thread_count()));
  parallel_for((count + kSlice - 1) / kSlice, [&](std::size_t slice, int thread) {
    Arena& arena = arenas[static_cast<std::size_t>(thread)];
    arena.reset();
    Tape<float> tape(arena, model.parameters().bind());
    const std::size_t first = slice * kSlice;
    const int batch = static_cast<int>(std::min(kSlice, count - first));
    const auto x = arena.zero_sequence<float>(T, 1, batch);
    for (int b = 0; b < batch; ++b)
      for (int t = 0; t < T; ++t) x.at(t, 0, b) = tpsf[(first + b) * T + t];
    const Var<float> y = model(tape, tape.input(x));
    for (int b = 0; b < batch; ++b)
      for (int t = 0; t < T; ++t)
        for (int c = 0; c < C; ++c) sfd[((first + b) * T + t) * C + c] = y.value.at(t, c, b);
  });
}

}  // namespace taugate
