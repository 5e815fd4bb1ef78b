#include "cli/options/rtl_options.h"

#include <cstdio>

#include "cli/options/program_folder.h"
#include "taugate/core/error.h"

namespace taugate::cli {
namespace {

int small(const Arguments& a, const char* name) {
  const std::uint64_t found = a.count(name);
  if (found > 65535) fail_usage("--", name, ": found ", found, ", wanted at most 65535");
  return static_cast<int>(found);
}

}  // namespace

void add_rtl_options(Arguments& a) {
  const auto otherwise = [](const char* text) {
    return cxxopts::value<std::string>()->default_value(text);
  };
  a.group("Hardware")("contexts",
                      "pixels that a core works on at a time (0: as many as leave none of its "
                      "cycles idle)",
                      otherwise("0"), "N")("cores", "cores side by side", otherwise("1"), "N")(
      "longest", "samples of the longest pixel (0: as the model)", otherwise("0"), "T")(
      "port", "bits of the target's multiplier: 18 (ECP5), 25 (7-series)", otherwise("18"), "BITS");
}

std::filesystem::path rtl_folder() { return shared_folder("rtl"); }

RtlOptions rtl_options_from(const Arguments& a) {
  RtlOptions o;
  o.contexts = small(a, "contexts");
  o.cores = small(a, "cores");
  o.longest = small(a, "longest");
  o.port_bits = small(a, "port");
  return o;
}

void print_parameters(const IntegerModel& model, const RtlParameters& p) {
  std::printf(
      "%d units, %d outputs, %d gates, %s activations: %d-bit weights, %d-bit operands, "
      "%d-bit sums of products\n",
      p.H, p.NOut, model.gates(), name_of(model.activation()).c_str(), p.WeightBits,
      p.OperandFraction + 1, p.AccBits);
  std::printf("%d cores of %d multipliers, %d pixels at a time in each\n", p.Cores,
              3 * p.H + p.NOut, p.Contexts);
}

std::vector<std::vector<std::int16_t>> words_of(const IntegerModel& model,
                                                std::span<const float> traces) {
  const Arithmetic arithmetic(model.widths, model.form(), model.activation());
  const auto T = static_cast<std::size_t>(model.gates());
  std::vector<std::vector<std::int16_t>> pixels(traces.size() / T);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    for (const float sample : traces.subspan(i * T, T))
      pixels[i].push_back(static_cast<std::int16_t>(arithmetic.input(sample)));
  return pixels;
}

}  // namespace taugate::cli
