// PicoQuant's time-tagged photons: records of each instrument made by hand, and the measured image.

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "fli/formats/npz.h"
#include "fli/io/ptu.h"
#include "fli/ptu_testing.h"
#include "taugate/fli/io/measurement.h"
#include "testing.h"

using namespace taugate;

namespace {

/// The bins that hold counts, and how many.
std::map<int, int> filled(std::span<const float> trace) {
  std::map<int, int> bins;
  for (std::size_t i = 0; i < trace.size(); ++i)
    if (trace[i] != 0.0f) bins[static_cast<int>(i)] = static_cast<int>(trace[i]);
  return bins;
}
using Bins = std::map<int, int>;

Measurement reading(const Folder& folder, const ptu::Header& header,
                    const std::vector<std::uint32_t>& records, int channel = 0, int frame = 0) {
  MeasurementOptions options;
  options.channel = channel;
  options.frame = frame;
  return read_measurement(folder.file("a.ptu", ptu::file(header, records)), options);
}

}  // namespace

TEST_CASE("records of each instrument become times, overflows added up") {
  const auto times = [](std::uint32_t type, const std::vector<std::uint32_t>& records) {
    PtuDecoder decoder(type, "here");
    std::vector<std::uint64_t> found;
    for (const auto record : records) {
      const PtuEvent event = decoder.decode(record);
      if (event.kind != PtuEvent::none) found.push_back(event.time);
    }
    return found;
  };
  using Times = std::vector<std::uint64_t>;
  CHECK(times(0x00010303, {ptu::pico_t3(1, 5, 65535), ptu::kPicoT3Overflow, ptu::kPicoT3Overflow,
                           ptu::pico_t3(2, 7, 3), ptu::pico_t3_marker(4, 9)}) ==
        Times{65535, 2 * 65536 + 3, 2 * 65536 + 9});
  CHECK(times(0x00010203, {ptu::pico_t2(0, 7), ptu::kPicoT2Overflow, ptu::pico_t2(1, 8),
                           ptu::pico_t2(15, 0x42)}) == Times{7, 210698240u + 8, 210698240u + 0x42});
  // An overflow record of HydraHarp 1 stands for one overflow, those of later ones for several.
  const std::vector<std::uint32_t> t3{ptu::hydra_t3(0, 30000, 1023), ptu::hydra_t3_special(63, 0),
                                      ptu::hydra_t3(5, 1, 2), ptu::hydra_t3_special(63, 3),
                                      ptu::hydra_t3_special(2, 4)};
  CHECK(times(0x00010304, t3) == Times{1023, 1024 + 2, 2 * 1024 + 4});
  for (const std::uint32_t type : {0x01010304u, 0x00010305u, 0x00010306u, 0x00010307u})
    CHECK(times(type, t3) == Times{1023, 1024 + 2, 4 * 1024 + 4});
  const std::vector<std::uint32_t> t2{ptu::hydra_t2_special(0, 33'000'000),
                                      ptu::hydra_t2_special(63, 2), ptu::hydra_t2(1, 5)};
  CHECK(times(0x00010204, t2) == Times{33'000'000, 33552000u + 5});
  for (const std::uint32_t type : {0x01010204u, 0x00010205u, 0x00010206u, 0x00010207u})
    CHECK(times(type, t2) == Times{33'000'000, 2u * 33554432u + 5});

  PtuDecoder decoder(0x00010303, "here");
  const PtuEvent photon = decoder.decode(ptu::pico_t3(3, 4095, 1));
  CHECK(photon.kind == PtuEvent::photon);
  CHECK(photon.channel == 2);
  CHECK(photon.dtime == 4095);
  const PtuEvent marker = decoder.decode(ptu::pico_t3_marker(5, 1));
  CHECK(marker.kind == PtuEvent::marker);
  CHECK(marker.markers == 5);
  CHECK_THROWS_AS(PtuDecoder(0x00010399, "here"), Error);
}

TEST_CASE("a T3 point measurement is a trace for each detector") {
  const Folder folder;
  ptu::Header header;
  header.type = 0x00010306;
  const std::vector<std::uint32_t> records{ptu::hydra_t3(0, 3, 1),  ptu::hydra_t3(2, 4, 5),
                                           ptu::hydra_t3(2, 24, 6), ptu::hydra_t3_special(63, 1),
                                           ptu::hydra_t3(2, 4, 6),  ptu::hydra_t3_special(1, 7)};
  Measurement m = reading(folder, header, records);
  CHECK(m.format == "PicoQuant PTU");
  CHECK(m.traces() == 1);
  CHECK(m.bins == 25);
  CHECK(testing::close(*m.bin_ns, 1.0, 1e-12));
  CHECK(testing::close(*m.period_ns, 25.0, 1e-12));
  CHECK(m.channel_photons == std::vector<double>{1, 0, 3});
  CHECK(m.channel == 3);
  CHECK(filled(m.trace(0)) == Bins{{4, 2}, {24, 1}});
  CHECK(filled(reading(folder, header, records, 1).trace(0)) == Bins{{3, 1}});
  CHECK(filled(reading(folder, header, records, MeasurementOptions::kSum).trace(0)) ==
        Bins{{3, 1}, {4, 2}, {24, 1}});

  // A little later than the period is kept, much later is folded.
  m = reading(folder, header, {ptu::hydra_t3(0, 27, 1)});
  CHECK(m.bins == 28);
  m = reading(folder, header, {ptu::hydra_t3(0, 53, 1)});
  CHECK(m.bins == 25);
  CHECK(filled(m.trace(0)) == Bins{{3, 1}});
  // The announced number of records counts; none is announced by an unfinished recording.
  header.records = 0;
  CHECK(filled(reading(folder, header, records).trace(0)) == Bins{{4, 2}, {24, 1}});
  header.records = 2;
  CHECK(reading(folder, header, records).channel_photons == std::vector<double>{1, 0, 1});
  // Without a sync rate the time tags' unit is the period.
  header.sync_rate = 0;
  header.global_resolution_s = 20e-9;
  CHECK(testing::close(*reading(folder, header, records).period_ns, 20.0, 1e-12));
}

TEST_CASE("a T2 measurement counts from the last laser pulse, folded where the sync was divided") {
  const Folder folder;
  ptu::Header header;
  header.global_resolution_s = 1e-9;  // a period has 25 of them
  header.type = 0x00010203;
  std::vector<std::uint32_t> records{ptu::pico_t2(1, 3),  // before any pulse
                                     ptu::pico_t2(0, 100), ptu::pico_t2(1, 107),
                                     ptu::pico_t2(2, 130), ptu::kPicoT2Overflow,
                                     ptu::pico_t2(0, 10),  ptu::pico_t2(1, 17)};
  Measurement m = reading(folder, header, records);
  CHECK(m.bins == 25);
  CHECK(m.channel_photons == std::vector<double>{2, 1});
  CHECK(filled(m.trace(0)) == Bins{{7, 2}});
  CHECK(filled(reading(folder, header, records, 2).trace(0)) == Bins{{5, 1}});  // 30 - 25

  header.type = 0x01010204;
  m = reading(folder, header,
              {ptu::hydra_t2_special(0, 100), ptu::hydra_t2_special(63, 1),
               ptu::hydra_t2_special(0, 20), ptu::hydra_t2(0, 33)});
  CHECK(filled(m.trace(0)) == Bins{{13, 1}});
  CHECK(contains(error_of([&] { reading(folder, header, {ptu::hydra_t2(0, 33)}); }),
                 "no photons after a laser pulse"));

  // Bins of 1 ps over a period of a microsecond are joined.
  header.global_resolution_s = 1e-12;
  header.sync_rate = 1'000'000;
  m = reading(folder, header, {ptu::hydra_t2_special(0, 100), ptu::hydra_t2(0, 1700)});
  CHECK(m.bins == 62500);
  CHECK(testing::close(*m.bin_ns, 0.016, 1e-12));
  CHECK(filled(m.trace(0)) == Bins{{100, 1}});
  CHECK(m.notes.front() == "joined 16 bins of 0.001 ns");
}

namespace {

constexpr std::uint32_t kStart = 1, kStop = 2, kFrame = 4;

/// 4 x 2 pixels of 10 pulses each; a line begins every 100 pulses.
ptu::Header image_header() {
  ptu::Header header;
  header.dimensions = 3;
  header.width = 4;
  header.height = 2;
  return header;
}
std::uint32_t mark(std::uint32_t bits, std::uint32_t pulse) {
  return ptu::pico_t3_marker(bits, pulse);
}
std::uint32_t photon(std::uint32_t pulse) { return ptu::pico_t3(1, 3, pulse); }

/// Photons of each pixel, row after row.
std::vector<int> pixels(const Measurement& m) {
  std::vector<int> sums;
  for (std::size_t i = 0; i < m.traces(); ++i)
    sums.push_back(static_cast<int>(std::accumulate(m.trace(i).begin(), m.trace(i).end(), 0.0f)));
  return sums;
}
using Pixels = std::vector<int>;

}  // namespace

TEST_CASE("photons fall into pixels between the markers of their line, frames added up") {
  const Folder folder;
  auto header = image_header();
  const std::vector<std::uint32_t> records{
      photon(1),  // before the first line
      mark(kFrame, 5), mark(kStart, 10), photon(10), photon(19), photon(20), photon(49),
      mark(kStop, 50), photon(55),  // on the way back
      mark(kStart, 110), photon(140), mark(kStop, 150),
      // The second frame's first line took longer: its pixels do too.
      mark(kFrame, 200), mark(kStart, 210), photon(225), photon(289), mark(kStop, 290),
      mark(kStart, 310), mark(kStop, 350), mark(kStart, 410), photon(415),
      mark(kStop, 450)};  // a line too many
  CHECK(pixels(reading(folder, header, records)) == Pixels{3, 1, 0, 2, 0, 0, 0, 1});
  CHECK(reading(folder, header, records).frames == 2);
  CHECK(pixels(reading(folder, header, records, 0, 1)) == Pixels{2, 1, 0, 1, 0, 0, 0, 1});
  CHECK(pixels(reading(folder, header, records, 0, 2)) == Pixels{1, 0, 0, 1, 0, 0, 0, 0});
  CHECK(contains(error_of([&] { reading(folder, header, records, 0, 3); }),
                 "frame: found 3, wanted 1 to 2"));
  header.bidirectional = 1;
  CHECK(pixels(reading(folder, header, records)) == Pixels{3, 1, 0, 2, 1, 0, 0, 0});
  header.bidirectional = 0;
  // Without frame markers the third line of the recording is a first one again, and so is the
  // fifth.
  header.frame = 0;
  CHECK(pixels(reading(folder, header, records)) == Pixels{4, 1, 0, 2, 0, 0, 0, 1});
  CHECK(reading(folder, header, records).frames == 3);
  CHECK(pixels(reading(folder, header, records, 0, 3)) == Pixels{1, 0, 0, 0, 0, 0, 0, 0});
  // Without stop markers a line ends where the next one starts.
  header.line_stop = 0;
  CHECK(pixels(reading(folder, header,
                       {mark(kStart, 0), photon(24), photon(25), photon(99), mark(kStart, 100),
                        photon(150), photon(200)})) == Pixels{1, 1, 0, 1, 0, 0, 1, 1});
  // A line scan has one row, whatever the height says.
  header = image_header();
  header.dimensions = 2;
  CHECK(pixels(reading(folder, header, records)) == Pixels{4, 1, 0, 3});
  CHECK(contains(error_of([&] { reading(folder, header, records, 0, 1); }),
                 "--frames: does nothing for "));
  // A sine of full amplitude lingers at the ends: half the time in the middle half of the line.
  header = image_header();
  header.sine = 100;
  CHECK(pixels(reading(folder, header,
                       {mark(kStart, 0), photon(32), photon(34), photon(49), photon(51), photon(66),
                        photon(68), mark(kStop, 100), mark(kStart, 110), mark(kStop, 120)})) ==
        Pixels{1, 2, 2, 1, 0, 0, 0, 0});
}

TEST_CASE("a photon before its own line falls into the line's first pixel") {  // found by make fuzz
  const Folder folder;
  CHECK(pixels(reading(folder, image_header(),
                       {mark(kFrame, 5), mark(kStart, 100), photon(50), photon(119),
                        mark(kStop, 140)})) == Pixels{1, 1, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("lines of a frame that began before the recording are left out") {
  const Folder folder;
  const std::vector<std::uint32_t> records{
      mark(kStart, 10), photon(15),        mark(kStop, 50),  // the last line of such a frame
      mark(kFrame, 60), mark(kStart, 110), photon(125),
      mark(kStop, 150), mark(kStart, 210), mark(kStop, 250)};
  const Measurement m = reading(folder, image_header(), records);
  CHECK(pixels(m) == Pixels{0, 1, 0, 0, 0, 0, 0, 0});
  CHECK(m.frames == 1);
  CHECK(pixels(reading(folder, image_header(), records, 0, 1)) == pixels(m));
  REQUIRE(m.notes.size() == 1);
  CHECK(contains(m.notes[0], "left out the first 1 lines"));
}

TEST_CASE("a T2 image: pixels from the markers, times from the last laser pulse") {
  const Folder folder;
  auto header = image_header();
  header.global_resolution_s = 1e-9;  // a period has 25 of them
  // Two lines of 4000 units, an overflow between them.
  const Bins first{{7, 1}}, second{{15, 1}}, fourth{{5, 1}}, last{{24, 2}};
  const auto check = [&](const std::vector<std::uint32_t>& records) {
    const Measurement m = reading(folder, header, records);
    CHECK(m.width == 4);
    CHECK(m.height == 2);
    CHECK(m.bins == 25);
    CHECK(testing::close(*m.bin_ns, 1.0, 1e-12));
    CHECK(testing::close(*m.period_ns, 25.0, 1e-12));
    CHECK(pixels(m) == Pixels{1, 1, 0, 1, 0, 0, 0, 2});
    CHECK(filled(m.trace(0)) == first);
    CHECK(filled(m.trace(1)) == second);
    CHECK(filled(m.trace(3)) == fourth);
    CHECK(filled(m.trace(7)) == last);
  };
  header.type = 0x00010206;  // TimeHarp 260 P
  {
    using ptu::hydra_t2, ptu::hydra_t2_special;
    check({hydra_t2_special(kFrame, 900), hydra_t2_special(0, 990), hydra_t2(1, 995),
           hydra_t2_special(kStart, 1000), hydra_t2_special(0, 1000), hydra_t2(1, 1007),
           hydra_t2_special(0, 2975), hydra_t2(1, 2990), hydra_t2_special(0, 4000),
           hydra_t2(1, 4030),  // its own pulse was not recorded
           hydra_t2_special(kStop, 5000), hydra_t2_special(0, 5100), hydra_t2(1, 5105),
           hydra_t2_special(63, 1), hydra_t2_special(kStart, 6000), hydra_t2_special(0, 9500),
           hydra_t2(1, 9524), hydra_t2(1, 9524), hydra_t2_special(kStop, 10000)});
  }
  header.type = 0x00010203;  // PicoHarp, whose markers take the low bits of the time
  {
    using ptu::pico_t2;
    const auto marker = [](std::uint32_t bits, std::uint32_t time) {
      return pico_t2(15, (time & ~15u) | bits);
    };
    check({marker(kFrame, 896), pico_t2(0, 985), pico_t2(1, 990), marker(kStart, 1008),
           pico_t2(0, 1010), pico_t2(1, 1017), pico_t2(0, 2975), pico_t2(1, 2990), pico_t2(0, 4050),
           pico_t2(1, 4080), marker(kStop, 5008), pico_t2(0, 5100), pico_t2(1, 5105),
           ptu::kPicoT2Overflow, marker(kStart, 6000), pico_t2(0, 9500), pico_t2(1, 9524),
           pico_t2(1, 9524), marker(kStop, 10000)});
  }
}

TEST_CASE("damaged PTU files are refused with a reason") {
  const Folder folder;
  const auto refusal = [&](const std::string& content) {
    const auto path = folder.file("a.ptu", content);
    MeasurementOptions options;
    options.largest_bytes = 1 << 24;
    return error_of([&] { read_measurement(path, options); });
  };
  const std::string good =
      ptu::file(image_header(), {mark(kStart, 10), photon(15), mark(kStop, 50), photon(60)});
  REQUIRE(refusal(good) == "");
  for (std::size_t size = 0; size < good.size(); size += 7)
    CHECK(refusal(good.substr(0, size)) != "");
  for (std::size_t at = 0; at < good.size(); ++at)
    for (const char value : {'\0', '\x7f', '\xff'}) {
      std::string bad = good;
      bad[at] = value;
      refusal(bad);
    }
  auto header = image_header();
  CHECK(contains(refusal(ptu::file(header, {photon(15)})), "no marker that starts a line"));
  CHECK(contains(refusal(ptu::file(header, {mark(kStart, 1), mark(kStop, 2), photon(15)})),
                 "no photons inside the lines"));
  header.line_start = 0;
  CHECK(contains(refusal(ptu::file(header, {photon(15)})), "no tag ImgHdr_LineStart"));
  header = image_header();
  header.width = header.height = 60000;
  CHECK(contains(refusal(ptu::file(header, {mark(kStart, 1), photon(15)})), "is too large"));
  header.width = 1'000'000;
  CHECK(contains(refusal(ptu::file(header, {})), "ImgHdr_PixX: found 1e+06, wanted 1 to 65536"));
  header = {};
  header.records = 5;
  CHECK(contains(refusal(ptu::file(header, {photon(1)})),
                 "is cut short: 1 records, its header announces 5"));
  header = {};
  header.resolution_s = std::nan("");
  CHECK(contains(refusal(ptu::file(header, {photon(1)})), "MeasDesc_Resolution: found nan"));
  header.resolution_s = 0;
  CHECK(contains(refusal(ptu::file(header, {photon(1)})), "does not tell the width of its bins"));
  header = {};
  header.type = 0x00010301;
  CHECK(contains(refusal(ptu::file(header, {photon(1)})), "of no known instrument"));
}

TEST_CASE("the measured PTU image holds the photons that another program found in it" *
          doctest::test_suite("measured")) {
  const auto data = testing::data_folder();
  if (!data) return;
  const Measurement m = read_measurement(*data / "images" / "ptu_example.ptu");
  CHECK(m.width == 128);
  CHECK(m.height == 128);
  CHECK(testing::close(*m.bin_ns, 0.09697, 1e-5));
  CHECK(testing::close(*m.period_ns, 25.0, 1e-9));
  CHECK(std::accumulate(m.counts.begin(), m.counts.end(), 0.0) == 17673);
  // [4][photons]: column, row, frame, time since the pulse.
  const auto photons =
      NpzReader(*data / "images" / "ptu_example.npz").read<float>("interpret_records");
  REQUIRE(photons.shape == std::vector<std::size_t>{4, 17673});
  const auto bins = static_cast<std::size_t>(m.bins);
  std::vector<float> theirs(128 * bins), ours(128 * bins);  // [row][bin]
  for (std::size_t i = 0; i < 17673; ++i)
    theirs[static_cast<std::size_t>(photons.values[17673 + i]) * bins +
           static_cast<std::size_t>(photons.values[3 * 17673 + i])] += 1.0f;
  for (std::size_t i = 0; i < m.counts.size(); ++i)
    ours[i / bins / 128 * bins + i % bins] += m.counts[i];
  CHECK(ours == theirs);
  // Frame by frame: theirs is -1 before the first marker.
  const auto of_frame = [&](int frame) {
    return std::count(&photons.values[2 * 17673], &photons.values[3 * 17673],
                      static_cast<float>(frame));
  };
  CHECK(m.frames == 2);
  for (int frame = 1; frame <= m.frames; ++frame) {
    MeasurementOptions options;
    options.frame = frame;
    const Measurement one = read_measurement(*data / "images" / "ptu_example.ptu", options);
    CHECK(std::accumulate(one.counts.begin(), one.counts.end(), 0.0) == of_frame(frame - 2));
  }
}
