#pragma once
// What infer and fit tell about an image of numbers.

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/options/arguments.h"
#include "study/pixel_view.h"
#include "taugate/fli/inference/fit_maps.h"
#include "taugate/fli/physics/range.h"

namespace taugate::cli {

const std::vector<float>& map_of(const Maps& maps, const char* name);

/// "label 9" of a mask, else "trace 0". labels: [N], or empty.
std::string trace_name(const std::vector<int>& labels, std::size_t trace);

/// Those whose values differ as the maps of a report's view, the amplitude-weighted lifetime, on
/// `scale`, first. They refer to `maps`.
std::vector<PixelMap> view_maps(const Maps& maps, std::optional<Range> scale);

/// Mean, deviation, median and the percentiles 16 and 84 over what is finite; null where nothing
/// is.
nlohmann::json statistics(const std::vector<float>& values);
/// "  NAME: median .. ns, 68 % within .. to .. ns" of such statistics.
void print_statistics(const char* name, const nlohmann::json& statistics);

/// The pixel that --pixel ROW,COLUMN names; without it the one of highest intensity.
std::size_t chosen_pixel(const Arguments& arguments, int width, int height,
                         const std::vector<float>& intensity);

/// The lifetimes that --scale spans, where it is given; UsageError for a list of traces.
std::optional<Range> chosen_scale(const Arguments& arguments, const Measurement& measurement);

/// A picture map_NAME.png for every map whose values differ, each a job of its own. What they refer
/// to must live until then.
std::vector<std::function<void()>> map_pictures(const std::filesystem::path& folder, int width,
                                                int height, const Maps& maps);
/// All maps as pages of maps.tif, 32-bit floats.
void write_map_stack(const std::filesystem::path& folder, int width, int height, const Maps& maps);

}  // namespace taugate::cli
