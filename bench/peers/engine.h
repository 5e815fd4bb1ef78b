#pragma once
// What a peer has to do to be compared: take a network's weights, run it, train it. Every engine
// gets the same plain arrays and is free to keep them as it likes.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace peers {

/// One GRU layer, reset_after (PyTorch's and cuDNN's form), sigmoid/tanh.
struct Layer {
  std::string name;          ///< prefix of its weights: "encoder.0"
  int inputs = 1;            ///< features per step
  int hidden = 1;            ///< units
  bool reads_zeros = false;  ///< fed zeros instead of the previous layer's output
  int starts_from = -1;      ///< layer whose final state is its initial one; -1: starts from zero
};

/// GRU layers in order, then a linear head on each step: one input and one output per step.
struct Network {
  std::string name;
  std::vector<Layer> layers;

  /// Floating-point operations of the matrix products of one sequence, forward: two per
  /// multiply-accumulate. Products with an input that is always zero are not counted.
  double flops(int steps) const;
};

/// A network by name.
///   lite-H          GRU 1-H, GRU H-H, each fed by the one before and started from zero
///   64x16           the same with layers 1-64, 64-16, 16-16, 16-64
///   teacher         the same with four layers of 128
///   student-A[,B…]  taugate's seq2seq: encoder of A, B…; decoder of the same sizes, fed zeros,
///   each
///                   layer started from its encoder layer's final state
Network network(const std::string& name);

/// A row-major matrix; a bias has one column.
struct Array {
  int rows = 0;
  int cols = 1;
  std::vector<float> values;
};

/// PyTorch's names and orders: `<layer>.weight_ih` [3H][I], `.weight_hh` [3H][H], `.bias_ih` [3H],
/// `.bias_hh` [3H], gates in the order r,z,n; `head.weight` [1][H], `head.bias` [1].
using Weights = std::map<std::string, Array>;

/// Uniform in ±1/sqrt(H), PyTorch's way to start; a pure function of the seed.
Weights random_weights(const Network& network, std::uint64_t seed);

/// One engine is made for one task and keeps to it.
struct Task {
  Network network;
  int steps = 0;
  int batch = 0;
  int threads = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual void load(const Weights& weights) = 0;
  /// input, output: [T][B] row-major.
  virtual void infer(const float* input, float* output) = 0;
  /// Seconds that so many calls of infer take. An engine in another process counts them there.
  virtual double time_inference(int repeats, const float* input, float* output);
  /// Forward, mean squared error against target [T][B], backward, Adam with rate 1e-3. Returns the
  /// error before the update.
  virtual double train_step(const float* /*input*/, const float* /*target*/) {
    throw std::logic_error("this engine does not train");
  }
};

struct Peer {
  std::string name;
  std::string isa;  ///< the instructions it says it uses
  bool trains = false;
  bool splits = true;  ///< whether one engine a core is worth a row of its own
  std::function<std::unique_ptr<Engine>(const Task&)> make;
};

Peer ours();      ///< the inference engine and the trainer of this project
Peer libtorch();  ///< torch::nn::GRU, one per layer; autograd and torch::optim::Adam
Peer onednn();    ///< the lbr_gru primitive, weights in the layout it prefers; inference only
/// ONNX Runtime, OpenVINO, PyTorch and JAX, inference only, through the Python interpreter
/// `python`: those whose packages it has.
std::vector<Peer> python_peers(const std::string& python);
/// `peer` run as Task::threads engines of one thread, each with its share of the batch. What a user
/// gets who starts one process per core; some engines scale better so than by themselves.
Peer split(const Peer& peer);
/// `peer` on one thread, whatever the task says.
Peer on_one_thread(const Peer& peer);

/// The equations written out, in double: the truth that the engines are compared with. Returns the
/// outputs [T] of one trace, input [T].
std::vector<double> reference(const Network& network, const Weights& weights,
                              const std::vector<float>& input);

}  // namespace peers
