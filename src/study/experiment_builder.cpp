#include "study/experiment_builder.h"

#include <algorithm>

#include "taugate/core/error.h"

namespace taugate {

std::string times(const std::vector<int>& hidden) {
  std::string text;
  for (int units : hidden) text += concat(text.empty() ? "" : "x", units);
  return text;
}

QatOptions integers_of(int weights, int operand, int state) {
  QatOptions o;
  Widths& w = o.quantize.widths;
  w.weight_bits = weights;
  w.operand_frac_bits = w.product_frac_bits = operand - 1;
  w.gate_frac_bits = operand > 8 ? 14 : 7;
  w.state_frac_bits = w.candidate_frac_bits = state - 1;
  w.accumulator_bits = weights + operand <= 24 ? 32 : 64;
  return o;
}

QatOptions on_grid(QatOptions integers) {
  integers.quantize.scale = WeightScale::fixed_grid;
  return integers;
}

void set_own_recipe(Experiment& e, const FixedSet& set) {
  e.fixed = set;
  e.clip_norm = 0.1;
}

void set_paper_recipe(Experiment& e, const FixedSet& set) {
  e.fixed = set;
  e.rate = 1e-3;
  e.schedule = Schedule::Kind::constant;
  e.loss = Loss::mixed;
}

Experiment& ExperimentBuilder::add(Experiment e) {
  rows.push_back(std::move(e));
  return rows.back();
}

Experiment& ExperimentBuilder::trained(const char* table, std::string id, std::string title,
                                       std::vector<int> hidden, std::uint64_t samples) {
  Experiment e{
      .id = std::move(id), .table = table, .title = std::move(title), .hidden = std::move(hidden)};
  e.samples = samples;
  return add(std::move(e));
}

Experiment& ExperimentBuilder::quantized(const char* table, std::string id, std::string title,
                                         const std::string& from, const QatOptions& integers) {
  Experiment e = like(table, std::move(id), std::move(title), from);
  e.origin = Origin::quantized;
  e.integers = integers;
  return add(std::move(e));
}

Experiment& ExperimentBuilder::tuned(const char* table, std::string id, std::string title,
                                     const std::string& from, std::uint64_t samples,
                                     const QatOptions& integers, const char* teacher, double alpha,
                                     double beta) {
  Experiment e = like(table, std::move(id), std::move(title), from);
  e.samples = samples;
  e.rate = 1.5e-3;
  e.integers = integers;
  e.teacher = teacher;
  e.distill = {.alpha = alpha, .beta = beta};
  return add(std::move(e));
}

Experiment ExperimentBuilder::like(const char* table, std::string id, std::string title,
                                   const std::string& from) const {
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
  e.most_seeds = it->most_seeds;
  e.last = it->last;
  return e;
}

}  // namespace taugate
