#include "taugate/interchange/onnx.h"

#include <algorithm>
#include <initializer_list>
#include <span>
#include <vector>

#include "interchange/onnx_message.h"

namespace taugate {
namespace {

// Field numbers and enumerators of onnx/onnx.proto.
namespace field {
namespace model {
constexpr int ir_version = 1, producer = 2, graph = 7, opset = 8, metadata = 14;
}
namespace opset {
constexpr int version = 2;
}
namespace entry {
constexpr int key = 1, value = 2;
}
namespace graph {
constexpr int node = 1, name = 2, initializer = 5, input = 11, output = 12;
}
namespace node {
constexpr int input = 1, output = 2, name = 3, type = 4, attribute = 5;
}
namespace attribute {
constexpr int name = 1, real = 2, integer = 3, graph = 6, integers = 8, type = 20;
}
namespace tensor {
constexpr int extent = 1, type = 2, name = 8, raw = 9;
}
namespace value_info {
constexpr int name = 1, type = 2;
}
namespace type {
constexpr int tensor = 1, element = 1, shape = 2;
}
namespace shape {
constexpr int extent = 1, number = 1, symbol = 2;
}
}  // namespace field
constexpr int kFloat = 1, kInt64 = 7;                                        // TensorProto.DataType
constexpr int kRealValue = 1, kIntegerValue = 2, kGraph = 5, kIntegers = 7;  // AttributeType
constexpr int kIrVersion = 7, kOperatorSet = 13;

using Shape = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

OnnxMessage attribute(const char* name, int type) {
  OnnxMessage a;
  a.bytes(field::attribute::name, name).number(field::attribute::type, type);
  return a;
}
OnnxMessage integer(const char* name, std::int64_t value) {
  return attribute(name, kIntegerValue)
      .number(field::attribute::integer, static_cast<std::uint64_t>(value));
}
OnnxMessage integers(const char* name, std::initializer_list<std::int64_t> values) {
  OnnxMessage a = attribute(name, kIntegers);
  for (std::int64_t v : values) a.number(field::attribute::integers, static_cast<std::uint64_t>(v));
  return a;
}
OnnxMessage real(const char* name, float value) {
  return attribute(name, kRealValue).real(field::attribute::real, value);
}

/// A float tensor of a graph's interface; extents below 0 are the number of pixels.
OnnxMessage value_info(const std::string& name, const Shape& extents) {
  OnnxMessage shape, tensor, type, info;
  for (std::int64_t extent : extents) {
    OnnxMessage dimension;
    if (extent < 0)
      dimension.bytes(field::shape::symbol, "pixels");
    else
      dimension.number(field::shape::number, static_cast<std::uint64_t>(extent));
    shape.message(field::shape::extent, dimension);
  }
  tensor.number(field::type::element, kFloat).message(field::type::shape, shape);
  type.message(field::type::tensor, tensor);
  info.bytes(field::value_info::name, name).message(field::value_info::type, type);
  return info;
}

/// A graph that grows node by node.
class Graph {
 public:
  explicit Graph(const char* name) { message_.bytes(field::graph::name, name); }

  /// A node with one output, which is named like it.
  std::string add(const std::string& name, const char* type, const Names& inputs,
                  std::initializer_list<OnnxMessage> attributes = {}) {
    add(name, type, inputs, {name}, attributes);
    return name;
  }
  void add(const std::string& name, const char* type, const Names& inputs, const Names& outputs,
           std::initializer_list<OnnxMessage> attributes) {
    OnnxMessage node;
    for (const auto& input : inputs) node.bytes(field::node::input, input);
    for (const auto& output : outputs) node.bytes(field::node::output, output);
    node.bytes(field::node::name, name).bytes(field::node::type, type);
    for (const auto& a : attributes) node.message(field::node::attribute, a);
    message_.message(field::graph::node, node);
  }
  std::string constant(const std::string& name, const Shape& shape, std::span<const float> values) {
    return constant(name, kFloat, shape, values.data(), values.size_bytes());
  }
  std::string constant(const std::string& name, const Shape& shape,
                       std::span<const std::int64_t> values) {
    return constant(name, kInt64, shape, values.data(), values.size_bytes());
  }
  void input(const std::string& name, const Shape& shape) {
    message_.message(field::graph::input, value_info(name, shape));
  }
  void output(const std::string& name, const Shape& shape) {
    message_.message(field::graph::output, value_info(name, shape));
  }
  const OnnxMessage& message() const { return message_; }

 private:
  std::string constant(const std::string& name, int type, const Shape& shape, const void* values,
                       std::size_t bytes) {
    OnnxMessage tensor;
    for (std::int64_t extent : shape)
      tensor.number(field::tensor::extent, static_cast<std::uint64_t>(extent));
    tensor.number(field::tensor::type, type)
        .bytes(field::tensor::name, name)
        .bytes(field::tensor::raw, {static_cast<const char*>(values), bytes});
    message_.message(field::graph::initializer, tensor);
    return name;
  }

  OnnxMessage message_;
};

/// Builds the graph of one network. Sequences are [T][N][width] inside.
class Exporter {
 public:
  explicit Exporter(const Model& model) : model_(model), network_(model.description()) {}

  OnnxMessage graph() {
    const std::int64_t T = network_.gates, C = network_.outputs();
    const bool every_step = network_.head.at == HeadSpec::At::every_step;
    graph_.input("tpsf", {-1, T});
    axis_ = graph_.constant("axis_1", {1}, std::vector<std::int64_t>{1});
    const std::string last = graph_.constant("axis_2", {1}, std::vector<std::int64_t>{2});
    const std::string by_time =
        graph_.add("tpsf_by_time", "Transpose", {"tpsf"}, {integers("perm", {1, 0})});
    const std::string trace = graph_.add("trace", "Unsqueeze", {by_time, last});
    const std::string zeros =
        graph_.add("zeros", "ConstantOfShape", {graph_.add("shape", "Shape", {trace})});
    if (network_.activation() == Activation::hard) add_hard_constants(by_time);
    std::string y;
    for (std::size_t k = 0; k < network_.layers.size(); ++k) {
      const GruSpec& spec = network_.layers[k];
      const std::string x = spec.reads == GruSpec::Reads::trace   ? trace
                            : spec.reads == GruSpec::Reads::zeros ? zeros
                                                                  : y;
      y = layer(
          k, x,
          spec.starts_from < 0 ? "" : final_state(static_cast<std::size_t>(spec.starts_from)));
    }
    if (!every_step) y = state_by_time(network_.layers.size() - 1);
    add_head("sfd", network_.head.name, y, network_.layers.back().units, model_.head());
    graph_.output("sfd", {-1, static_cast<std::int64_t>(network_.output_steps()), C});
    if (const auto& second = model_.encoder_head()) {
      const std::size_t top = network_.encoder_layers() - 1;
      add_head("lifetimes", kEncoderHead, state_by_time(top), network_.layers[top].units, *second);
      graph_.output("lifetimes", {-1, 1, network_.encoder_outputs});
    }
    return graph_.message();
  }

 private:
  std::span<const float> parameter(const ParameterRef& at) const {
    return {model_.parameters().data() + at.offset,
            static_cast<std::size_t>(at.rows) * static_cast<std::size_t>(at.cols)};
  }
  const GruParameters& parameters_of(std::size_t k) const {
    return model_.layers()[k].parameters();
  }
  /// [1][N][H]; of hard layers [N][H]
  std::string final_state(std::size_t k) const { return network_.layers[k].name + ".last"; }

  /// final_state() as [1][N][H].
  std::string state_by_time(std::size_t k) {
    if (network_.layers[k].activation == Activation::smooth) return final_state(k);
    const std::string first = graph_.constant("axis_0", {1}, std::vector<std::int64_t>{0});
    return graph_.add("last_by_time", "Unsqueeze", {final_state(k), first});
  }
  /// An output [N][steps][C] of a linear layer on states [steps][N][H].
  void add_head(const std::string& output, const std::string& name, const std::string& states,
                std::int64_t H, const Linear& layer) {
    const LinearTensors tensors(name);
    const std::int64_t C = layer.weight().rows;
    const std::string product =
        graph_.add(name + "_product", "MatMul",
                   {states, transposed(tensors.weight, C, H, parameter(layer.weight()))});
    const std::string sum =
        graph_.add(output + "_by_time", "Add",
                   {product, graph_.constant(tensors.bias, {C}, parameter(layer.bias()))});
    graph_.add(output, "Transpose", {sum}, {integers("perm", {1, 0, 2})});
  }

  /// The layer's input weights [3H][I]; for one that reads zeros, zeros for an input of width 1.
  std::vector<float> input_weights(std::size_t k) const {
    const ParameterRef& at = parameters_of(k).input;
    if (at.rows == 0)
      return std::vector<float>(std::size_t{3} *
                                static_cast<std::size_t>(network_.layers[k].units));
    const auto weights = parameter(at);
    return {weights.begin(), weights.end()};
  }
  std::vector<float> recurrent_bias(std::size_t k) const {
    const ParameterRef& at = parameters_of(k).recurrent_bias;
    if (at.rows == 0)
      return std::vector<float>(std::size_t{3} *
                                static_cast<std::size_t>(network_.layers[k].units));
    const auto bias = parameter(at);
    return {bias.begin(), bias.end()};
  }

  /// States [T][N][H] of a layer. `start`: the state before the first step [1][N][H], or "" for
  /// zeros. Its final state gets the name that final_state() gives.
  std::string layer(std::size_t k, const std::string& x, const std::string& start) {
    return network_.layers[k].activation == Activation::smooth ? operator_gru(k, x, start)
                                                               : scanned_gru(k, x, start);
  }

  /// From rows of r, z, n to rows of z, r, h, `width` values each.
  static std::vector<float> in_onnx_order(std::span<const float> rows) {
    const std::size_t gate = rows.size() / 3;
    std::vector<float> result(rows.begin(), rows.end());
    std::swap_ranges(result.begin(), result.begin() + static_cast<std::ptrdiff_t>(gate),
                     result.begin() + static_cast<std::ptrdiff_t>(gate));
    return result;
  }

  std::string operator_gru(std::size_t k, const std::string& x, const std::string& start) {
    const std::string& name = network_.layers[k].name;
    const std::int64_t H = network_.layers[k].units;
    const std::vector<float> input = in_onnx_order(input_weights(k));
    std::vector<float> bias = in_onnx_order(parameter(parameters_of(k).input_bias));
    const std::vector<float> second = in_onnx_order(recurrent_bias(k));
    bias.insert(bias.end(), second.begin(), second.end());
    const std::int64_t I = static_cast<std::int64_t>(input.size()) / (3 * H);
    Names inputs{x, graph_.constant(name + ".W", {1, 3 * H, I}, input),
                 graph_.constant(name + ".R", {1, 3 * H, H},
                                 in_onnx_order(parameter(parameters_of(k).recurrent))),
                 graph_.constant(name + ".B", {1, 6 * H}, bias)};
    if (!start.empty()) inputs.insert(inputs.end(), {"", start});  // "": all sequences are whole
    graph_.add(name, "GRU", inputs, {name + ".all", final_state(k)},
               {integer("hidden_size", H),
                integer("linear_before_reset", network_.layers[k].form == GruForm::reset_after)});
    return graph_.add(name + ".states", "Squeeze", {name + ".all", axis_});
  }

  /// W^T [cols][rows], so that a sequence [T][N][cols] can be multiplied from the left.
  std::string transposed(const std::string& name, std::int64_t rows, std::int64_t cols,
                         std::span<const float> weights) {
    std::vector<float> turned;
    for (std::int64_t c = 0; c < cols; ++c)
      for (std::int64_t r = 0; r < rows; ++r)
        turned.push_back(weights[static_cast<std::size_t>(r * cols + c)]);
    return graph_.constant(name, {cols, rows}, turned);
  }

  void add_hard_constants(const std::string& by_time) {
    graph_.constant("minus_one", {}, std::vector<float>{-1.0f});
    graph_.constant("one", {}, std::vector<float>{1.0f});
    const std::string shape = graph_.add("shape_by_time", "Shape", {by_time});
    pixels_ = graph_.add("pixels", "Gather", {shape, axis_});
  }

  /// The hard GRU, step by step:
  ///   r, z = clip(0.5 x + 0.5, 0, 1),  n = clip(x, -1, 1),  h' = n + z * (h - n)
  std::string scanned_gru(std::size_t k, const std::string& x, const std::string& start) {
    const std::string& name = network_.layers[k].name;
    const GruTensors names(name);
    const std::int64_t H = network_.layers[k].units;
    const std::vector<float> input = input_weights(k);
    const std::int64_t I = static_cast<std::int64_t>(input.size()) / (3 * H);
    const std::string product = graph_.add(name + ".x_product", "MatMul",
                                           {x, transposed(names.weight_ih, 3 * H, I, input)});
    const std::string sums = graph_.add(
        name + ".x_sums", "Add",
        {product, graph_.constant(names.bias_ih, {3 * H}, parameter(parameters_of(k).input_bias))});
    std::string first = start;
    if (first.empty()) {
      const std::string width = graph_.constant(name + ".width", {1}, std::vector<std::int64_t>{H});
      const std::string shape =
          graph_.add(name + ".first_shape", "Concat", {pixels_, width}, {integer("axis", 0)});
      first = graph_.add(name + ".first", "ConstantOfShape", {shape});
    }
    OnnxMessage body = attribute("body", kGraph);
    body.message(field::attribute::graph, hard_step(k));
    graph_.add(name, "Scan", {first, sums}, {final_state(k), name + ".states"},
               {body, integer("num_scan_inputs", 1)});
    return name + ".states";
  }

  /// One step: state [N][H] and W x + b [N][3H] to the next state, twice.
  OnnxMessage hard_step(std::size_t k) {
    const std::string& name = network_.layers[k].name;
    const std::int64_t H = network_.layers[k].units;
    const std::string thirds =
        graph_.constant(name + ".thirds", {3}, std::vector<std::int64_t>{H, H, H});
    const std::span<const float> U = parameter(parameters_of(k).recurrent);
    const auto gate = [&](const char* letter, std::size_t index) {
      const auto size = static_cast<std::size_t>(H * H);
      return transposed(concat(name, ".U_", letter), H, H, U.subspan(index * size, size));
    };
    const std::string U_r = gate("r", 0), U_z = gate("z", 1), U_n = gate("n", 2);
    const bool after = network_.layers[k].form == GruForm::reset_after;
    if (after) {
      const std::span<const float> c = parameter(parameters_of(k).recurrent_bias);
      for (std::size_t i = 0; i < 3; ++i)
        graph_.constant(concat(name, ".c_", "rzn"[i]), {H},
                        c.subspan(i * static_cast<std::size_t>(H), static_cast<std::size_t>(H)));
    }

    Graph step("step");
    step.input("h", {-1, H});
    step.input("x", {-1, 3 * H});
    step.add("split", "Split", {"x", thirds}, {"x_r", "x_z", "x_n"}, {integer("axis", 1)});
    // U_g h, and c_g for reset_after.
    const auto recurrent = [&](const std::string& letter, const std::string& weights,
                               const std::string& state) {
      const std::string u = step.add("u_" + letter, "MatMul", {state, weights});
      return after ? step.add("s_" + letter, "Add", {u, name + ".c_" + letter}) : u;
    };
    const auto hard_gate = [&](const std::string& letter, const std::string& weights) {
      const std::string sum =
          step.add("sum_" + letter, "Add", {"x_" + letter, recurrent(letter, weights, "h")});
      return step.add(letter, "HardSigmoid", {sum}, {real("alpha", 0.5f), real("beta", 0.5f)});
    };
    const std::string r = hard_gate("r", U_r), z = hard_gate("z", U_z);
    const std::string reset = after ? step.add("reset", "Mul", {r, recurrent("n", U_n, "h")})
                                    : recurrent("n", U_n, step.add("reset", "Mul", {r, "h"}));
    const std::string n =
        step.add("n", "Clip", {step.add("sum_n", "Add", {"x_n", reset}), "minus_one", "one"});
    const std::string kept = step.add("kept", "Mul", {z, step.add("difference", "Sub", {"h", n})});
    step.add("h_next", "Add", {n, kept});
    step.add("y", "Identity", {"h_next"});
    step.output("h_next", {-1, H});
    step.output("y", {-1, H});
    return step.message();
  }

  const Model& model_;
  const Network& network_;
  Graph graph_{"seq2seq"};
  std::string axis_, pixels_;
};

}  // namespace

std::string onnx_model(const Model& model, const ModelNotes& notes) {
  OnnxMessage opset, file;
  opset.number(field::opset::version, kOperatorSet);
  file.number(field::model::ir_version, kIrVersion)
      .bytes(field::model::producer, "taugate")
      .message(field::model::graph, Exporter(model).graph())
      .message(field::model::opset, opset);
  for (const auto& [key, value] : notes) {
    OnnxMessage entry;
    entry.bytes(field::entry::key, "taugate." + key).bytes(field::entry::value, value);
    file.message(field::model::metadata, entry);
  }
  return file.str();
}

}  // namespace taugate
