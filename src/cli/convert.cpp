#include <iostream>

#include "arguments.h"
#include "commands.h"
#include "measurement_options.h"

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
  Measurement m = measurement_from(a, in);
  for (const auto& [option, ns] : {std::pair{"bin", &m.bin_ns}, {"period", &m.period_ns}}) {
    if (!a.has(option)) continue;
    *ns = a.number(option);
    if (!(**ns > 0.0)) fail_usage("--", option, ": found ", **ns, ", wanted more than 0 ns");
  }
  write_measurement(out, m);
  std::cout << "wrote " << out << ": " << m.traces() << " trace(s) of " << m.bins << " bins\n";
  return kSuccess;
}

}  // namespace taugate::cli
