#pragma once
// The description of a network: which GRU layers it has, what each reads and starts from, and what the head makes of
// them. Training, quantization, executors, model files and exports all go through this one list.
//
//   Seq2Seq       encoder layers over the T gates of a trace, then a decoder of the same sizes whose layer k starts from
//                 the final state of encoder layer k and whose input is zero at every step; a head at every step:
//                 from a TPSF to an SFD
//   encoder only  the encoder's layers, and a head at the last step; its trace may bring several values a step
//
// A Seq2Seq may have a second head, on the final state of its encoder's last layer ("encoder_head"), whose outputs are
// ready before the decoder begins.

#include <cstddef>
#include <string>
#include <vector>

#include "taugate/core/gru_form.h"

namespace taugate {

/// One GRU layer.
struct GruSpec {
  enum class Reads {
    trace,
    zeros,
    below
  };  ///< below: the states of the layer before it in the list

  std::string name;  ///< of its tensors: "encoder.0"
  int units = 0;     ///< H
  Reads reads = Reads::below;
  int starts_from =
      -1;  ///< an earlier layer of as many units, from whose final state it starts; -1: from zeros
  GruForm form = GruForm::reset_after;
  Activation activation = Activation::smooth;

  bool operator==(const GruSpec&) const = default;
};

/// A linear layer on the states of the last GRU layer.
struct HeadSpec {
  enum class At { every_step, last_step };

  std::string name = "head";
  int outputs = 1;  ///< C: 1, the decay; 3, the full decay and its short and long component
  At at = At::every_step;

  bool operator==(const HeadSpec&) const = default;
};

struct Network {
  static constexpr int kMostLayers = 32, kMostUnits = 4096;

  int gates = 0;  ///< T, the length of a trace
  std::vector<GruSpec> layers;
  HeadSpec head;
  int encoder_outputs = 0;  ///< E, of the second head; 0: there is none
  int features = 1;         ///< values that a step of the trace brings

  bool operator==(const Network&) const = default;
  /// Throws UsageError unless there are 1..65536 gates, 1..32 layers of 1..4096 units, 1..64 outputs (second head:
  /// 0..64) and 1..2 features; Error unless each layer starts from an earlier one of its size, and for a second head where
  /// the last layer to be started from is not the encoder's last.
  void validate() const;

  int inputs(
      std::size_t layer) const;  ///< values that it reads a step: features, 0, or the units below
  int outputs() const { return head.outputs; }
  std::size_t output_steps() const;  ///< T, or 1 for a head at the last step
  /// Values of a trace, [T][features].
  std::size_t input_size() const {
    return static_cast<std::size_t>(gates) * static_cast<std::size_t>(features);
  }
  /// Values that are made of a trace, [output_steps()][C], then [E].
  std::size_t output_size() const {
    return output_steps() * static_cast<std::size_t>(head.outputs) +
           static_cast<std::size_t>(encoder_outputs);
  }
  /// What the encoder knows of a trace at its end: the layers whose final states others start from, in the order of
  /// those, or, where none does, the last layer.
  std::vector<std::size_t> state_layers() const;
  std::size_t state_units() const;  ///< units of these layers together: D
  int widest() const;               ///< most units of a layer
  /// The layers that follow the gates as they come: those before the first that reads zeros.
  std::size_t encoder_layers() const;
  /// That of the second head.
  const GruSpec& encoder_top() const { return layers[encoder_layers() - 1]; }
  /// Of all layers; Error where they differ.
  GruForm form() const;
  Activation activation() const;
};

/// "encoder.0.weight_ih", ... as PyTorch calls them: the one place that knows these names.
struct GruTensors {
  std::string weight_ih, weight_hh, bias_ih, bias_hh;
  explicit GruTensors(const std::string& layer);
};
struct LinearTensors {
  std::string weight, bias;
  explicit LinearTensors(const std::string& layer);
};

inline const std::string kEncoderHead = "encoder_head";  ///< of its tensors

/// What a Seq2Seq is made of, as model files keep it.
struct Seq2SeqConfig {
  int gates = 0;            ///< T
  int outputs = 1;          ///< C
  std::vector<int> hidden;  ///< units of each layer of a side, e.g. {128, 64}
  GruForm form = GruForm::reset_after;
  Activation activation = Activation::smooth;
  int encoder_outputs = 0;  ///< E

  bool operator==(const Seq2SeqConfig&) const = default;
};
/// Layers "encoder.0", ..., "decoder.0", ... and "head". UsageError as Network::validate(), and for 17 layers a side.
Network seq2seq(const Seq2SeqConfig& config);
/// The configuration that seq2seq() makes this network of; Error where there is none.
Seq2SeqConfig seq2seq_config(const Network& network);

/// "GRU layers a side: 64 16 units" of a Seq2Seq, "GRU layers: .." of another network.
std::string summary_of(const Network& network);

/// Layers "encoder.0", ... and a head at the last step, the only one.
Network encoder_network(const Seq2SeqConfig& config);

}  // namespace taugate
