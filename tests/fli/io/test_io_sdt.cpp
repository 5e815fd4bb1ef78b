// Becker & Hickl files: made by hand, and those of the data folder.

#include <doctest/doctest.h>

#include <numeric>

#include "fli/io/sdt.h"
#include "fli/sdt_testing.h"
#include "taugate/fli/io/measurement.h"
#include "testing.h"

using namespace taugate;

namespace {

std::vector<int> numbered(std::size_t n, int first) {
  std::vector<int> counts(n);
  std::iota(counts.begin(), counts.end(), first);
  return counts;
}
std::vector<float> floats(const std::vector<int>& counts) { return {counts.begin(), counts.end()}; }

/// 3 x 2 pixels of 8 bins.
sdt::Description image_description() {
  sdt::Description d;
  d.image[0] = 3;
  d.image[1] = 2;
  d.image[2] = d.image[3] = 1;
  d.scan[0] = d.scan[1] = 256;  // left over from another mode, as the real files have it
  return d;
}

}  // namespace

TEST_CASE("an SDT image is read plain and zipped, with its time axis") {
  const Folder folder;
  const auto counts = numbered(3 * 2 * 8, 1);
  for (const bool zipped : {false, true}) {
    const auto path = folder.file(
        "a.sdt", sdt::file({image_description()},
                           {{sdt::packed_counts<std::uint16_t>(counts), 0x68, 0, zipped}}));
    const Measurement m = read_measurement(path);
    CHECK(m.format == "Becker & Hickl SDT");
    CHECK(m.width == 3);
    CHECK(m.height == 2);
    CHECK(m.bins == 8);
    CHECK(m.counts == floats(counts));
    CHECK(testing::close(*m.bin_ns, 50.0 / 4 / 8, 1e-6));
    CHECK(testing::close(*m.period_ns, 12.5, 1e-5));
    CHECK(m.channel_photons == std::vector<double>{48 * 49 / 2});
    CHECK(m.notes.empty());
  }
}

TEST_CASE("SDT curves, pages, routed planes, padded frames and number types") {
  const Folder folder;
  const auto reading = [&](const sdt::Description& d, const std::string& data, int type,
                           int channel = 0) {
    MeasurementOptions options;
    options.channel = channel;
    return read_measurement(folder.file("a.sdt", sdt::file({d}, {{data, type, 0, true}})), options);
  };
  const auto curves = numbered(16, 70000);
  Measurement m = reading({}, sdt::packed_counts<std::uint32_t>(curves), 0x101);
  CHECK(m.width == 2);
  CHECK(m.height == 1);
  CHECK(m.counts == floats(curves));
  CHECK(reading({}, sdt::packed_counts<double>(curves), 0x201).counts == floats(curves));

  sdt::Description page;
  page.scan[0] = 2;
  page.scan[1] = 3;
  page.scan[2] = 2;  // two detectors
  const auto planes = numbered(2 * 6 * 8, 0);
  m = reading(page, sdt::packed_counts<std::uint16_t>(planes), 0x11);
  CHECK(m.channel == 2);
  REQUIRE(m.notes.size() == 1);
  CHECK(m.notes[0] == "channel 2 of 2, the brightest");
  CHECK(m.height == 3);
  CHECK(m.counts == floats(numbered(48, 48)));
  m = reading(page, sdt::packed_counts<std::uint16_t>(planes), 0x11, 1);
  CHECK(m.counts == floats(numbered(48, 0)));
  m = reading(page, sdt::packed_counts<std::uint16_t>(planes), 0x11, MeasurementOptions::kSum);
  CHECK(m.channel == 0);
  for (int i = 0; i < 48; ++i)
    CHECK(m.counts[static_cast<std::size_t>(i)] == static_cast<float>(2 * i + 48));

  // 3 x 2 pixels in a frame of 4 x 2.
  m = reading(image_description(), sdt::packed_counts<std::uint16_t>(numbered(64, 0)), 0x68);
  CHECK(m.width == 3);
  auto wanted = floats(numbered(24, 0));
  const auto second = floats(numbered(24, 32));
  wanted.insert(wanted.end(), second.begin(), second.end());
  CHECK(m.counts == wanted);
}

TEST_CASE("SDT channels lie in blocks; blocks of other content are left out") {
  const Folder folder;
  auto d = image_description();
  const sdt::Block dim{sdt::packed_counts<std::uint16_t>(numbered(48, 0)), 0x68, 0, false},
      bright{sdt::packed_counts<std::uint16_t>(numbered(48, 100)), 0x68, 1, true},
      correlation{"not counts", 0x228, 0, false};
  auto other = d;
  other.sync_divider = 2;
  const auto path = folder.file("a.sdt", sdt::file({d, other}, {correlation, dim, bright}));
  const Measurement m = read_measurement(path);
  CHECK(m.channel == 2);
  CHECK(m.channel_photons == std::vector<double>{48 * 47 / 2, 4800 + 48 * 47 / 2});
  CHECK_FALSE(m.period_ns.has_value());  // the rate of a divided sync is not guessed at
  MeasurementOptions first;
  first.channel = 1;
  CHECK(read_measurement(path, first).period_ns.has_value());
  first.channel = 3;
  CHECK_THROWS_AS(read_measurement(path, first), UsageError);

  // Older programs number the blocks where newer ones keep high bits of an offset.
  std::string old = sdt::file({d}, {dim}, 0x280c);
  old[42 + 54 + 512] = 7;
  CHECK(read_measurement(folder.file("b.sdt", old)).counts == floats(numbered(48, 0)));

  d.least_sync = 40e6f;
  CHECK_FALSE(read_measurement(folder.file("c.sdt", sdt::file({d}, {dim}))).period_ns.has_value());
}

TEST_CASE("damaged SDT files are refused with a reason") {
  const Folder folder;
  const auto reading = [&](const std::string& content) {
    const auto path = folder.file("a.sdt", content);
    return error_of([&] { read_measurement(path); });
  };
  const std::string data = sdt::packed_counts<std::uint16_t>(numbered(48, 0));
  for (const bool zipped : {false, true}) {
    const std::string good = sdt::file({image_description()}, {{data, 0x68, 0, zipped}});
    REQUIRE(reading(good) == "");
    for (std::size_t size = 0; size < good.size(); size += 5)
      CHECK(reading(good.substr(0, size)) != "");
    // No byte of the headers can make it crash.
    for (std::size_t at = 0; at < good.size(); ++at)
      for (const char value : {'\0', '\x7f', '\xff'}) {
        std::string bad = good;
        bad[at] = value;
        reading(bad);
      }
  }
  std::string bad = sdt::file({image_description()}, {{data, 0x68, 0, true}});
  const std::size_t directory = bad.find("PK\x01\x02");
  REQUIRE(directory != std::string::npos);
  bad[directory - 3] ^= 1;
  CHECK(contains(reading(bad), "channel 1: "));
  bad = sdt::file({image_description()}, {{data, 0x68, 0, true}});
  bad[directory + 16] ^= 1;
  CHECK(contains(reading(bad), "channel 1: member 'data_block': is damaged: CRC error"));
  bad = sdt::file({image_description()}, {{data, 0x68, 0, true}});
  bad[directory + 24] ^= 1;
  CHECK(contains(reading(bad), "channel 1: unpacks to 97 bytes, wanted 96"));
  bad = sdt::file({image_description()}, {{data, 0x68, 0, true}});
  bad[directory + 10] = 14;
  CHECK(contains(reading(bad), "is packed by method 14, wanted 8 (deflate)"));
  bad[directory] = 'L';
  CHECK(contains(reading(bad), "channel 1: is no readable zip archive: Not a zip archive"));
  CHECK(contains(reading(sdt::file({image_description()}, {{data + data, 0x68}})),
                 "an image of 12 pixels in all, of unknown width"));
  CHECK(contains(reading(sdt::file({image_description()}, {{data + "ab", 0x68}})),
                 "holds 98 bytes, wanted a multiple of 16 (8 bins)"));
  CHECK(contains(reading(sdt::file({image_description()},
                                   {{data, 0x328}, {data, 0x51}, {data, 0x28}, {data, 0xf0}})),
                 "holds 4 data block(s), none of them decays or images of decays, found FCS, MCS, "
                 "type 240"));
  CHECK(contains(reading(sdt::file({image_description()}, {{data, 0x368}})), "unknown type"));
  CHECK(contains(reading(sdt::file({image_description()}, {{data, 0x68, 1}})),
                 "names description 1 of 1"));
  auto d = image_description();
  d.tac_gain = 0;
  CHECK(contains(reading(sdt::file({d}, {{data, 0x68}})), "at a gain of 0"));
  bad = sdt::file({image_description()}, {{data, 0x68}});
  bad[32] = bad[33] = 0x11;
  CHECK(contains(reading(bad), "was not finished"));
}

TEST_CASE("the measured SDT files hold the photons that their makers counted" *
          doctest::test_suite("measured")) {
  const auto data = testing::data_folder();
  if (!data) return;
  const Measurement image = read_measurement(*data / "images" / "SDT_c01.sdt");
  CHECK(image.width == 512);
  CHECK(image.height == 512);
  CHECK(image.bins == 256);
  CHECK(image.channel_photons == std::vector<double>{5359, 227683});
  CHECK(image.channel == 2);
  CHECK(std::accumulate(image.counts.begin(), image.counts.end(), 0.0) == 227683);
  CHECK(testing::close(*image.bin_ns, 0.04684, 1e-5));
  CHECK(testing::close(*image.period_ns, 12.5, 1e-3));
  const Measurement irf = read_measurement(*data / "images" / "IRF.sdt");
  CHECK(irf.bins == 4096);
  CHECK(irf.channel_photons == std::vector<double>{9223, 3700666});
  CHECK(irf.counts == std::vector<float>(irf.trace(0).begin(), irf.trace(0).end()));
}
