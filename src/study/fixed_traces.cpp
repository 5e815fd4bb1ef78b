#include "study/fixed_traces.h"

#include <Eigen/Core>
#include <algorithm>
#include <bit>

#include "core/hash.h"
#include "taugate/core/file.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

constexpr std::uint64_t kWhole = 64;                  // batches never wrap round within a slice
constexpr std::size_t kBlock = 8192;                  // traces held at a time
constexpr std::uint64_t kTruthNoise = 0x7472757468u;  // apart from the traces' own noise

std::uint16_t to_half(float x) {
  return Eigen::numext::bit_cast<std::uint16_t>(static_cast<Eigen::half>(x));
}
float from_half(std::uint16_t bits) {
  return static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(bits));
}

void check(const FixedSet& set) {
  require(set.traces > 0 && set.traces % kWhole == 0 && set.first % kWhole == 0,
          "fixed set: found ", set.traces, " traces, beginning at ", set.first,
          ", wanted multiples of ", kWhole);
}

}  // namespace

std::optional<TeacherOutputs> TeacherOutputs::of(
    const TrainedModel& teacher, const SimulatorConfig& simulator, const FixedSet& set,
    const std::filesystem::path& folder, const std::function<bool(std::uint64_t)>& keep_going) {
  check(set);
  const SimulatedTraces traces(simulator, teacher.normalisation, set.seed);
  const auto T = static_cast<std::size_t>(traces.steps());
  const auto C = static_cast<std::size_t>(traces.outputs());
  TeacherOutputs outputs;
  outputs.values_ = T * C;
  outputs.halfs_.resize(set.traces * outputs.values_);
  const std::uint64_t key =
      fnv1a(concat(teacher.network.parameters().hash(), ' ', traces.identity(), ' ', set.traces));
  const std::filesystem::path file = folder / concat("teacher-", key, ".f16");
  const std::size_t bytes = outputs.halfs_.size() * sizeof(std::uint16_t);
  if (std::filesystem::exists(file)) {
    const std::string content = read_file(file);
    require(content.size() == bytes, file.string(), ": found ", content.size(), " bytes, wanted ",
            bytes, "; remove it and it is made again");
    std::copy(content.begin(), content.end(), reinterpret_cast<char*>(outputs.halfs_.data()));
    return outputs;
  }
  const std::unique_ptr<Executor> executor = teacher.executor();
  ThreadScratch scratch;
  std::vector<float> input(kBlock * T), sfd(kBlock * T * C);
  for (std::uint64_t first = 0; first < set.traces; first += kBlock) {
    if (!keep_going(first)) return {};
    const std::size_t count = std::min<std::uint64_t>(kBlock, set.traces - first);
    parallel_for(count / kWhole, [&](std::size_t part, int) {
      traces.rows(first + part * kWhole, kWhole, input.data() + part * kWhole * T);
    });
    executor->run(scratch, std::span(input).first(count * T), std::span(sfd).first(count * T * C));
    std::transform(sfd.begin(), sfd.begin() + static_cast<std::ptrdiff_t>(count * T * C),
                   outputs.halfs_.begin() + static_cast<std::ptrdiff_t>(first * T * C), to_half);
  }
  write_file(file, std::string_view(reinterpret_cast<const char*>(outputs.halfs_.data()), bytes));
  return outputs;
}

void TeacherOutputs::blend_into(Sequence<float> target, int lane, std::uint64_t trace,
                                float share) const {
  const std::uint16_t* half = halfs_.data() + trace * values_;
  for (int t = 0; t < target.steps; ++t)
    for (int c = 0; c < target.features; ++c) {
      float& value = target.at(t, c, lane);
      value = share * from_half(*half++) + (1.0f - share) * value;
    }
}

FixedTraces::FixedTraces(const SimulatorConfig& simulator, const Normalisation& normalisation,
                         const FixedSet& set, const TeacherOutputs* teacher, double alpha)
    : traces_(simulator, normalisation, set.seed),
      set_(set),
      teacher_(teacher),
      alpha_(static_cast<float>(alpha)) {
  check(set);
  require(!teacher || teacher->traces() == set.traces, "fixed set: found ",
          teacher ? teacher->traces() : 0, " outputs of the teacher, wanted ", set.traces);
}

std::string FixedTraces::identity() const {
  return concat(traces_.identity(), ", ", set_.traces, " from ", set_.first, ", noise ",
                set_.truth_counts);
}

void FixedTraces::fill(std::uint64_t first, Sequence<float> input, Sequence<float> target) const {
  if (first >= Trainer::kValidationStart) return traces_.fill(first, input, target);
  const std::uint64_t trace = (set_.first + first) % set_.traces;
  traces_.fill(trace, input, target);
  for (int lane = 0; lane < input.batch; ++lane) {
    const std::uint64_t its = trace + static_cast<std::uint64_t>(lane);
    if (set_.truth_counts > 0.0) add_noise(its, lane, target);
    if (teacher_) teacher_->blend_into(target, lane, its, alpha_);
  }
}

void FixedTraces::add_noise(std::uint64_t trace, int lane, Sequence<float> target) const {
  Random random(set_.seed ^ kTruthNoise, trace);
  for (int t = 0; t < target.steps; ++t)
    for (int c = 0; c < target.features; ++c) {
      float& value = target.at(t, c, lane);
      value = static_cast<float>(
          static_cast<double>(random.poisson(std::max(0.0f, value) * set_.truth_counts)) /
          set_.truth_counts);
    }
}

}  // namespace taugate
