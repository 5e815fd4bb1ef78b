#include "taugate/runtime/executor.h"

#include <atomic>
#include <cmath>

#include "runtime/integer_plan.h"
#include "runtime/plan.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

/// values[t * lanes + lane] from the traces first, ... of an array. Lanes beyond the batch repeat its last trace:
/// harmless, and no special case.
template <class To, class From, class Convert>
void load(To* values, std::size_t lanes, const From* input, std::size_t first, std::size_t batch,
          std::size_t T, const Strides& at, Convert&& convert) {
  if (at.of_trace == 1 && batch == lanes) {
    for (std::size_t t = 0; t < T; ++t)
      std::transform(input + t * at.of_step + first, input + t * at.of_step + first + lanes,
                     values + t * lanes, convert);
    return;
  }
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const From* trace = input + (first + std::min(lane, batch - 1)) * at.of_trace;
    for (std::size_t t = 0; t < T; ++t) values[t * lanes + lane] = convert(trace[t * at.of_step]);
  }
}
constexpr auto kAsIs = [](float x) { return x; };

/// After a run that met a NaN: which one?
[[noreturn]] void refuse_nan(const float* input, std::size_t first, std::size_t batch,
                             std::size_t T, const Strides& at) {
  for (std::size_t trace = first; trace < first + batch; ++trace)
    for (std::size_t t = 0; t < T; ++t)
      require(!std::isnan(input[trace * at.of_trace + t * at.of_step]), "[executor] trace ", trace,
              ", gate ", t, ": found a value that is not a number");
  fail("[executor] found a value that is not a number");
}

/// "70 x 1", and "70 x 1 + 6" with a second head; becomes text only where it is printed.
struct DescribedOutput {
  const Network& network;
  friend std::ostream& operator<<(std::ostream& out, const DescribedOutput& d) {
    out << d.network.output_steps() << " x " << d.network.outputs();
    return d.network.encoder_outputs > 0 ? out << " + " << d.network.encoder_outputs : out;
  }
};

std::unique_ptr<Plan> low_latency_plan(const Model& model) {
  std::unique_ptr<Plan> single = make_float_single_plan(model);
  return single ? std::move(single) : make_float_plan(model);
}

}  // namespace

Plan::Plan(Network network, std::size_t lanes, EncoderHead encoder_head)
    : network_((network.validate(), std::move(network))),
      state_layers_(network_.state_layers()),
      state_units_(network_.state_units()),
      lanes_(lanes),
      encoder_head_(std::move(encoder_head)) {
  static std::atomic<std::uint64_t> plans{0};
  id_ = ++plans;
}

std::unique_ptr<Scratch> Plan::make_scratch() const {
  std::unique_ptr<Scratch> scratch = new_scratch();
  scratch->plan = id_;
  if (network_.encoder_outputs > 0) scratch->states.resize(state_units_);
  return scratch;
}

template <class Each>
void Plan::each_final_state(Scratch& scratch, Each&& each) const {
  for (std::size_t k = 0; k < network_.encoder_layers(); ++k) {
    std::span<std::byte> part;
    for (std::size_t i = 0; !(part = final_state(scratch, k, i)).empty(); ++i) each(part);
  }
}

std::size_t Plan::saved_bytes() const {
  std::size_t bytes = 0;
  each_final_state(*new_scratch(), [&](std::span<std::byte> part) { bytes += part.size(); });
  return bytes;
}

void Plan::save(Scratch& scratch, std::byte* to) const {
  each_final_state(
      scratch, [&](std::span<std::byte> part) { to = std::copy(part.begin(), part.end(), to); });
}

void Plan::restore(Scratch& scratch, const std::byte* from) const {
  each_final_state(scratch, [&](std::span<std::byte> part) {
    std::copy_n(from, part.size(), part.begin());
    from += part.size();
  });
}

template <class Each>
void Plan::each_number_of_lane(Scratch& scratch, std::size_t lane, Each&& each) const {
  each_final_state(scratch, [&](std::span<std::byte> part) {
    const std::size_t bytes = lanes_ == 1 ? part.size() : state_number();
    for (std::size_t at = lane * bytes; at < part.size(); at += lanes_ * bytes)
      each(part.subspan(at, bytes));
  });
}

void Plan::save_lane(Scratch& scratch, std::size_t lane, std::byte* to) const {
  each_number_of_lane(scratch, lane, [&](std::span<std::byte> number) {
    to = std::copy(number.begin(), number.end(), to);
  });
}

void Plan::restore_lane(Scratch& scratch, std::size_t lane, const std::byte* from) const {
  each_number_of_lane(scratch, lane, [&](std::span<std::byte> number) {
    std::copy_n(from, number.size(), number.begin());
    from += number.size();
  });
}

void Plan::clear(Scratch& scratch) const {
  each_final_state(scratch, [&](std::span<std::byte> part) {
    std::fill(part.begin(), part.end(), std::byte{0});
  });
}

void ThreadScratch::reserve(const Plan& plan) {
  if (!scratch_.empty() && !plan.owns(*scratch_.front())) scratch_.clear();
  while (scratch_.size() < static_cast<std::size_t>(thread_count()))
    scratch_.push_back(plan.make_scratch());
}

// ---- Executor ----

Executor::Executor(std::unique_ptr<Plan> plan, bool one_by_one)
    : plan_(std::move(plan)), one_by_one_(one_by_one && plan_->has_single()) {}
Executor::~Executor() = default;
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;

int Executor::steps() const { return plan_->network().gates; }
int Executor::outputs() const { return plan_->network().outputs(); }
std::size_t Executor::output_size() const { return plan_->network().output_size(); }
std::size_t Executor::state_units() const { return plan_->state_units(); }
std::unique_ptr<Scratch> Executor::make_scratch() const { return plan_->make_scratch(); }
std::size_t Executor::block() const { return one_by_one_ ? 1 : plan_->lanes(); }

std::size_t Executor::check(std::size_t input, std::size_t output, std::size_t states) const {
  const std::size_t T = plan_->network().input_size(), count = input / T;
  require(input == count * T && output == count * output_size(), "[executor] found ", input,
          " input and ", output, " output values, wanted N x ", T, " and N x ",
          DescribedOutput{plan_->network()});
  require(states == 0 || states == count * state_units(), "[executor] found ", states,
          " values of states, wanted none or N x ", state_units());
  return count;
}

template <class Body>
void Executor::each_part(Scratch& scratch, std::size_t first, std::size_t count,
                         Body&& body) const {
  // A quarter of a block runs sooner one after the other than side by side.
  scratch.lanes =
      plan_->has_single() && (one_by_one_ || 4 * count <= plan_->lanes()) ? 1 : plan_->lanes();
  for (std::size_t part = first; part < first + count; part += scratch.lanes)
    body(part, std::min(scratch.lanes, first + count - part));
}

struct Executor::Job {
  const float* input;
  float *output, *states;
  std::size_t count, state_units;
  Strides of_input, of_output;
};

void Executor::run_block(Scratch& scratch, const Job& job, std::size_t first) const {
  const std::size_t T = plan_->network().input_size();
  each_part(
      scratch, first, std::min(block(), job.count - first),
      [&](std::size_t part, std::size_t batch) {
        load(plan_->input(scratch), scratch.lanes, job.input, part, batch, T, job.of_input, kAsIs);
        if (!plan_->run_all(scratch)) refuse_nan(job.input, part, batch, T, job.of_input);
        plan_->read_all(scratch, job.output + part * job.of_output.of_trace, batch, job.of_output);
        for (std::size_t lane = 0; lane < batch && job.states; ++lane)
          plan_->copy_states(scratch, lane, job.states + (part + lane) * job.state_units);
      });
}

Executor::Job Executor::job(std::span<const float> input, std::span<float> output, TraceOrder order,
                            std::span<float> states) const {
  const Network& network = plan_->network();
  const std::size_t count = check(input.size(), output.size(), states.size());
  return {.input = input.data(),
          .output = output.data(),
          .states = states.empty() ? nullptr : states.data(),
          .count = count,
          .state_units = plan_->state_units(),
          .of_input = strides_of(order, count, network.input_size(), 1),
          .of_output = output_strides(order, count, network)};
}

void Executor::run(Scratch& scratch, std::span<const float> input, std::span<float> output,
                   TraceOrder order, std::span<float> states) const {
  require(plan_->owns(scratch), "[executor] found a scratch that another executor made");
  const Job work = job(input, output, order, states);
  for (std::size_t first = 0; first < work.count; first += block()) run_block(scratch, work, first);
}

void Executor::run(ThreadScratch& scratch, std::span<const float> input, std::span<float> output,
                   TraceOrder order, std::span<float> states) const {
  const Job work = job(input, output, order, states);
  scratch.reserve(*plan_);
  parallel_for((work.count + block() - 1) / block(), [&](std::size_t item, int thread) {
    run_block(scratch[thread], work, item * block());
  });
}

BatchExecutor::BatchExecutor(const Model& model) : Executor(make_float_plan(model)) {}
BatchExecutor::BatchExecutor(const IntegerModel& model) : Executor(make_integer_plan(model)) {}
LowLatencyExecutor::LowLatencyExecutor(const Model& model)
    : Executor(low_latency_plan(model), true) {}
LowLatencyExecutor::LowLatencyExecutor(const IntegerModel& model)
    : Executor(make_integer_plan(model), true) {}

IntegerExecutor::IntegerExecutor(const IntegerModel& model) : Executor(make_integer_plan(model)) {}
IntegerExecutor::IntegerExecutor(const IntegerModel& model, const simd::IntegerKernels* kernels)
    : Executor(make_integer_plan(model, kernels)) {}

std::string IntegerExecutor::arch() const { return static_cast<const IntegerPlan&>(plan()).arch(); }

void IntegerExecutor::run_words(ThreadScratch& scratch, std::span<const std::int16_t> input,
                                std::span<std::int64_t> output, TraceOrder order) const {
  const auto& integers = static_cast<const IntegerPlan&>(plan());
  const Network& network = integers.network();
  const std::size_t count = check(input.size(), output.size(), 0);
  const std::size_t T = network.input_size();
  const Strides of_input = strides_of(order, count, T, 1),
                at = output_strides(order, count, network);
  scratch.reserve(integers);
  parallel_for((count + block() - 1) / block(), [&](std::size_t item, int thread) {
    Scratch& s = scratch[thread];
    const std::size_t begin = item * block();
    each_part(
        s, begin, std::min(block(), count - begin), [&](std::size_t first, std::size_t batch) {
          load(integers.input_words(s), s.lanes, input.data(), first, batch, T, of_input,
               [&](std::int16_t k) { return integers.input_word(k); });
          integers.run_words(s, 0, network.layers.size(), network.gates, false);
          integers.each_output(
              s, batch, [&](std::size_t lane, std::size_t t, std::size_t c, double word) {
                output[(first + lane) * at.of_trace + t * at.of_step + c * at.of_output] =
                    static_cast<std::int64_t>(word);
              });
          integers.each_encoder_output(s, batch, [&](std::size_t lane, std::size_t e, double word) {
            output[(first + lane) * at.of_trace + network.output_steps() * at.of_step +
                   e * at.of_output] = static_cast<std::int64_t>(word);
          });
        });
  });
}

// ---- StreamingExecutor ----

StreamingExecutor::StreamingExecutor(std::unique_ptr<Plan> plan, std::size_t pixels)
    : plan_(std::move(plan)), pixels_(pixels) {
  const Network& network = plan_->network();
  require(pixels >= 1, "[streaming executor] found no pixels, wanted at least one");
  require(network.encoder_layers() > 0 && network.features == 1,
          "[streaming executor] found a network of ", network.layers.size(),
          " layers without an encoder that reads one value a step of the trace, wanted one");
  for (std::size_t k = 0; k < network.encoder_layers(); ++k)
    require(network.layers[k].starts_from < 0, "[streaming executor] layer '",
            network.layers[k].name,
            "': found one that reads the layer below and waits for another's final state");
  block_bytes_ = plan_->saved_bytes();
  states_.resize((pixels + plan_->lanes() - 1) / plan_->lanes() * block_bytes_);
  reset();
}
StreamingExecutor::StreamingExecutor(const Model& model, std::size_t pixels)
    : StreamingExecutor(make_float_plan(model), pixels) {}
StreamingExecutor::StreamingExecutor(const IntegerModel& model, std::size_t pixels)
    : StreamingExecutor(make_integer_plan(model), pixels) {}
StreamingExecutor::~StreamingExecutor() = default;
StreamingExecutor::StreamingExecutor(StreamingExecutor&&) noexcept = default;

int StreamingExecutor::steps() const { return plan_->network().gates; }
int StreamingExecutor::outputs() const { return plan_->network().outputs(); }
std::size_t StreamingExecutor::bytes_per_pixel() const { return block_bytes_ / plan_->lanes(); }

void StreamingExecutor::reset() { gates_ = 0; }

/// body(scratch with the block's state, its first pixel, its pixels, where its state is kept) on all threads.
template <class Body>
void StreamingExecutor::each_block(ThreadScratch& scratch, Body&& body) const {
  const std::size_t lanes = plan_->lanes();
  scratch.reserve(*plan_);
  parallel_for((pixels_ + lanes - 1) / lanes, [&](std::size_t block, int thread) {
    Scratch& s = scratch[thread];
    s.lanes = lanes;
    body(s, block * lanes, std::min(lanes, pixels_ - block * lanes), block * block_bytes_);
  });
}

void StreamingExecutor::push(ThreadScratch& scratch, std::span<const float> gate) {
  require(gate.size() == pixels_, "[streaming executor] found a gate of ", gate.size(),
          " values, wanted ", pixels_);
  require(gates_ < steps(), "[streaming executor] found one gate more than ", steps(),
          ", wanted finish and reset first");
  each_block(scratch, [&](Scratch& s, std::size_t first, std::size_t count, std::size_t at) {
    if (gates_ > 0) plan_->restore(s, &states_[at]);
    const Strides one_gate{1, pixels_, 1};
    load(plan_->input(s), s.lanes, gate.data(), first, count, 1, one_gate, kAsIs);
    if (!plan_->run(s, 0, plan_->network().encoder_layers(), 1, gates_ > 0))
      refuse_nan(gate.data(), first, count, 1, one_gate);
    plan_->save(s, &states_[at]);
  });
  ++gates_;
}

void StreamingExecutor::finish(ThreadScratch& scratch, std::span<float> output,
                               TraceOrder order) const {
  const Network& network = plan_->network();
  require(gates_ == steps(), "[streaming executor] found ", gates_, " gates, wanted ", steps());
  require(output.size() == pixels_ * network.output_size(), "[streaming executor] found room for ",
          output.size(), " output values, wanted ", pixels_, " x ", DescribedOutput{network});
  const Strides strides = output_strides(order, pixels_, network);
  each_block(scratch, [&](Scratch& s, std::size_t first, std::size_t count, std::size_t at) {
    plan_->restore(s, &states_[at]);
    plan_->run(s, network.encoder_layers(), network.layers.size(), network.gates, false);
    plan_->read_all(s, output.data() + first * strides.of_trace, count, strides);
  });
}

void StreamingExecutor::answer(ThreadScratch& scratch, std::span<float> output) const {
  const auto E = static_cast<std::size_t>(plan_->network().encoder_outputs);
  require(gates_ == steps(), "[streaming executor] found ", gates_, " gates, wanted ", steps());
  require(E > 0 && output.size() == pixels_ * E, "[streaming executor] found room for ",
          output.size(), " values of a second head, wanted ", pixels_, " x its ", E, " outputs");
  each_block(scratch, [&](Scratch& s, std::size_t first, std::size_t count, std::size_t at) {
    plan_->restore(s, &states_[at]);
    plan_->read_encoder(s, output.data() + first * E, count, {E, 0, 1});
  });
}

void predict(const Model& model, std::span<const float> tpsf, std::span<float> sfd) {
  ThreadScratch scratch;
  BatchExecutor(model).run(scratch, tpsf, sfd);
}
void predict(const IntegerModel& model, std::span<const float> tpsf, std::span<float> sfd) {
  ThreadScratch scratch;
  BatchExecutor(model).run(scratch, tpsf, sfd);
}

}  // namespace taugate
