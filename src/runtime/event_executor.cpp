#include "taugate/runtime/event_executor.h"

#include <algorithm>
#include <limits>

#include "runtime/integer_plan.h"
#include "runtime/plan.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

constexpr int kSteps = 32;  // that run at once: activations stay in the first cache

/// The same layers, for pieces of a sequence, read out after the last step.
Network in_pieces(Network network) {
  network.gates = kSteps;
  network.head.at = HeadSpec::At::last_step;
  return network;
}

std::unique_ptr<Plan> plan_of(const Model& model) {
  Model pieces(in_pieces(model.description()));
  pieces.parameters().take_from(model.parameters());
  return make_float_plan(pieces);
}
std::unique_ptr<Plan> plan_of(IntegerModel model) {
  model.description = in_pieces(std::move(model.description));
  return make_integer_plan(model, true);
}

}  // namespace

EventExecutor::EventExecutor(std::unique_ptr<Plan> plan, std::size_t sequences)
    : plan_(std::move(plan)), events_(sequences), count_(sequences), start_(sequences) {
  const Network& network = plan_->network();
  require(sequences >= 1 && sequences <= std::numeric_limits<std::uint32_t>::max(),
          "[event executor] found ", sequences, " sequences, wanted 1 to 2^32 - 1");
  require(network.encoder_layers() == network.layers.size(),
          "[event executor] found a network with a decoder, wanted an encoder alone");
  for (const GruSpec& layer : network.layers)
    require(layer.starts_from < 0, "[event executor] layer '", layer.name,
            "': found one that waits for another's final state");
  bytes_ = plan_->saved_bytes() / plan_->lanes();
  states_.resize(sequences * bytes_);
  reset();
}
EventExecutor::EventExecutor(const Model& model, std::size_t sequences)
    : EventExecutor(plan_of(model), sequences) {}
EventExecutor::EventExecutor(const IntegerModel& model, std::size_t sequences)
    : EventExecutor(plan_of(model), sequences) {}
EventExecutor::~EventExecutor() = default;
EventExecutor::EventExecutor(EventExecutor&&) noexcept = default;

int EventExecutor::outputs() const { return plan_->network().outputs(); }

void EventExecutor::reset() {
  std::fill(events_.begin(), events_.end(), 0);
  const std::unique_ptr<Scratch> scratch = plan_->make_scratch();
  plan_->clear(*scratch);
  plan_->save_lane(*scratch, 0, states_.data());
  for (std::size_t i = 1; i < events_.size(); ++i)
    std::copy_n(states_.data(), bytes_, states_.data() + i * bytes_);
}

/// Neighbours in active_ have about as many events, so that few lanes wait for others.
void EventExecutor::sort(std::span<const std::uint32_t> sequence) {
  for (const std::uint32_t s : active_) count_[s] = 0;  // of the call before
  active_.clear();
  for (const std::uint32_t s : sequence)
    if (count_[s]++ == 0) active_.push_back(s);
  std::sort(active_.begin(), active_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return count_[a] != count_[b] ? count_[a] > count_[b] : a < b;
  });
  std::uint32_t start = 0;
  for (const std::uint32_t s : active_) start_[s] = std::exchange(start, start + count_[s]);
  order_.resize(sequence.size());
  for (std::size_t e = 0; e < sequence.size(); ++e)
    order_[start_[sequence[e]]++] = static_cast<std::uint32_t>(e);
  for (const std::uint32_t s : active_) start_[s] -= count_[s];
}

/// The sequences active_[first], .. side by side, until the longest has ended.
void EventExecutor::run_block(Scratch& scratch, std::size_t first, std::span<const float> input) {
  const std::size_t lanes = plan_->lanes(), count = std::min(lanes, active_.size() - first);
  const auto F = static_cast<std::size_t>(plan_->network().features);
  const auto sequence = [&](std::size_t lane) { return active_[first + lane]; };
  scratch.lanes = lanes;
  plan_->clear(scratch);
  for (std::size_t lane = 0; lane < count; ++lane)
    plan_->restore_lane(scratch, lane, &states_[sequence(lane) * bytes_]);
  float* x = plan_->input(scratch);
  std::fill_n(x, kSteps * F * lanes, 0.0f);
  std::size_t running = count;  // lanes [0, running) have not ended
  for (std::size_t t = 0; running > 0;) {
    const std::size_t end = std::min<std::size_t>(count_[sequence(running - 1)], t + kSteps);
    for (std::size_t lane = 0; lane < running; ++lane) {
      const std::uint32_t* events = &order_[start_[sequence(lane)]];
      for (std::size_t k = t; k < end; ++k)
        for (std::size_t f = 0; f < F; ++f)
          x[((k - t) * F + f) * lanes + lane] = input[events[k] * F + f];
    }
    require(plan_->run(scratch, 0, plan_->network().layers.size(), static_cast<int>(end - t), true),
            "[event executor] found an input that is not a number");
    t = end;
    for (; running > 0 && count_[sequence(running - 1)] == t; --running)
      plan_->save_lane(scratch, running - 1, &states_[sequence(running - 1) * bytes_]);
  }
}

void EventExecutor::push(ThreadScratch& scratch, std::span<const std::uint32_t> sequence,
                         std::span<const float> input) {
  const auto F = static_cast<std::size_t>(plan_->network().features);
  require(input.size() == sequence.size() * F &&
              sequence.size() <= std::numeric_limits<std::uint32_t>::max(),
          "[event executor] found ", sequence.size(), " events and ", input.size(),
          " inputs, wanted ", F, " for each event and fewer than 2^32");
  for (const std::uint32_t s : sequence)
    require(s < sequences(), "[event executor] found an event of sequence ", s, ", wanted 0 to ",
            sequences() - 1);
  sort(sequence);
  scratch.reserve(*plan_);
  parallel_for((active_.size() + plan_->lanes() - 1) / plan_->lanes(),
               [&](std::size_t block, int thread) {
                 run_block(scratch[thread], block * plan_->lanes(), input);
               });
  for (const std::uint32_t s : active_) events_[s] += count_[s];
}

void EventExecutor::read(ThreadScratch& scratch, std::size_t first, std::span<float> output) const {
  const auto C = static_cast<std::size_t>(outputs());
  const std::size_t count = output.size() / C, lanes = plan_->lanes();
  require(output.size() == count * C && first + count <= sequences(),
          "[event executor] found room for ", output.size(), " outputs from sequence ", first,
          " on, wanted ", C, " for each of at most ", sequences(), " sequences");
  scratch.reserve(*plan_);
  parallel_for((count + lanes - 1) / lanes, [&](std::size_t block, int thread) {
    Scratch& s = scratch[thread];
    s.lanes = lanes;
    plan_->clear(s);
    const std::size_t begin = block * lanes, n = std::min(lanes, count - begin);
    for (std::size_t lane = 0; lane < n; ++lane)
      plan_->restore_lane(s, lane, &states_[(first + begin + lane) * bytes_]);
    plan_->read_out(s, &output[begin * C], n, {C, C, 1});
  });
}

}  // namespace taugate
