#include <algorithm>
#include <filesystem>
#include <iostream>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/options/arguments.h"
#include "cli/options/measurement_options.h"
#include "cli/options/outputs.h"
#include "taugate/fli/io/write_measurement.h"

namespace taugate::cli {
namespace {

/// N x N pixels of an image as one, the last of a row or column of fewer.
void bin_pixels(Measurement& m, int binning) {
  const int most = std::min(m.width, m.height);
  if (binning < 1 || binning > most)
    fail_usage("--binning: found ", binning, ", wanted 1 to ", most, " for the ", m.width, " x ",
               m.height, " pixels of ", m.path.string());
  const int width = (m.width + binning - 1) / binning, height = (m.height + binning - 1) / binning;
  const auto T = static_cast<std::size_t>(m.bins);
  std::vector<float> counts(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * T);
  for (std::size_t i = 0; i < m.traces(); ++i) {
    const auto row = static_cast<int>(i) / m.width, column = static_cast<int>(i) % m.width;
    const auto at = static_cast<std::size_t>(row / binning * width + column / binning) * T;
    for (std::size_t k = 0; k < T; ++k) counts[at + k] += m.trace(i)[k];
  }
  m.width = width;
  m.height = height;
  m.counts = std::move(counts);
}

}  // namespace

int convert(int argc, char** argv) {
  Arguments a(
      "convert", "IN OUT [options]",
      "Writes the traces of a file in another format, by OUT's ending: .npy, .npz, .tif\n"
      "(OME-TIFF, a gate a page), .csv or .txt (a line a trace). All but .npy keep the time\n"
      "axis. Or as a picture: .png, of an image its intensity, else its decays.",
      {"in", "out"});
  add_reading_options(a);
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("Measurement")("bin", "bin width, where the file does not tell", value(), "NS")(
      "period", "laser period, where the file does not tell", value(), "NS")(
      "binning", "N x N pixels of an image become one", value(), "N");
  if (!a.parse(argc, argv)) return kSuccess;
  const std::string in = a.positional("in"), out = a.positional("out");
  check_outputs(a, {"out"});
  const std::string ending = std::filesystem::path(out).extension().string();
  for (const auto& [option, lost] :
       {std::pair{"bin", ending == ".npy"}, {"period", ending == ".npy" || ending == ".png"}})
    if (lost && a.has(option))
      fail_usage("--", option, ": does nothing for ", out, ", which cannot hold it");
  Measurement m = measurement_from(a, in, true);
  if (a.has("binning"))
    bin_pixels(m, static_cast<int>(std::min<std::uint64_t>(a.count("binning"), 1u << 20)));
  write_measurement(out, m);
  std::cout << "wrote " << out << ": " << m.traces() << " trace(s) of " << m.bins << " bins\n";
  return kSuccess;
}

}  // namespace taugate::cli
