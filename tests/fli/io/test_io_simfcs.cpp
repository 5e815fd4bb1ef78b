// Counts of SimFCS: .b64, .z64, .b&h and .bhz.

#include <doctest/doctest.h>
#include <zlib.h>

#include "fli/io_testing.h"
#include "taugate/fli/io/measurement.h"
#include "testing.h"

using namespace taugate;

namespace {

int count_at(int bin, int row, int column) { return (7 * bin + 3 * row + 5 * column) % 11; }

/// Images one after the other, rows from top to bottom.
template <class T>
std::string images(int bins, int side) {
  std::string bytes;
  for (int t = 0; t < bins; ++t)
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) bytes += bytes_of(static_cast<T>(count_at(t, y, x)));
  return bytes;
}

std::string packed(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string result(size, '\0');
  compress(reinterpret_cast<Bytef*>(result.data()), &size,
           reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  result.resize(size);
  return result;
}

std::string z64(std::int32_t side, std::int32_t bins, const std::string& counts) {
  return packed(bytes_of(side) + bytes_of(bins) + counts);
}

void check_counts(const std::filesystem::path& path, const char* format, int side, int bins) {
  CAPTURE(path);
  const Measurement m = read_measurement(path);
  CHECK(m.format == format);
  CHECK(m.width == side);
  CHECK(m.height == side);
  REQUIRE(m.bins == bins);
  CHECK_FALSE(m.bin_ns);
  CHECK_FALSE(m.period_ns);
  REQUIRE(m.notes.size() == 1);
  CHECK(contains(m.notes[0], "images are taken as bins"));
  int wrong = 0;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int t = 0; t < bins; ++t)
        wrong += m.trace(static_cast<std::size_t>(y * side + x))[static_cast<std::size_t>(t)] !=
                 static_cast<float>(count_at(t, y, x));
  CHECK(wrong == 0);
}

const std::filesystem::path kData = std::filesystem::path(TAUGATE_SOURCE_DIR) / "tests/data/simfcs";

}  // namespace

TEST_CASE("SimFCS files made by hand and by lfdfiles' writers give their counts") {
  const Folder folder;
  check_counts(folder.file("a.B64", bytes_of(3) + images<std::int16_t>(6, 3)), "SimFCS B64", 3, 6);
  check_counts(folder.file("a.z64", z64(3, 6, images<float>(6, 3))), "SimFCS Z64", 3, 6);
  check_counts(folder.file("a.b&h", images<float>(2, 256)), "SimFCS B&H", 256, 2);
  check_counts(kData / "lfdfiles.b64", "SimFCS B64", 5, 4);
  check_counts(kData / "lfdfiles.z64", "SimFCS Z64", 5, 4);
  check_counts(kData / "zipfile.bhz", "SimFCS BHZ", 256, 3);
}

TEST_CASE("bins of a SimFCS file span the period that is given, unless a bin width is, too") {
  Measurement m = read_measurement(kData / "lfdfiles.z64");
  set_time_axis(m, {}, 12.8);
  CHECK(*m.period_ns == 12.8);
  CHECK(testing::close(*m.bin_ns, 3.2, 1e-12));
  m = read_measurement(kData / "lfdfiles.z64");
  set_time_axis(m, 2.5, 12.8);
  CHECK(*m.bin_ns == 2.5);
  m = read_measurement(kData / "lfdfiles.z64");
  set_time_axis(m, 2.5, {});
  CHECK_FALSE(m.period_ns);
}

TEST_CASE("SimFCS files that are damaged, cut short or hold no counts are refused") {
  const Folder folder;
  const auto refusal = [&](const std::string& name, const std::string& content) {
    return error_of([&] { read_measurement(folder.file(name, content)); });
  };
  const std::string b64 = bytes_of(3) + images<std::int16_t>(6, 3);
  CHECK(contains(refusal("a.b64", b64.substr(0, b64.size() - 1)),
                 "found 107 bytes of counts, wanted whole images of 3 x 3 pixels, 18 bytes each"));
  CHECK(contains(refusal("a.b64", b64.substr(0, 22)), "found 1 image(s) of 3 x 3"));
  CHECK(contains(refusal("a.b64", b64.substr(0, 4)), "found 0 image(s)"));
  CHECK(contains(refusal("a.b64", b64.substr(0, 2)), "a.b64"));
  CHECK(contains(refusal("a.b64", bytes_of(-3) + b64.substr(4)), "found a side of -3 pixels"));
  CHECK(contains(refusal("a.b64", bytes_of(0x7fffffff)), "found a side of 2147483647 pixels"));
  CHECK(contains(refusal("a_Carpet.b64", b64), "is named a carpet"));
  std::string negative = b64;
  negative.back() = '\xff';
  CHECK(contains(refusal("a.b64", negative), "trace 8, gate 5: found -"));

  const std::string z = z64(3, 6, images<float>(6, 3));
  for (std::size_t size = 1; size < z.size(); ++size)
    CHECK(contains(refusal("a.z64", z.substr(0, size)), "packed data is cut short"));
  std::string flipped = z;
  flipped[z.size() - 2] ^= 1;
  CHECK(contains(refusal("a.z64", flipped), "packed data is damaged"));
  CHECK(contains(refusal("a.z64", "not packed at all"), "packed data is damaged"));
  CHECK(contains(refusal("a.z64", z64(3, 6, images<float>(7, 3))), "longer than it claims"));
  CHECK(contains(refusal("a.z64", z64(3, 6, images<float>(5, 3))), "cut short"));
  CHECK(contains(refusal("a.z64", z64(3, 1, images<float>(1, 3))), "found 1 image(s) of 3 x 3"));
  CHECK(contains(refusal("a.z64", z64(-1, 9, "")), "image(s) of -1 x -1 pixels"));
  // 4 TiB, which a file of some bytes cannot hold.
  CHECK(contains(refusal("a.z64", z64(4096, 65536, "")),
                 "claims 65536 images of 4096 x 4096 pixels in"));

  const std::string bh = images<float>(2, 256);
  CHECK(contains(refusal("a.b&h", bh.substr(4)), "wanted whole images of 256 x 256 pixels"));
  CHECK(contains(refusal("a.b&h", bh.substr(bh.size() / 2)), "found 1 image(s)"));
  const std::string bhz = read_file(kData / "zipfile.bhz");
  CHECK(contains(refusal("a.bhz", bhz.substr(0, bhz.size() / 2)), "SimFCS .bhz (zip) archive"));
  std::string damaged = bhz;
  damaged[bhz.size() / 2] ^= 1;
  CHECK(contains(refusal("a.bhz", damaged), "is damaged"));

  CHECK(contains(refusal("a.r64", read_file(kData / "lfdfiles.r64")), "phases and modulations"));
  CHECK(contains(refusal("a.ref", images<float>(5, 4)), "phases and modulations"));
  CHECK(contains(refusal("a.bin", images<std::uint16_t>(2, 256)), "neither the size"));
  CHECK(refusal("irf.ref", "1\n5\n2\n") == "");  // text by its content
}

TEST_CASE("a recorded .z64 holds the photons that phasorpy finds in it" *
          doctest::test_suite("measured")) {
  const auto data = testing::data_folder();
  if (!data) return;
  const auto path = *data / "images/simfcs.z64";  // phasorpy/phasorpy-data, tests
  if (!std::filesystem::exists(path)) {
    MESSAGE("skipped: no ", path.filename().string(), " among the measured data");
    return;
  }
  const Measurement m = read_measurement(path);
  CHECK(m.width == 256);
  CHECK(m.bins == 256);
  double counts = 0.0, first = 0.0, second = 0.0;  // with the numbers of the bin and of the pixel
  for (std::size_t i = 0; i < m.counts.size(); ++i) {
    counts += m.counts[i];
    first += m.counts[i] * static_cast<double>(i % 256);
    second += m.counts[i] * static_cast<double>(i / 256);
  }
  CHECK(counts == 5536049);
  CHECK(first == 846195543.0);
  CHECK(second == 180232321258.0);
  CHECK(m.trace(128 * 256 + 128)[142] == 2.0f);
}
