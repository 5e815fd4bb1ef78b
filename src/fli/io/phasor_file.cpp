#include "taugate/fli/io/phasor_file.h"

#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "fli/formats/tiff.h"
#include "fli/io/ome.h"
#include "taugate/core/error.h"

namespace taugate {

PhasorImages phasor_images(const Measurement& m, std::span<const int> harmonics) {
  const std::string where = m.path.string();
  require(m.bin_ns.has_value(), where,
          ": does not tell its bin width, wanted one for the frequency of a phasor");
  // Of a laser period; a record that differs by less than a bin is one.
  const double period_bins = m.period_ns.value_or(*m.bin_ns * m.bins) / *m.bin_ns;
  const bool spans = std::abs(period_bins - m.bins) < 1.0;
  const double turn = !spans && period_bins < m.bins ? period_bins : m.bins;
  const auto used = static_cast<std::size_t>(std::floor(m.bins / turn + 1e-9) * turn);
  PhasorImages p{m.width,
                 m.height,
                 1e3 / (*m.bin_ns * (spans ? period_bins : turn)),
                 {harmonics.begin(), harmonics.end()},
                 {},
                 {},
                 {}};
  if (harmonics.empty()) fail_usage("phasor: found no harmonic, wanted one or more");
  std::vector<std::vector<std::complex<double>>> waves;  // [harmonics][used]
  for (const int harmonic : harmonics) {
    if (harmonic < 1 || 2 * harmonic > turn)
      fail_usage("harmonic: found ", harmonic, ", wanted 1 to ", std::floor(turn / 2), " (", where,
                 ")");
    waves.emplace_back();
    for (std::size_t k = 0; k < used; ++k)
      waves.back().push_back(
          std::polar(1.0, 2.0 * std::numbers::pi * std::fmod(harmonic * (k / turn), 1.0)));
  }
  const std::size_t traces = m.traces();
  p.mean.resize(traces);
  p.real.assign(harmonics.size() * traces, std::numeric_limits<float>::quiet_NaN());
  p.imag = p.real;
  for (std::size_t i = 0; i < traces; ++i) {
    const auto counts = m.trace(i).first(used);
    double total = 0.0;
    for (const float count : counts) total += count;
    p.mean[i] = static_cast<float>(total / static_cast<double>(used));
    for (std::size_t h = 0; h < waves.size() && total > 0.0; ++h) {
      std::complex<double> sum = 0.0;
      for (std::size_t k = 0; k < used; ++k) sum += waves[h][k] * static_cast<double>(counts[k]);
      p.real[h * traces + i] = static_cast<float>(sum.real() / total);
      p.imag[h * traces + i] = static_cast<float>(sum.imag() / total);
    }
  }
  return p;
}

void write_phasors(const std::filesystem::path& path, const PhasorImages& p) {
  const int planes = static_cast<int>(p.harmonics.size());
  const bool several = planes > 1;
  const OmeImage images[] = {{"Phasor mean", p.width, p.height},
                             {"Phasor real", p.width, p.height, planes, "float", {}, several},
                             {"Phasor imag", p.width, p.height, planes, "float", {}, several},
                             {"Phasor frequency", 1, 1, 1, "double"},
                             {"Phasor harmonic", planes, 1, 1, "uint32"}};
  TiffWriter file(path, p.width, p.height, 1 + 2 * planes, TiffType::float32, ome_xml(images, {}));
  file.page(p.mean);
  for (const auto* part : {&p.real, &p.imag})
    for (std::size_t at = 0; at < part->size(); at += p.mean.size())
      file.page(std::span(*part).subspan(at, p.mean.size()));
  file.row<double>(std::span(&p.frequency_mhz, 1));
  const std::vector<std::uint32_t> harmonics(p.harmonics.begin(), p.harmonics.end());
  file.row<std::uint32_t>(harmonics);
  file.finish();
}

}  // namespace taugate
