#include "taugate/quant/ptq/calibrate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "quant/integer/reference_executor.h"
#include "taugate/core/error.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

constexpr std::size_t kTensorIds = static_cast<std::size_t>(TensorId::output) + 1;
constexpr std::size_t kPerItem = 16;  // traces that a thread takes at a time

std::size_t index(TensorId id) { return static_cast<std::size_t>(id); }

/// Runs all traces through the definition's steps, with an observer of the kind `Seen` a thread, which gets every
/// value; merged by the caller.
template <class Seen>
std::vector<Seen> observe(const IntegerModel& model, std::span<const float> traces,
                          const Seen& nothing) {
  const ReferenceExecutor reference(model);
  const std::size_t T = model.description.input_size(), count = traces.size() / T;
  std::vector<Seen> seen(static_cast<std::size_t>(thread_count()), nothing);
  parallel_for((count + kPerItem - 1) / kPerItem, [&](std::size_t item, int thread) {
    ReferenceExecutor::Scratch scratch = reference.make_scratch();
    const auto observer = [&mine = seen[static_cast<std::size_t>(thread)]](
                              TensorId id, int, std::int64_t value) { mine.add(id, value); };
    for (std::size_t i = item * kPerItem; i < std::min(count, (item + 1) * kPerItem); ++i) {
      for (std::size_t t = 0; t < T; ++t)
        scratch.input[t] = reference.input_word(traces[i * T + t]);
      reference.run(scratch, observer);
    }
  });
  return seen;
}

int fraction_of(TensorId id, const Widths& w, GruForm form) {
  switch (id) {
    case TensorId::operand:
      return w.operand_frac_bits;
    case TensorId::reset_preact:
    case TensorId::update_preact:
      return w.gate_preact_frac_bits;
    case TensorId::reset_gate:
    case TensorId::update_gate:
      return w.gate_frac_bits;
    case TensorId::input_preact:
    case TensorId::recurrent_preact:
    case TensorId::candidate_preact:
      return w.candidate_preact_frac_bits;
    case TensorId::product:
      return form == GruForm::reset_before ? w.product_frac_bits : 0;
    case TensorId::candidate:
      return w.candidate_frac_bits;
    case TensorId::state:
      return w.state_frac_bits;
    case TensorId::output:
      return w.output_frac_bits;
  }
  return 0;
}

bool is_gate(TensorId id) { return id == TensorId::reset_gate || id == TensorId::update_gate; }
bool is_preact(TensorId id) {
  return id == TensorId::reset_preact || id == TensorId::update_preact ||
         id == TensorId::input_preact || id == TensorId::recurrent_preact ||
         id == TensorId::candidate_preact;
}

// ---- ranges ----

constexpr int kBinFraction = 8, kBinRange = 256;  // magnitudes up to 256 in steps of 2^-8
constexpr std::size_t kBins = kBinRange << kBinFraction;

/// What is done with a value, which weighs its error.
enum class Use { sigmoid, tanh, itself };

/// Magnitudes by use; the last bin has all that lie beyond.
struct Histograms {
  const Widths* widths;
  GruForm form;
  std::array<std::vector<std::uint64_t>, kTensorIds> bins;
  std::array<std::int64_t, kTensorIds> most{};

  void add(TensorId id, std::int64_t value) {
    if (!is_preact(id) && id != TensorId::output) return;
    auto& counts = bins[index(id)];
    if (counts.empty()) counts.resize(kBins);
    const std::int64_t magnitude = value < 0 ? -value : value;
    const std::int64_t bin = magnitude >> (fraction_of(id, *widths, form) - kBinFraction);
    ++counts[static_cast<std::size_t>(std::min<std::int64_t>(bin, kBins - 1))];
    most[index(id)] = std::max(most[index(id)], magnitude);
  }
};

/// Values that share a range.
struct Group {
  std::vector<TensorId> ids;
  int word_bits;
  int least_fraction, most_fraction;  ///< what the widths allow
};

double after(Use use, double value) {
  return use == Use::sigmoid ? 1.0 / (1.0 + std::exp(-value))
         : use == Use::tanh  ? std::tanh(value)
                             : value;
}
double derivative(Use use, double value) {
  const double y = after(use, value);
  return use == Use::sigmoid ? y * (1.0 - y) : use == Use::tanh ? 1.0 - y * y : 1.0;
}
Use use_of(TensorId id) {
  if (id == TensorId::reset_preact || id == TensorId::update_preact) return Use::sigmoid;
  return id == TensorId::candidate_preact ? Use::tanh : Use::itself;
}

/// Sum of square errors of words of `bits` that stand for magnitudes up to `range`: rounding, taken
/// as uniform in a unit, within it and clipping beyond, both as they show after the value's use.
double square_error(const Histograms& seen, const Group& group, double range) {
  const double unit = range / std::ldexp(1.0, group.word_bits - 1);
  double sum = 0.0;
  for (const TensorId id : group.ids) {
    const auto& counts = seen.bins[index(id)];
    const Use use = use_of(id);
    for (std::size_t bin = 0; bin < counts.size(); ++bin) {
      if (counts[bin] == 0) continue;
      const double value = std::ldexp(static_cast<double>(bin) + 0.5, -kBinFraction);
      const double clipped = after(use, value) - after(use, range);
      const double rounded = derivative(use, value);
      sum += static_cast<double>(counts[bin]) *
             (value > range ? clipped * clipped : unit * unit / 12.0 * rounded * rounded);
    }
  }
  return sum;
}

/// The smallest range that holds all but `share` of the values.
double range_of_all_but(const Histograms& seen, const Group& group, double share) {
  std::uint64_t all = 0, beyond = 0;
  for (const TensorId id : group.ids)
    for (const std::uint64_t count : seen.bins[index(id)]) all += count;
  for (std::size_t bin = kBins; bin-- > 0;) {
    for (const TensorId id : group.ids)
      if (!seen.bins[index(id)].empty()) beyond += seen.bins[index(id)][bin];
    if (static_cast<double>(beyond) > share * static_cast<double>(all))
      return std::ldexp(static_cast<double>(bin) + 1.0, -kBinFraction);
  }
  return std::ldexp(1.0, -kBinFraction);
}

double largest(const Histograms& seen, const Group& group) {
  double most = 0.0;
  for (const TensorId id : group.ids)
    most = std::max(most, std::ldexp(static_cast<double>(seen.most[index(id)]),
                                     -fraction_of(id, *seen.widths, seen.form)));
  return most;
}

double choose(const Histograms& seen, const Group& group, CalibrationMethod method) {
  const double finest = std::ldexp(1.0, group.word_bits - 1 - group.most_fraction);
  const double widest = std::ldexp(1.0, group.word_bits - 1 - group.least_fraction);
  if (method == CalibrationMethod::minmax) return std::clamp(largest(seen, group), finest, widest);
  if (method == CalibrationMethod::percentile)
    return std::clamp(range_of_all_but(seen, group, 1e-4), finest, widest);
  double best = finest, least = square_error(seen, group, finest);
  for (double range = finest; (range *= 2.0) <= widest;) {
    const double error = square_error(seen, group, range);
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

// ---- use ----

struct ObservedRanges {
  std::array<TensorRange, kTensorIds> ranges;
  std::array<std::int64_t, kTensorIds> lowest;  // where the word ends below

  void add(TensorId id, std::int64_t value) {
    TensorRange& use = ranges[index(id)];
    ++use.values;
    use.most = std::max(use.most, value < 0 ? -value : value);
    use.saturated += value >= use.limit || value <= lowest[index(id)];
  }
};

}  // namespace

CalibrationMethod calibration_method(std::string_view name) {
  for (const CalibrationMethod method :
       {CalibrationMethod::minmax, CalibrationMethod::percentile, CalibrationMethod::mse})
    if (name == name_of(method)) return method;
  fail_usage("found the method '", name, "' for ranges, wanted minmax, percentile or mse");
}

const char* name_of(CalibrationMethod method) {
  return method == CalibrationMethod::minmax ? "minmax"
         : method == CalibrationMethod::mse  ? "mse"
                                             : "percentile";
}

void check_traces(std::span<const float> traces, int gates) {
  const auto T = static_cast<std::size_t>(gates);
  require(!traces.empty() && traces.size() % T == 0, "[calibrate] found ", traces.size(),
          " samples, wanted whole traces of ", T, " gates, at least one");
  bool dark = true;
  for (std::size_t i = 0; i < traces.size(); ++i) {
    require(!std::isnan(traces[i]), "[calibrate] trace ", i / T, ", gate ", i % T,
            ": found a value that is not a number");
    dark = dark && traces[i] == 0.0f;
  }
  require(!dark, "[calibrate] found ", traces.size() / T,
          " traces of zeros, wanted some with light in them");
}

Widths observer_widths() {
  Widths w;
  w.weight_bits = 16;
  w.operand_frac_bits = w.product_frac_bits = 15;
  w.accumulator_bits = 64;
  w.preact_bits = w.output_bits = 40;
  w.gate_preact_frac_bits = w.candidate_preact_frac_bits = 16;
  w.gate_frac_bits = 15;
  w.candidate_frac_bits = 22;
  w.state_frac_bits = 30;
  w.output_frac_bits = 20;
  return w;
}

Ranges calibrate(const Model& model, const Widths& widths, std::span<const float> traces,
                 CalibrationMethod method) {
  const GruForm form = model.description().form();
  const Activation activation = model.description().activation();
  widths.validate(form, activation);
  check_traces(traces, static_cast<int>(model.description().input_size()));
  QuantizeOptions options;
  options.widths = observer_widths();
  const IntegerModel observed = quantize(model, options);
  Histograms all{&options.widths, form, {}, {}};
  for (const Histograms& seen : observe(observed, traces, all))
    for (std::size_t node = 0; node < kTensorIds; ++node) {
      all.most[node] = std::max(all.most[node], seen.most[node]);
      if (seen.bins[node].empty()) continue;
      all.bins[node].resize(kBins);
      for (std::size_t bin = 0; bin < kBins; ++bin) all.bins[node][bin] += seen.bins[node][bin];
    }
  // As in Widths::validate.
  const bool smooth = activation == Activation::smooth;
  const int least = smooth ? 8 : 1, most = std::min(widths.preact_bits - 2, smooth ? 16 : 40);
  const Group gates{
      {TensorId::reset_preact, TensorId::update_preact}, widths.preact_bits, least, most};
  const Group candidate{
      {TensorId::input_preact, TensorId::recurrent_preact, TensorId::candidate_preact},
      widths.preact_bits,
      least,
      most};
  const Group outputs{
      {TensorId::output}, widths.output_bits, 0, std::min(40, widths.output_bits - 1)};
  return {choose(all, gates, method), choose(all, candidate, method), choose(all, outputs, method)};
}

const char* name_of(TensorId id) {
  switch (id) {
    case TensorId::operand:
      return "operand of h";
    case TensorId::reset_preact:
      return "pre-activation of r";
    case TensorId::update_preact:
      return "pre-activation of z";
    case TensorId::reset_gate:
      return "r";
    case TensorId::update_gate:
      return "z";
    case TensorId::input_preact:
      return "W_n x + b_n";
    case TensorId::recurrent_preact:
      return "U_n h + c_n";
    case TensorId::product:
      return "r * h";
    case TensorId::candidate_preact:
      return "pre-activation of n";
    case TensorId::candidate:
      return "n";
    case TensorId::state:
      return "carried state";
    case TensorId::output:
      return "output";
  }
  return "";
}

std::vector<TensorRange> tensor_ranges(const IntegerModel& model, std::span<const float> traces) {
  model.validate();
  check_traces(traces, static_cast<int>(model.description.input_size()));
  const Widths& w = model.widths;
  ObservedRanges all;
  for (std::size_t k = 0; k < kTensorIds; ++k) {
    const auto id = static_cast<TensorId>(k);
    TensorRange& use = all.ranges[k];
    use = {id, fraction_of(id, w, model.form()), 0, 0, 0, 0};
    const bool word = is_preact(id) || id == TensorId::output;
    use.limit =
        power_of_two(!word ? use.fraction : (is_preact(id) ? w.preact_bits : w.output_bits) - 1) -
        1;
    all.lowest[k] = word ? -use.limit - 1 : -use.limit;
  }
  for (const ObservedRanges& seen : observe(model, traces, all))
    for (std::size_t k = 0; k < kTensorIds; ++k) {
      all.ranges[k].most = std::max(all.ranges[k].most, seen.ranges[k].most);
      all.ranges[k].values += seen.ranges[k].values;
      all.ranges[k].saturated += seen.ranges[k].saturated;
    }
  std::vector<TensorRange> uses;
  for (const TensorRange& use : all.ranges)
    if (use.values > 0 && !is_gate(use.id)) uses.push_back(use);
  return uses;
}

}  // namespace taugate
