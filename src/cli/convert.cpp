#include <filesystem>
#include <iostream>

#include "cli/commands.h"
#include "cli/options/arguments.h"
#include "cli/options/measurement_options.h"
#include "cli/options/outputs.h"
#include "taugate/fli/io/write_measurement.h"

namespace taugate::cli {

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
      "period", "laser period, where the file does not tell", value(), "NS");
  if (!a.parse(argc, argv)) return kSuccess;
  const std::string in = a.positional("in"), out = a.positional("out");
  check_outputs(a, {"out"});
  const std::string ending = std::filesystem::path(out).extension().string();
  for (const auto& [option, lost] :
       {std::pair{"bin", ending == ".npy"}, {"period", ending == ".npy" || ending == ".png"}})
    if (lost && a.has(option))
      fail_usage("--", option, ": does nothing for ", out, ", which cannot hold it");
  const Measurement m = measurement_from(a, in, true);
  write_measurement(out, m);
  std::cout << "wrote " << out << ": " << m.traces() << " trace(s) of " << m.bins << " bins\n";
  return kSuccess;
}

}  // namespace taugate::cli
