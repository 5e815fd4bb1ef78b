#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fli/io_testing.h"
#include "taugate/fli/formats/npy.h"

using namespace taugate;

namespace {

/// A file of the numbers `values` as T, and what reading it gives.
template <class T>
std::vector<double> round_trip(const std::string& type, std::vector<T> values, bool swap = false) {
  const Folder folder;
  std::string data;
  for (const T value : values) {
    std::string bytes = bytes_of(value);
    if (swap) std::reverse(bytes.begin(), bytes.end());
    data += bytes;
  }
  const auto path =
      folder.file("a.npy", npy_bytes(type, false, concat("(", values.size(), ",)"), data));
  return read_npy<double>(path).values;
}

template <class T>
void check_type(const std::string& name, std::vector<T> values) {
  CAPTURE(name);
  const std::vector<double> wanted(values.begin(), values.end());
  CHECK(round_trip("<" + name, values) == wanted);
  CHECK(round_trip(">" + name, values, true) == wanted);
}

std::string reading(const std::string& content) {
  const Folder folder;
  const auto path = folder.file("a.npy", content);
  return error_of([&] { read_npy<float>(path); });
}

}  // namespace

TEST_CASE("every number type is read in either byte order") {
  check_type<float>("f4", {0.0f, -1.5f, 3.25e-30f});
  check_type<double>("f8", {0.1, -1e300, 5e-324});
  check_type<std::uint8_t>("u1", {0, 1, 255});
  check_type<std::uint16_t>("u2", {0, 258, 65535});
  check_type<std::uint32_t>("u4", {0, 0x01020304, 0xffffffff});
  check_type<std::uint64_t>("u8", {0, 0x0102030405000000});
  check_type<std::int8_t>("i1", {-128, 0, 127});
  check_type<std::int16_t>("i2", {-32768, 258});
  check_type<std::int32_t>("i4", {-2147483647, 0x01020304});
  check_type<std::int64_t>("i8", {-3, 0x0001020304050607});
  CHECK(round_trip<std::uint8_t>("|b1", {0, 1, 7}) == std::vector<double>{0, 1, 1});
}

TEST_CASE("versions 2 and 3 differ in the length of the header only") {
  const std::string v1 =
      npy_bytes("<i2", false, "(2,)", bytes_of<std::int16_t>(5) + bytes_of<std::int16_t>(-6));
  for (const char version : {'\x02', '\x03'}) {
    std::string bytes = v1;
    bytes[6] = version;
    bytes.insert(10, 2, '\0');
    const Folder folder;
    CHECK(read_npy<float>(folder.file("a.npy", bytes)).values == std::vector<float>{5, -6});
  }
}

TEST_CASE("Fortran order comes out row-major, whole or by rows") {
  // Element (i, j, k, l) of [2][3][4][5] holds the number with the digits ijkl.
  std::string data;
  std::vector<double> wanted;
  for (int l = 0; l < 5; ++l)
    for (int k = 0; k < 4; ++k)
      for (int j = 0; j < 3; ++j)
        for (int i = 0; i < 2; ++i)
          data += bytes_of(static_cast<std::int16_t>(1000 * i + 100 * j + 10 * k + l));
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k)
        for (int l = 0; l < 5; ++l) wanted.push_back(1000 * i + 100 * j + 10 * k + l);
  const Folder folder;
  const auto path = folder.file("a.npy", npy_bytes("<i2", true, "(2, 3, 4, 5)", data));
  const auto array = read_npy<double>(path);
  CHECK(array.shape == std::vector<std::size_t>{2, 3, 4, 5});
  CHECK(array.values == wanted);
  const NpyReader reader(path);
  CHECK(reader.row_size() == 60);
  std::vector<double> second(60);
  reader.rows(1, 1, second.data());
  CHECK(std::equal(second.begin(), second.end(), wanted.begin() + 60));
}

TEST_CASE("shapes from one number to none") {
  const Folder folder;
  const auto scalar =
      read_npy<double>(folder.file("s.npy", npy_bytes("<f8", false, "()", bytes_of(0.179))));
  CHECK(scalar.shape.empty());
  CHECK(scalar.values == std::vector<double>{0.179});
  const auto none = read_npy<float>(folder.file("n.npy", npy_bytes("<f4", false, "(0, 70)", "")));
  CHECK(none.shape == std::vector<std::size_t>{0, 70});
  CHECK(none.values.empty());
}

TEST_CASE("what is written comes back, in blocks larger and smaller than any buffer") {
  const Folder folder;
  const auto path = folder.path / "a.npy";
  constexpr std::size_t rows = 5000, row = 7;
  std::vector<float> values(rows * row);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.5f * static_cast<float>(i);
  NpyWriter writer(path, NpyType::parse("f4", ""), {row});
  const std::span<const float> all(values);
  writer.append(all.first(3 * row));
  writer.append(all.subspan(3 * row));
  CHECK(folder.entries() == 1);
  CHECK_FALSE(std::filesystem::exists(path));
  writer.finish();

  const auto array = read_npy<float>(path);
  CHECK(array.shape == std::vector<std::size_t>{rows, row});
  CHECK(array.values == values);
  const NpyReader reader(path);
  CHECK(reader.row_count() == rows);
  CHECK(reader.header().data_offset % 64 == 0);
  std::vector<float> block(2 * row);
  reader.rows(rows - 2, 2, block.data());
  CHECK(std::equal(block.begin(), block.end(), values.end() - 2 * row));
  CHECK_THROWS_AS(reader.rows(rows - 1, 2, block.data()), Error);
}

TEST_CASE("an integer type takes what fits and nothing else") {
  const Folder folder;
  const auto path = folder.path / "a.npy";
  const auto write = [&](const char* type, std::vector<double> values) {
    return error_of([&] { write_npy<double>(path, NpyType::parse(type, ""), {}, values); });
  };
  for (const auto& [type, low, high] : {std::tuple{"u1", 0.0, 255.0},
                                        {"u2", 0.0, 65535.0},
                                        {"u4", 0.0, 4294967295.0},
                                        {"i1", -128.0, 127.0},
                                        {"i2", -32768.0, 32767.0},
                                        {"i4", -2147483648.0, 2147483647.0},
                                        {"i8", -0x1p63, 0x1p62},
                                        {"u8", 0.0, 0x1p63},
                                        {"b1", 0.0, 1.0}}) {
    const char* const tested = type;
    CAPTURE(tested);
    CHECK(write(type, {low, high}) == "");
    CHECK(read_npy<double>(path).values == std::vector<double>{low, high});
    CHECK(write(type, {2.0 * low - 1.0}) != "");
    CHECK(write(type, {2.0 * high + 1e4 * high}) != "");
    CHECK(write(type, {0.5}) != "");
    CHECK(write(type, {std::nan("")}) != "");
    CHECK(read_npy<double>(path).values == std::vector<double>{low, high});  // the old file stays
    CHECK(folder.entries() == 1);
  }
  CHECK(write("u2", {65536.0}) == path.string() + ": value 65536 does not fit the type <u2");
}

TEST_CASE("damaged NPY files are refused with a reason") {
  const std::string four(4, '\0');
  CHECK(contains(reading(""), "is no NPY file: 0 bytes"));
  CHECK(contains(reading("this is not an array"), "does not begin with"));
  const std::string good = npy_bytes("<f4", false, "(1,)", four);
  REQUIRE(reading(good) == "");
  // Cut anywhere, it is an error and never a crash.
  for (std::size_t size = 0; size < good.size(); ++size) CHECK(reading(good.substr(0, size)) != "");
  CHECK(contains(reading(good + "x"), "holds 5 bytes of data, its header announces 4"));
  std::string version = good;
  version[6] = '\x09';
  CHECK(contains(reading(version), "version 9"));
  std::string long_header = good;
  long_header[6] = '\x02';
  long_header.replace(8, 2, "\xff\xff\xff\x7f");
  CHECK(contains(reading(long_header), "header of"));

  CHECK(contains(reading(npy_bytes("<c8", false, "(1,)", four)), "'<c8'"));
  CHECK(contains(reading(npy_bytes("<f2", false, "(1,)", four)), "'<f2'"));
  CHECK(contains(reading(npy_bytes("", false, "(1,)", four)), "of type ''"));
  CHECK(contains(reading(npy_bytes("<f4", false, "(-1,)", four)), "no extent"));
  CHECK(
      contains(reading(npy_bytes("<f4", false, "(99999999999999999999999,)", four)), "no extent"));
  CHECK(contains(reading(npy_bytes("<f4", false, "(1, 1, 1, 1, 1)", four)), "more than 4"));
  CHECK(contains(reading(npy_bytes("<f4", false, "(1000000, 1000000)", four)),
                 "announces 4000000000000"));
  CHECK(contains(reading(npy_bytes("<f4", false, "(4294967296, 4294967296, 4)", "")), "absurdly"));
  CHECK(contains(reading(npy_bytes("{'descr': '<f4', 'shape': (1,), }", four)), "not all of"));
  CHECK(contains(reading(npy_bytes("{'descr': [('a', '<f4')], }", four)), "structured"));
  CHECK(contains(reading(npy_bytes("{'shape': (1,), 'shape': (1,), }", four)), "'shape' twice"));
  CHECK(contains(reading(npy_bytes("{'descr': '<f4", four)), "without an end"));
  CHECK(contains(reading(npy_bytes("{'fortran_order': Maybe}", four)), "neither True nor False"));
}

TEST_CASE("an array that is too large to be read at once is refused before memory is asked for") {
  const Folder folder;
  const auto path = folder.file("a.npy", npy_bytes("|u1", false, "(1099511627776,)", ""));
  const auto start = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, start + (std::uintmax_t{1} << 40));  // sparse: no disk is used
  CHECK(contains(error_of([&] { read_npy<float>(path); }), "too many"));
  const NpyReader reader(path);  // but it can be streamed
  float value = 1.0f;
  reader.rows(1'000'000'000'000, 1, &value);
  CHECK(value == 0.0f);
}
