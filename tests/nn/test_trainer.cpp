// Training: it learns, its bits depend neither on threads nor on interruptions, and it refuses what
// would silently change a run.

#include <barrier>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "fli/io_testing.h"
#include "nn/nn_testing.h"
#include "taugate/core/parallel.h"
#include "taugate/core/safetensors.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
namespace fs = std::filesystem;

namespace {

struct ThreadCount {
  int before = thread_count();
  explicit ThreadCount(int count) { set_thread_count(count); }
  ~ThreadCount() { set_thread_count(before); }
};

/// 24 batches of 40 = a slice of 32 and one of 8; a validation every fourth.
TrainingOptions small_run(Schedule::Kind kind = Schedule::Kind::cosine) {
  TrainingOptions options;
  options.samples = 24 * 40 - 7;  // rounded up to whole batches
  options.batch = 40;
  options.slice = 32;
  options.schedule.kind = kind;
  options.schedule.rate = 2e-2;
  options.schedule.warm_up = 0.1;
  options.validation_samples = 50;
  options.validations = 6;
  return options;
}

/// What a run leaves behind.
struct Result {
  TrainingEnd end{};
  std::uint64_t samples = 0;
  double validation_loss = 0.0;  // of the parameters at the end
  std::vector<float> parameters;
  std::vector<double> curve;

  Result(TrainingEnd e, const Trainer& trainer, const SmallNetwork& network)
      : end(e),
        samples(trainer.samples_done()),
        validation_loss(trainer.validate()),
        parameters(network.values()) {
    for (const TrainingPoint& p : trainer.history())
      curve.insert(curve.end(), {static_cast<double>(p.samples), p.training_loss, p.validation_loss,
                                 p.learning_rate, p.gradient_norm});
  }
  bool operator==(const Result&) const = default;
};

Result run_whole(const TrainingOptions& options) {
  const SmoothedNoise data;
  SmallNetwork network;
  Trainer trainer(network.parameters, least_squares(network), data, options);
  const TrainingEnd end = trainer.run();
  return {end, trainer, network};
}

/// The same run by a new process each time: another network, another trainer, only the file stays.
/// Each stops when `stride` more batches are done, on `threads(n)` threads the n-th time.
Result run_in_pieces(const TrainingOptions& options, std::uint64_t stride, const fs::path& file) {
  const SmoothedNoise data;
  for (int piece = 0;; ++piece) {
    const ThreadCount threads(1 + piece % 3);
    SmallNetwork network(100 + static_cast<std::uint64_t>(piece));
    if (piece == 0) network = SmallNetwork();
    Trainer trainer(network.parameters, least_squares(network), data, options);
    trainer.checkpoint = file;
    if (piece > 0) trainer.load_checkpoint(file);
    const std::uint64_t stop = trainer.samples_done() + stride * options.batch;
    const TrainingEnd end =
        trainer.run([stop](const Trainer& t) { return t.samples_done() < stop; });
    if (end != TrainingEnd::interrupted) return {end, trainer, network};
  }
}

/// Ranks that are threads, each with memory of its own that the others read between two barriers.
class ThreadRanks final : public Ranks {
 public:
  struct Meeting {
    explicit Meeting(int n) : barrier(n), shared(static_cast<std::size_t>(n)) {}
    std::barrier<> barrier;
    std::vector<const void*> shared;
  };
  ThreadRanks(Meeting& meeting, int rank) : meeting_(meeting), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(meeting_.shared.size()); }

  void exchange(float* blocks, std::size_t count, std::size_t size) override {
    const Share columns = share(size);
    read_others(blocks, [&](int other, const float* theirs) {
      const Share rows = share(count, other);
      for (std::size_t row = rows.begin; row < rows.end; ++row)
        std::copy_n(theirs + row * size + columns.begin, columns.size(),
                    blocks + row * size + columns.begin);
    });
  }
  void gather(float* values, std::size_t count) override { gather_shares(values, count); }
  void gather(double* values, std::size_t count) override { gather_shares(values, count); }
  bool any(bool here) override {
    bool result = here;
    read_others(&here, [&](int, const bool* theirs) { result = result || *theirs; });
    return result;
  }

 private:
  template <class T>
  void gather_shares(T* values, std::size_t count) {
    read_others(values, [&](int other, const T* theirs) {
      const Share part = share(count, other);
      std::copy_n(theirs + part.begin, part.size(), values + part.begin);
    });
  }
  template <class T, class Read>
  void read_others(const T* mine, Read read) {
    meeting_.shared[static_cast<std::size_t>(rank_)] = mine;
    meeting_.barrier.arrive_and_wait();
    for (int other = 0; other < size(); ++other)
      if (other != rank_)
        read(other, static_cast<const T*>(meeting_.shared[static_cast<std::size_t>(other)]));
    meeting_.barrier.arrive_and_wait();
  }

  Meeting& meeting_;
  int rank_;
};

/// The same run by so many ranks; what each of them has at the end. Only the last one is told to stop, after so many
/// batches (0: none is); the first one writes `file`, and all go on from it where there is one.
std::vector<Result> run_in_ranks(const TrainingOptions& options, int count, std::uint64_t stop = 0,
                                 const fs::path& file = {}) {
  ThreadRanks::Meeting meeting(count);
  std::vector<std::optional<Result>> results(static_cast<std::size_t>(count));
  std::vector<std::thread> threads;
  const bool resume = fs::exists(file);
  for (int rank = 0; rank < count; ++rank)
    threads.emplace_back([&, rank] {
      ThreadRanks ranks(meeting, rank);
      const SmoothedNoise data;
      SmallNetwork network;
      Trainer trainer(network.parameters, least_squares(network), data, options, ranks);
      trainer.checkpoint = file;
      if (resume) trainer.load_checkpoint(file);
      const bool told = stop > 0 && rank == count - 1;
      const TrainingEnd end = trainer.run([&](const Trainer& t) {
        return !told || t.samples_done() < stop * static_cast<std::uint64_t>(options.batch);
      });
      results[static_cast<std::size_t>(rank)].emplace(end, trainer, network);
    });
  for (std::thread& thread : threads) thread.join();
  std::vector<Result> all;
  for (std::optional<Result>& result : results) all.push_back(std::move(*result));
  return all;
}

}  // namespace

TEST_CASE("training learns") {
  const SmoothedNoise data;
  SmallNetwork network;
  TrainingOptions options = small_run();
  options.samples = 16'000;
  options.schedule.rate = 3e-2;
  Trainer trainer(network.parameters, least_squares(network), data, options);
  const double start = trainer.validate();
  CHECK(trainer.run() == TrainingEnd::finished);
  CHECK(trainer.history().size() == 6);
  CHECK(trainer.samples_done() == 16'000);
  // The parameters left behind are the best ones of the curve.
  double best = std::numeric_limits<double>::infinity();
  for (const auto& point : trainer.history()) best = std::min(best, point.validation_loss);
  CHECK(trainer.validate() == best);
  // The target's mean square is (2 - 1/T)/12 = 0.155.
  MESSAGE("validation loss " << start << " -> " << best);
  CHECK(start > 0.05);
  CHECK(best < start / 50.0);
}

TEST_CASE("a batch's loss is the mean squared error over all of its values") {
  const SmoothedNoise data;
  SmallNetwork network;
  TrainingOptions options = small_run();
  Trainer trainer(network.parameters, least_squares(network), data, options);

  const auto mean_error = [&](std::uint64_t first, int batch) {
    Arena arena;
    const auto x = arena.zero_sequence<float>(data.steps(), 1, batch);
    const auto target = arena.zero_sequence<float>(data.steps(), 1, batch);
    data.fill(first, x, target);
    Tape<float> tape(arena, network.parameters.bind());
    const Var<float> y = network(tape, tape.input(x));
    double sum = 0.0;
    for (int t = 0; t < data.steps(); ++t)
      for (int b = 0; b < batch; ++b)
        sum += std::pow(double{y.value.at(t, 0, b)} - target.at(t, 0, b), 2);
    return sum / (data.steps() * batch);
  };
  CHECK(close(trainer.validate(), mean_error(Trainer::kValidationStart, 50), 0.0, 1e-5));
  const double first = mean_error(0, 40);
  CHECK(close(trainer.step(), first, 0.0, 1e-5));
  const double second = mean_error(40, 40);  // fresh traces, and the parameters have moved
  CHECK(close(trainer.step(), second, 0.0, 1e-5));
  CHECK(trainer.samples_done() == 80);
}

TEST_CASE("the cut into slices changes nothing but rounding") {
  TrainingOptions whole = small_run(), cut = small_run();
  whole.slice = 48;
  cut.slice = 16;
  const auto a = run_whole(whole).parameters, b = run_whole(cut).parameters;
  double worst = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(double{a[i]} - b[i]));
  CHECK(worst < 1e-3);  // Adam magnifies the rounding of gradients near zero
}

TEST_CASE("the same bits whatever the number of threads") {
  for (const auto& [traces, slice] : {std::pair{40, 32}, {100, 16}, {64, 16}, {5, 16}, {560, 16}}) {
    const int batch = traces;
    CAPTURE(batch);
    TrainingOptions options = small_run();
    options.batch = batch;
    options.slice = slice;
    options.samples = static_cast<std::uint64_t>(6 * batch);
    options.validations = 3;
    const auto run_on = [&](int count) {
      const ThreadCount threads(count);
      return run_whole(options);
    };
    const Result one = run_on(1);
    CHECK(one.parameters != SmallNetwork().values());
    CHECK(run_on(2) == one);
    CHECK(run_on(3) == one);
  }
}

TEST_CASE("a resumed run ends with the bits of one that was never stopped") {
  const Folder folder;
  const fs::path file = folder.path / "run.checkpoint";
  for (auto kind : {Schedule::Kind::constant, Schedule::Kind::cosine, Schedule::Kind::plateau}) {
    CAPTURE(name_of(kind));
    TrainingOptions options = small_run(kind);
    // A coarse rate, so that validations get worse too and the plateau schedule has work.
    if (kind == Schedule::Kind::plateau) {
      options.schedule.rate = 0.3;
      options.validations = 12;
    }
    const Result whole = run_whole(options);
    CHECK(whole.end == TrainingEnd::finished);
    CHECK(whole.samples == 24 * 40);
    if (kind == Schedule::Kind::plateau)  // the last rate is below the first: it was halved
      CHECK(whole.curve[whole.curve.size() - 2] < whole.curve[3]);
    for (std::uint64_t stride : {1, 4, 7}) {
      CAPTURE(stride);
      CHECK(run_in_pieces(options, stride, file) == whole);
    }
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("a resumed run stops early where the whole one did") {
  const Folder folder;
  TrainingOptions options = small_run(Schedule::Kind::constant);
  options.schedule.rate = 0.3;
  options.samples = 100 * 40;
  options.validations = 50;
  options.patience = 4;
  const Result whole = run_whole(options);
  REQUIRE(whole.end == TrainingEnd::stopped_early);
  CHECK(whole.samples < 100 * 40);
  // It ends with the parameters of its best validation, which was not the last.
  const std::size_t last = whole.curve.size() - 5;
  for (std::size_t i = 0; i <= last; i += 5) CHECK(whole.validation_loss <= whole.curve[i + 2]);
  CHECK(whole.validation_loss == whole.curve[last - 4 * 5 + 2]);
  for (std::uint64_t stride : {1, 5})
    CHECK(run_in_pieces(options, stride, folder.path / "run.checkpoint") == whole);
}

TEST_CASE("a run that is stopped while it validates owes that validation, and ends the same") {
  const Folder folder;
  const fs::path file = folder.path / "run.checkpoint";
  TrainingOptions options = small_run();
  options.validation_samples = 150 * 32;  // two looks on the way
  const Result whole = run_whole(options);
  const SmoothedNoise data;
  int inside = 0;
  for (int piece = 0; piece < 100; ++piece) {
    SmallNetwork network(100 + static_cast<std::uint64_t>(piece));
    if (piece == 0) network = SmallNetwork();
    Trainer trainer(network.parameters, least_squares(network), data, options);
    trainer.checkpoint = file;
    if (piece > 0) trainer.load_checkpoint(file);
    int looks = 0;
    const TrainingEnd end = trainer.run([&](const Trainer&) { return ++looks < 2 + piece % 4; });
    const std::uint64_t steps = trainer.samples_done() / options.batch;
    inside += trainer.history().size() < steps * 6 / 24;
    if (end == TrainingEnd::interrupted) continue;
    CHECK(Result(end, trainer, network) == whole);
    CHECK(inside > 0);
    return;
  }
  FAIL("it never ended");
}

TEST_CASE("a checkpoint that does not belong to the run is refused and changes nothing") {
  const Folder folder;
  const fs::path file = folder.path / "run.checkpoint";
  const SmoothedNoise data;
  const TrainingOptions options = small_run();
  {
    SmallNetwork network;
    Trainer trainer(network.parameters, least_squares(network), data, options);
    for (int i = 0; i < 3; ++i) trainer.step();
    trainer.save_checkpoint(file);
  }
  const std::string good = read_file(file);

  SmallNetwork network(2);
  const std::vector<float> before = network.values();
  const auto message = [&](const TrainingOptions& o) {
    Trainer trainer(network.parameters, least_squares(network), data, o);
    const std::string text = error_of([&] { trainer.load_checkpoint(file); });
    if (!text.empty()) {
      CHECK(network.values() == before);
      CHECK(trainer.samples_done() == 0);
      CHECK(trainer.history().empty());
    }
    return text;
  };

  std::vector<TrainingOptions> others(9, options);
  others[0].samples += 1;
  others[1].batch = 41;
  others[2].slice = 16;
  others[3].adam.clip_norm = 0.5;
  others[4].schedule.kind = Schedule::Kind::plateau;
  others[5].schedule.rate *= 1.0000001;
  others[6].validation_samples += 1;
  others[7].validations += 1;
  others[8].patience = 3;
  for (std::size_t i = 0; i < others.size(); ++i) {
    CAPTURE(i);
    const std::string text = message(others[i]);
    CHECK(contains(text, "run.checkpoint"));
    CHECK(contains(text, "other options"));
  }
  {
    SmallNetwork wider(1, 7);
    Trainer trainer(wider.parameters, least_squares(wider), data, options);
    CHECK_THROWS_AS(trainer.load_checkpoint(file), Error);
  }

  for (std::size_t length = 0; length < good.size(); length += 13) {
    overwrite(file, good.substr(0, length));
    CHECK(contains(message(options), "run.checkpoint"));
  }

  for (std::size_t back = 1; back < 4 * network.parameters.size(); back += 7) {
    std::string flipped = good;
    flipped[good.size() - back] = static_cast<char>(flipped[good.size() - back] ^ 4);
    overwrite(file, flipped);
    CHECK(contains(message(options), "is damaged"));
  }

  const auto damaged = [&](auto damage) {
    overwrite(file, good);
    Safetensors content = read_safetensors(file);
    damage(content);
    write_safetensors(file, content);
    return message(options);
  };
  constexpr const char* kEntry = "taugate.checkpoint";
  using nlohmann::json;
  CHECK(contains(damaged([](Safetensors& c) { c.metadata.clear(); }), "not a checkpoint"));
  CHECK(contains(damaged([](Safetensors& c) { c.metadata[kEntry] = "{"; }), "damaged"));
  CHECK(contains(damaged([](Safetensors& c) { c.metadata[kEntry] = "[]"; }), "damaged"));
  for (const char* key : {"options", "steps", "halvings", "stale", "best_loss", "loss_since_point",
                          "steps_since_point", "history"}) {
    CAPTURE(key);
    CHECK(contains(damaged([key](Safetensors& c) {
                     json entry = json::parse(c.metadata[kEntry]);
                     entry.erase(key);
                     c.metadata[kEntry] = entry.dump();
                   }),
                   "damaged"));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(contains(
        damaged([i](Safetensors& c) { c.tensors.erase(c.tensors.begin() + static_cast<long>(i)); }),
        "missing"));
    CHECK(contains(damaged([i](Safetensors& c) {
                     c.tensors[i].bytes.resize(8);
                     c.tensors[i].shape = {2};
                   }),
                   "another size"));
  }
  overwrite(file, good);
  CHECK(message(options).empty());  // the undamaged one, at last
}

TEST_CASE("run() writes its checkpoint where it was told, and an unwritable one is an Error") {
  const Folder folder;
  const SmoothedNoise data;
  SmallNetwork network;
  Trainer trainer(network.parameters, least_squares(network), data, small_run());
  trainer.checkpoint = folder.path / "missing" / "run.checkpoint";
  CHECK(contains(error_of([&] { trainer.run(); }), "cannot be written"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("a loss that is no number any more is an Error, not a model") {
  /// NaN from trace `bad` on; validation's indices are far above.
  struct Broken : SmoothedNoise {
    std::uint64_t from, to;
    Broken(std::uint64_t f, std::uint64_t t) : from(f), to(t) {}
    void fill(std::uint64_t first, Sequence<float> input, Sequence<float> target) const override {
      SmoothedNoise::fill(first, input, target);
      for (int b = 0; b < target.batch; ++b)
        if (first + b >= from && first + b < to)
          target.at(3, 0, b) = std::numeric_limits<float>::quiet_NaN();
    }
  };
  SmallNetwork network;
  const Broken training(2 * 40 + 39, Trainer::kValidationStart);
  Trainer trainer(network.parameters, least_squares(network), training, small_run());
  trainer.step();
  trainer.step();
  const auto before = network.values();
  CHECK(contains(error_of([&] { trainer.step(); }), "not finite after 80 traces"));
  CHECK(network.values() == before);

  const Broken validation(Trainer::kValidationStart, UINT64_MAX);
  Trainer second(network.parameters, least_squares(network), validation, small_run());
  CHECK(contains(error_of([&] { second.run(); }), "validation loss is not finite"));
}

TEST_CASE("a batch falls into slices of 16, and these into groups: 32, or more of four slices") {
  const SmoothedNoise data;
  SmallNetwork network;
  for (const auto& [batch, items] :
       {std::pair{1, 1}, {64, 4}, {65, 5}, {1024, 32}, {4096, 64}, {32768, 256}}) {
    TrainingOptions options;
    options.batch = batch;
    CHECK(Trainer(network.parameters, least_squares(network), data, options).work_items() == items);
  }
}

TEST_CASE("a run that was lost after its best validation is told from one that was not") {
  const auto history = [](std::initializer_list<double> losses) {
    std::vector<TrainingPoint> points;
    for (const double loss : losses) {
      points.push_back({});
      points.back().samples = 10 * points.size();
      points.back().validation_loss = loss;
    }
    return points;
  };
  CHECK_FALSE(lost_after({}));
  CHECK_FALSE(lost_after(history({0.5})));
  CHECK_FALSE(lost_after(history({8.0, 2.0, 9.0, 8.0})));   // four times as much, not more
  CHECK_FALSE(lost_after(history({8.0, 2.0, 90.0, 3.0})));  // came back
  const auto lost = lost_after(history({8.0, 2.0, 90.0, 8.1}));
  REQUIRE(lost);
  CHECK(lost->samples == 20);
  CHECK(lost->validation_loss == 2.0);
}

TEST_CASE("senseless options are refused") {
  const auto refused = [](auto change) {
    TrainingOptions options;
    change(options);
    CHECK_THROWS_AS(options.validate(), UsageError);
  };
  CHECK_NOTHROW(TrainingOptions{}.validate());
  refused([](TrainingOptions& o) { o.batch = 0; });
  refused([](TrainingOptions& o) { o.slice = 24; });
  refused([](TrainingOptions& o) { o.slice = 0; });
  refused([](TrainingOptions& o) { o.samples = 0; });
  refused([](TrainingOptions& o) { o.validation_samples = 0; });
  refused([](TrainingOptions& o) { o.validations = 0; });
  refused([](TrainingOptions& o) { o.patience = -1; });
  refused([](TrainingOptions& o) { o.schedule.rate = 0.0; });
  refused([](TrainingOptions& o) { o.schedule.rate = std::nan(""); });
  refused([](TrainingOptions& o) { o.schedule.warm_up = 1.0; });
  refused([](TrainingOptions& o) { o.adam.clip_norm = -1.0; });
}

TEST_CASE("a run has the same bits in any number of ranks") {
  for (const int slice : {16, 32}) {  // three slices a batch, or two: fewer than some have ranks
    TrainingOptions options = small_run();
    options.slice = slice;
    options.validation_samples = 16 * 200;  // several looks at the observer
    const Result alone = run_whole(options);
    for (const int count : {1, 2, 3, 4, 7}) {
      CAPTURE(count);
      for (const Result& result : run_in_ranks(options, count)) CHECK(result == alone);
    }
  }
}

TEST_CASE("ranks that one of them stops go on in another number") {
  const Folder folder;
  const fs::path file = folder.path / "run.checkpoint";
  const TrainingOptions options = small_run();
  const Result alone = run_whole(options);
  for (const Result& stopped : run_in_ranks(options, 3, 7, file)) {
    CHECK(stopped.end == TrainingEnd::interrupted);
    CHECK(stopped.samples == 7 * 40);
  }
  for (const Result& stopped : run_in_ranks(options, 2, 15, file))
    CHECK(stopped.samples == 15 * 40);
  for (const Result& result : run_in_ranks(options, 4, 0, file)) CHECK(result == alone);
}
