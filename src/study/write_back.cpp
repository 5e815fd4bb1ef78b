#include "study/write_back.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "fli/plot/gnuplot.h"
#include "quant/integer/reference_executor.h"
#include "taugate/core/parallel.h"
#include "taugate/quant/ptq/calibrate.h"

namespace taugate {
namespace {

constexpr std::size_t kPerItem = 16;  // traces that a thread takes at a time

/// Whole numbers, so that the order of adding does not matter.
struct Count {
  std::uint64_t updates = 0, lost = 0, kept = 0;  ///< kept: sum of z as integers
  void operator+=(const Count& other) {
    updates += other.updates;
    lost += other.lost;
    kept += other.kept;
  }
};

/// [layer][unit or step]
struct Counts {
  std::vector<std::vector<Count>> units, steps;
};

/// Sees the values of one layer, unit by unit and step by step.
class Watch {
 public:
  Watch(const Arithmetic& arithmetic, const std::vector<std::int32_t>& state,
        std::vector<Count>& units, std::vector<Count>& steps)
      : a_(arithmetic),
        state_(state.begin(), state.end()),
        z_(state.size()),
        n_(state.size()),
        units_(units),
        steps_(steps) {}

  void operator()(TensorId id, int u, std::int64_t value) {
    const auto unit = static_cast<std::size_t>(u);
    if (id == TensorId::update_gate) z_[unit] = value;
    if (id == TensorId::candidate) n_[unit] = value;
    if (id != TensorId::state) return;
    const int exact = a_.exact_frac_bits();
    const std::int64_t held = a_.held(state_[unit]);
    const std::int64_t update =
        a_.exact_blend(z_[unit], n_[unit], held) - rescale(held, a_.held_frac_bits(), exact);
    // 2 |d| / D < 1; the state's unit may be finer than an update's, too.
    const Count one{1,
                    std::ldexp(2.0 * std::abs(static_cast<double>(update)),
                               a_.widths().state_frac_bits - exact) < 1.0,
                    static_cast<std::uint64_t>(z_[unit])};
    units_[unit] += one;
    steps_[step_] += one;
    state_[unit] = value;
    if (unit + 1 == state_.size()) ++step_;
  }

 private:
  const Arithmetic& a_;
  std::vector<std::int64_t> state_, z_, n_;
  std::vector<Count>&units_, &steps_;
  std::size_t step_ = 0;
};

void run_trace(const IntegerModel& model, const ReferenceExecutor& reference,
               const Arithmetic& arithmetic, ReferenceExecutor::Scratch& s, Counts& counts) {
  for (std::size_t k = 0; k < model.layers.size(); ++k) {
    const int from = model.description.layers[k].starts_from;
    const std::vector<std::int32_t> start =
        from >= 0 ? s.final_states[static_cast<std::size_t>(from)]
                  : std::vector<std::int32_t>(s.final_states[k].size());
    reference.run_layers(s, k, k + 1, model.gates(), false,
                         Watch(arithmetic, start, counts.units[k], counts.steps[k]));
  }
}

WriteMargin margin_of(const Count& count, const Widths& w) {
  const auto updates = static_cast<double>(count.updates);
  const double kept = std::ldexp(static_cast<double>(count.kept), -w.gate_frac_bits);
  const double update = (updates - kept) / updates;
  return {static_cast<double>(count.lost) / updates, update,
          std::ldexp(0.5, -w.state_frac_bits) / update};
}

nlohmann::json json_of(const WriteMargin& m) {  // infinity becomes null
  return {{"lost", m.lost}, {"mean_update", m.mean_update}, {"dead_band", m.dead_band}};
}
nlohmann::json json_of(const std::vector<WriteMargin>& all) {
  nlohmann::json json = nlohmann::json::array();
  for (const WriteMargin& m : all) json.push_back(json_of(m));
  return json;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

WriteMargins write_margins(const IntegerModel& model, std::span<const float> traces) {
  model.validate();
  check_traces(traces, model.gates());
  const auto T = static_cast<std::size_t>(model.gates());
  const std::size_t count = traces.size() / T;
  const ReferenceExecutor reference(model);
  const Arithmetic arithmetic(model.widths, model.form(), model.activation());
  Counts none;
  for (const IntegerLayer& layer : model.layers) {
    none.units.emplace_back(static_cast<std::size_t>(layer.hidden));
    none.steps.emplace_back(T);
  }
  std::vector<Counts> by_thread(static_cast<std::size_t>(thread_count()), none);
  parallel_for((count + kPerItem - 1) / kPerItem, [&](std::size_t item, int thread) {
    ReferenceExecutor::Scratch scratch = reference.make_scratch();
    for (std::size_t i = item * kPerItem; i < std::min(count, (item + 1) * kPerItem); ++i) {
      for (std::size_t t = 0; t < T; ++t)
        scratch.input[t] = reference.input_word(traces[i * T + t]);
      run_trace(model, reference, arithmetic, scratch, by_thread[static_cast<std::size_t>(thread)]);
    }
  });

  const Widths& w = model.widths;
  WriteMargins result{.unit = std::ldexp(1.0, -w.state_frac_bits), .all = {}, .layers = {}};
  Count all;
  std::vector<double> dead_bands;
  for (std::size_t k = 0; k < model.layers.size(); ++k) {
    LayerMargins layer{model.description.layers[k].name, {}, {}, {}};
    Count of_layer;
    const auto add = [&](auto member, std::size_t size, std::vector<WriteMargin>& margins) {
      for (std::size_t i = 0; i < size; ++i) {
        Count sum;
        for (const Counts& counts : by_thread) sum += (counts.*member)[k][i];
        margins.push_back(margin_of(sum, w));
        if (&margins == &layer.units) of_layer += sum;
      }
    };
    add(&Counts::units, none.units[k].size(), layer.units);
    add(&Counts::steps, T, layer.steps);
    for (const WriteMargin& unit : layer.units) dead_bands.push_back(unit.dead_band);
    layer.all = margin_of(of_layer, w);
    all += of_layer;
    result.layers.push_back(std::move(layer));
  }
  result.all = margin_of(all, w);
  result.median_dead_band = median(std::move(dead_bands));
  return result;
}

std::string to_json(const WriteMargins& margins) {
  nlohmann::json json = json_of(margins.all);
  json["unit"] = margins.unit;
  json["median_dead_band"] = margins.median_dead_band;
  json["layers"] = nlohmann::json::array();
  for (const LayerMargins& layer : margins.layers) {
    nlohmann::json one = json_of(layer.all);
    one["name"] = layer.name;
    one["units"] = json_of(layer.units);
    one["steps"] = json_of(layer.steps);
    json["layers"].push_back(std::move(one));
  }
  return json.dump(2);
}

std::vector<StateStorage> state_storages() {
  std::vector<StateStorage> all;
  for (const int bits : {4, 6, 8, 10, 12, 16})
    all.push_back({concat("nearest-", bits), concat(bits, " bits"), bits});
  for (const int bits : {4, 6, 8}) {
    all.push_back({concat("stochastic-", bits), concat(bits, " bits, stochastic"), bits, 0,
                   WriteBack::stochastic});
    for (const int residual : {2, 4, 16 - bits})
      all.push_back({concat("feedback-", bits, "-", residual),
                     concat(bits, " + ", residual, " bits, feedback"), bits, residual,
                     WriteBack::feedback});
    for (const int residual : {2, 4})
      all.push_back({concat("wide-", bits, "-", residual),
                     concat(bits, " + ", residual, " bits, carried wide"), bits, residual});
  }
  for (const WriteBack kind : {WriteBack::feedback, WriteBack::nearest}) {
    const bool fed_back = kind == WriteBack::feedback;
    all.push_back(
        {concat(fed_back ? "feedback" : "wide", "-4-4-head"),
         concat("4 + 4 bits, ", fed_back ? "feedback" : "carried wide", ", the head reads all"), 4,
         4, kind, true});
  }
  return all;
}

QatOptions state_options(const StateStorage& storage) {
  QatOptions o;
  Widths& w = o.quantize.widths;
  w.state_frac_bits = storage.stored() - 1;
  w.residual_bits = storage.residual;
  w.write_back = storage.write_back;
  w.head_reads_state = storage.head_reads_state;
  return o;
}

void draw_write_margin(const std::filesystem::path& path, const std::vector<MarginPoint>& points) {
  require(!points.empty(), path.string(), ": found no network to draw, wanted at least one");
  GnuplotScript script(640, 440);
  script.line("set logscale xy");
  script.line("set xlabel 'dead band: |n - h| below which nothing is written (median unit)'");
  script.line("set ylabel 'RMSE on held-out traces'");
  // Enough for a picture of less than a decade, too.
  script.line("set ytics (0.01, 0.012, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5)");
  script.line("set key top left");
  script.line("set format x '10^{%L}'");
  const auto [best, worst] = std::minmax_element(
      points.begin(), points.end(),
      [](const MarginPoint& a, const MarginPoint& b) { return a.rmse < b.rmse; });
  script.line("set yrange [", 0.8 * best->rmse, ":", 1.5 * worst->rmse, "]");
  const char* const beside[] = {"0.6, -0.7", "1, 0", "0.6, 0.7"};  // so that few labels meet
  std::string plot;
  for (const WriteBack kind : {WriteBack::nearest, WriteBack::stochastic, WriteBack::feedback}) {
    std::vector<double> band, rmse;
    for (const MarginPoint& p : points) {
      if (p.write_back != kind || !std::isfinite(p.dead_band)) continue;
      band.push_back(p.dead_band);
      rmse.push_back(p.rmse);
      script.line("set label ", GnuplotScript::quoted(p.label), " noenhanced at ", p.dead_band,
                  ", ", p.rmse, " offset ", beside[static_cast<int>(kind)], " font ',9'");
    }
    if (band.empty()) continue;
    script.data(name_of(kind), {band, rmse});
    plot +=
        concat(plot.empty() ? "plot " : ", ", "$", name_of(kind), " using 1:2 with points pt 7 lt ",
               1 + static_cast<int>(kind), " title '", name_of(kind), "'");
  }
  require(!plot.empty(), path.string(), ": found no finite dead band to draw");
  script.line(plot);
  script.write_png(path);
}

}  // namespace taugate
