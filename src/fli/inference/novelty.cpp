#include "taugate/fli/inference/novelty.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "fli/inference/column_loops.h"
#include "fli/inference/stored_statistics.h"
#include "taugate/core/error.h"

static_assert(std::endian::native == std::endian::little,
              "numbers are stored as they lie in memory");

namespace taugate {
namespace {

constexpr char kBytes = '\0', kBytesVersion = 1;  // what bytes begin with, and no text
constexpr const char* kNoFit = "its statistics of training's traces do not fit each other";

/// Between which of `knots` evenly spaced values `x` lies; clamped to their ends.
struct Position {
  std::size_t knot;
  float weight;  // of the next one
};
Position position(const std::vector<double>& knots, double x) {
  const double step = knots[1] - knots[0];
  const double at = std::clamp((x - knots[0]) / step, 0.0, static_cast<double>(knots.size() - 1));
  const std::size_t knot = std::min(static_cast<std::size_t>(at), knots.size() - 2);
  return {knot, static_cast<float>(at - static_cast<double>(knot))};
}

float between(const std::vector<float>& values, Position at) {
  return values[at.knot] + at.weight * (values[at.knot + 1] - values[at.knot]);
}

/// Bytes as to_bytes() lays them down. A list of numbers is its length in 32 bits, then the numbers.
class Writer {
 public:
  std::string bytes;
  template <class Stored, class Values, class Make>
  void list(const Values& values, Make make) {
    put(static_cast<std::uint32_t>(values.size()));
    for (const auto v : values) put<Stored>(make(v));
  }
  template <class Value>
  void put(Value value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  template <class Stored, class Values, class Make>
  void list(Values& values, Make make) {
    const auto count = take<std::uint32_t>();
    require(count <= rest_.size() / sizeof(Stored), kNoFit);
    values.clear();
    for (std::uint32_t i = 0; i < count; ++i) values.push_back(make(take<Stored>()));
  }
  template <class Value>
  Value take() {
    Value value;
    require(rest_.size() >= sizeof value, kNoFit);
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Every list of `n` in the order of the file, each as it is stored: whole(), half() or axis().
template <class N, class Whole, class Half, class Axis>
void each_list(N& n, Whole&& whole, Half&& half, Axis&& axis) {
  half(n.transform);
  whole(n.mean);
  whole(n.precision);
  half(n.input_mean);
  half(n.components);
  for (auto* mixture : {&n.training, &n.beyond}) {
    half(mixture->centre);
    axis(mixture->axes);
    whole(mixture->variance);
    whole(mixture->rarity);
  }
  for (auto& limits : n.limits) whole(limits);
}

ShapeMixture mixture_of(const nlohmann::json& json) {
  ShapeMixture m;
  json.at("centre").get_to(m.centre);
  json.at("axes").get_to(m.axes);
  json.at("variance").get_to(m.variance);
  json.at("rarity").get_to(m.rarity);
  return m;
}

}  // namespace

void Novelty::shape(std::span<const float> input, std::span<float> u) const {
  double sum = 0.0;
  std::size_t t = 0;
  for (float& value : u) {
    value = 0.0f;
    for (const std::size_t end = std::min(t + static_cast<std::size_t>(group), input.size());
         t < end; ++t) {
      value += input[t];
      sum += input[t];
    }
  }
  const auto scale = static_cast<float>(1.0 / sum);
  for (float& value : u) value = std::sqrt(value * scale);
}

Novelty::Scores Novelty::scores(double counts, std::span<const float> input,
                                std::span<const float> state, std::vector<float>& scratch) const {
  const std::size_t D = state_units(), G = input_mean.size(), P = component_count();
  require(input.size() == static_cast<std::size_t>(gates) && state.size() == D, "[novelty] found ",
          input.size(), " gates and ", state.size(), " units, wanted ", gates, " and ", D);
  scratch.resize(D + G + P + std::max(training.scratch_size(), beyond.scratch_size()));
  const std::span z(scratch.data(), D), u(scratch.data() + D, G), a(scratch.data() + D + G, P),
      work(scratch.data() + D + G + P, scratch.size() - D - G - P);
  const double photons = counts / counts_per_photon;
  const Position at = position(log_photons, std::log10(std::max(photons, 1e-30)));

  const ColumnLoops& loops = column_loops();
  loops.product(state.data(), D, transform.data(), D, z.data());
  double square = 0.0;
  const float *m = &mean[at.knot * D], *p = &precision[at.knot * D];
  for (std::size_t i = 0; i < D; ++i) {
    const float e = z[i] - (m[i] + at.weight * (m[D + i] - m[i]));
    square += e * e * (p[i] + at.weight * (p[D + i] - p[i]));
  }

  shape(input, u);
  double left = 0.0;
  for (std::size_t j = 0; j < G; ++j) {
    u[j] -= input_mean[j];
    left += u[j] * u[j];
  }
  loops.product(u.data(), G, components.data(), P, a.data());
  for (const float value : a) left -= value * value;
  // Beyond the last knot noise is small beside what the components cannot tell.
  const auto noise =
      static_cast<float>(0.25 / std::min(photons, std::pow(10.0, log_photons.back())));
  const double residual = std::max(left, 0.0) / noise;
  const auto trained = training.nearest(a, noise, work), other = beyond.nearest(a, noise, work);
  const double score[kTests] = {std::log(square), std::log(residual + trained.cost),
                                0.5 * (trained.cost - other.cost)};
  Scores all{static_cast<float>(std::sqrt(square)),
             static_cast<float>((residual + trained.chi2) / static_cast<double>(G)),
             {}};
  for (std::size_t k = 0; k < kTests; ++k) all.excess[k] = score[k] - between(limits[k], at);
  return all;
}

Unlikeness Novelty::assess(double counts, std::span<const float> input,
                           std::span<const float> state, std::vector<float>& scratch) const {
  const Scores s = scores(counts, input, state, scratch);
  return {s.state_distance, s.input_chi2r, *std::ranges::max_element(s.excess) > 0.0};
}

std::string Novelty::to_bytes() const {
  Writer w;
  w.put(kBytes);
  w.put(kBytesVersion);
  w.put(counts_per_photon);
  w.put(static_cast<std::int32_t>(group));
  w.put(static_cast<std::int32_t>(gates));
  const auto same = [](auto v) { return v; };
  w.list<double>(log_photons, same);
  each_list(
      *this, [&](const auto& v) { w.list<float>(v, same); },
      [&](const auto& v) { w.list<std::uint16_t>(v, to_half); },
      [&](const auto& v) { w.list<std::int8_t>(v, axis_byte); });
  return std::move(w.bytes);
}

Novelty Novelty::from_bytes(std::string_view bytes) {
  if (bytes.starts_with('{')) return from_json(bytes);
  Reader r(bytes);
  Novelty n;
  require(r.take<char>() == kBytes && r.take<char>() == kBytesVersion, kNoFit);
  n.counts_per_photon = r.take<double>();
  n.group = r.take<std::int32_t>();
  n.gates = r.take<std::int32_t>();
  const auto same = [](auto v) { return v; };
  r.list<double>(n.log_photons, same);
  each_list(
      n, [&](auto& v) { r.list<float>(v, same); },
      [&](auto& v) { r.list<std::uint16_t>(v, from_half); },
      [&](auto& v) { r.list<std::int8_t>(v, from_axis_byte); });
  require(r.done(), kNoFit);
  n.check();
  return n;
}

Novelty Novelty::from_json(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  Novelty n;
  const auto read = [&](const char* name, auto& value) { json.at(name).get_to(value); };
  read("counts_per_photon", n.counts_per_photon);
  read("log_photons", n.log_photons);
  read("transform", n.transform);
  read("mean", n.mean);
  read("precision", n.precision);
  read("group", n.group);
  read("gates", n.gates);
  read("input_mean", n.input_mean);
  read("components", n.components);
  n.training = mixture_of(json.at("training"));
  n.beyond = mixture_of(json.at("beyond"));
  read("limits", n.limits);
  n.check();
  return n;
}

void Novelty::check() const {
  const std::size_t K = log_photons.size(), G = input_mean.size();
  const bool fits = K >= 2 && log_photons[1] > log_photons[0] && group >= 1 && gates >= 2 &&
                    counts_per_photon > 0.0 && !mean.empty() && mean.size() % K == 0 &&
                    precision.size() == mean.size() &&
                    transform.size() == state_units() * state_units() && G == gate_groups() &&
                    components.size() % G == 0 && component_count() < G && component_count() > 0 &&
                    training.fits(component_count()) && beyond.fits(component_count()) &&
                    std::ranges::all_of(limits, [&](const auto& l) { return l.size() == K; });
  require(fits, kNoFit);
}

}  // namespace taugate
