#pragma once
// What an executor runs: a network whose weights lie in its kernels' order, for so many traces side by side. There is
// one for each arithmetic and order of lanes.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "runtime/encoder_head.h"
#include "taugate/nn/network.h"
#include "taugate/runtime/executor.h"

namespace taugate {

/// Where a trace's values lie in an array: values[trace * of_trace + t * of_step + c * of_output].
struct Strides {
  std::size_t of_trace, of_step, of_output;
};
/// N traces of T steps and C values, and E more that follow them.
inline Strides strides_of(TraceOrder order, std::size_t N, std::size_t T, std::size_t C,
                          std::size_t E = 0) {
  if (order == TraceOrder::by_trace) return {T * C + E, C, 1};
  return {1, C * N, N};
}
/// Of N outputs of a network.
inline Strides output_strides(TraceOrder order, std::size_t N, const Network& network) {
  return strides_of(order, N, network.output_steps(), static_cast<std::size_t>(network.outputs()),
                    static_cast<std::size_t>(network.encoder_outputs));
}

class Plan {
 public:
  Plan(Network network, std::size_t lanes, EncoderHead encoder_head);
  virtual ~Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  const Network& network() const { return network_; }
  /// As the network's, worked out once.
  const std::vector<std::size_t>& state_layers() const { return state_layers_; }
  std::size_t state_units() const { return state_units_; }
  std::size_t lanes() const { return lanes_; }  ///< traces of a block
  /// Whether it can run one trace in a scratch of one lane, several times sooner than a block and to the same bits.
  virtual bool has_single() const { return false; }

  std::unique_ptr<Scratch> make_scratch() const;
  bool owns(const Scratch& scratch) const { return scratch.plan == id_; }
  /// The input [T][features][scratch.lanes], to be filled in all lanes.
  virtual float* input(Scratch& scratch) const = 0;
  /// Layers [first, last) over the first `steps` steps of the input. They start from zeros or from another's final
  /// state, or, where the run `resumes`, from where the last run ended; and leave their final states. False where an
  /// input is not a number and the arithmetic has no place for it.
  virtual bool run(Scratch& scratch, std::size_t first, std::size_t last, int steps,
                   bool resumes) const = 0;
  bool run_all(Scratch& scratch) const {
    return run(scratch, 0, network_.layers.size(), network_.gates, false);
  }
  /// The head on the states that the last layer left, for the first `traces` lanes.
  virtual void read_out(Scratch& scratch, float* output, std::size_t traces,
                        const Strides& at) const = 0;
  /// Final states of Network::state_layers() of one lane, as real numbers, [D].
  virtual void copy_states(const Scratch& scratch, std::size_t lane, float* states) const = 0;
  /// What one unit of the second head's outputs stands for.
  virtual double output_unit() const { return 1.0; }

  /// put(lane, e, value) of the second head on the encoder's final states, for the first `traces` lanes; values in
  /// output_unit().
  template <class Put>
  void each_encoder_output(Scratch& scratch, std::size_t traces, Put&& put) const {
    const auto E = static_cast<std::size_t>(network_.encoder_outputs);
    for (std::size_t lane = 0; lane < traces && E > 0; ++lane) {
      copy_states(scratch, lane, scratch.states.data());
      for (std::size_t e = 0; e < E; ++e) put(lane, e, encoder_head_(e, scratch.states));
    }
  }
  /// The same as real numbers, where the trace's outputs begin at output[lane * of_trace + e * of_output].
  void read_encoder(Scratch& scratch, float* output, std::size_t traces, const Strides& at) const {
    each_encoder_output(scratch, traces, [&](std::size_t lane, std::size_t e, double value) {
      output[lane * at.of_trace + e * at.of_output] = static_cast<float>(value * output_unit());
    });
  }
  /// Both heads.
  void read_all(Scratch& scratch, float* output, std::size_t traces, const Strides& at) const {
    read_out(scratch, output, traces, at);
    read_encoder(scratch, output + network_.output_steps() * at.of_step, traces, at);
  }

  /// What layers [0, encoder_layers()) need to be resumed, of a whole block.
  std::size_t saved_bytes() const;
  void save(Scratch& scratch, std::byte* to) const;
  void restore(Scratch& scratch, const std::byte* from) const;
  /// The same of one lane of the block, of a plan whose lanes are apart: saved_bytes() / lanes().
  void save_lane(Scratch& scratch, std::size_t lane, std::byte* to) const;
  void restore_lane(Scratch& scratch, std::size_t lane, const std::byte* from) const;
  /// As after no step.
  virtual void clear(Scratch& scratch) const;

 protected:
  virtual std::unique_ptr<Scratch> new_scratch() const = 0;
  /// Where a layer's final state lies, in parts 0, 1, ...; empty beyond the last one, and where a plan cannot resume.
  virtual std::span<std::byte> final_state(Scratch& /*scratch*/, std::size_t /*layer*/,
                                           std::size_t /*part*/) const {
    return {};
  }
  /// Bytes of a number of these parts, [numbers][lanes].
  virtual std::size_t state_number() const { return sizeof(float); }

 private:
  template <class Each>
  void each_final_state(Scratch& scratch, Each&& each) const;
  template <class Each>
  void each_number_of_lane(Scratch& scratch, std::size_t lane, Each&& each) const;

  std::uint64_t id_;
  Network network_;
  std::vector<std::size_t> state_layers_;
  std::size_t state_units_, lanes_;
  EncoderHead encoder_head_;
};

template <class Array>
std::span<std::byte> bytes_of(Array& array) {
  return std::as_writable_bytes(std::span(array.data(), array.size()));
}

std::unique_ptr<Plan> make_float_plan(const Model& model);
/// One trace, units in the lanes; null where a layer is reset_before or the trace brings two values a step.
std::unique_ptr<Plan> make_float_single_plan(const Model& model);

}  // namespace taugate
