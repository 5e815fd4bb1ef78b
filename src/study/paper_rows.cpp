// The rows of the paper's Tables 1 to 3, each by two recipes: ours, and what the paper tells of its
// own (Adam, learning rate 0.001, a "mixed" loss; see losses.h).

#include "study/paper_rows.h"

namespace taugate {
namespace {

// 128x128 and 128x64 are in the paper's text alone. They are the widest and come last.
const std::vector<std::vector<int>> kSizes{{64, 64}, {64, 32}, {64, 16},  {45, 45},
                                           {32, 32}, {16, 16}, {128, 64}, {128, 128}};

bool wide(const std::vector<int>& hidden) { return hidden[0] > 64; }

void add_table_1(ExperimentBuilder& b, const Budget& budget, bool own) {
  for (const std::vector<int>& hidden : kSizes) {
    const std::string size = times(hidden);
    Experiment& e =
        b.trained("1", concat('t', size, own ? "" : "-p"),
                  concat(size, own ? "" : ", the paper's recipe"), hidden, budget.two_layers);
    (own ? set_own_recipe : set_paper_recipe)(e, {.traces = budget.set});
    if (!own) e.most_seeds = 1;
    e.paper = {"seq2seq " + size, 32, own ? "float" : "float (paper's recipe)"};
    e.last = wide(hidden);
  }
}

/// Weights alone, symmetric and with the paper's formula, and full integers.
void add_table_2(ExperimentBuilder& b, bool own) {
  struct Kind {
    const char *id, *method;
    bool own, weights_only;
    WeightScale scale;
  };
  constexpr Kind kinds[] = {
      {"", "PTQ", true, true, WeightScale::symmetric},
      {"-literal", "PTQ (literal scale)", true, true, WeightScale::paper},
      {"-int", "PTQ (integers)", true, false, WeightScale::symmetric},
      {"", "PTQ (paper's recipe)", false, true, WeightScale::symmetric},
      {"-literal", "PTQ (paper's recipe and literal scale)", false, true, WeightScale::paper}};
  for (const int bits : {16, 8})
    for (const Kind& kind : kinds)
      for (const std::vector<int>& hidden : kSizes) {
        if (kind.own != own) continue;
        const std::string size = times(hidden), from = concat('t', size, own ? "" : "-p");
        Experiment& e = b.quantized("2", concat(from, "-ptq", bits, kind.id),
                                    concat(size, ", ", bits, " bits, ", kind.method), from,
                                    integers_of(bits, bits));
        e.integers->quantize.scale = kind.scale;
        e.weights_only = kind.weights_only;
        e.paper = {"seq2seq " + size, bits, kind.method};
      }
}

/// One layer a side: trained with floats for the most part, then with integers; with a teacher
/// throughout or not at all.
void add_table_3_own(ExperimentBuilder& b, const Budget& budget) {
  const std::uint64_t start = budget.one_layer - budget.fine_tuning;
  for (const int units : {32, 16, 128}) {
    const std::string size = concat(units, 'x', units), id = concat('q', units);
    const auto finish = [&](Experiment& e, int bits, const char* method, std::uint64_t first) {
      set_own_recipe(e, {.traces = budget.set, .first = first});
      if (*method) e.paper = {"seq2seqlite " + size, bits, method};
      e.last = units > 64;
    };
    finish(b.trained("3", id + "-float", size + " float", {units}, budget.one_layer), 32, "float",
           0);
    for (const bool taught : {false, true}) {
      if (taught && units > 64) continue;
      const char *suffix = taught ? "-kd" : "", *kd = taught ? ", KD" : "";
      const char* teacher = taught ? kFixedSetTeacher : "";
      Experiment& floats = b.trained(
          "3", concat(id, "-start", suffix),
          concat(size, " float", kd, ", where training with integers starts"), {units}, start);
      floats.teacher = teacher;
      finish(floats, 32, "", 0);
      std::vector<int> widths{16, 8};
      if (units == 32) widths.push_back(4);
      for (const int bits : widths) {
        Experiment& e =
            b.tuned("3", concat(id, "-qat", bits, suffix),
                    concat(size, " QAT, ", bits, " bits", kd), concat(id, "-start", suffix),
                    budget.fine_tuning, integers_of(bits, std::max(bits, 8)), teacher);
        finish(e, bits, taught ? "QAT+KD" : "QAT", start);
      }
    }
  }
}

/// From scratch, everything on QKeras' grids of so many bits, the carried state too.
void add_table_3_papers(ExperimentBuilder& b, const Budget& budget) {
  for (const int units : {32, 16, 128})
    for (const int bits : {16, 8})
      for (const bool taught : {false, true}) {
        if (taught && units > 64) continue;
        const std::string size = concat(units, 'x', units);
        Experiment& e = b.trained(
            "3", concat('q', units, "-p-qat", bits, taught ? "-kd" : ""),
            concat(size, " QAT, ", bits, " bits", taught ? ", KD" : "", ", the paper's recipe"),
            {units}, budget.one_layer);
        e.form = GruForm::reset_before;
        e.activation = Activation::hard;
        e.integers = on_grid(integers_of(bits, bits, bits));
        if (taught) e.teacher = kFixedSetTeacher;
        set_paper_recipe(e, {.traces = budget.set});
        e.most_seeds = 1;
        e.paper = {"seq2seqlite " + size, bits,
                   taught ? "QAT+KD (paper's recipe)" : "QAT (paper's recipe)"};
        e.last = units > 64;
      }
}

}  // namespace

void add_paper_tables(ExperimentBuilder& b, const Budget& budget) {
  add_table_1(b, budget, true);
  add_table_2(b, true);
  add_table_3_own(b, budget);
  add_table_1(b, budget, false);
  add_table_2(b, false);
  add_table_3_papers(b, budget);
}

}  // namespace taugate
