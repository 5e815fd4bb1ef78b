#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "cli/commands.h"
#include "cli/options/model_choice.h"
#include "cli/options/outputs.h"
#include "core/formatted.h"
#include "core/interrupt.h"
#include "study/calibration.h"
#include "taugate/core/file.h"

namespace taugate::cli {
namespace {

constexpr double kPhotons[] = {100, 1000, 10000};  // at which a card has figures
constexpr double kEnough = 300;  // photons from which its bias is told: below, the prior pulls

std::string percent(const Range& range) {
  return formatted("%+.1f..%+.1f %%", 100.0 * range.low, 100.0 * range.high);
}

void print_table(const std::vector<ModelCard>& cards) {
  std::printf("%-14s%10s%7s%10s%15s%14s%14s%16s%14s%9s  %s\n", "name", "period ns", "gates",
              "step ns", "IRF FWHM ns", "lifetimes ns", "photons", "bias", "sigma/bound", "bytes",
              "checksum");
  for (const ModelCard& card : cards) {
    const Acquisition& a = card.simulator.acquisition;
    const Range fwhm = card.simulator.irf.fwhm_ns, ratio = card.deviation_over_bound();
    const auto range = [](const Range& r) { return formatted("%g-%g", r.low, r.high); };
    std::printf("%-14s%10g%7d%10g%15s%14s%14s%16s%14s%9ju  %s\n", card.name.c_str(), a.period_ns,
                a.gates, a.gate_step_ns, range(fwhm).c_str(), range(card.lifetimes_ns).c_str(),
                range(card.photons).c_str(), percent(card.bias(kEnough)).c_str(),
                formatted("%.2f-%.2f", ratio.low, ratio.high).c_str(),
                static_cast<std::uintmax_t>(std::filesystem::file_size(card.weights)),
                card.checksum.c_str());
  }
}

void print_card(const ModelCard& card) {
  const SimulatorConfig& s = card.simulator;
  const Acquisition& a = s.acquisition;
  const auto line = [](const char* name, const std::string& text) {
    std::cout << "  " << name << std::string(13 - std::string(name).size(), ' ') << text << '\n';
  };
  std::cout << card.name << ": " << card.about << '\n';
  line("acquisition", concat(a.gates, " gates of ", a.gate_step_ns, " ns (open ", a.gate_width_ns,
                             " ns), laser period ", a.period_ns, " ns"));
  line("gate 0", card.rise_ns ? concat("opens ", *card.rise_ns, " ns before the summed decay rises")
                              : std::string("opens with the record"));
  std::string irf = concat("FWHM ", s.irf.fwhm_ns.low, " to ", s.irf.fwhm_ns.high, " ns at ",
                           s.irf.delay_ns.low, " to ", s.irf.delay_ns.high, " ns after gate 0");
  if (s.irf.tail_probability > 0.0)
    irf += concat(", half of them with a tail of ", s.irf.tail_ns.low, " to ", s.irf.tail_ns.high,
                  " ns");
  line("IRF", irf);
  line("trained for", describe_prior(s));
  line("good for", concat("lifetimes of ", card.lifetimes_ns.low, " to ", card.lifetimes_ns.high,
                          " ns, ", card.photons.low, " to ", card.photons.high, " photons"));
  line("weights", concat(card.weights.string(), ", ", std::filesystem::file_size(card.weights),
                         " bytes, checksum ", card.checksum));
  line("made by", card.command);
  std::printf("  %s\n%12s%10s%10s%12s%10s%10s%13s\n",
              "amplitude-weighted lifetime, % of it, IRF and background over the prior", "ns",
              "photons", "bias", "deviation", "stated", "bound", "sigma/bound");
  std::fflush(stdout);
  for (const CardFigure& f : card.figures)
    std::printf("%12.3g%10g%+10.2f%12.2f%10.2f%10.2f%13.2f\n", f.tau_ns, f.photons, 100.0 * f.bias,
                100.0 * f.deviation, 100.0 * f.stated, 100.0 * f.bound, f.deviation / f.bound);
}

/// Measures a lifetime network and writes its card beside it. False after Ctrl-C.
bool describe(const Arguments& a) {
  const std::filesystem::path file = a.text("describe");
  const std::unique_ptr<TraceModel> model = load_trace_model(file);
  ModelCard card{.name = file.stem().string(),
                 .about = a.text("about"),
                 .weights = file,
                 .checksum = checksum_of(file),
                 .command = a.text("command"),
                 .simulator = model->simulator,
                 .rise_ns = {},
                 .lifetimes_ns = a.range("tau"),
                 .photons = {std::begin(kPhotons)[0], std::end(kPhotons)[-1]},
                 .figures = {}};
  if (a.has("rise")) card.rise_ns = a.number("rise");
  const Range tau = card.lifetimes_ns;
  SimulatorConfig data = model->simulator;
  data.decay = {.tau1_ns = tau, .tau2_ns = tau, .mono_probability = 1.0, .log_uniform = true};
  const std::vector<Decay> decays{Decay::mono(tau.low), Decay::mono(std::sqrt(tau.low * tau.high)),
                                  Decay::mono(tau.high)};
  for (const CalibrationRow& r : calibration(*model, data, decays, kPhotons, a.count("samples"),
                                             1000, [](std::size_t) { return !interrupted(); }))
    if (r.decay)
      card.figures.push_back({r.truth_ns, r.photons, r.bias, r.deviation, r.predicted, r.bound});
  if (interrupted()) return false;
  write_file(std::filesystem::path(file).replace_extension(".json"), to_json(card));
  print_card(card);
  return true;
}

}  // namespace

int models(int argc, char** argv) {
  Arguments a("models", "[NAME] [options]",
              "Lists the trained models that come with the program, or tells all of one.\n"
              "infer --model auto FILE takes the one that fits a recording.",
              {"name"});
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("")("folder", "of the models (default: those of the program)", value(), "FOLDER");
  a.group("Writing a card")("describe",
                            "measure this network that gives lifetimes, and write its card beside "
                            "it (scripts/models.sh does both for all)",
                            value(), "MODEL")("about", "what it is for, in a few words", value(),
                                              "TEXT")("command", "that made it", value(), "TEXT")(
      "tau", "lifetimes that it is good for", value(), "LOW:HIGH")(
      "rise", "recordings are turned so that their decay rises here, after gate 0", value(), "NS")(
      "samples", "traces of each figure", cxxopts::value<std::string>()->default_value("4000"),
      "N");
  a.needs({"about", "command", "tau", "rise"}, {"describe"});
  a.excludes({"describe"}, {"name", "folder"});
  add_threads(a);
  if (!a.parse(argc, argv)) return kSuccess;
  use_threads(a);
  if (a.has("describe")) {
    for (const char* option : {"about", "command", "tau"})
      if (!a.has(option)) fail_usage("--describe: wanted --", option, ", too");
    return describe(a) ? kSuccess : kInterrupted;
  }
  const std::vector<ModelCard> cards =
      read_model_cards(a.has("folder") ? std::filesystem::path(a.text("folder")) : models_folder());
  if (!a.has("name")) {
    print_table(cards);
    return kSuccess;
  }
  const ModelCard* card = card_named(cards, a.text("name"));
  if (!card) fail_usage("found the name '", a.text("name"), "', wanted one of taugate models");
  print_card(*card);
  return kSuccess;
}

}  // namespace taugate::cli
