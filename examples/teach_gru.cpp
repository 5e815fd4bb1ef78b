// A GRU learns to add, and shows its gradients.
//
// The task is the "adding problem" (Hochreiter & Schmidhuber, 1997). At each of T steps the network
// sees a number in [0, 1] and a marker. Two of the markers are 1, all others 0. After the last step
// it has to say the sum of the two marked numbers. To do so it must keep a number for many steps
// and leave the others alone: what the gates of a GRU are for.
//
// Somebody who always answers 1, the mean of the sum, has a mean squared error of 1/6 = 0.167. The
// loss stays near there until the gates have learned when to listen; then it falls quickly.
//
// The second half is about how it learns. The gradient of a weight is the slope of the loss along
// that weight, so it can be had without any calculus: nudge the weight, look how the loss changes.
// That costs two forward passes for every single weight; the backward pass gives the slopes of all
// weights at the price of about two forward passes together. Both must agree, and with the page that
// has the equations above their loops, src/autograd/gru_reference.h.

#include <taugate/taugate.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "autograd/gru_reference.h"

namespace {

using namespace taugate;

constexpr int kSteps = 20, kHidden = 16, kBatch = 64;

/// Sequences are [steps][features][batch]. Of the input, feature 0 is the number and 1 the marker.
template <class S>
void draw_task(Random& random, Sequence<S> input, Sequence<S> sum) {
  for (int b = 0; b < input.batch; ++b) {
    const int first = static_cast<int>(random.below(kSteps / 2));  // one mark in either half
    const int second = kSteps / 2 + static_cast<int>(random.below(kSteps / 2));
    for (int t = 0; t < input.steps; ++t) {
      input.at(t, 0, b) = static_cast<S>(random.uniform());
      input.at(t, 1, b) = t == first || t == second ? S(1) : S(0);
    }
    sum.at(0, 0, b) = input.at(first, 0, b) + input.at(second, 0, b);
  }
}

/// The network: a GRU reads the sequence, a linear layer reads its final state.
struct Adder {
  Parameters parameters;  // the weights of all layers, one after the other
  Gru gru{parameters, "gru", /*inputs=*/2, kHidden};
  Linear head{parameters, "head", kHidden, /*outputs=*/1};

  template <class S>
  Var<S> operator()(Tape<S>& tape, Var<S> x) const {
    return head(tape, last_step(gru(tape, x)));
  }
};

/// One round: draw a task, forward, backward, one step of Adam. Returns the loss.
double train_once(Adder& adder, AdamOptimizer& adam, Random& random, Arena& arena,
                  Buffer<float>& gradients) {
  arena.reset();  // everything that the last round made is gone
  std::fill(gradients.begin(), gradients.end(), 0.0f);
  Tape<float> tape(arena, adder.parameters.bind(gradients.data()));

  const auto input = arena.zero_sequence<float>(kSteps, 2, kBatch);
  const auto sum = arena.zero_sequence<float>(1, 1, kBatch);
  draw_task(random, input, sum);
  const Var<float> loss = mean_squared_error(tape, adder(tape, tape.input(input)), sum);
  tape.backward(loss);  // fills `gradients`
  adam.step(adder.parameters.data(), gradients.data(), /*learning_rate=*/0.01);
  return loss.value.at(0, 0, 0);
}

double train(Adder& adder) {
  AdamOptimizer adam(adder.parameters.size());
  Random random(/*seed=*/1, /*stream=*/0);
  Arena arena;
  Buffer<float> gradients(adder.parameters.size());

  constexpr int kRounds = 800, kLine = 40;
  std::printf("A GRU of %d units learns to add the two marked ones of %d numbers.\n", kHidden,
              kSteps);
  std::printf("Always answering 1 would give a loss of 0.1667.\n\n");
  double mean = 0.0;
  for (int round = 1; round <= kRounds; ++round) {
    mean += train_once(adder, adam, random, arena, gradients) / kLine;
    if (round % kLine) continue;
    const int bar = static_cast<int>(std::lround(240.0 * mean));
    std::printf("round %5d  loss %.5f  %s\n", round, mean,
                std::string(static_cast<std::size_t>(std::min(bar, 60)), '#').c_str());
    if (round < kRounds) mean = 0.0;
  }
  return mean;
}

void show_answers(const Adder& adder) {
  constexpr int kTasks = 4;
  Arena arena;
  Random random(/*seed=*/2, /*stream=*/0);  // tasks that it has never seen
  Tape<float> tape(arena, adder.parameters.bind());
  const auto input = arena.zero_sequence<float>(kSteps, 2, kTasks);
  const auto sum = arena.zero_sequence<float>(1, 1, kTasks);
  draw_task(random, input, sum);
  const Var<float> answer = adder(tape, tape.input(input));
  std::printf("\nFour new tasks:\n");
  for (int b = 0; b < kTasks; ++b)
    std::printf("  the sum is %.3f, the network says %.3f\n", sum.at(0, 0, b),
                answer.value.at(0, 0, b));
}

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The loss and the GRU's gradients once more, by the page that has the equations and nothing else,
/// autograd/gru_reference.h. Returns the largest difference from the tape's.
double compare_with_page(const Adder& adder, Sequence<double> input, Sequence<double> sum,
                         const std::vector<double>& weights, const std::vector<double>& gradients) {
  const auto in = [](const std::vector<double>& block, const ParameterRef& at) {
    return Eigen::Map<const RowMatrix>(block.data() + at.offset, at.rows, at.cols);
  };
  const auto page = [&](const std::vector<double>& block) {
    const GruParameters& at = adder.gru.parameters();
    return GruReference{GruForm::reset_after,     Activation::smooth,
                        in(block, at.input),      in(block, at.recurrent),
                        in(block, at.input_bias), in(block, at.recurrent_bias)};
  };
  const GruReference gru = page(weights);
  GruReference found = page(std::vector<double>(weights.size()));  // zeros, to be added to
  const Eigen::VectorXd head = in(weights, adder.head.weight()).transpose();
  for (int b = 0; b < input.batch; ++b) {
    Eigen::MatrixXd x(2, kSteps), dx(2, kSteps), dy = Eigen::MatrixXd::Zero(kHidden, kSteps);
    for (int t = 0; t < kSteps; ++t) x.col(t) << input.at(t, 0, b), input.at(t, 1, b);
    const GruReference::States states = gru.forward(x, Eigen::VectorXd::Zero(kHidden));
    // The loss is the mean of (answer - sum)^2 over the batch, and reads the last state alone.
    const double answer = head.dot(states.h.col(kSteps)) + weights[adder.head.bias().offset];
    dy.col(kSteps - 1) = 2.0 / input.batch * (answer - sum.at(0, 0, b)) * head;
    gru.backward(x, states, dy, found, dx);
  }
  const GruReference tape = page(gradients);
  return std::max(
      {(found.W - tape.W).cwiseAbs().maxCoeff(), (found.U - tape.U).cwiseAbs().maxCoeff(),
       (found.b - tape.b).cwiseAbs().maxCoeff(), (found.c - tape.c).cwiseAbs().maxCoeff()});
}

/// Gradients in double, where rounding does not blur the comparison; freshly drawn weights, since
/// at the end of training slopes are small. Returns the worst relative error of all entries, or the
/// difference from the page, whichever is larger.
double compare_gradients() {
  Adder adder;
  adder.gru.initialise(adder.parameters, /*seed=*/3, /*stream=*/0);
  adder.head.initialise(adder.parameters, /*seed=*/3, /*stream=*/1);
  std::vector<double> weights(adder.parameters.data(),
                              adder.parameters.data() + adder.parameters.size());
  Random random(/*seed=*/3, /*stream=*/2);
  Arena data;
  const auto input = data.zero_sequence<double>(kSteps, 2, 3);
  const auto sum = data.zero_sequence<double>(1, 1, 3);
  draw_task(random, input, sum);

  const auto loss = [&](Tape<double>& tape) {
    return mean_squared_error(tape, adder(tape, tape.input(input)), sum);
  };
  const auto loss_value = [&] {
    Arena arena;
    Tape<double> tape(arena, {weights.data(), nullptr});
    return loss(tape).value.at(0, 0, 0);
  };
  Arena arena;
  std::vector<double> gradients(weights.size());
  Tape<double> tape(arena, {weights.data(), gradients.data()});
  tape.backward(loss(tape));

  std::printf("\nThe slope of the loss along some weights, by the backward pass and by nudging.\n");
  std::printf("Of 48 rows of the GRU, 0-15 belong to gate r, 16-31 to z, 32-47 to n.\n\n");
  std::printf("  %-22s %15s %15s %10s\n", "weight", "backward", "nudging", "difference");
  for (const auto& [name, at] : adder.parameters.entries()) {
    for (int row : {0, at.rows / 2, at.rows - 1}) {  // of the gates r, z, n
      const std::size_t i = at.offset + static_cast<std::size_t>(row) * at.cols;
      const double kept = weights[i], step = 1e-5;
      weights[i] = kept + step;
      const double up = loss_value();
      weights[i] = kept - step;
      const double down = loss_value();
      weights[i] = kept;
      const double nudged = (up - down) / (2.0 * step);  // the error goes as step^2
      std::printf("  %-22s %15.11f %15.11f %10.1e\n", concat(name, '[', row, "][0]").c_str(),
                  gradients[i], nudged, gradients[i] - nudged);
      if (at.rows == 1) break;
    }
  }

  // The same for every weight and every input, with a better finite difference.
  const GradientCheck check = check_gradients(
      [&](Tape<double>& t, const std::vector<Var<double>>& inputs) {
        return mean_squared_error(t, adder(t, inputs[0]), sum);
      },
      {input}, {weights.data(), static_cast<int>(weights.size()), 1});
  std::printf("\nAll %zu gradients compared: worst relative error %.1e\n", check.entries,
              check.worst);
  const double from_page = compare_with_page(adder, input, sum, weights, gradients);
  std::printf("The page src/autograd/gru_reference.h gives the same, within %.1e\n", from_page);
  return std::max(check.worst, from_page);
}

}  // namespace

int main() try {
  Adder adder;
  adder.gru.initialise(adder.parameters, /*seed=*/1, /*stream=*/0);
  adder.head.initialise(adder.parameters, /*seed=*/1, /*stream=*/1);
  const double loss = train(adder);
  show_answers(adder);
  const double worst = compare_gradients();
  const bool good = loss < 0.01 && worst < 1e-7;
  std::printf("%s\n", good ? "It has learned to add, and the gradients are right."
                           : "It has not worked out.");
  return good ? 0 : 1;
} catch (const Error& error) {
  std::fprintf(stderr, "teach_gru: %s\n", error.what());
  return 1;
}
