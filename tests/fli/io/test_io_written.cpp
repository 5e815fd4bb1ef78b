// Files for other programs: what is in them, read by their own libraries.

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <numbers>

#include "fli/formats/tiff.h"
#include "fli/io/ome.h"
#include "fli/stack_testing.h"
#include "taugate/core/file.h"
#include "taugate/fli/io/measurement.h"
#include "taugate/fli/io/phasor_file.h"
#include "taugate/fli/io/write_measurement.h"
#include "testing.h"

using namespace taugate;
using namespace stack_testing;

namespace {

Measurement image(int bins) {
  Measurement m;
  m.path = "image";
  m.width = 3;
  m.height = 2;
  m.bins = bins;
  m.bin_ns = 0.5;
  for (int i = 0; i < 6 * bins; ++i) m.counts.push_back(static_cast<float>(i * i % 23));
  for (int k = 0; k < bins; ++k) m.counts[static_cast<std::size_t>(4 * bins + k)] = 0.0f;
  return m;
}

/// The text of an attribute of the only ModuloAlongT.
double attribute(const std::string& xml, const std::string& name) {
  const auto at = xml.find(" " + name + "=\"", xml.find("<ModuloAlongT"));
  REQUIRE(at != std::string::npos);
  return std::strtod(xml.c_str() + at + name.size() + 3, nullptr);
}

}  // namespace

TEST_CASE("a MATLAB 7.3 file has MATLAB's header, classes and order of columns") {
  const Folder folder;
  const auto path = folder.path / "a.mat";
  const Measurement m = image(4);
  write_measurement(path, m);
  const std::string start = read_prefix(path, 512);
  CHECK(start.starts_with("MATLAB 7.3 MAT-file"));
  CHECK(start.substr(124, 4) == std::string("\0\x02IM", 4));
  mat_t* const file = Mat_Open(path.c_str(), MAT_ACC_RDONLY);
  REQUIRE(file != nullptr);
  matvar_t* const tpsf = Mat_VarRead(file, "tpsf");
  REQUIRE(tpsf != nullptr);
  CHECK(tpsf->class_type == MAT_C_UINT16);
  REQUIRE(tpsf->rank == 3);
  CHECK(tpsf->dims[0] == 2);
  CHECK(tpsf->dims[1] == 3);
  CHECK(tpsf->dims[2] == 4);
  const auto* values = static_cast<const std::uint16_t*>(tpsf->data);
  for (std::size_t y = 0; y < 2; ++y)
    for (std::size_t x = 0; x < 3; ++x)
      for (std::size_t t = 0; t < 4; ++t)
        CHECK(values[y + 2 * (x + 3 * t)] == m.counts[(y * 3 + x) * 4 + t]);
  Mat_VarFree(tpsf);
  matvar_t* const bin = Mat_VarRead(file, "bin_ns");
  REQUIRE(bin != nullptr);
  CHECK(*static_cast<const double*>(bin->data) == 0.5);
  Mat_VarFree(bin);
  Mat_Close(file);
}

TEST_CASE("the times of OME-XML make as many gates for readers that round to the nearest and up") {
  for (int gates = 2; gates < 600; gates += 7)
    for (const double step : {0.1, 0.0976, 0.04884, 1.0 / 3.0, 0.179, 12.5 / 256.0, 3e-3}) {
      const OmeImage one{{}, 3, 2, gates, "uint16", step};
      const std::string xml = ome_xml({&one, 1}, {});
      const double told = attribute(xml, "Step"), end = attribute(xml, "End");
      CAPTURE(step);
      REQUIRE(told == step);
      REQUIRE(std::rint(end / told) + 1 == gates);       // Bio-Formats
      REQUIRE(std::ceil((end + told) / told) == gates);  // tifffile: numpy.arange
      REQUIRE(testing::close(end, step * (gates - 1), 1e-12));
    }
}

TEST_CASE(
    "phasors are those of the definition, and of the laser's frequency where a record spans its "
    "period") {
  Measurement m = image(10);
  const int harmonics[] = {1, 3};
  const auto check = [&](const PhasorImages& p, double turn, int used) {
    REQUIRE(p.real.size() == 12);
    for (std::size_t h = 0; h < 2; ++h)
      for (std::size_t i = 0; i < 6; ++i) {
        double c = 0.0, s = 0.0, n = 0.0;
        for (int k = 0; k < used; ++k) {
          const double count = m.trace(i)[static_cast<std::size_t>(k)];
          c += count * std::cos(2.0 * std::numbers::pi * harmonics[h] * k / turn);
          s += count * std::sin(2.0 * std::numbers::pi * harmonics[h] * k / turn);
          n += count;
        }
        CHECK(testing::close(p.mean[i], n / used, 1e-5));
        if (i == 4) {  // no counts
          CHECK(std::isnan(p.real[h * 6 + i]));
          CHECK(std::isnan(p.imag[h * 6 + i]));
        } else {
          CHECK(testing::close(p.real[h * 6 + i], c / n, 1e-6));
          CHECK(testing::close(p.imag[h * 6 + i], s / n, 1e-6));
        }
      }
  };
  PhasorImages p = phasor_images(m, harmonics);
  check(p, 10.0, 10);
  CHECK(testing::close(p.frequency_mhz, 200.0, 1e-9));  // of the record
  m.period_ns = 4.9;                                    // within a bin
  p = phasor_images(m, harmonics);
  check(p, 10.0, 10);
  CHECK(testing::close(p.frequency_mhz, 1e3 / 4.9, 1e-9));
  m.period_ns = 12.5;  // not spanned
  CHECK(testing::close(phasor_images(m, harmonics).frequency_mhz, 200.0, 1e-9));
  m.period_ns = 4.0;  // eight bins, once
  p = phasor_images(m, harmonics);
  check(p, 8.0, 8);
  CHECK(testing::close(p.frequency_mhz, 250.0, 1e-9));

  CHECK(contains(error_of([&] { phasor_images(m, std::vector{5}); }),
                 "harmonic: found 5, wanted 1 to 4"));
  CHECK_THROWS_AS(phasor_images(m, std::vector<int>{}), UsageError);
  m.bin_ns.reset();
  CHECK(contains(error_of([&] { phasor_images(m, harmonics); }), "image: does not tell its bin"));
}

TEST_CASE("a phasor file has the images of phasorpy in their order, and is no measurement") {
  const Folder folder;
  const auto path = folder.path / "p.ome.tif";
  const int harmonics[] = {1, 2};
  const PhasorImages p = phasor_images(image(10), harmonics);
  write_phasors(path, p);
  TIFF* file = TIFFOpen(path.c_str(), "r");
  REQUIRE(file != nullptr);
  CHECK(TIFFNumberOfDirectories(file) == 7);
  char* text = nullptr;
  TIFFGetField(file, TIFFTAG_IMAGEDESCRIPTION, &text);
  const std::string xml = text;
  std::size_t at = 0;
  for (const char* name : {"mean", "real", "imag", "frequency", "harmonic"}) {
    CAPTURE(name);
    at = xml.find(concat("Name=\"Phasor ", name, "\""), at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(contains(xml, "<TiffData IFD=\"3\" PlaneCount=\"2\""));  // imag
  std::vector<float> row(3);
  TIFFSetDirectory(file, 4);  // imag, second harmonic
  TIFFReadScanline(file, row.data(), 0);
  CHECK(row[2] == p.imag[6 + 2]);
  double frequency = 0.0;
  TIFFSetDirectory(file, 5);
  TIFFReadScanline(file, &frequency, 0);
  CHECK(frequency == p.frequency_mhz);
  std::vector<std::uint32_t> numbers(2);
  TIFFSetDirectory(file, 6);
  TIFFReadScanline(file, numbers.data(), 0);
  CHECK(numbers == std::vector<std::uint32_t>{1, 2});
  TIFFClose(file);
  CHECK(contains(error_of([&] { read_measurement(path); }),
                 "holds phasor coordinates, wanted counts"));
}
