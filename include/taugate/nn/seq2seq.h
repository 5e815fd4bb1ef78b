#pragma once
// The network that turns a TPSF into an SFD: an encoder, a stack of GRUs over the gates of one
// trace, and a decoder, a stack of the same sizes in the same order. Decoder layer k starts from
// the final state of encoder layer k; the decoder's input is zero at every step, so its first layer
// has no input weights. A linear head reads the last decoder layer at each step.

#include <string>
#include <vector>

#include "taugate/nn/layers.h"

namespace taugate {

struct Seq2SeqConfig {
  int gates = 0;            ///< T, the length of a trace
  int outputs = 1;          ///< C: 1, the decay; 3, the full decay and its short and long component
  std::vector<int> hidden;  ///< units of each layer of a side, e.g. {128, 64}
  GruForm form = GruForm::reset_after;
  Activation activation = Activation::smooth;

  /// Throws UsageError unless 1 <= gates <= 65536, 1 <= outputs <= 64, 1..16 layers of 1..4096
  /// units.
  void validate() const;
};

/// What a network makes of a batch.
template <class S>
struct Seq2SeqOutput {
  Var<S> sfd;       ///< [T][C][B]
  Var<S> features;  ///< [T][H][B]: the states of the decoder's last layer, which the head reads
};

class Seq2Seq {
 public:
  explicit Seq2Seq(Seq2SeqConfig config);

  const Seq2SeqConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  void initialise(std::uint64_t seed);

  /// Parameters as the literature counts them: with the weights of the decoder's zero-fed input (C
  /// wide), which need not exist. 298,881 for hidden {128, 128} and C = 1.
  std::size_t published_parameter_count() const;
  /// Multiply-accumulates of the matrix products for one trace.
  std::size_t multiply_accumulates() const;

  /// From TPSF [T][1][B]. The tape must be bound to parameters of this model's
  /// layout.
  template <class S>
  Seq2SeqOutput<S> run(Tape<S>& tape, Var<S> tpsf) const {
    require(tpsf.features() == 1, "[seq2seq] found an input ", shape_of(tpsf.value),
            ", wanted 1 feature");
    Var<S> y = tpsf;
    Var<S> final_states[kMostLayers];
    for (std::size_t k = 0; k < encoder_.size(); ++k) {
      y = encoder_[k](tape, y);
      final_states[k] = last_step(y);
    }
    y = decoder_[0].without_input(tape, tpsf.steps(), final_states[0]);
    for (std::size_t k = 1; k < decoder_.size(); ++k) y = decoder_[k](tape, y, final_states[k]);
    return {head_(tape, y), y};
  }
  /// The SFD alone.
  template <class S>
  Var<S> operator()(Tape<S>& tape, Var<S> tpsf) const {
    return run(tape, tpsf).sfd;
  }

  static constexpr int kMostLayers = 16;

 private:
  static std::vector<Gru> make_side(Parameters& parameters, const Seq2SeqConfig& config,
                                    const std::string& side, int inputs);

  Seq2SeqConfig config_;
  Parameters parameters_;
  std::vector<Gru> encoder_, decoder_;
  Linear head_;
};

}  // namespace taugate
