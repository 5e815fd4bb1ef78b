#pragma once
// A network with its parameters, ready to run on a tape.

#include <cstdint>
#include <optional>
#include <vector>

#include "taugate/nn/layers.h"
#include "taugate/nn/network.h"

namespace taugate {

/// What a network makes of a batch.
template <class S>
struct NetworkOutput {
  Var<S> output;          ///< [T][C][B], an SFD; or [1][C][B] for a head at the last step
  Var<S> features;        ///< [T][H][B]: the states of the last layer, which the head reads
  Var<S> encoder_output;  ///< [1][E][B] of the second head; empty without one
};

class Model {
 public:
  /// Parameters are zero. Errors as Network::validate().
  explicit Model(Network description);
  explicit Model(const Seq2SeqConfig& config) : Model(seq2seq(config)) {}

  const Network& description() const { return description_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const std::vector<Gru>& layers() const { return layers_; }  ///< in the description's order
  const Linear& head() const { return head_; }
  /// The second head, on the encoder's last state; none where Network::encoder_outputs is 0.
  const std::optional<Linear>& encoder_head() const { return encoder_head_; }

  void initialise(std::uint64_t seed);

  /// Parameters as the literature counts them: with the weights of a decoder's zero-fed input (C
  /// wide), which need not exist. 298,881 for a Seq2Seq of {128, 128} and C = 1.
  std::size_t published_parameter_count() const;
  /// Multiply-accumulates of the matrix products for one trace.
  std::size_t multiply_accumulates() const;

  /// From TPSF [T][features][B]. The tape must be bound to parameters of this model's
  /// layout.
  template <class S>
  NetworkOutput<S> run(Tape<S>& tape, Var<S> tpsf) const {
    require(tpsf.features() == description_.features, "[model] found an input ",
            shape_of(tpsf.value), ", wanted ", description_.features, " features");
    Var<S> y, final_states[Network::kMostLayers];
    for (std::size_t k = 0; k < layers_.size(); ++k) {
      const GruSpec& spec = description_.layers[k];
      const Var<S> start = spec.starts_from < 0 ? Var<S>{} : final_states[spec.starts_from];
      y = spec.reads == GruSpec::Reads::zeros
              ? layers_[k].without_input(tape, tpsf.steps(), start)
              : layers_[k](tape, spec.reads == GruSpec::Reads::trace ? tpsf : y, start);
      final_states[k] = last_step(y);
    }
    const bool every_step = description_.head.at == HeadSpec::At::every_step;
    return {head_(tape, every_step ? y : last_step(y)), y,
            encoder_head_ ? (*encoder_head_)(tape, final_states[description_.encoder_layers() - 1])
                          : Var<S>{}};
  }
  /// The output alone.
  template <class S>
  Var<S> operator()(Tape<S>& tape, Var<S> tpsf) const {
    return run(tape, tpsf).output;
  }

 private:
  Network description_;
  Parameters parameters_;
  std::vector<Gru> layers_;
  Linear head_;
  std::optional<Linear> encoder_head_;
};

}  // namespace taugate
