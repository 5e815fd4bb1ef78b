// The ONNX file, read by libonnx: its checker and shape inference find nothing wrong, and weights
// are where the operator's definition wants them. docs/interchange.md has what runtimes compute.

#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <cstring>

#include "taugate/interchange/onnx.h"
#include "testing.h"

using namespace taugate;

namespace {

Model network(GruForm form, Activation activation) {
  Model model({.gates = 7, .outputs = 3, .hidden = {5, 4}, .form = form, .activation = activation});
  float value = 0.0f;
  for (const auto& entry : model.parameters().entries()) {
    const Matrix<float> m = model.parameters().matrix(entry.at);
    for (std::size_t i = 0; i < m.size(); ++i) m.data[i] = value += 0.001f;
  }
  return model;
}

onnx::ModelProto parsed(const std::string& bytes) {
  onnx::ModelProto model;
  REQUIRE(model.ParseFromString(bytes));
  CHECK(model.SerializeAsString().size() == bytes.size());
  return model;
}

std::vector<float> constant(const onnx::ModelProto& model, const std::string& name,
                            const std::vector<std::int64_t>& shape) {
  for (const auto& tensor : model.graph().initializer()) {
    if (tensor.name() != name) continue;
    CHECK(std::vector<std::int64_t>(tensor.dims().begin(), tensor.dims().end()) == shape);
    CHECK(tensor.data_type() == onnx::TensorProto::FLOAT);
    std::vector<float> values(tensor.raw_data().size() / sizeof(float));
    std::memcpy(values.data(), tensor.raw_data().data(), tensor.raw_data().size());
    return values;
  }
  FAIL("no constant ", name);
  return {};
}

std::vector<std::int64_t> shape_of(const onnx::ValueInfoProto& value) {
  std::vector<std::int64_t> shape;
  for (const auto& d : value.type().tensor_type().shape().dim())
    shape.push_back(d.has_dim_value() ? d.dim_value() : -1);
  return shape;
}

}  // namespace

TEST_CASE("libonnx finds nothing wrong with any form") {
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before})
    for (Activation activation : {Activation::smooth, Activation::hard}) {
      CAPTURE(name_of(form));
      CAPTURE(name_of(activation));
      onnx::ModelProto model =
          parsed(onnx_model(network(form, activation), {{"training", "{\"τ\":1}"}}));
      CHECK_NOTHROW(onnx::checker::check_model(model));
      const onnx::ShapeInferenceOptions strict{true, 1, false};
      CHECK_NOTHROW(
          onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict));
      REQUIRE(model.graph().input_size() == 1);
      REQUIRE(model.graph().output_size() == 1);
      CHECK(model.graph().input(0).name() == "tpsf");
      CHECK(shape_of(model.graph().input(0)) == std::vector<std::int64_t>{-1, 7});
      CHECK(model.graph().output(0).name() == "sfd");
      CHECK(shape_of(model.graph().output(0)) == std::vector<std::int64_t>{-1, 7, 3});
      REQUIRE(model.metadata_props_size() == 1);
      CHECK(model.metadata_props(0).key() == "taugate.training");
      CHECK(model.metadata_props(0).value() == "{\"τ\":1}");
    }
}

TEST_CASE("libonnx finds nothing wrong with an encoder alone, whose head is at the last step") {
  for (const Activation activation : {Activation::smooth, Activation::hard}) {
    const Model encoder(
        encoder_network({.gates = 7, .outputs = 3, .hidden = {5, 4}, .activation = activation}));
    onnx::ModelProto model = parsed(onnx_model(encoder, {}));
    CHECK_NOTHROW(onnx::checker::check_model(model));
    const onnx::ShapeInferenceOptions strict{true, 1, false};
    CHECK_NOTHROW(
        onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict));
    CHECK(shape_of(model.graph().output(0)) == std::vector<std::int64_t>{-1, 1, 3});
  }
}

TEST_CASE("libonnx finds nothing wrong with a second head, whose output comes second") {
  for (const Activation activation : {Activation::smooth, Activation::hard}) {
    const Model source(seq2seq({.gates = 7,
                                .outputs = 3,
                                .hidden = {5, 4},
                                .activation = activation,
                                .encoder_outputs = 2}));
    onnx::ModelProto model = parsed(onnx_model(source, {}));
    CHECK_NOTHROW(onnx::checker::check_model(model));
    const onnx::ShapeInferenceOptions strict{true, 1, false};
    CHECK_NOTHROW(
        onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict));
    REQUIRE(model.graph().output_size() == 2);
    CHECK(shape_of(model.graph().output(0)) == std::vector<std::int64_t>{-1, 7, 3});
    CHECK(model.graph().output(1).name() == "lifetimes");
    CHECK(shape_of(model.graph().output(1)) == std::vector<std::int64_t>{-1, 1, 2});
  }
}

TEST_CASE("the operator's weights are in the order z, r, h, with both biases") {
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
    const Model source = network(form, Activation::smooth);
    const onnx::ModelProto model = parsed(onnx_model(source));
    const auto ours = [&](const char* name, int row, int col) {
      const auto& at = source.parameters().find(name)->at;
      return source.parameters().data()[at.offset + static_cast<std::size_t>(row * at.cols + col)];
    };
    const auto W = constant(model, "encoder.1.W", {1, 12, 5});
    const auto R = constant(model, "encoder.1.R", {1, 12, 4});
    const auto B = constant(model, "encoder.1.B", {1, 24});
    for (int row = 0; row < 12; ++row) {
      const int from = row < 4 ? row + 4 : row < 8 ? row - 4 : row;  // z, r, h of r, z, n
      CHECK(W[static_cast<std::size_t>(row * 5 + 3)] == ours("encoder.1.weight_ih", from, 3));
      CHECK(R[static_cast<std::size_t>(row * 4 + 2)] == ours("encoder.1.weight_hh", from, 2));
      CHECK(B[static_cast<std::size_t>(row)] == ours("encoder.1.bias_ih", from, 0));
      CHECK(B[static_cast<std::size_t>(12 + row)] ==
            (form == GruForm::reset_after ? ours("encoder.1.bias_hh", from, 0) : 0.0f));
    }
    for (float w : constant(model, "decoder.0.W", {1, 15, 1})) CHECK(w == 0.0f);
    int operators = 0;
    for (const auto& node : model.graph().node()) {
      if (node.op_type() != "GRU") continue;
      ++operators;
      for (const auto& a : node.attribute())
        if (a.name() == "linear_before_reset") CHECK(a.i() == (form == GruForm::reset_after));
      // The decoder's layers start from the encoder's last states.
      if (node.name() == "decoder.1") CHECK(node.input(5) == "encoder.1.last");
    }
    CHECK(operators == 4);
  }
}
