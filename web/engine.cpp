// What the page calls: a file in, maps out. Texts go as JSON, arrays stay in the module's memory.

#include <emscripten.h>

#include <chrono>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fli/plot/palette.h"
#include "taugate/core/error.h"
#include "taugate/fli/inference/inference.h"
#include "taugate/fli/inference/model_card.h"
#include "taugate/fli/io/pixel_groups.h"
#include "taugate/simd/arch.h"

using namespace taugate;
using Json = nlohmann::json;

// Where the page is told what is being done (web/parallel.cpp tells how much of it).
EM_JS(void, taugate_stage, (const char* stage), {
  if (Module.onStage) Module.onStage(UTF8ToString(stage));
});

namespace {

constexpr std::uint64_t kLargestCounts = std::uint64_t{3} << 28;  // bytes, of 2 GB in all

/// The last image, whose decays the page asks for, and the last answer.
struct Session {
  std::string answer;
  Inference result;
};
Session& session() {
  static Session one;
  return one;
}

const std::vector<ModelCard>& cards() {
  static const std::vector<ModelCard> all = read_model_cards("/models");
  return all;
}

double seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

std::optional<double> number(const Json& request, const char* name) {
  return request.contains(name) ? std::optional(request[name].get<double>()) : std::nullopt;
}

/// 96 x 96 pixels of TCSPC at 80 MHz: two cells and their nuclei, of four lifetimes, in a weak background.
Measurement example() {
  struct Disc {
    double x, y, radius, tau_ns, counts;  // of the peak
  };
  constexpr Disc discs[] = {{48, 48, 200, 0.8, 1.5},
                            {34, 36, 26, 2.2, 60},
                            {36, 33, 10, 3.0, 110},
                            {66, 64, 24, 1.4, 45},
                            {69, 67, 9, 3.6, 80}};
  constexpr int side = 96;
  const ModelCard* card = card_named(cards(), "tcspc-80mhz");
  require(card != nullptr, "example: found no model for it");
  SimulatorConfig config = card->simulator;
  const double period = config.acquisition.period_ns, bin = period / 256;
  config.acquisition = {256, bin, bin, period};
  config.irf.delay_ns = {1.9, 1.9};
  config.irf.fwhm_ns = {0.15, 0.15};
  config.irf.tail_probability = 0.0;
  Measurement m;
  m.path = "example";
  m.format = "simulated";
  m.width = m.height = side;
  m.bins = 256;
  m.bin_ns = bin;
  m.period_ns = period;
  m.counts.resize(m.traces() * 256);
  for (const Disc& disc : discs) {
    config.peak_counts = {disc.counts, disc.counts};
    const Simulator simulator(config);
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) {
        const double dx = x - disc.x, dy = 1.2 * (y - disc.y);
        if (dx * dx + dy * dy > disc.radius * disc.radius) continue;
        const auto i = static_cast<std::size_t>(y * side + x);
        Sample pixel{std::span(m.counts).subspan(i * 256, 256), {}, {}};
        simulator.sample(1, i, Decay::mono(disc.tau_ns), pixel);
      }
  }
  return m;
}

Measurement read(const Json& request) {
  const std::string file = request.at("file");
  taugate_stage("reading");
  if (file.empty()) return example();
  MeasurementOptions options;
  options.largest_bytes = kLargestCounts;
  options.channel = request.value("channel", MeasurementOptions::kBrightest);
  return read_measurement(file, options);
}

Json infer_file(const Json& request) {
  Session& last = session();
  last.result = {};  // before the next one takes its memory
  const double start = seconds();
  Measurement m = read(request);
  set_time_axis(m, number(request, "bin"), number(request, "period"));
  const int recorded_width = m.width, recorded_height = m.height;
  if (const int n = request.value("bin_pixels", 1); n > 1)
    bin_pixels(m, n, request.value("sliding", false));
  const double read_at = seconds();

  InferenceOptions options;
  options.least_counts = request.value("least_counts", 0.0);
  std::unique_ptr<TraceModel> model;
  std::string name = request.value("model", "auto"), about = "your own";
  if (request.contains("own_model")) {
    const std::string path = request["own_model"];
    model = load_trace_model(path);
    name = std::filesystem::path(path).filename();
  } else {
    const ModelCard& card = chosen_card(cards(), name, m, options);
    model = load_model_of(card);
    name = card.name;
    about = card.about;
  }
  Json answer{{"model", name},
              {"about", about},
              {"first_gate_ns", options.first_gate_ns.value_or(model->first_gate_ns)},
              {"gate_step_ns", model->acquisition().gate_step_ns},
              {"format", m.format},
              {"notes", m.notes},
              {"recorded", {recorded_width, recorded_height}},
              {"bins", m.bins},
              {"bin_ns", m.bin_ns.value_or(0.0)},
              {"period_ns", m.period_ns.value_or(0.0)},
              {"arch", simd::active_arch()}};
  taugate_stage("reading lifetimes");
  last.result = infer(*model, std::move(m), options);
  const Inference& r = last.result;
  answer["seconds"] = {{"read", read_at - start}, {"infer", seconds() - read_at}};
  answer["width"] = r.width;
  answer["height"] = r.height;
  answer["gates"] = r.gates;
  answer["outputs"] = r.outputs;
  answer["blank"] = r.blank;
  answer["unlike"] = r.unlike_count() ? Json(*r.unlike_count()) : Json();
  return answer;
}

/// A map of the last image by name, or its counts [N][T] and decays [N][T][C]; empty where there is none.
std::span<const float> array_of(const Inference& r, const std::string& name) {
  const std::pair<const char*, const std::vector<float>*> all[] = {
      {"intensity", &r.intensity},
      {"amplitude_ns", &r.amplitude_ns},
      {"intensity_ns", &r.intensity_ns},
      {"amplitude_sd_ns", &r.amplitude_sd_ns},
      {"intensity_sd_ns", &r.intensity_sd_ns},
      {"state_distance", &r.state_distance},
      {"input_chi2r", &r.input_chi2r},
      {"counts", &r.counts},
      {"sfd", &r.sfd}};
  for (const auto& [known, values] : all)
    if (name == known) return *values;
  fail("map: found ", name);
}

/// The JSON of what `make` returns, or of the error that it throws.
template <class Make>
const char* answer(Make make) {
  std::string& text = session().answer;
  try {
    text = make().dump(-1, ' ', false, Json::error_handler_t::replace);
  } catch (const std::bad_alloc&) {
    text =
        Json{{"error", "found an image that is too large for a browser's 2 GB; take the program"}}
            .dump();
  } catch (const std::exception& e) {
    text = Json{{"error", e.what()}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return text.c_str();
}

}  // namespace

extern "C" {

/// [{"name", "about", ...}] of the models inside, and "palette": 256 colours as "#rrggbb".
EMSCRIPTEN_KEEPALIVE const char* taugate_about() {
  return answer([] {
    Json models = Json::array(), palette = Json::array();
    for (const ModelCard& card : cards()) {
      const Acquisition& a = card.simulator.acquisition;
      models.push_back({{"name", card.name},
                        {"about", card.about},
                        {"gates", a.gates},
                        {"step_ns", a.gate_step_ns},
                        {"period_ns", a.period_ns},
                        {"lifetimes_ns", {card.lifetimes_ns.low, card.lifetimes_ns.high}},
                        {"photons", {card.photons.low, card.photons.high}}});
    }
    for (int i = 0; i < 256; ++i) palette.push_back(hex(sequential_colour(i / 255.0)));
    return Json{{"models", models}, {"palette", palette}};
  });
}

/// Reads and infers. The request: {"file", "model" or "own_model", and where wanted "channel", "bin" and "period" (ns),
/// "bin_pixels", "sliding", "least_counts"}; no file is the example. Answers as infer_file().
EMSCRIPTEN_KEEPALIVE const char* taugate_infer(const char* request) {
  return answer([&] { return infer_file(Json::parse(request)); });
}

/// Where an array of the last image lies, and of how many floats it is.
EMSCRIPTEN_KEEPALIVE const float* taugate_array(const char* name) {
  return array_of(session().result, name).data();
}
EMSCRIPTEN_KEEPALIVE std::size_t taugate_size(const char* name) {
  return array_of(session().result, name).size();
}
/// [N] 1 where a pixel is unlike the training; null where that is not known.
EMSCRIPTEN_KEEPALIVE const std::uint8_t* taugate_unlike() {
  const auto& flags = session().result.unlike;
  return flags.empty() ? nullptr : flags.data();
}
}
