#include "study/experiments.h"

#include <algorithm>
#include <set>

#include "taugate/core/error.h"
#include "taugate/fli/physics/acquisition.h"
#include "taugate/nn/model.h"

namespace taugate {
namespace {

constexpr std::uint64_t kSizes = 150'000;       // traces of a row of tables 1 and 2
constexpr std::uint64_t kTeacher = 600'000;     // of the teacher of tables 2 and 3
constexpr std::uint64_t kStudent = 2'000'000;   // of a float student of table 3 ...
constexpr std::uint64_t kStart = 1'500'000;     // ... and of the one that a row with integers ...
constexpr std::uint64_t kFineTuning = 500'000;  // ... goes on from: together as many
constexpr double kFineTuningRate = 1.5e-3;
constexpr const char* kTables[] = {"1", "2", "3", "later", "ablations"};

std::string times(const std::vector<int>& hidden) {
  std::string text;
  for (int units : hidden) text += concat(text.empty() ? "" : "x", units);
  return text;
}

QatOptions integers(int weights, int operand = 8, int state = 16) {
  QatOptions o;
  Widths& w = o.quantize.widths;
  w.weight_bits = weights;
  w.operand_frac_bits = w.product_frac_bits = operand - 1;
  w.gate_frac_bits = operand > 8 ? 14 : 7;
  w.state_frac_bits = w.candidate_frac_bits = state - 1;
  w.accumulator_bits = weights + operand <= 24 ? 32 : 64;
  return o;
}

QatOptions on_grid(QatOptions o) {
  o.quantize.scale = WeightScale::fixed_grid;
  return o;
}

/// A QAT as near to the authors' QKeras student as floats can train it: reset_before, hard, fixed
/// grid, everything of 8 bits, the carried state too.
Experiment authors_form(std::string id, std::string title) {
  Experiment e{.id = std::move(id), .table = "3", .title = std::move(title), .hidden = {32}};
  e.form = GruForm::reset_before;
  e.activation = Activation::hard;
  e.samples = kFineTuning;
  e.integers = on_grid(integers(8, 8, 8));
  return e;
}

class Builder {
 public:
  Experiment& add(Experiment e) {
    rows.push_back(std::move(e));
    return rows.back();
  }
  Experiment& trained(const char* table, std::string id, std::string title, std::vector<int> hidden,
                      std::uint64_t samples) {
    Experiment e{.id = std::move(id),
                 .table = table,
                 .title = std::move(title),
                 .hidden = std::move(hidden)};
    e.samples = samples;
    return add(std::move(e));
  }
  /// The same network as `from`, with integers after training.
  Experiment& quantized(const char* table, std::string id, std::string title, const char* from,
                        QatOptions integers) {
    Experiment e = like(table, std::move(id), std::move(title), from);
    e.origin = Origin::quantized;
    e.integers = integers;
    return add(std::move(e));
  }
  /// Trained on with integers.
  Experiment& tuned(const char* table, std::string id, std::string title, const char* from,
                    QatOptions integers, const char* teacher = "", double alpha = 0.6,
                    double beta = 0.0) {
    Experiment e = like(table, std::move(id), std::move(title), from);
    e.samples = kFineTuning;
    e.rate = kFineTuningRate;
    e.integers = integers;
    e.teacher = teacher;
    e.distill = {.alpha = alpha, .beta = beta};
    return add(std::move(e));
  }
  std::vector<Experiment> rows;

 private:
  Experiment like(const char* table, std::string id, std::string title, const char* from) const {
    const auto it =
        std::find_if(rows.begin(), rows.end(), [&](const Experiment& e) { return e.id == from; });
    require(it != rows.end(), "[experiments] no row '", from, "'");
    Experiment e{.id = std::move(id),
                 .table = table,
                 .title = std::move(title),
                 .hidden = it->hidden,
                 .preset = it->preset,
                 .outputs = it->outputs,
                 .form = it->form,
                 .activation = it->activation};
    e.from = from;
    return e;
  }
};

void add_table_1(Builder& b) {
  for (const std::vector<int>& hidden : std::vector<std::vector<int>>{
           {128, 128}, {128, 64}, {64, 64}, {64, 32}, {64, 16}, {45, 45}, {32, 32}, {16, 16}})
    b.trained("1", concat("t", times(hidden)), times(hidden), hidden, kSizes);
}

void add_table_2(Builder& b) {
  b.trained("2", "teacher", "64x64, the teacher", {64, 64}, kTeacher).most_seeds = 1;
  for (int units : {128, 64, 32, 16}) {
    const std::string name = concat(units, "x", units);
    b.trained("2", concat("s", units), name, {units}, kSizes);
    Experiment& kd =
        b.trained("2", concat("s", units, "-kd"), concat(name, ", KD"), {units}, kSizes);
    kd.teacher = "teacher";
  }
}

void add_table_3(Builder& b) {
  b.trained("3", "f32", "32x32 float", {32}, kStudent);
  b.trained("3", "f32-start", "32x32 float, where training with integers starts", {32}, kStart);
  b.quantized("3", "f32-ptq16", "32x32 PTQ, 16 bits", "f32", integers(16, 16));
  b.quantized("3", "f32-ptq8", "32x32 PTQ, 8 bits", "f32", integers(8));
  b.quantized("3", "f32-ptq8-state8", "32x32 PTQ, 8 bits, carried state too", "f32",
              integers(8, 8, 8));
  b.quantized("3", "f32-ptq8-weights", "32x32 PTQ, 8-bit weights alone", "f32", integers(8))
      .weights_only = true;
  Experiment& literal = b.quantized("3", "f32-ptq8-paper",
                                    "32x32 PTQ, 8-bit weights alone, the paper's scale literally",
                                    "f32", integers(8));
  literal.weights_only = true;
  literal.integers->quantize.scale = WeightScale::paper;
  b.tuned("3", "f32-qat8", "32x32 QAT, 8 bits", "f32-start", integers(8)).paper_rmse = 0.138;
  Experiment& best =
      b.tuned("3", "f32-qat8-kd", "32x32 QAT, 8 bits, KD", "f32-start", integers(8), "teacher");
  best.paper_rmse = 0.010;
  best.paper_r2 = 0.99;
  b.tuned("3", "f32-qat4", "32x32 QAT, 4-bit weights", "f32-start", integers(4));
  b.tuned("3", "f32-qat4-kd", "32x32 QAT, 4-bit weights, KD", "f32-start", integers(4), "teacher");
  b.tuned("3", "f32-qat8-state8", "32x32 QAT, 8 bits, carried state too", "f32-start",
          integers(8, 8, 8));
  b.add(authors_form("a32", "32x32 QAT, 8 bits, the authors' form")).paper_rmse = 0.138;
  Experiment taught = authors_form("a32-kd", "32x32 QAT, 8 bits, the authors' form, KD");
  taught.teacher = "teacher";
  taught.paper_rmse = 0.010;
  b.add(taught);
  b.trained("3", "f16", "16x16 float", {16}, kStudent);
  b.trained("3", "f16-start", "16x16 float, where training with integers starts", {16}, kStart);
  b.quantized("3", "f16-ptq8", "16x16 PTQ, 8 bits", "f16", integers(8));
  b.tuned("3", "f16-qat8", "16x16 QAT, 8 bits", "f16-start", integers(8));
  b.tuned("3", "f16-qat8-kd", "16x16 QAT, 8 bits, KD", "f16-start", integers(8), "teacher");
}

/// The authors' later setting: T = 135 gates, and three outputs.
void add_later(Builder& b) {
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
                                "l32", integers(8), "l128x128");
  student.samples = 250'000;
  student.paper_rmse = 0.0162;
  student.paper_r2 = 0.989;
  student.paper_components = {0.068, 0.028};
  student.most_seeds = 3;
}

void add_ablations(Builder& b) {
  const auto tuned = [&](std::string id, std::string title, const QatOptions& integers,
                         const char* teacher = "", double alpha = 0.6, double beta = 0.0) {
    b.tuned("ablations", std::move(id), std::move(title), "f32-start", integers, teacher, alpha,
            beta)
        .most_seeds = 3;
  };
  // With these widths accumulators outgrow the floats that training computes with.
  b.quantized("ablations", "ptq8-operand16", "PTQ, MAC operand of 16 bits, gates of 15", "f32",
              integers(8, 16))
      .most_seeds = 3;
  tuned("state12", "carried state of 12 bits", integers(8, 8, 12));
  tuned("state10", "carried state of 10 bits", integers(8, 8, 10));
  tuned("operand12", "MAC operand of 12 bits, gates of 15", integers(8, 12));
  tuned("grid", "weights on the fixed 1/128 grid", on_grid(integers(8)));
  QatOptions learned = integers(8);
  learned.learned_scales = true;
  tuned("learned", "learned scales", learned);
  QatOptions learned4 = integers(4);
  learned4.learned_scales = true;
  tuned("learned4", "learned scales, 4-bit weights", learned4);
  QatOptions one = integers(8);
  one.quantize.per_row = false;
  tuned("per-layer", "one scale a layer", one);
  for (double alpha : {0.3, 1.0})
    tuned(concat("alpha", static_cast<int>(10 * alpha)), concat("KD, alpha ", alpha), integers(8),
          "teacher", alpha);
  for (double beta : {0.01, 0.1})
    tuned(concat("beta", static_cast<int>(100 * beta)), concat("KD, alpha 0.6, beta ", beta),
          integers(8), "teacher", 0.6, beta);
  const auto scratch = [&](const char* id, const char* title, Activation activation, GruForm form) {
    Experiment& e = b.trained("ablations", id, title, {32}, kFineTuning);
    e.activation = activation;
    e.form = form;
    e.integers = integers(8);
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

Seq2SeqConfig config_of(const Experiment& row) {
  return {.gates = acquisition_preset(row.preset).gates,
          .outputs = row.outputs,
          .hidden = row.hidden,
          .form = row.form,
          .activation = row.activation};
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

ExperimentPlan plan_experiments(const std::string& scale, const std::vector<std::string>& tables) {
  if (scale != "quick" && scale != "full" && scale != "smoke")
    fail_usage("--scale: found '", scale, "', wanted quick, full or smoke");
  for (const std::string& table : tables)
    if (std::find(std::begin(kTables), std::end(kTables), table) == std::end(kTables))
      fail_usage("--tables: found '", table, "', wanted some of 1, 2, 3, later, ablations");
  Builder b;
  add_table_1(b);
  add_table_2(b);
  add_table_3(b);
  add_later(b);
  add_ablations(b);
  ExperimentPlan plan;
  plan.rows = selected(b.rows, {tables.begin(), tables.end()});
  plan.seeds = scale == "full" ? 5 : 2;
  plan.test_traces = scale == "smoke" ? 256 : 20'000;
  for (Experiment& row : plan.rows)
    if (row.id == "t128x128" && scale != "full") row.most_seeds = 1;
  if (scale == "smoke") shrink_to_smoke(plan.rows);
  const auto has = [&](const std::string& id) {
    return std::any_of(plan.rows.begin(), plan.rows.end(),
                       [&](const Experiment& e) { return e.id == id; });
  };
  for (const Comparison& c : kComparisons)
    if (has(c.row) && has(c.other)) plan.comparisons.push_back(c);
  return plan;
}

double cost_of(const ExperimentPlan& plan, const Experiment& row) {
  const auto work = [](const Experiment& e) {
    return static_cast<double>(Model(config_of(e)).multiply_accumulates());
  };
  double per_trace = 3.0 * work(row) * (row.integers ? 2.0 : 1.0);
  if (!row.teacher.empty()) per_trace += work(plan.find(row.teacher));
  return static_cast<double>(row.samples) * per_trace +
         2.0 * static_cast<double>(plan.test_traces) * work(row);
}

}  // namespace taugate
