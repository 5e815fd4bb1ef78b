// Writes small well-formed files of each format, for fuzzing to begin with:
//
//   write_seeds <corpus>    <corpus>/<reader>/<file>...

#include <cstdio>
#include <numeric>

#include "fli/ptu_testing.h"
#include "fli/sdt_testing.h"
#include "fli/stack_testing.h"
#include "taugate/fli/io/measurement.h"
#include "taugate/fli/io/write_measurement.h"

using namespace taugate;
using namespace stack_testing;

namespace {

namespace fs = std::filesystem;

void put(const fs::path& path, const std::string& bytes) { write_file(path, bytes); }

Measurement small() {
  Measurement m;
  m.width = 3;
  m.height = 2;
  m.bins = 4;
  m.bin_ns = 0.179;
  m.period_ns = 12.53;
  m.counts.resize(24);
  std::iota(m.counts.begin(), m.counts.end(), 0.0f);
  return m;
}

void tiff_seeds(const fs::path& folder) {
  int n = 0;
  const auto name = [&] { return folder / concat("seed-", n++, ".tif"); };
  for (const auto compression : {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                                 COMPRESSION_PACKBITS, COMPRESSION_ZSTD, COMPRESSION_LZMA})
    for (const bool tiled : {false, true})
      if (TIFFIsCODECConfigured(static_cast<std::uint16_t>(compression)))
        stack(name(), {16, SAMPLEFORMAT_UINT, tiled, false, false,
                       static_cast<std::uint16_t>(compression)});
  stack(name(), {8, SAMPLEFORMAT_UINT, true, true, false, COMPRESSION_NONE});
  stack(name(), {32, SAMPLEFORMAT_INT, false, false, true, COMPRESSION_LZW});
  stack(name(), {32, SAMPLEFORMAT_IEEEFP, false, true, true, COMPRESSION_NONE});
  stack(name(), {64, SAMPLEFORMAT_IEEEFP, true, false, false, COMPRESSION_ADOBE_DEFLATE});
  stack(name(), kPlain, "", 0, 1);
  write_measurement(name(), small());
  stack(name(), kPlain,
        ome("DimensionOrder=\"XYCTZ\" SizeT=\"3\" SizeZ=\"1\" SizeC=\"2\"",
            "<Instrument><Laser RepetitionRate=\"40\" RepetitionRateUnit=\"MHz\"/></Instrument>"
            "<ModuloAlongT Type=\"lifetime\" Unit=\"ps\" Step=\"48.8\"/>"),
        0, 6);
}

void hdf5_seeds(const fs::path& folder) {
  const auto file = [&](const char* name, auto fill) {
    const hid_t id = H5Fcreate((folder / name).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    require(id >= 0, name, ": libhdf5 cannot write it");
    fill(id);
    H5Fclose(id);
  };
  std::vector<double> values(24);
  std::iota(values.begin(), values.end(), 0.0);
  file("seed-array.h5", [&](hid_t id) { put_dataset(id, "tpsf", {2, 3, 4}, values); });
  file("seed-groups.h5", [&](hid_t id) {
    put_dataset(id, "scan/tpsf", {6, 4}, values);
    put_dataset(id, "scan/irf", {4}, values);
  });
  file("seed-photons.h5", put_photons);
}

void mat_seeds(const fs::path& folder) {
  std::vector<double> values(24);
  std::iota(values.begin(), values.end(), 0.0);
  for (const auto version : {MAT_FT_MAT5, MAT_FT_MAT73})
    for (const auto packed : {MAT_COMPRESSION_NONE, MAT_COMPRESSION_ZLIB}) {
      const fs::path path = folder / concat("seed-", static_cast<int>(version), "-",
                                            static_cast<int>(packed), ".mat");
      mat_t* file = Mat_CreateVer(path.c_str(), nullptr, version);
      require(file != nullptr, path.string(), ": matio cannot write it");
      put_variable(file, "tpsf", MAT_C_DOUBLE, MAT_T_DOUBLE, {2, 3, 4}, values.data(), packed);
      put_variable(file, "note", MAT_C_CHAR, MAT_T_UINT8, {1, 3}, "abc", packed);
      Mat_Close(file);
    }
}

void ptu_seeds(const fs::path& folder) {
  ptu::Header header;
  put(folder / "seed-point.ptu",
      ptu::file(header, {ptu::pico_t3(1, 5, 65535), ptu::kPicoT3Overflow, ptu::pico_t3(2, 7, 3)}));
  header.dimensions = 3;
  header.width = header.height = 2;
  std::vector<std::uint32_t> records{ptu::pico_t3_marker(4, 1)};
  for (std::uint32_t line = 0; line < 2; ++line)
    records.insert(records.end(),
                   {ptu::pico_t3_marker(1, 100 * line + 10), ptu::pico_t3(1, 9, 100 * line + 20),
                    ptu::pico_t3(1, 3, 100 * line + 80), ptu::pico_t3_marker(2, 100 * line + 90)});
  put(folder / "seed-image.ptu", ptu::file(header, records));
  header.type = 0x00010206;
  put(folder / "seed-t2.ptu",
      ptu::file(header, {ptu::hydra_t2_special(0, 5), ptu::hydra_t2(1, 8),
                         ptu::hydra_t2_special(63, 1), ptu::hydra_t2_special(4, 9)}));
}

void sdt_seeds(const fs::path& folder) {
  std::vector<int> counts(48);
  std::iota(counts.begin(), counts.end(), 0);
  sdt::Description image;
  image.image[0] = 3;
  image.image[1] = 2;
  image.image[2] = image.image[3] = 1;
  for (const bool zipped : {false, true})
    put(folder / (zipped ? "seed-zipped.sdt" : "seed-plain.sdt"),
        sdt::file({image}, {{sdt::packed_counts<std::uint16_t>(counts), 0x68, 0, zipped},
                            {sdt::packed_counts<std::uint16_t>(counts), 0x11, 0, zipped}}));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) return std::fputs("usage: write_seeds <corpus>\n", stderr), 2;
  const auto folder = [&](const char* reader) {
    fs::create_directories(fs::path(argv[1]) / reader);
    return fs::path(argv[1]) / reader;
  };
  tiff_seeds(folder("tiff"));
  hdf5_seeds(folder("hdf5"));
  mat_seeds(folder("mat"));
  ptu_seeds(folder("ptu"));
  sdt_seeds(folder("sdt"));
  write_measurement(folder("npy") / "seed.npy", small());
  write_measurement(folder("npz") / "seed.npz", small());
  write_measurement(folder("text") / "seed.csv", small());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "write_seeds: %s\n", error.what());
  return 1;
}
