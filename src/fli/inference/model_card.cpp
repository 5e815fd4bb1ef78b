#include "taugate/fli/inference/model_card.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/formatted.h"
#include "core/hash.h"
#include "fli/physics/valid_gates.h"
#include "taugate/core/file.h"
#include "taugate/fli/io/rebin.h"

namespace taugate {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr double kSamePeriod = 0.01, kSameGates = 1e-3;  // relative
/// Bins of a recording whose gates are turned, in gates of the model: coarser ones make pairs of gates alike.
constexpr double kCoarsest = 1.5;

Json pair_of(const Range& range) { return {range.low, range.high}; }
Range range_of(const Json& pair) { return {pair.at(0).get<double>(), pair.at(1).get<double>()}; }

ModelCard card_from_json(const Json& json, const fs::path& weights) {
  ModelCard card;
  card.name = json.at("name").get<std::string>();
  card.about = json.at("about").get<std::string>();
  card.weights = weights;
  card.checksum = json.at("checksum").get<std::string>();
  card.command = json.at("command").get<std::string>();
  card.simulator = simulator_config_from_json(json.at("simulator").dump());
  if (!json.at("rise_ns").is_null()) card.rise_ns = json.at("rise_ns").get<double>();
  card.lifetimes_ns = range_of(json.at("lifetimes_ns"));
  card.photons = range_of(json.at("photons"));
  for (const Json& f : json.at("figures"))
    card.figures.push_back({f.at("tau_ns"), f.at("photons"), f.at("bias"), f.at("deviation"),
                            f.at("stated"), f.at("bound")});
  return card;
}

template <class Value>
Range range_over(const std::vector<CardFigure>& figures, Value value) {
  Range range{INFINITY, -INFINITY};
  for (const CardFigure& f : figures) {
    const double v = value(f);
    if (std::isnan(v)) continue;
    range = {std::min(range.low, v), std::max(range.high, v)};
  }
  return range;
}

/// Where the summed decay rises that a card without a turn wants.
Range rise_of(const ModelCard& card) {
  const IrfPrior& irf = card.simulator.irf;
  const double reach = 0.5 * irf.fwhm_ns.high + card.simulator.acquisition.gate_step_ns;
  return {irf.delay_ns.low - reach, irf.delay_ns.high + reach};
}

}  // namespace

Range ModelCard::deviation_over_bound() const {
  return range_over(figures, [](const CardFigure& f) { return f.deviation / f.bound; });
}
Range ModelCard::bias(double least_photons) const {
  return range_over(figures,
                    [&](const CardFigure& f) { return f.photons < least_photons ? NAN : f.bias; });
}

std::string to_json(const ModelCard& card) {
  Json figures = Json::array();
  for (const CardFigure& f : card.figures)
    figures.push_back({{"tau_ns", f.tau_ns},
                       {"photons", f.photons},
                       {"bias", f.bias},
                       {"deviation", f.deviation},
                       {"stated", f.stated},
                       {"bound", f.bound}});
  return Json{{"name", card.name},
              {"about", card.about},
              {"checksum", card.checksum},
              {"command", card.command},
              {"simulator", Json::parse(to_json(card.simulator))},
              {"rise_ns", card.rise_ns ? Json(*card.rise_ns) : Json()},
              {"lifetimes_ns", pair_of(card.lifetimes_ns)},
              {"photons", pair_of(card.photons)},
              {"figures", figures}}
             .dump(1) +
         "\n";
}

std::vector<ModelCard> read_model_cards(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  require(!files.empty(), folder.string(), ": found no models here");
  std::sort(files.begin(), files.end());
  std::vector<ModelCard> cards;
  for (const fs::path& file : files) {
    try {
      cards.push_back(card_from_json(Json::parse(read_file(file)),
                                     fs::path(file).replace_extension(".safetensors")));
    } catch (const Json::exception&) {
      fail(file.string(), ": found a damaged card of a model");
    }
    require(cards.back().name == file.stem().string() && fs::exists(cards.back().weights),
            file.string(), ": found the card of ", cards.back().name, ", wanted that of ",
            cards.back().weights.string());
  }
  return cards;
}

std::string checksum_of(const fs::path& weights) {
  return formatted("%016llx", static_cast<unsigned long long>(fnv1a(read_file(weights))));
}

std::unique_ptr<TraceModel> load_model_of(const ModelCard& card) {
  const std::string found = checksum_of(card.weights);
  require(found == card.checksum, card.weights.string(), ": found the checksum ", found,
          ", wanted ", card.checksum, " of its card: not the weights that it describes");
  return load_trace_model(card.weights);
}

RecordedAxis::RecordedAxis(const Measurement& m) : file_(m.path.string()), bins_(m.bins) {
  require_counts(m);
  require(m.bin_ns.has_value(), file_, ": found ", m.bins,
          " bins of unknown width; give it (--bin NS)");
  require(m.period_ns.has_value(), file_,
          ": does not tell its laser period; give it (--period NS)");
  bin_ns_ = *m.bin_ns;
  period_ns_ = *m.period_ns;
  const std::vector<double> sum = summed_trace(m);
  const ValidGates valid = valid_gates(sum);
  recorded_ns_ = {bin_ns_ * static_cast<double>(valid.first),
                  bin_ns_ * static_cast<double>(valid.end)};
  covers_period_ = recorded_ns_.high - recorded_ns_.low >= period_ns_ * (1.0 - 1e-6);
  rise_ns_ = taugate::rise_ns(sum, bin_ns_, period_ns_);
}

std::string RecordedAxis::described() const {
  return concat(bins_, " bins of ", bin_ns_, " ns, period ", period_ns_,
                " ns, a decay that rises at ", formatted("%.3g", rise_ns_), " ns");
}

std::string RecordedAxis::misfit(const ModelCard& card) const {
  const Acquisition& a = card.simulator.acquisition;
  if (std::abs(period_ns_ / a.period_ns - 1.0) > kSamePeriod)
    return concat("a period of ", a.period_ns, " ns");
  if (!card.rise_ns) {
    if (bins_ != a.gates || std::abs(bin_ns_ / a.gate_step_ns - 1.0) > kSameGates)
      return concat(a.gates, " bins of ", a.gate_step_ns, " ns");
    const Range rise = rise_of(card);
    if (rise_ns_ < rise.low || rise_ns_ > rise.high)
      return concat("a rise at ", formatted("%.3g to %.3g", rise.low, rise.high), " ns");
    return {};
  }
  if (bin_ns_ > kCoarsest * a.gate_step_ns)
    return concat("bins of ", kCoarsest * a.gate_step_ns, " ns at most");
  const double first = first_gate_ns(card), slack = 0.5 * a.gate_step_ns;
  if (!covers_period_ &&
      (first < recorded_ns_.low - slack || first + a.window_ns() > recorded_ns_.high + slack))
    return concat("a record from ", *card.rise_ns, " ns before the rise to ",
                  a.window_ns() - *card.rise_ns, " ns after it");
  return {};
}

double RecordedAxis::first_gate_ns(const ModelCard& card) const {
  if (!card.rise_ns) return 0.0;
  const double first = rise_ns_ - *card.rise_ns;
  return covers_period_ ? std::fmod(first + period_ns_, period_ns_) : std::max(first, 0.0);
}

const ModelCard& fitting_card(std::span<const ModelCard> cards, const Measurement& m) {
  const RecordedAxis axis(m);
  std::string wanted;
  for (const ModelCard& card : cards) {
    const std::string misfit = axis.misfit(card);
    if (misfit.empty()) return card;
    wanted += concat(wanted.empty() ? "" : ", ", misfit, " (", card.name, ")");
  }
  fail(m.path.string(), ": found ", axis.described(), "; no model fits, wanted ", wanted);
}

const ModelCard& chosen_card(std::span<const ModelCard> cards, const std::string& name,
                             const Measurement& m, InferenceOptions& options) {
  const ModelCard* card = name == "auto" ? &fitting_card(cards, m) : card_named(cards, name);
  if (!card)
    fail_usage("found the model '", name,
               "', which is neither a file nor a name that taugate models lists");
  const RecordedAxis axis(m);
  const std::string misfit = axis.misfit(*card);
  require(misfit.empty(), m.path.string(), ": found ", axis.described(), "; model ", card->name,
          " wants ", misfit);
  options.whole_counts = card->rise_ns.has_value();
  if (!options.first_gate_ns) options.first_gate_ns = axis.first_gate_ns(*card);
  return *card;
}

const ModelCard* card_named(std::span<const ModelCard> cards, const std::string& name) {
  const auto found = std::ranges::find(cards, name, &ModelCard::name);
  return found == cards.end() ? nullptr : &*found;
}

}  // namespace taugate
