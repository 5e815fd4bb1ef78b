#include "cli/results/pixel_results.h"

#include <algorithm>
#include <functional>
#include <iostream>

#include "fli/formats/tiff.h"
#include "fli/physics/statistics.h"
#include "taugate/fli/plot/plot_maps.h"

namespace taugate::cli {

const std::vector<float>& map_of(const Maps& maps, const char* name) {
  return std::find_if(maps.begin(), maps.end(), [&](const auto& m) { return m.first == name; })
      ->second;
}

std::string trace_name(const std::vector<int>& labels, std::size_t trace) {
  return labels.empty() ? concat("trace ", trace) : concat("label ", labels[trace]);
}

nlohmann::json statistics(const std::vector<float>& values) {
  const auto s = statistics_of(values);
  if (!s) return nullptr;
  return {{"mean", s->mean},
          {"deviation", s->deviation},
          {"median", s->median},
          {"percentile_16", s->low},
          {"percentile_84", s->high}};
}

void print_statistics(const char* name, const nlohmann::json& s) {
  if (s.is_null()) {
    std::cout << "  " << name << ": none\n";
    return;
  }
  std::cout << "  " << name << ": median " << s["median"].get<double>() << " ns, 68 % within "
            << s["percentile_16"].get<double>() << " to " << s["percentile_84"].get<double>()
            << " ns\n";
}

std::size_t chosen_pixel(const Arguments& a, int width, int height,
                         const std::vector<float>& intensity) {
  if (!a.has("pixel"))
    return static_cast<std::size_t>(std::max_element(intensity.begin(), intensity.end()) -
                                    intensity.begin());
  const auto at = a.integers("pixel");
  if (at.size() != 2 || at[0] < 0 || at[0] >= height || at[1] < 0 || at[1] >= width)
    fail_usage("--pixel: found '", a.text("pixel"), "', wanted ROW,COLUMN below ", height, ",",
               width);
  return static_cast<std::size_t>(at[0]) * static_cast<std::size_t>(width) +
         static_cast<std::size_t>(at[1]);
}

std::optional<Range> chosen_scale(const Arguments& a, const Measurement& m) {
  if (!a.has("scale")) return std::nullopt;
  const Range scale = a.range("scale");
  if (!(scale.low >= 0.0 && scale.high > scale.low))
    fail_usage("--scale: found '", a.text("scale"), "', wanted two different lifetimes from 0 up");
  if (m.height == 1)
    fail_usage("--scale: does nothing for ", m.path.string(), ", a list of traces without a map");
  return scale;
}

namespace {

bool differ(const std::vector<float>& values) {
  const std::vector<float> finite = finite_values(values);
  return std::adjacent_find(finite.begin(), finite.end(), std::not_equal_to<>()) != finite.end();
}

}  // namespace

std::vector<PixelMap> view_maps(const Maps& maps, std::optional<Range> scale) {
  static constexpr const char* first = "amplitude_weighted_ns";
  std::vector<PixelMap> result{{"amplitude-weighted lifetime", "ns", map_of(maps, first), scale}};
  for (const auto& [name, values] : maps) {
    if (name == first || name == "status" || !differ(values)) continue;
    const bool ns = name.ends_with("_ns");
    std::string words = ns ? name.substr(0, name.size() - 3) : name;
    std::replace(words.begin(), words.end(), '_', ' ');
    result.push_back({words, ns ? "ns" : "", values, {}});
  }
  return result;
}

std::vector<std::function<void()>> map_pictures(const std::filesystem::path& folder, int width,
                                                int height, const Maps& maps) {
  std::vector<std::function<void()>> jobs;
  for (const auto& map : maps) {
    if (!differ(map.second)) continue;
    jobs.emplace_back([&map, folder, width, height] {
      const LifetimePanel panel{map.first, width, height, map.second};
      const std::string unit = map.first.ends_with("_ns") ? "ns" : "";
      draw_lifetime_maps(folder / ("map_" + map.first + ".png"), {&panel, 1}, {}, unit);
    });
  }
  return jobs;
}

void write_map_stack(const std::filesystem::path& folder, int width, int height, const Maps& maps) {
  std::vector<TiffMap> pages;
  for (const auto& [name, values] : maps) pages.push_back({name, values});
  write_tiff_maps(folder / "maps.tif", width, height, pages);
}

}  // namespace taugate::cli
