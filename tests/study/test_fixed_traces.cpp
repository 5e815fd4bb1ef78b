// A fixed set is the same traces again and again; what a teacher makes of it is kept, and teaches
// as the teacher itself would.

#include "study/fixed_traces.h"

#include <cmath>
#include <fstream>

#include "study/recipe.h"
#include "taugate/core/file.h"
#include "temporary_folder.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
namespace fs = std::filesystem;

namespace {

TrainedModel small_teacher() {
  Recipe r;
  r.simulator = simulator_preset("ss2-70");
  r.network = {.gates = 70, .outputs = 1, .hidden = {5, 4}};
  r.training.samples = 256;
  r.training.validation_samples = 16;
  r.training.validations = 1;
  TrainingRun run(r);
  run.trainer().run();
  return run.master();
}

struct Batch {
  Random rng{1, 1};
  OwnedSequence<float> input, target;
  Batch() : input(70, 1, 16, rng), target(70, 1, 16, rng) {}
  Batch(const TrainingData& data, std::uint64_t first) : Batch() {
    data.fill(first, input.view, target.view);
  }
  float in(int t, int b) { return input.view.at(t, 0, b); }
  float out(int t, int b) { return target.view.at(t, 0, b); }
};

bool always(std::uint64_t) { return true; }

}  // namespace

TEST_CASE("training begins where it is told, goes round, and validates on other traces") {
  const SimulatorConfig prior = simulator_preset("ss2-70");
  const SimulatedTraces fresh(prior, {}, 9);
  const FixedTraces fixed(prior, {}, {.seed = 9, .traces = 128, .first = 64}, nullptr, 0.0);
  const auto same = [](Batch a, Batch b) {
    for (int t = 0; t < 70; ++t)
      for (int lane = 0; lane < 16; ++lane)
        if (a.in(t, lane) != b.in(t, lane) || a.out(t, lane) != b.out(t, lane)) return false;
    return true;
  };
  CHECK(same({fixed, 0}, {fresh, 64}));
  CHECK(same({fixed, 48}, {fresh, 112}));
  CHECK(same({fixed, 64}, {fresh, 0}));
  CHECK(same({fixed, 128 + 16}, {fresh, 80}));
  CHECK_FALSE(same({fixed, 0}, {fresh, 0}));
  const std::uint64_t validation = Trainer::kValidationStart + 32;
  CHECK(same({fixed, validation}, {fresh, validation}));
  CHECK(fixed.identity() !=
        FixedTraces(prior, {}, {.seed = 9, .traces = 128}, nullptr, 0.0).identity());
  CHECK_THROWS_WITH_AS(FixedTraces(prior, {}, {.traces = 100}, nullptr, 0.0),
                       doctest::Contains("found 100 traces"), Error);
}

TEST_CASE("a noisy truth has the truth's mean and a Poisson deviation, the same each time") {
  const SimulatorConfig prior = simulator_preset("ss2-70");
  const FixedSet set{.seed = 3, .traces = 6400, .truth_counts = 50.0};
  const FixedTraces noisy(prior, {}, set, nullptr, 0.0);
  const SimulatedTraces exact(prior, {}, 3);
  CHECK(Batch(noisy, 0).out(5, 2) == Batch(noisy, 6400).out(5, 2));
  double sum = 0.0, squares = 0.0;
  int n = 0;
  for (std::uint64_t first = 0; first < 6400; first += 16) {
    Batch a(noisy, first), b(exact, first);
    for (int lane = 0; lane < 16; ++lane, ++n) {
      const double expected = b.out(10, lane);
      const double z = (a.out(10, lane) - expected) / std::sqrt(expected / 50.0);
      sum += z;
      squares += z * z;
    }
  }
  CHECK(std::abs(sum / n) < 4.0 / std::sqrt(n));
  CHECK(std::abs(squares / n - 1.0) < 6.0 / std::sqrt(n));
}

TEST_CASE("the teacher's outputs are its SFDs, kept in a file, made once, refused if damaged") {
  TemporaryFolder folder;
  const TrainedModel teacher = small_teacher();
  const FixedSet set{.seed = 4, .traces = 8192 + 64};
  const auto of = [&](const FixedSet& s) {
    return TeacherOutputs::of(teacher, teacher.simulator, s, folder.path, always);
  };
  CHECK_FALSE(TeacherOutputs::of(teacher, teacher.simulator, set, folder.path,
                                 [](std::uint64_t) { return false; }));
  CHECK(fs::is_empty(folder.path));
  const auto made = of(set);
  REQUIRE(made);
  CHECK(made->traces() == set.traces);
  const fs::path file = fs::directory_iterator(folder.path)->path();
  CHECK(fs::file_size(file) == set.traces * 70 * 2);

  const FixedTraces all(teacher.simulator, {}, set, &*made, 1.0);
  const SimulatedTraces truth(teacher.simulator, {}, set.seed);
  std::vector<float> input(70), sfd(70);
  const auto executor = teacher.executor();
  ThreadScratch scratch;
  for (const std::uint64_t trace : {0, 17, 8191, 8192, 8255}) {
    truth.rows(trace, 1, input.data());
    executor->run(scratch, input, sfd);
    Batch taught(all, trace / 16 * 16);
    for (int t = 0; t < 70; ++t)
      CHECK(close(taught.out(t, static_cast<int>(trace % 16)), sfd[t], 1e-6, 5e-4));
  }
  const auto time = fs::last_write_time(file);
  const auto read = of(set);
  REQUIRE(read);
  CHECK(fs::last_write_time(file) == time);
  const FixedTraces again(teacher.simulator, {}, set, &*read, 1.0);
  CHECK(Batch(again, 64).out(30, 3) == Batch(all, 64).out(30, 3));
  REQUIRE(of({.seed = 5, .traces = 64}));
  CHECK(fs::last_write_time(file) == time);
  fs::resize_file(file, 100);
  CHECK_THROWS_WITH_AS((void)of(set), doctest::Contains("found 100 bytes"), Error);
}

TEST_CASE("a student learns from the kept outputs as from the teacher") {
  TemporaryFolder folder;
  const TrainedModel teacher = small_teacher();
  Recipe r;
  r.simulator = teacher.simulator;
  r.network = {.gates = 70, .outputs = 1, .hidden = {3}};
  r.training.samples = 640;
  r.training.validation_samples = 32;
  r.training.validations = 1;
  r.distill = DistillOptions{.alpha = 0.7};
  TrainingRun live(r, &teacher);
  live.trainer().run();
  // The same traces, from the set that holds them all.
  Recipe kept = r;
  kept.fixed = FixedSet{.seed = r.seed ^ 0x7261696eu, .traces = 640};
  CHECK_THROWS_WITH_AS(TrainingRun(kept, &teacher), doctest::Contains("no outputs"), Error);
  const auto outputs =
      TeacherOutputs::of(teacher, teacher.simulator, *kept.fixed, folder.path, always);
  REQUIRE(outputs);
  TrainingRun from_file(kept, &teacher, nullptr, &*outputs);
  from_file.trainer().run();
  const Parameters &a = live.network().parameters(), &b = from_file.network().parameters();
  REQUIRE(a.size() == b.size());
  const TrainedModel one = live.master(), other = from_file.master();
  double most = 0.0, moved = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = one.network.parameters().data()[i], y = other.network.parameters().data()[i];
    most = std::max(most, std::abs(x - y));
    moved = std::max(moved, std::abs(x - a.data()[i]));
  }
  // Ten steps of Adam: halves and floats differ in the last bits that they keep.
  CHECK(moved > 1e-2);
  CHECK(most < 0.02 * moved);
  kept.distill->beta = 0.1;
  CHECK_THROWS_WITH_AS(TrainingRun(kept, &teacher, nullptr, &*outputs),
                       doctest::Contains("hidden features"), Error);
}
