// What explains the paper's tables: which of its choices makes 8 bits collapse, and what a teacher
// is good for. All with 32 units, one layer a side.

#include "study/study_rows.h"

#include "study/write_back.h"

namespace taugate {
namespace {

constexpr std::uint64_t kBrief = 32'000;  // 500 steps

/// Carried state, scale formula, length of the training, teacher: all sixteen combinations, with
/// the paper's optimiser and loss from scratch.
void add_collapse(ExperimentBuilder& b, const Budget& budget) {
  for (const int state : {16, 8})
    for (const bool literal : {false, true})
      for (const bool brief : {false, true})
        for (const bool taught : {false, true}) {
          Experiment& e =
              b.trained("collapse",
                        concat("c-state", state, literal ? "-literal" : "", brief ? "-short" : "",
                               taught ? "-kd" : ""),
                        concat("state of ", state, " bits, ", literal ? "literal" : "symmetric",
                               " scale, ", brief ? "short" : "long", taught ? ", KD" : ""),
                        {32}, brief ? kBrief : budget.collapse);
          e.integers = integers_of(8, 8, state);
          if (literal) {  // whose saturated weights drive the biases beyond sums of 24 bits
            e.integers->quantize.scale = WeightScale::paper;
            e.integers->quantize.widths.accumulator_bits = 64;
          }
          set_paper_recipe(e, {.traces = budget.set});
          if (taught) e.teacher = kFixedSetTeacher;
        }
}

/// The same number of presentations from sets of few traces or of all, with the exact truth or one
/// with photon noise. (The paper's equation 1 adds noise to the decay itself.)
void add_kd(ExperimentBuilder& b, const Budget& budget) {
  struct Truth {
    const char *id, *title;
    double counts;
  };
  for (const Truth& truth : {Truth{"", "", 0.0}, Truth{"-noisy", ", noisy truth", 100.0}})
    for (const std::uint64_t traces :
         {std::uint64_t{10'240}, std::uint64_t{40'960}, std::uint64_t{163'840}, budget.set})
      for (const bool taught : {false, true}) {
        Experiment& e = b.trained("kd", concat("k-", traces, truth.id, taught ? "-kd" : ""),
                                  concat(traces, " traces", truth.title, taught ? ", KD" : ""),
                                  {32}, budget.kd);
        set_own_recipe(e, {.traces = traces, .truth_counts = truth.counts});
        if (taught) e.teacher = kFixedSetTeacher;
      }
}

/// Each way to store the state, after training and trained with; weights, operand and gates of 8 bits.
void add_state(ExperimentBuilder& b, const Budget& budget) {
  for (const StateStorage& storage : state_storages()) {
    b.quantized("state", "s-ptq-" + storage.id, "PTQ, " + storage.title, "q32-float",
                state_options(storage));
    Experiment& e = b.tuned("state", "s-qat-" + storage.id, "QAT, " + storage.title, "q32-start",
                            budget.fine_tuning, state_options(storage));
    if (storage.bits <= 6) e.rate = 5e-3;  // there is more to learn anew
    set_own_recipe(e, {.traces = budget.set, .first = budget.one_layer - budget.fine_tuning});
  }
}

}  // namespace

void add_study_tables(ExperimentBuilder& b, const Budget& budget) {
  add_collapse(b, budget);
  add_kd(b, budget);
  add_state(b, budget);
}

}  // namespace taugate
