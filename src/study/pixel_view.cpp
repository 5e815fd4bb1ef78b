#include "study/pixel_view.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "fli/physics/statistics.h"
#include "fli/plot/palette.h"
#include "study/report_fields.h"
#include "taugate/core/error.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

constexpr std::size_t kMostValues = 5'000'000;  // about 10 MB of HTML
constexpr int kColours = 64;

/// Floats as base64 of zlib of all first bytes, then all second bytes, ...: alike bytes side by
/// side pack well.
std::string packed(std::span<const float> values) {
  const std::size_t n = values.size();
  std::string planes(4 * n, '\0');
  for (std::size_t i = 0; i < n; ++i) {
    char bytes[4];
    std::memcpy(bytes, &values[i], 4);
    for (std::size_t b = 0; b < 4; ++b) planes[b * n + i] = bytes[b];
  }
  uLongf size = compressBound(planes.size());
  std::string result(size, '\0');
  require(compress2(reinterpret_cast<Bytef*>(result.data()), &size,
                    reinterpret_cast<const Bytef*>(planes.data()), planes.size(), 6) == Z_OK,
          "report: zlib cannot pack ", planes.size(), " bytes");
  result.resize(size);
  return base64(result);
}

/// To the nearest multiple of the power of two below `step`.
float rounded(float v, float step) {
  const float quantum = std::exp2(std::floor(std::log2(step)));
  return std::isfinite(v) ? std::round(v / quantum) * quantum : v;
}
float rounded_counts(float v) { return rounded(v, std::sqrt(std::max(std::abs(v), 1.0f)) / 30); }
float rounded_to_bits(float v) { return v == 0.0f ? v : rounded(v, std::abs(v) / 1024); }

nlohmann::json map_json(const PixelMap& map) {
  std::vector<float> finite = finite_values(map.values);
  const Range scale = map.scale ? *map.scale : percentile_range(finite);
  std::vector<float> values(map.values.begin(), map.values.end());
  std::transform(values.begin(), values.end(), values.begin(), rounded_to_bits);
  return {{"name", map.name},
          {"unit", map.unit},
          {"low", scale.low},
          {"high", scale.high},
          {"values", packed(values)}};
}

/// A list of traces is shown as a square.
int columns(const PixelView& view) {
  return view.height > 1 ? view.width : static_cast<int>(std::ceil(std::sqrt(view.width)));
}

bool fitted(const PixelView& view, std::size_t pixel) {
  return std::isfinite(view.maps[0].values[pixel]);
}

/// Pixels of a block: those with a fit, or all where none has one.
std::vector<std::size_t> members(const PixelView& view, int size, std::size_t block) {
  const auto W = static_cast<std::size_t>(columns(view)), b = static_cast<std::size_t>(size);
  const std::size_t across = (W + b - 1) / b, n = view.maps[0].values.size();
  std::vector<std::size_t> all, live;
  for (std::size_t row = block / across * b; row < block / across * b + b; ++row)
    for (std::size_t column = block % across * b;
         column < std::min(W, block % across * b + b) && row * W + column < n; ++column) {
      all.push_back(row * W + column);
      if (fitted(view, all.back())) live.push_back(all.back());
    }
  return live.empty() ? all : live;
}

/// Sums over blocks, [B][T].
std::vector<float> block_curves(const PixelView& view, const PixelCurve& curve,
                                const PixelBlocks& blocks) {
  const auto T = static_cast<std::size_t>(view.gates);
  std::vector<float> sums(blocks.kept.size() * T, 0.0f);
  parallel_for(blocks.kept.size(), [&](std::size_t k, int) {
    std::vector<float> one(T);
    const std::span<float> sum(sums.data() + k * T, T);
    for (const std::size_t pixel : members(view, blocks.size, blocks.kept[k])) {
      curve.values(pixel, one);
      for (std::size_t t = 0; t < T; ++t) sum[t] += one[t];
    }
    std::transform(sum.begin(), sum.end(), sum.begin(),
                   curve.kind == CurveKind::scaled ? rounded_to_bits : rounded_counts);
  });
  return sums;
}

std::string note(const PixelView& view, const PixelBlocks& blocks) {
  std::string text = view.height > 1 ? "Point at a pixel" : "Point at a square, each a trace";
  text += ", tap it, or move with the arrow keys; a click holds it.";
  if (blocks.size > 1)
    text += concat(" To keep this file small, decays are sums over ", blocks.size, " × ",
                   blocks.size, " pixels", " (those with a lifetime); the values are the pixel's.");
  if (blocks.kept.size() < blocks.total)
    text += concat(" To keep this file small, ", blocks.kept.size(), " of ", blocks.total,
                   " decays are in it", view.height > 1 ? ": those that have a lifetime." : ".");
  if (!view.hatched.empty()) text += concat(" Hatched: ", view.hatch_means, '.');
  return text;
}

}  // namespace

PixelBlocks pixel_blocks(const PixelView& view, std::size_t most) {
  const std::size_t n = view.maps[0].values.size(),
                    per_block = static_cast<std::size_t>(view.gates) * view.curves.size();
  const auto W = static_cast<std::size_t>(columns(view)), H = (n + W - 1) / W;
  for (std::size_t b = 1;; ++b) {
    PixelBlocks blocks{static_cast<int>(b), {}, (W + b - 1) / b * ((H + b - 1) / b)};
    if (view.height == 1) blocks.total = n;
    std::vector<std::size_t> live;
    for (std::size_t k = 0; k < blocks.total; ++k) {
      blocks.kept.push_back(k);
      if (fitted(view, members(view, blocks.size, k)[0])) live.push_back(k);
    }
    if (blocks.kept.size() * per_block > most) blocks.kept = std::move(live);
    if (view.height == 1)
      blocks.kept.resize(std::min(blocks.kept.size(), std::max<std::size_t>(most / per_block, 1)));
    if (blocks.kept.size() * per_block <= most || b >= std::max(W, H)) return blocks;
  }
}

std::string pixel_view_html(const PixelView& view) {
  require(!view.maps.empty() && !view.curves.empty() && view.gates > 0,
          "report: a view of pixels wants a map, counts and gates");
  const std::size_t n = view.maps[0].values.size();
  require(
      n == static_cast<std::size_t>(view.width) * static_cast<std::size_t>(view.height) && n > 0,
      "report: found ", n, " values of a map, wanted ", view.height, " x ", view.width);
  const PixelBlocks blocks = pixel_blocks(view, kMostValues);
  const int W = columns(view);
  nlohmann::json data{
      {"width", W},
      {"height", (static_cast<int>(n) + W - 1) / W},
      {"count", n},
      {"list", view.height == 1},
      {"block", blocks.size},
      {"gates", view.gates},
      {"step_ns", view.gate_step_ns},
      {"start_ns", view.start_ns},
      {"pixel", view.pixel},
      {"hatch_means", view.hatch_means},
      {"blocks", packed(std::vector<float>(blocks.kept.begin(), blocks.kept.end()))}};
  for (int i = 0; i <= kColours; ++i)
    data["palette"].push_back(hex(sequential_colour(i / double{kColours})));
  if (!view.hatched.empty())
    data["hatched"] = packed(std::vector<float>(view.hatched.begin(), view.hatched.end()));
  for (const PixelMap& map : view.maps)
    if (!finite_values(map.values).empty()) data["maps"].push_back(map_json(map));
  for (const PixelCurve& curve : view.curves)
    data["curves"].push_back({{"name", curve.name},
                              {"kind", curve.kind == CurveKind::counts ? "counts"
                                       : curve.kind == CurveKind::fit  ? "fit"
                                                                       : "scaled"},
                              {"values", packed(block_curves(view, curve, blocks))}});
  std::string json = data.dump();
  for (std::size_t at = 0; (at = json.find("</", at)) != std::string::npos; at += 3)
    json.insert(at + 1, 1, '\\');
  return concat(
      "<div class=\"pixels\">\n<div class=\"map\"><p><label>map <select></select></label></p>\n"
      "<canvas tabindex=\"0\" role=\"img\" aria-label=\"map; arrow keys choose a "
      "pixel\"></canvas>\n"
      "<div class=\"bar\"></div><div class=\"ticks\"></div></div>\n<div class=\"decay\"><p><label>"
      "<input type=\"checkbox\"> linear counts</label></p><div class=\"plot\"></div>\n"
      "<p class=\"values\" aria-live=\"polite\"></p></div>\n<script type=\"application/json\">",
      json, "</script>\n</div>\n<p>", escaped(note(view, blocks)),
      "</p>\n<noscript><p>The map and its decays need JavaScript.</p></noscript>\n");
}

}  // namespace taugate
