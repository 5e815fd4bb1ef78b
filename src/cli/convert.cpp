#include <filesystem>
#include <iostream>

#include "cli/commands.h"
#include "cli/options/arguments.h"
#include "cli/options/measurement_options.h"
#include "cli/options/outputs.h"
#include "taugate/fli/io/phasor_file.h"
#include "taugate/fli/io/write_measurement.h"

namespace taugate::cli {

int convert(int argc, char** argv) {
  Arguments a(
      "convert", "IN OUT [options]",
      "Writes the traces of a file in another format, by OUT's ending: .npy, .npz, .tif\n"
      "(OME-TIFF, a gate a page), .mat (MATLAB 7.3), .h5, .csv or .txt (a line a trace). All but\n"
      ".npy keep the time axis. Or as a picture: .png, of an image its intensity, else its "
      "decays.\n"
      "With --phasor OUT.ome.tif has phasor coordinates, for phasorpy and napari-phasors.",
      {"in", "out"});
  add_reading_options(a);
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("Measurement")("bin", "bin width, where the file does not tell", value(), "NS")(
      "period", "laser period, where the file does not tell", value(), "NS");
  a.group("Output")("phasor", "phasor coordinates of these harmonics instead of counts", value(),
                    "H[,H...]");
  if (!a.parse(argc, argv)) return kSuccess;
  const std::string in = a.positional("in"), out = a.positional("out");
  check_outputs(a, {"out"});
  const std::string ending = std::filesystem::path(out).extension().string();
  for (const auto& [option, lost] :
       {std::pair{"bin", ending == ".npy"}, {"period", ending == ".npy" || ending == ".png"}})
    if (lost && a.has(option))
      fail_usage("--", option, ": does nothing for ", out, ", which cannot hold it");
  if (a.has("phasor") && ending != ".tif" && ending != ".tiff")
    fail_usage("--phasor: found ", out, ", wanted a name that ends in .tif or .tiff");
  const Measurement m = measurement_from(a, in, true);
  if (a.has("phasor")) {
    const PhasorImages phasors = phasor_images(m, a.integers("phasor"));
    write_phasors(out, phasors);
    std::cout << "wrote " << out << ": phasors of " << m.traces() << " trace(s) at "
              << phasors.frequency_mhz << " MHz\n";
    return kSuccess;
  }
  write_measurement(out, m);
  std::cout << "wrote " << out << ": " << m.traces() << " trace(s) of " << m.bins << " bins\n";
  return kSuccess;
}

}  // namespace taugate::cli
