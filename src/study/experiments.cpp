#include "study/experiments.h"

#include <algorithm>
#include <set>

#include "study/paper_rows.h"
#include "study/study_rows.h"
#include "taugate/core/error.h"
#include "taugate/fli/physics/acquisition.h"

namespace taugate {
namespace {

constexpr std::uint64_t kSizes = 150'000;       // traces of a row of `distillation` ...
constexpr std::uint64_t kTeacher = 600'000;     // ... and of its teacher
constexpr std::uint64_t kStudent = 2'000'000;   // of a float row of `students` ...
constexpr std::uint64_t kStart = 1'500'000;     // ... and of the one that a row with integers ...
constexpr std::uint64_t kFineTuning = 500'000;  // ... goes on from: together as many

/// Of tables 1 to 3, collapse and kd.
Budget budget_of(const std::string& scale) {
  if (scale == "full")
    return {.set = 3'920'000,
            .two_layers = 3'920'000,
            .one_layer = 3'920'000,
            .fine_tuning = 976'000,
            .collapse = 1'000'000,
            .kd = 3'920'000};
  return {.set = 204'800,
          .two_layers = 204'800,
          .one_layer = 204'800,
          .fine_tuning = 51'200,
          .collapse = 204'800,
          .kd = 409'600};
}

/// A QAT as near to the authors' QKeras student as floats can train it: reset_before, hard, fixed
/// grid, everything of 8 bits, the carried state too.
Experiment authors_form(std::string id, std::string title) {
  Experiment e{.id = std::move(id), .table = "students", .title = std::move(title), .hidden = {32}};
  e.form = GruForm::reset_before;
  e.activation = Activation::hard;
  e.samples = kFineTuning;
  e.integers = on_grid(integers_of(8, 8, 8));
  return e;
}

void add_distillation(ExperimentBuilder& b) {
  b.trained("distillation", "teacher", "64x64, the teacher", {64, 64}, kTeacher).most_seeds = 1;
  for (int units : {128, 64, 32, 16}) {
    const std::string name = concat(units, "x", units);
    b.trained("distillation", concat("s", units), name, {units}, kSizes);
    Experiment& kd =
        b.trained("distillation", concat("s", units, "-kd"), concat(name, ", KD"), {units}, kSizes);
    kd.teacher = "teacher";
  }
}

void add_students(ExperimentBuilder& b) {
  b.trained("students", "f32", "32x32 float", {32}, kStudent);
  b.trained("students", "f32-start", "32x32 float, where training with integers starts", {32},
            kStart);
  b.quantized("students", "f32-ptq16", "32x32 PTQ, 16 bits", "f32", integers_of(16, 16));
  b.quantized("students", "f32-ptq8", "32x32 PTQ, 8 bits", "f32", integers_of(8));
  b.quantized("students", "f32-ptq8-state8", "32x32 PTQ, 8 bits, carried state too", "f32",
              integers_of(8, 8, 8));
  b.quantized("students", "f32-ptq8-weights", "32x32 PTQ, 8-bit weights alone", "f32",
              integers_of(8))
      .weights_only = true;
  Experiment& literal = b.quantized("students", "f32-ptq8-paper",
                                    "32x32 PTQ, 8-bit weights alone, the paper's scale literally",
                                    "f32", integers_of(8));
  literal.weights_only = true;
  literal.integers->quantize.scale = WeightScale::paper;
  b.tuned("students", "f32-qat8", "32x32 QAT, 8 bits", "f32-start", kFineTuning, integers_of(8));
  b.tuned("students", "f32-qat8-kd", "32x32 QAT, 8 bits, KD", "f32-start", kFineTuning,
          integers_of(8), "teacher");
  b.tuned("students", "f32-qat4", "32x32 QAT, 4-bit weights", "f32-start", kFineTuning,
          integers_of(4));
  b.tuned("students", "f32-qat4-kd", "32x32 QAT, 4-bit weights, KD", "f32-start", kFineTuning,
          integers_of(4), "teacher");
  b.tuned("students", "f32-qat8-state8", "32x32 QAT, 8 bits, carried state too", "f32-start",
          kFineTuning, integers_of(8, 8, 8));
  b.add(authors_form("a32", "32x32 QAT, 8 bits, the authors' form"));
  Experiment taught = authors_form("a32-kd", "32x32 QAT, 8 bits, the authors' form, KD");
  taught.teacher = "teacher";
  b.add(taught);
  b.trained("students", "f16", "16x16 float", {16}, kStudent);
  b.trained("students", "f16-start", "16x16 float, where training with integers starts", {16},
            kStart);
  b.quantized("students", "f16-ptq8", "16x16 PTQ, 8 bits", "f16", integers_of(8));
  b.tuned("students", "f16-qat8", "16x16 QAT, 8 bits", "f16-start", kFineTuning, integers_of(8));
  b.tuned("students", "f16-qat8-kd", "16x16 QAT, 8 bits, KD", "f16-start", kFineTuning,
          integers_of(8), "teacher");
}

/// The authors' later setting: T = 135 gates, and three outputs.
void add_later(ExperimentBuilder& b) {
  const auto later = [](Experiment& e) {
    e.preset = "ss3-135";
    e.outputs = 3;
  };
  Experiment& teacher =
      b.trained("later", "l128x128", "128x128 float, T = 135, C = 3", {128, 128}, 300'000);
  later(teacher);
  teacher.paper_rmse = 0.0139;
  teacher.paper_r2 = 0.992;
  teacher.paper_components = {0.067, 0.027};
  teacher.most_seeds = 1;
  later(b.trained("later", "l32", "32x32 float, T = 135, C = 3", {32}, 1'000'000));
  b.rows.back().most_seeds = 3;
  Experiment& student = b.tuned("later", "l32-qat8-kd", "32x32 QAT, 8 bits, KD, T = 135, C = 3",
                                "l32", 250'000, integers_of(8), "l128x128");
  student.paper_rmse = 0.0162;
  student.paper_r2 = 0.989;
  student.paper_components = {0.068, 0.028};
  student.most_seeds = 3;
}

void add_ablations(ExperimentBuilder& b) {
  const auto tuned = [&](std::string id, std::string title, const QatOptions& integers,
                         const char* teacher = "", double alpha = 0.6, double beta = 0.0) {
    b.tuned("ablations", std::move(id), std::move(title), "f32-start", kFineTuning, integers,
            teacher, alpha, beta)
        .most_seeds = 3;
  };
  // With these widths accumulators outgrow the floats that training computes with.
  b.quantized("ablations", "ptq8-operand16", "PTQ, MAC operand of 16 bits, gates of 15", "f32",
              integers_of(8, 16))
      .most_seeds = 3;
  tuned("state12", "carried state of 12 bits", integers_of(8, 8, 12));
  tuned("state10", "carried state of 10 bits", integers_of(8, 8, 10));
  tuned("operand12", "MAC operand of 12 bits, gates of 15", integers_of(8, 12));
  tuned("grid", "weights on the fixed 1/128 grid", on_grid(integers_of(8)));
  QatOptions learned = integers_of(8);
  learned.learned_scales = true;
  tuned("learned", "learned scales", learned);
  QatOptions learned4 = integers_of(4);
  learned4.learned_scales = true;
  tuned("learned4", "learned scales, 4-bit weights", learned4);
  QatOptions one = integers_of(8);
  one.quantize.per_row = false;
  tuned("per-layer", "one scale a layer", one);
  for (double alpha : {0.3, 1.0})
    tuned(concat("alpha", static_cast<int>(10 * alpha)), concat("KD, alpha ", alpha),
          integers_of(8), "teacher", alpha);
  for (double beta : {0.01, 0.1})
    tuned(concat("beta", static_cast<int>(100 * beta)), concat("KD, alpha 0.6, beta ", beta),
          integers_of(8), "teacher", 0.6, beta);
  const auto scratch = [&](const char* id, const char* title, Activation activation, GruForm form) {
    Experiment& e = b.trained("ablations", id, title, {32}, kFineTuning);
    e.activation = activation;
    e.form = form;
    e.integers = integers_of(8);
    e.most_seeds = 3;
  };
  scratch("scratch", "from scratch: reset_after, table activations", Activation::smooth,
          GruForm::reset_after);
  scratch("scratch-hard", "from scratch: reset_after, hard activations", Activation::hard,
          GruForm::reset_after);
  scratch("scratch-before", "from scratch: reset_before, table activations", Activation::smooth,
          GruForm::reset_before);
}

const std::vector<Comparison> kComparisons{
    {"q32-qat16", "q32-float", "table 3: QAT, 16 bits, against float, 32 units", 1.00},
    {"q32-qat8", "q32-float", "table 3: QAT, 8 bits, against float, 32 units", 1.02},
    {"q32-qat4", "q32-float", "table 3: QAT, 4-bit weights, against float, 32 units", 1.04},
    {"q32-qat16-kd", "q32-qat16", "table 3: KD, 32 units, 16 bits", {}},
    {"q32-qat8-kd", "q32-qat8", "table 3: KD, 32 units, 8 bits", {}},
    {"q16-qat16-kd", "q16-qat16", "table 3: KD, 16 units, 16 bits", {}},
    {"q16-qat8-kd", "q16-qat8", "table 3: KD, 16 units, 8 bits", {}},
    {"s-qat-feedback-4-4-head", "q32-float",
     "state: 4 bits, 4 of residual fed back, the head reads all, against float", 1.10},
    {"s-qat-wide-4-4-head", "q32-float",
     "state: 4 bits, 4 of residual carried wide, the head reads all, against float", 1.10},
    {"s-qat-feedback-4-4", "q32-float", "state: 4 bits, 4 of residual fed back, against float", {}},
    {"q16-qat8", "q16-float", "table 3: QAT, 8 bits, against float, 16 units", {}},
    {"q128-qat8", "q128-float", "table 3: QAT, 8 bits, against float, 128 units", {}},
    {"t64x16", "t64x64", "table 1: 64x16 against 64x64", {}},
    {"f32-ptq16", "f32", "PTQ, 16 bits, against float", 1.01},
    {"f32-ptq8", "f32", "PTQ, 8 bits, against float", 1.12},
    {"f32-qat8", "f32", "QAT, 8 bits, against float", 1.04},
    {"f32-qat4", "f32", "QAT, 4-bit weights, against float", 1.20},
    {"f32-ptq8-state8", "f32", "PTQ with a carried state of 8 bits, against float", {}},
    {"f32-qat8-state8", "f32", "QAT with a carried state of 8 bits, against float", {}},
    {"f32-qat8-kd", "f32-qat8", "KD, at 32 units and 8 bits", {}},
    {"f32-qat4-kd", "f32-qat4", "KD, at 32 units and 4-bit weights", {}},
    {"f16-qat8-kd", "f16-qat8", "KD, at 16 units and 8 bits", {}},
    {"a32-kd", "a32", "KD, in the authors' form", {}},
    {"s128-kd", "s128", "KD, 128 units, float", {}},
    {"s64-kd", "s64", "KD, 64 units, float", {}},
    {"s32-kd", "s32", "KD, 32 units, float", {}},
    {"s16-kd", "s16", "KD, 16 units, float", {}},
    {"f32-qat8-state8", "f32-qat8", "QAT, carried state of 8 bits against 16", {}},
    {"state10", "f32-qat8", "QAT, carried state of 10 bits against 16", {}},
    {"state12", "f32-qat8", "QAT, carried state of 12 bits against 16", {}},
    {"operand12", "f32-qat8", "QAT, MAC operand of 12 bits against 8", {}},
    {"ptq8-operand16", "f32-ptq8", "PTQ, MAC operand of 16 bits against 8", {}},
    {"grid", "f32-qat8", "QAT, weights on the fixed grid against observed scales", {}},
    {"learned", "f32-qat8", "QAT, learned scales against observed ones", {}},
    {"learned4", "f32-qat4", "QAT, 4-bit weights, learned scales against observed ones", {}},
    {"per-layer", "f32-qat8", "QAT, one scale a layer against one a row", {}},
    {"alpha3", "f32-qat8", "KD with alpha 0.3, against none", {}},
    {"alpha10", "f32-qat8", "KD with alpha 1, against none", {}},
    {"beta1", "f32-qat8", "KD with alpha 0.6, beta 0.01, against none", {}},
    {"beta10", "f32-qat8", "KD with alpha 0.6, beta 0.1, against none", {}},
    {"scratch-hard", "scratch", "from scratch, hard activations against tables", {}},
    {"scratch-before", "scratch", "from scratch, reset_before against reset_after", {}},
};

void shrink_to_smoke(std::vector<Experiment>& rows) {
  for (Experiment& e : rows) {
    if (e.samples) e.samples = 128;
    if (e.fixed) e.fixed->traces = 256, e.fixed->first = e.from.empty() ? 0 : 128;
    for (int& units : e.hidden) units = std::max(2, units / 8);
  }
}

/// The rows of the tables, and those that they need.
std::vector<Experiment> selected(const std::vector<Experiment>& all,
                                 const std::set<std::string>& tables) {
  std::set<std::string> wanted;
  std::for_each(all.rbegin(), all.rend(), [&](const Experiment& row) {
    if (!tables.count(row.table) && !wanted.count(row.id)) return;
    wanted.insert(row.id);
    if (!row.from.empty()) wanted.insert(row.from);
    if (!row.teacher.empty()) wanted.insert(row.teacher);
  });
  std::vector<Experiment> rows;
  for (const Experiment& row : all)
    if (wanted.count(row.id)) rows.push_back(row);
  return rows;
}

}  // namespace

const Experiment& ExperimentPlan::find(const std::string& id) const {
  const auto it =
      std::find_if(rows.begin(), rows.end(), [&](const Experiment& e) { return e.id == id; });
  require(it != rows.end(), "[experiments] no row '", id, "'");
  return *it;
}

int ExperimentPlan::seeds_of(const Experiment& row) const {
  return std::min(seeds, row.most_seeds);
}

std::string table_names() {
  std::string names;
  for (const char* name : kTableNames) names += concat(names.empty() ? "" : ", ", name);
  return names;
}

ExperimentPlan plan_experiments(const std::string& scale, const std::vector<std::string>& tables) {
  if (scale != "quick" && scale != "full" && scale != "smoke")
    fail_usage("--scale: found '", scale, "', wanted quick, full or smoke");
  for (const std::string& table : tables)
    if (std::find(std::begin(kTableNames), std::end(kTableNames), table) == std::end(kTableNames))
      fail_usage("--tables: found '", table, "', wanted some of ", table_names());
  ExperimentBuilder b;
  add_paper_tables(b, budget_of(scale));
  add_distillation(b);
  add_students(b);
  add_later(b);
  add_ablations(b);
  add_study_tables(b, budget_of(scale));
  ExperimentPlan plan;
  plan.rows = selected(b.rows, {tables.begin(), tables.end()});
  plan.seeds = scale == "full" ? 3 : 2;
  plan.test_traces = scale == "smoke" ? 256 : 20'000;
  if (scale == "smoke") plan.plate_side = 24;
  if (scale == "quick") plan.plate_stride = 4;
  for (Experiment& row : plan.rows)
    if (row.last && scale != "full") row.most_seeds = 1;
  if (scale == "smoke") shrink_to_smoke(plan.rows);
  const auto has = [&](const std::string& id) {
    return std::any_of(plan.rows.begin(), plan.rows.end(),
                       [&](const Experiment& e) { return e.id == id; });
  };
  for (const Comparison& c : kComparisons)
    if (has(c.row) && has(c.other)) plan.comparisons.push_back(c);
  return plan;
}

std::vector<Job> jobs_of(const ExperimentPlan& plan) {
  std::vector<Job> jobs;
  for (const bool last : {false, true})
    for (int seed = 1; seed <= plan.seeds; ++seed)
      for (const Experiment& row : plan.rows)
        if (row.last == last && seed <= plan.seeds_of(row)) jobs.push_back({&row, seed});
  return jobs;
}

std::uint64_t traces_behind(const ExperimentPlan& plan, const Experiment& row) {
  return row.samples + (row.from.empty() ? 0 : traces_behind(plan, plan.find(row.from)));
}

Seq2SeqConfig network_of(const Experiment& row) {
  return {.gates = acquisition_preset(row.preset).gates,
          .outputs = row.outputs,
          .hidden = row.hidden,
          .form = row.form,
          .activation = row.activation};
}

}  // namespace taugate
