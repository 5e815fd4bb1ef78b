// The models that come with the program: what their cards say is so, and a recording finds its own.

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "fli/io_testing.h"
#include "taugate/fli/inference/inference.h"
#include "taugate/fli/inference/model_card.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
namespace fs = std::filesystem;

namespace {

const std::vector<ModelCard>& cards() {
  static const auto all = read_model_cards(fs::path(TAUGATE_SOURCE_DIR) / "models");
  return all;
}

struct Recording {
  Measurement measurement;
  std::vector<double> truth_ns;
};

/// As the card's camera would record it; of TCSPC with bins of its own, on a clock that begins anywhere in the period.
Recording record(const ModelCard& card, int traces) {
  SimulatorConfig c = card.simulator;
  c.decay = {.tau1_ns = card.lifetimes_ns,
             .tau2_ns = card.lifetimes_ns,
             .mono_probability = 1.0,
             .log_uniform = true};
  c.peak_counts = {30, 300};
  if (card.rise_ns) {
    const double period = c.acquisition.period_ns;
    const int bins = static_cast<int>(period / (1.2 * c.acquisition.gate_step_ns));
    c.acquisition = {bins, period / bins, period / bins, period};
    const double middle = 0.5 * (c.irf.delay_ns.low + c.irf.delay_ns.high);
    c.irf.delay_ns = {middle + 0.7 * period, middle + 0.7 * period};
  }
  const Simulator simulator(c);
  Recording r;
  Measurement& m = r.measurement;
  m.path = card.name + ".npz";
  m.width = traces;
  m.height = 1;
  m.bins = c.acquisition.gates;
  m.bin_ns = c.acquisition.gate_step_ns;
  m.period_ns = c.acquisition.period_ns;
  m.counts.resize(static_cast<std::size_t>(traces) * static_cast<std::size_t>(m.bins));
  for (int i = 0; i < traces; ++i) {
    Sample pixel{
        std::span(m.counts).subspan(static_cast<std::size_t>(i) * static_cast<std::size_t>(m.bins),
                                    static_cast<std::size_t>(m.bins)),
        {},
        {}};
    simulator.sample(5, static_cast<std::uint64_t>(i), pixel);
    r.truth_ns.push_back(pixel.truth.decay.tau1_ns);
  }
  return r;
}

}  // namespace

TEST_CASE("every model has a card that is its own, and 40 kB at most") {
  std::vector<std::string> names;
  for (const ModelCard& card : cards()) {
    CAPTURE(card.name);
    names.push_back(card.name);
    CHECK(fs::file_size(card.weights) <= 40'000);
    const auto model = load_model_of(card);
    CHECK(to_json(model->simulator) == to_json(card.simulator));
    CHECK(model->gives_lifetimes());
    CHECK(model->novelty.has_value());
    CHECK(card.figures.size() == 9);
    CHECK(card.deviation_over_bound().high < 2.0);  // of tcspc, which do not know of a tail either
    CHECK(contains(card.command, "taugate train"));
    CHECK(to_json(card) == read_file(fs::path(card.weights).replace_extension(".json")));
  }
  CHECK(names == std::vector<std::string>{"iccd-176", "ss2-70", "ss3-135", "tcspc-20mhz",
                                          "tcspc-40mhz", "tcspc-80mhz"});
}

TEST_CASE("a recording finds its model, whose error bars hold on it") {
  for (const ModelCard& card : cards()) {
    CAPTURE(card.name);
    const Recording r = record(card, 600);
    InferenceOptions options, given;
    given.first_gate_ns = 1.5;
    const ModelCard& found = chosen_card(cards(), "auto", r.measurement, options);
    REQUIRE(found.name == card.name);
    CHECK(options.first_gate_ns == RecordedAxis(r.measurement).first_gate_ns(found));
    CHECK(options.whole_counts == found.rise_ns.has_value());
    CHECK(&chosen_card(cards(), card.name, r.measurement, given) == &found);
    CHECK(given.first_gate_ns == 1.5);
    const Inference result = infer(*load_model_of(found), r.measurement, options);
    double bias = 0.0, within = 0.0;
    for (std::size_t i = 0; i < r.truth_ns.size(); ++i) {
      const double error = std::log(result.amplitude_ns[i] / r.truth_ns[i]),
                   sigma = result.amplitude_sd_ns[i] / result.amplitude_ns[i];
      bias += error / sigma;
      within += std::abs(error) < sigma;
    }
    const double n = 600.0;
    CHECK(std::abs(bias / n) < 0.25);  // in its own standard deviations; 0.04 by chance
    CHECK(within / n > 0.60);          // 0.68 +- 0.02
    CHECK(within / n < 0.78);
    CHECK(static_cast<double>(*result.unlike_count()) / n < 0.05);
  }
}

TEST_CASE("a recording that no model fits is refused with what would") {
  Measurement m = record(cards().front(), 20).measurement;
  const auto refused = [&](const std::vector<const char*>& wanted) {
    const std::string text = error_of([&] { fitting_card(cards(), m); });
    CAPTURE(text);
    for (const char* part : wanted) CHECK(contains(text, part));
  };
  const Measurement whole = m;
  m.period_ns = 30.0;
  refused({"iccd-176.npz: found 176 bins of 0.04 ns, period 30 ns, a decay that rises at",
           "no model fits, wanted a period of 12.5 ns (iccd-176)",
           "a period of 50 ns (tcspc-20mhz)"});
  m = whole;
  m.bin_ns = 0.0701;  // 12.34 ns of 12.5: neither its gates nor bins fine enough
  refused({"176 bins of 0.04 ns (iccd-176)", "bins of 0.0585 ns at most (tcspc-80mhz)"});
  m = whole;
  std::rotate(m.counts.begin(), m.counts.end() - 100, m.counts.end());  // 4 ns later
  refused({"a rise at 0.6", "(iccd-176)", "a record from 0.6 ns before the rise to"});
  m.bin_ns.reset();
  refused({"176 bins of unknown width; give it (--bin NS)"});
  m = whole;
  m.period_ns.reset();
  refused({"does not tell its laser period; give it (--period NS)"});
  CHECK(card_named(cards(), "ss2-71") == nullptr);
  InferenceOptions options;
  const auto choose = [&](const char* name) {
    return error_of([&] { chosen_card(cards(), name, whole, options); });
  };
  CHECK(contains(choose("ss2-71"), "found the model 'ss2-71', which is neither a file nor a name"));
  CHECK(contains(choose("tcspc-20mhz"), "model tcspc-20mhz wants a period of 50 ns"));
}

TEST_CASE("weights other than the card's are refused") {
  const Folder folder;
  for (const char* name : {"ss2-70.json", "ss2-70.safetensors"})
    fs::copy_file(fs::path(TAUGATE_SOURCE_DIR) / "models" / name, folder.path / name);
  CHECK_NOTHROW(load_model_of(read_model_cards(folder.path).front()));
  fs::copy_file(fs::path(TAUGATE_SOURCE_DIR) / "models/ss3-135.safetensors",
                folder.path / "ss2-70.safetensors", fs::copy_options::overwrite_existing);
  const auto card = read_model_cards(folder.path).front();
  CHECK(contains(error_of([&] { load_model_of(card); }), "not the weights that it describes"));
  fs::remove(folder.path / "ss2-70.safetensors");
  CHECK(contains(error_of([&] { read_model_cards(folder.path); }), "found the card of ss2-70"));
  folder.file("ss2-70.json", "{}");
  CHECK(contains(error_of([&] { read_model_cards(folder.path); }), "damaged card"));
  CHECK(contains(error_of([&] { read_model_cards(folder.path / "none"); }), "found no models"));
}
