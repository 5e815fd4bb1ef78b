// The fingerprint tells apart any two recipes that differ in a field, and what rests on it does, too.

#include "study/fingerprint.h"

#include <cmath>
#include <filesystem>
#include <functional>
#include <set>

#include "study/experiment_run.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
namespace fs = std::filesystem;

namespace {

Recipe full_recipe() {
  Recipe r;
  r.simulator = simulator_preset("ss2-70");
  r.network = {.gates = 70, .outputs = 1, .hidden = {3}};
  r.training.samples = 128;
  r.training.validation_samples = 16;
  r.training.validations = 2;
  r.integers = QatOptions{};
  r.distill = DistillOptions{};
  r.fixed = FixedSet{.traces = 128};
  return r;
}

using Change = std::function<void(Recipe&)>;

/// One for each field of a recipe and of what is in it. (Those of the simulator and of the
/// normalisation are to_json()'s, tested with them.)
std::vector<Change> changes() {
  std::vector<Change> all{
      [](Recipe& r) { r.network.gates = 71; },
      [](Recipe& r) { r.network.outputs = 3; },
      [](Recipe& r) {
        r.network.hidden = {3, 3};
      },
      [](Recipe& r) { r.network.form = GruForm::reset_before; },
      [](Recipe& r) { r.network.activation = Activation::hard; },
      [](Recipe& r) { r.simulator.peak_counts.high *= 2.0; },
      [](Recipe& r) { r.normalisation.baseline_gates = 2; },
      [](Recipe& r) { r.first_gate_ns = 0.1; },
      [](Recipe& r) { r.training.samples += 1; },
      [](Recipe& r) { r.training.batch += 1; },
      [](Recipe& r) { r.training.slice += 16; },
      [](Recipe& r) { r.training.adam.beta1 = 0.8; },
      [](Recipe& r) { r.training.adam.beta2 = 0.99; },
      [](Recipe& r) { r.training.adam.epsilon = 1e-7; },
      [](Recipe& r) { r.training.adam.clip_norm = 0.1; },
      [](Recipe& r) { r.training.schedule.kind = Schedule::Kind::plateau; },
      [](Recipe& r) { r.training.schedule.rate *= 1.0 + 1e-15; },
      [](Recipe& r) { r.training.schedule.warm_up = 0.03; },
      [](Recipe& r) { r.training.schedule.floor = 0.02; },
      [](Recipe& r) { r.training.validation_samples += 1; },
      [](Recipe& r) { r.training.validations += 1; },
      [](Recipe& r) { r.training.patience = 3; },
      [](Recipe& r) { r.training.objective = "another"; },
      [](Recipe& r) { r.seed += 1; },
      [](Recipe& r) { r.integers.reset(); },
      [](Recipe& r) { r.integers->learned_scales = true; },
      [](Recipe& r) { r.integers->quantize.scale = WeightScale::paper; },
      [](Recipe& r) { r.integers->quantize.per_row = false; },
      [](Recipe& r) { r.integers->quantize.powers_of_two = true; },
      [](Recipe& r) { r.integers->quantize.multiplier_bits = 9; },
      [](Recipe& r) { r.distill.reset(); },
      [](Recipe& r) { r.distill->alpha = 0.61; },
      [](Recipe& r) { r.distill->beta = 0.1; },
      [](Recipe& r) { r.loss = Loss::mixed; },
      [](Recipe& r) { r.fixed->seed = 2; },
      [](Recipe& r) { r.fixed->traces += 64; },
      [](Recipe& r) { r.fixed->first += 64; },
      [](Recipe& r) { r.fixed->truth_counts = 100.0; },
      [](Recipe& r) { r.fixed.reset(); },
      [](Recipe& r) { r.lifetime_beta = 0.5; },
  };
  for (int Widths::*width :
       {&Widths::weight_bits, &Widths::operand_frac_bits, &Widths::input_extra,
        &Widths::accumulator_bits, &Widths::preact_bits, &Widths::gate_preact_frac_bits,
        &Widths::candidate_preact_frac_bits, &Widths::gate_frac_bits, &Widths::candidate_frac_bits,
        &Widths::product_frac_bits, &Widths::state_frac_bits, &Widths::residual_bits,
        &Widths::output_bits, &Widths::output_frac_bits})
    all.emplace_back([width](Recipe& r) { r.integers->quantize.widths.*width += 1; });
  all.emplace_back([](Recipe& r) { r.integers->quantize.widths.write_back = WriteBack::feedback; });
  for (bool Widths::*flag : {&Widths::step_reads_operand, &Widths::head_reads_state})
    all.emplace_back([flag](Recipe& r) { r.integers->quantize.widths.*flag ^= true; });
  return all;
}

}  // namespace

TEST_CASE("each field of a recipe changes its fingerprint, and two different fields differently") {
  std::set<std::string> seen{fingerprint(full_recipe())};
  CHECK(fingerprint(full_recipe()) == *seen.begin());
  const std::vector<Change> all = changes();
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(i);
    Recipe r = full_recipe();
    all[i](r);
    CHECK(seen.insert(fingerprint(r)).second);
  }
  CHECK(seen.size() == 40 + 17 + 1);
  CHECK(fingerprint(full_recipe()).find(concat("\"arithmetic\":", kArithmeticVersion)) !=
        std::string::npos);
  // Runs of before there was a choice stay good.
  for (const char* later : {"residual_bits", "write_back"})
    CHECK(fingerprint(full_recipe()).find(later) == std::string::npos);
}

TEST_CASE("a library of measured IRFs counts to its last curve, and does not make the text long") {
  const auto with_irfs = [](int curves, double factor) {
    std::vector<double> counts;
    for (int curve = 0; curve < curves; ++curve)
      for (int bin = 0; bin < 100; ++bin)
        counts.push_back(bin < 10 ? 0.0 : 1e5 * std::exp(-0.01 * bin * (1 + curve % 7)));
    counts[counts.size() - 50] *= factor;
    Recipe r = full_recipe();
    r.simulator.irf.measured = std::make_shared<const MeasuredIrfs>(counts, 100, 0.05, 5);
    return fingerprint(r);
  };
  for (const int curves : {1, 500}) {
    CAPTURE(curves);
    const std::string text = with_irfs(curves, 1.0);
    CHECK(text == with_irfs(curves, 1.0));
    CHECK(text != with_irfs(curves, 1.01));
    CHECK(text.size() < 1 << 17);
  }
}

TEST_CASE("a checkpoint is refused where any field of its recipe differs, and names the field") {
  const fs::path file = fs::temp_directory_path() / "taugate_fingerprint.checkpoint";
  Recipe recipe = full_recipe();
  recipe.distill.reset();
  TrainingRun(recipe).trainer().save_checkpoint(file);
  TrainingRun(recipe).trainer().load_checkpoint(file);
  const auto message = [&](const Change& change, const TrainedModel* start = nullptr) {
    Recipe other = recipe;
    change(other);
    try {
      TrainingRun(other, nullptr, start).trainer().load_checkpoint(file);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("taken");
  };
  const auto told = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(told(message([](Recipe& r) { r.training.batch = 32; }),
             "training/batch: found 64, wanted 32"));
  CHECK(told(message([](Recipe& r) { r.loss = Loss::mixed; }),
             "training/objective/loss: found \"mse\", wanted \"mixed\""));
  CHECK(told(message([](Recipe& r) { r.integers->quantize.widths.preact_bits = 18; }),
             "training/objective/integers/widths/sum_bits: found 16, wanted 18"));
  CHECK(told(message([](Recipe& r) { r.integers->quantize.widths.accumulator_bits = 64; }),
             "accumulator_bits: found 32, wanted 64"));
  CHECK(told(message([](Recipe& r) { r.integers.reset(); }), "more"));
  Recipe floats = recipe;
  floats.integers.reset();
  floats.seed = 7;
  const TrainedModel start = TrainingRun(floats).master();
  CHECK(told(message([](Recipe&) {}, &start), "first_weights"));
  fs::remove(file);
}

TEST_CASE("a row's run is stale where its integers, its teacher's or its network differ") {
  const fs::path folder = fs::temp_directory_path() / "taugate_fingerprint_rows";
  fs::remove_all(folder);
  ExperimentPlan plan;
  plan.seeds = 1;
  plan.test_traces = 8;
  Experiment teacher{.id = "teacher", .table = "1", .title = "", .hidden = {4}};
  teacher.samples = 64;
  Experiment student{.id = "student", .table = "1", .title = "", .hidden = {3}};
  student.samples = 64;
  student.integers = QatOptions{};
  student.teacher = "teacher";
  plan.rows = {teacher, student};
  REQUIRE(ExperimentFolder(folder, plan).run(plan.rows[1], 1, [](std::uint64_t, std::uint64_t) {
    return true;
  }));
  const auto done = [&](const std::function<void(ExperimentPlan&)>& change) {
    ExperimentPlan other = plan;
    change(other);
    return ExperimentFolder(folder, other).result(other.rows[1], 1).has_value();
  };
  CHECK(done([](ExperimentPlan&) {}));
  CHECK(done([](ExperimentPlan& p) { p.rows[1].title = "another"; }));
  CHECK_FALSE(done([](ExperimentPlan& p) { p.test_traces = 9; }));
  CHECK_FALSE(done([](ExperimentPlan& p) { p.rows[0].rate *= 2.0; }));
  CHECK_FALSE(done([](ExperimentPlan& p) { p.rows[1].weights_only = true; }));
  CHECK_FALSE(done([](ExperimentPlan& p) { p.rows[1].distill.alpha = 0.5; }));
  CHECK_FALSE(
      done([](ExperimentPlan& p) { p.rows[1].integers->quantize.widths.preact_bits = 18; }));
  CHECK_FALSE(done(
      [](ExperimentPlan& p) { p.rows[1].integers->quantize.widths.candidate_frac_bits = 14; }));
  CHECK_FALSE(
      done([](ExperimentPlan& p) { p.rows[1].integers->quantize.widths.accumulator_bits = 64; }));
  CHECK_FALSE(done([](ExperimentPlan& p) { p.rows[1].integers->quantize.multiplier_bits = 9; }));
  fs::remove_all(folder);
}
