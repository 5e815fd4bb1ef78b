// Libraries of arrays: MATLAB, HDF5, and Photon-HDF5's photons.

#include <doctest/doctest.h>

#include <numeric>

#include "fli/formats/mat.h"
#include "fli/stack_testing.h"
#include "taugate/core/file.h"
#include "taugate/fli/io/measurement.h"
#include "testing.h"

using namespace taugate;
using namespace stack_testing;

namespace {

/// "cube" of size [2 3 4], packed: column-major, so element (i,j,k) is i + 2j + 6k; "irf" of three
/// values, plain; "note", a text.
std::filesystem::path write_arrays(const std::filesystem::path& path, mat_ft version) {
  std::vector<double> cube(24);
  std::iota(cube.begin(), cube.end(), 0.0);
  const std::vector<std::uint16_t> vector{5, 6, 7};
  mat_t* file = Mat_CreateVer(path.c_str(), nullptr, version);
  REQUIRE(file != nullptr);
  put_variable(file, "cube", MAT_C_DOUBLE, MAT_T_DOUBLE, {2, 3, 4}, cube.data(),
               MAT_COMPRESSION_ZLIB);
  put_variable(file, "irf", MAT_C_UINT16, MAT_T_UINT16, {3, 1}, vector.data(),
               MAT_COMPRESSION_NONE);
  put_variable(file, "note", MAT_C_CHAR, MAT_T_UINT8, {1, 3}, "abc", MAT_COMPRESSION_NONE);
  Mat_Close(file);
  return path;
}

}  // namespace

TEST_CASE("MATLAB arrays come row by row, plain and packed; a member is chosen among several") {
  const Folder folder;
  const auto path = write_arrays(folder.path / "a.mat", MAT_FT_MAT5);
  CHECK(MatReader(path).names() == std::vector<std::string>{"cube", "irf"});
  CHECK(contains(error_of([&] { read_measurement(path); }), "--irf-member NAME): cube, irf"));
  MeasurementOptions options;
  options.member = "cube";
  Measurement m = read_measurement(path, options);
  CHECK(m.format == "MATLAB");
  CHECK(m.height == 2);
  CHECK(m.width == 3);
  CHECK(m.bins == 4);
  CHECK(m.trace(4)[3] == 1 + 2 * 1 + 6 * 3);
  options.member = "irf";
  m = read_measurement(path, options);
  CHECK(m.traces() == 1);
  CHECK(m.counts == std::vector<float>{5, 6, 7});
  const std::string bytes = read_file(path);
  for (std::size_t size = 4; size < bytes.size() - 8; size += 11) {
    const auto cut = folder.file("b.mat", bytes.substr(0, size));
    options.member = "note";
    CHECK_THROWS_AS(read_measurement(cut, options), Error);
  }
}

TEST_CASE("times in a MATLAB file are its own, whatever its version") {
  const Folder folder;
  const double bin_ns = 0.25, period_ns = 12.5, two[] = {1.0, 2.0};
  const std::vector<double> counts{5, 6, 7};
  const auto write = [&](mat_ft version, const double* period, std::size_t periods) {
    const auto path = folder.path / "a.mat";
    mat_t* file = Mat_CreateVer(path.c_str(), nullptr, version);
    REQUIRE(file != nullptr);
    put_variable(file, "decay", MAT_C_DOUBLE, MAT_T_DOUBLE, {3, 1}, counts.data(),
                 MAT_COMPRESSION_NONE);
    put_variable(file, "bin_ns", MAT_C_DOUBLE, MAT_T_DOUBLE, {1, 1}, &bin_ns, MAT_COMPRESSION_NONE);
    put_variable(file, "period_ns", MAT_C_DOUBLE, MAT_T_DOUBLE, {1, periods}, period,
                 MAT_COMPRESSION_NONE);
    Mat_Close(file);
    return path;
  };
  for (const mat_ft version : {MAT_FT_MAT5, MAT_FT_MAT73}) {
    const Measurement m = read_measurement(write(version, &period_ns, 1));
    CHECK(m.counts == std::vector<float>{5, 6, 7});
    CHECK(*m.bin_ns == 0.25);
    CHECK(*m.period_ns == 12.5);
    CHECK(contains(error_of([&] { read_measurement(write(version, two, 2)); }),
                   "member 'period_ns' is no time"));
  }
}

TEST_CASE("a flipped bit in a packed MATLAB array is told") {
  const Folder folder;
  const std::string bytes = read_file(write_arrays(folder.path / "a.mat", MAT_FT_MAT5));
  MeasurementOptions options;
  options.member = "cube";
  const std::vector<float> right = read_measurement(folder.path / "a.mat", options).counts;
  int told = 0;
  for (std::size_t at = 128; at < bytes.size(); ++at) {
    std::string bad = bytes;
    bad[at] ^= 0x10;
    const auto path = folder.file("b.mat", bad);
    Measurement m;
    const std::string error = error_of([&] { m = read_measurement(path, options); });
    told += !error.empty();
    // Flips in the other arrays, and in what pads, do no harm.
    if (error.empty()) CHECK(m.counts == right);
  }
  CHECK(told > 20);
}

TEST_CASE("MATLAB 7.3 reads as the older versions do") {
  const Folder folder;
  const auto older = write_arrays(folder.path / "a.mat", MAT_FT_MAT5),
             newer = write_arrays(folder.path / "b.mat", MAT_FT_MAT73);
  CHECK(contains(error_of([&] { read_measurement(newer); }), "--irf-member NAME): cube, irf"));
  for (const char* member : {"cube", "irf"})
    for (const bool time_first : {false, true}) {
      MeasurementOptions options;
      options.member = member;
      options.time_first = time_first;
      if (time_first && member == std::string("irf")) {  // one axis cannot be the first of two
        CHECK_THROWS_AS(read_measurement(newer, options), UsageError);
        continue;
      }
      const Measurement a = read_measurement(older, options), b = read_measurement(newer, options);
      CHECK(b.format == "MATLAB 7.3");
      CHECK(b.width == a.width);
      CHECK(b.height == a.height);
      CHECK(b.bins == a.bins);
      CHECK(b.counts == a.counts);
    }
  const std::string bytes = read_file(newer);
  for (std::size_t size = 4; size < bytes.size() - 8; size += 53)
    CHECK_THROWS_AS(read_measurement(folder.file("c.mat", bytes.substr(0, size))), Error);
}

TEST_CASE("MATLAB headers that claim the absurd are refused before memory is asked for") {
  const Folder folder;
  const auto refusal = [&](const std::string& elements) {
    std::string bytes = "MATLAB 5.0 MAT-file";
    bytes.resize(124, ' ');
    const auto path = folder.file("a.mat", bytes + std::string("\x00\x01IM", 4) + elements);
    return error_of([&] { read_measurement(path); });
  };
  const auto word = [](std::uint32_t value) { return bytes_of(value); };
  // A matrix of class double: flags, extents, name, data.
  const auto matrix = [&](std::uint32_t rows, std::uint32_t columns, std::uint32_t name_bytes) {
    const std::string content = word(6) + word(8) + word(6) + word(0) + word(5) + word(8) +
                                word(rows) + word(columns) + word(1) + word(name_bytes) +
                                std::string("irf\0\0\0\0\0", 8) + word(2) + word(3) +
                                std::string("\1\2\3\0\0\0\0\0", 8);
    return word(14) + word(static_cast<std::uint32_t>(content.size())) + content;
  };
  CHECK(refusal(matrix(1, 3, 3)) == "");
  CHECK(contains(refusal(matrix(0x7fffffff, 0x7fffffff, 3)), "claims more values"));
  CHECK(contains(refusal(matrix(1, 3, 0x7ffffff0)), "has no name"));
  CHECK(contains(refusal(matrix(1, 4, 3)), "holds 3 bytes of element type 2 for 4 values"));
  CHECK(contains(refusal(word(14) + word(0xfffffff0)), "announces 4294967280 bytes"));
  CHECK(contains(refusal(word(15) + word(4) + "abcd"), "packed data"));
}

TEST_CASE("HDF5: the only array, a named one, and the photons of Photon-HDF5") {
  const Folder folder;
  const auto path = folder.path / "a.h5";
  hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  std::vector<double> stack(2 * 3 * 4);
  std::iota(stack.begin(), stack.end(), 1.0);
  put_dataset(file, "scan/tpsf", {2, 3, 4}, stack);
  H5Fclose(file);
  Measurement m = read_measurement(path);
  CHECK(m.format == "HDF5");
  CHECK(m.height == 2);
  CHECK(m.bins == 4);
  CHECK(m.counts == std::vector<float>(stack.begin(), stack.end()));

  file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  put_dataset(file, "dark", {2}, {1, 2});
  put_dataset(file, "bin_ns", {}, {0.25});  // as h5py writes a number, and a list of one
  put_dataset(file, "period_ns", {1}, {12.5});
  put_dataset(file, "exposure", {}, {3.0});
  H5Fclose(file);
  CHECK(contains(error_of([&] { read_measurement(path); }), "dark, scan/tpsf"));
  MeasurementOptions options;
  options.member = "dark";
  m = read_measurement(path, options);
  CHECK(m.counts == std::vector<float>{1, 2});
  CHECK(m.bin_ns == 0.25);
  CHECK(m.period_ns == 12.5);

  file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  put_photons(file);
  H5Fclose(file);
  m = read_measurement(path);
  CHECK(m.format == "Photon-HDF5");
  CHECK(m.channel == 2);
  CHECK(m.channel_photons == std::vector<double>{2, 3});
  CHECK(m.counts == std::vector<float>{1, 0, 0, 0, 0, 0, 0, 2, 0, 0});
  CHECK(testing::close(*m.bin_ns, 0.016, 1e-12));
  CHECK(testing::close(*m.period_ns, 25.0, 1e-9));
}
