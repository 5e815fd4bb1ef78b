#pragma once
// What infer and fit tell about an image of numbers.

#include <nlohmann/json.hpp>
#include <vector>

#include "arguments.h"

namespace taugate::cli {

/// Mean, deviation and median over what is finite; null where nothing is.
nlohmann::json statistics(const std::vector<float>& values);
/// "  NAME: mean .. ns, deviation .. ns, median .. ns" of such statistics.
void print_statistics(const char* name, const nlohmann::json& statistics);

/// The pixel that --pixel ROW,COLUMN names; without it the one of highest intensity.
std::size_t chosen_pixel(const Arguments& arguments, int width, int height,
                         const std::vector<float>& intensity);

}  // namespace taugate::cli
