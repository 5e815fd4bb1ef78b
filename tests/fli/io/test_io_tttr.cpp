// Single photons and histograms in the older formats: .pt3, .ht3, .t3r, .spc and .phu.

#include <doctest/doctest.h>

#include <cmath>

#include "fli/io/phd.h"
#include "fli/io/phu.h"
#include "fli/io/ptu.h"
#include "fli/ptu_testing.h"
#include "taugate/core/file.h"
#include "taugate/fli/io/measurement.h"
#include "taugate/fli/io/photons.h"
#include "testing.h"

using namespace taugate;

namespace {

/// Sums over the bins of a trace: counts, counts times number of the bin, and times its square.
struct Moments {
  double counts = 0.0, first = 0.0, second = 0.0;
  bool operator==(const Moments&) const = default;
};
Moments moments(const Measurement& m) {
  Moments sum;
  for (int k = 0; k < m.bins; ++k) {
    const double n = m.counts[static_cast<std::size_t>(k)];
    sum.counts += n;
    sum.first += n * k;
    sum.second += n * k * k;
  }
  return sum;
}
Moments moments(const std::filesystem::path& path, int channel) {
  MeasurementOptions options;
  options.channel = channel;
  return moments(read_measurement(path, options));
}

std::filesystem::path sample(const std::string& name) {
  return std::filesystem::path(TAUGATE_SOURCE_DIR) / "tests/data/tttr" / name;
}

/// Zeros with a value at each place.
class Bytes {
 public:
  explicit Bytes(std::size_t size) : bytes_(size, '\0') {}
  template <class T>
  Bytes& put(std::size_t at, T value) {
    return text(at, bytes_of(value));
  }
  Bytes& text(std::size_t at, const std::string& value) {
    bytes_.replace(at, value.size(), value);
    return *this;
  }
  Bytes& records(const std::vector<std::uint32_t>& all) {
    for (const auto record : all) bytes_ += bytes_of(record);
    return *this;
  }
  const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
};

/// A .pt3 of one board, without its records.
Bytes pt3(std::int32_t records) {
  Bytes b(536 + 156 + 36);
  b.text(0, "PicoHarp 300").text(16, "2.0").put(340, 1).put(348, 3).put(536 + 48, 0.016f);
  return b.put(692 + 12, 40'000'000).put(692 + 28, records);
}

Bytes t3r(std::int32_t records, std::int32_t sync_rate) {
  Bytes b(592);
  b.text(0, "TimeHarp 200").text(16, "5.0").put(320, 1).put(328, 2).put(516 + 20, 0.05f);
  return b.put(540, 100).put(540 + 28, sync_rate).put(540 + 44, records);
}

std::string set_text(int card, const std::string& setup) {
  Bytes b(42);
  b.put(0, static_cast<std::uint16_t>(card << 4 | 13));
  return b.str() + "*IDENTIFICATION\r\n*END\r\n*SETUP\r\n" + setup + "*END\r\n";
}

constexpr const char* kSetup = "  #SP [SP_TAC_R,F,5.12e-08]\r\n  #SP [SP_TAC_G,I,5]\r\n";

}  // namespace

TEST_CASE(
    "records of TimeHarp 200 and Becker & Hickl become times that run forwards, overflows added "
    "up") {
  PtuDecoder th(kTimeHarp200, "a");
  PtuEvent e = th.decode(0x40000000u | 2u << 28 | 100u << 16 | 7);
  CHECK(e.kind == PtuEvent::photon);
  CHECK(e.channel == 2);
  CHECK(e.dtime == 3995);
  CHECK(e.time == 7);
  CHECK(th.decode(0x800u << 16).kind == PtuEvent::none);
  e = th.decode(5u << 16 | 9);
  CHECK(e.kind == PtuEvent::marker);
  CHECK(e.markers == 5);
  CHECK(e.time == 65536 + 9);

  PtuDecoder bh(kBeckerHickl, "a");
  e = bh.decode(0x40000000u | 95u << 16 | 3u << 12 | 10);  // with an overflow
  CHECK(e.kind == PtuEvent::photon);
  CHECK(e.channel == 3);
  CHECK(e.dtime == 4000);
  CHECK(e.time == 4096 + 10);
  CHECK(bh.decode(0xc0000000u | 5).kind == PtuEvent::none);  // five of them
  e = bh.decode(0x90000000u | 4u << 12 | 11);
  CHECK(e.kind == PtuEvent::marker);
  CHECK(e.markers == 4);
  CHECK(e.time == 6 * 4096 + 11);
  CHECK(bh.decode(0x80000000u | 12).kind == PtuEvent::none);  // invalid
}

TEST_CASE("a .pt3 and a .t3r made by hand are read, and damaged ones refused") {
  const Folder folder;
  const std::string good =
      pt3(3).records({ptu::pico_t3(1, 5, 1), ptu::pico_t3(2, 7, 2), ptu::pico_t3(2, 8, 3)}).str();
  Measurement m = read_measurement(folder.file("a.pt3", good));
  CHECK(m.format == "PicoHarp PT3");
  CHECK(testing::close(*m.bin_ns, 0.016, 1e-12));
  CHECK(testing::close(*m.period_ns, 25.0, 1e-12));
  CHECK(m.channel_photons == std::vector<double>{1, 2});
  CHECK(moments(m) == Moments{2, 15, 113});

  // 4095 - 3000 = 1095 bins of 0.05 ns, in a period of 50 ns.
  const std::uint32_t photon = 0x40000000u | 3000u << 16;
  m = read_measurement(folder.file("a.t3r", t3r(1, 20'000'000).records({photon}).str()));
  CHECK(m.format == "TimeHarp T3R");
  CHECK(moments(m) == Moments{1, 95, 95 * 95});
  CHECK(testing::close(*m.period_ns, 50.0, 1e-12));
  m = read_measurement(folder.file("a.t3r", t3r(1, 0).records({photon}).str()));
  CHECK(m.bins == 4096);
  CHECK_FALSE(m.period_ns.has_value());
  CHECK(moments(m) == Moments{1, 1095, 1095 * 1095});

  const auto refusal = [&](const std::string& name, const std::string& bytes) {
    return error_of([&] { read_measurement(folder.file(name, bytes)); });
  };
  CHECK(contains(refusal("b.pt3", good.substr(0, good.size() - 1)),
                 "is cut short: 2 records, its header announces 3"));
  CHECK(contains(refusal("b.pt3", good.substr(0, 400)), "is cut short: 400 bytes"));
  CHECK(contains(refusal("b.pt3", pt3(-1).str()), "its header announces -1"));
  CHECK(contains(refusal("b.pt3", pt3(1).put(348, 2).records({0}).str()),
                 "measurement mode: found 2, wanted 3 (T3)"));
  CHECK(contains(refusal("b.pt3", pt3(1).put(340, 1 << 30).records({0}).str()), "boards: found"));
  CHECK(contains(refusal("b.pt3", pt3(1).put(692 + 32, 8).records({0}).str()), "is an image"));
  CHECK(contains(refusal("b.pt3", pt3(1).put(584, -1.0f).records({0}).str()), "bins of -1 ns"));
  CHECK(contains(refusal("b.t3r", t3r(1, 1).text(16, "3.0").records({0}).str()), "version '3.0'"));
  CHECK(contains(refusal("b.t3r", t3r(2, 1).records({0}).str()), "cut short: 1 records"));
  CHECK(contains(refusal("b.t3r", t3r(1, 1).put(540, 0).records({0}).str()), "ns of the clock"));
}

TEST_CASE("a .spc takes the width of its bins from the .set beside it") {
  const Folder folder;
  const std::string photons = Bytes(0)
                                  .records({0x8000007d, 95u << 16 | 10, 90u << 16 | 1u << 12 | 20,
                                            0x90000000u | 1u << 12 | 30, 80u << 16 | 40})
                                  .str();
  const auto path = folder.file("a.spc", photons);
  const auto refusal = [&] { return error_of([&] { read_measurement(path); }); };
  CHECK(contains(refusal(), "a.set is not beside it"));
  folder.file("a.set", set_text(0x28, kSetup));
  const Measurement m = read_measurement(path);
  CHECK(m.format == "Becker & Hickl SPC");
  CHECK(m.bins == 4096);
  CHECK(testing::close(*m.bin_ns, 0.0025, 1e-12));
  CHECK_FALSE(m.period_ns.has_value());
  CHECK(m.channel_photons == std::vector<double>{2, 1});
  CHECK(moments(m) == Moments{2, 4000 + 4015, 4000. * 4000 + 4015. * 4015});
  REQUIRE(m.notes.size() == 2);
  CHECK(m.notes[0] == "left out 1 markers of an image: all photons are one trace");

  folder.file("a.set", set_text(0x8b, kSetup));
  CHECK(contains(refusal(), "card of code 139, wanted an SPC-130"));
  folder.file("a.set", set_text(0x28, "  #SP [SP_TAC_R,F,5.12e-08]\r\n"));
  CHECK(contains(refusal(), "does not tell SP_TAC_G"));
  folder.file("a.set", set_text(0x28, "  #SP [SP_TAC_R,F,5.12]\r\n  #SP [SP_TAC_G,I,5]\r\n"));
  CHECK(contains(refusal(), "a TAC range of 5.12 s"));
  folder.file("a.set", "no setup");
  CHECK(contains(refusal(), "a.set: is cut short"));
  folder.file("a.set", set_text(0x28, kSetup));
  folder.file("a.spc", photons + "x");
  CHECK(contains(refusal(), "wanted words of 4"));
  folder.file("a.spc", photons.substr(0, 8) + photons.substr(4, 0));
  CHECK(read_measurement(path).counts[4000] == 1.0f);
  folder.file("a.spc", "a spectrum of another program");
  CHECK(contains(refusal(), "a.spc"));
}

TEST_CASE("a .phu made by hand gives its curves, and damaged ones are refused") {
  const Folder folder;
  struct Curve {
    std::int64_t bins = 3, offset = -1, integral = 6;
    double resolution_s = 8e-12;
    std::int64_t sync_rate = 5'000'000;
  };
  const auto made = [](const std::vector<Curve>& curves) {
    std::string s = std::string("PQHISTO\0", 8) + std::string("1.0.00\0\0", 8);
    s += ptu::tag("HistoResult_NumberOfCurves", static_cast<std::int64_t>(curves.size()));
    s += ptu::tag("HistoResult_BitsPerBin", std::int64_t{32});
    const std::size_t end = s.size() + 48 * (5 * curves.size() + 1);
    for (std::size_t i = 0; i < curves.size(); ++i) {
      const Curve& c = curves[i];
      const auto at = static_cast<std::int64_t>(end + 12 * i);
      const auto index = static_cast<std::int32_t>(i);
      const auto put = [&](const char* name, std::int64_t value) {
        s += ptu::tag(name, ptu::kInteger, bytes_of(value), index);
      };
      s += ptu::tag("HistResDscr_MDescResolution", ptu::kFloat, bytes_of(c.resolution_s), index);
      put("HistResDscr_SyncRate", c.sync_rate);
      put("HistResDscr_HistogramBins", c.bins);
      put("HistResDscr_DataOffset", c.offset < 0 ? at : c.offset);
      put("HistResDscr_IntegralCount", c.integral);
    }
    s += ptu::tag("Header_End", 0xFFFF0008, std::string(8, '\0'));
    for (std::size_t i = 0; i < curves.size(); ++i)
      for (std::uint32_t k = 1; k <= 3; ++k) s += bytes_of(k);
    return s;
  };
  const Measurement m = read_measurement(folder.file("a.phu", made({{}, {}})));
  CHECK(m.format == "PicoQuant PHU");
  CHECK(m.counts == std::vector<float>{1, 2, 3, 1, 2, 3});
  CHECK(testing::close(*m.bin_ns, 0.008, 1e-12));
  CHECK(testing::close(*m.period_ns, 200.0, 1e-12));
  const auto refusal = [&](const std::vector<Curve>& curves) {
    return error_of([&] { read_measurement(folder.file("b.phu", made(curves))); });
  };
  CHECK(contains(refusal({{.integral = 7}}), "curve 1: its counts sum to 6, its header says 7"));
  CHECK(contains(refusal({{}, {.bins = 4}}), "curve 2: is cut short"));
  CHECK(contains(refusal({{.bins = 1 << 30}}), "HistogramBins[0]: found"));
  CHECK(contains(refusal({{.offset = 1 << 30}}), "is cut short"));
  CHECK(contains(refusal({{.resolution_s = 0.0}}), "MDescResolution[0]: found 0"));
  CHECK(contains(refusal({{.sync_rate = 0}}), "found no curve with a sync rate"));
  CHECK(contains(refusal({{}, {.resolution_s = 4e-12}}), "its curves differ"));
  const std::string whole = made({{}});
  CHECK(contains(error_of([&] { read_phu(folder.file("c.phu", whole.substr(0, 100))); }),
                 "its header does not end"));
}

TEST_CASE("photons of .ht3, .t3r and .spc files are those that other programs find in them") {
  // libpicoquant's records of the HydraHarp's file, detector by detector.
  auto path = sample("hydraharp_v20.ht3");
  const Moments ht3[] = {{7102, 116105640, 2529428916516},
                         {26648, 437276850, 9545034553430},
                         {3085, 50763781, 1111732950449},
                         {7306, 119983666, 2625924038576}};
  for (int channel = 1; channel <= 4; ++channel) CHECK(moments(path, channel) == ht3[channel - 1]);
  Measurement m = read_measurement(path);
  CHECK(testing::close(*m.bin_ns, 0.016, 1e-12));
  CHECK(testing::close(*m.period_ns, 1e9 / 998898, 1e-9));

  // tttrlib 0.26's of version 1.0, which is cut short: its header has the records of the whole.
  path = sample("hydraharp_v10.ht3");
  CHECK(contains(error_of([&] { read_measurement(path); }),
                 "is cut short: 1050 records, its header announces 72463591"));
  const Folder folder;
  std::string bytes = read_file(path);
  path = folder.file("a.ht3", bytes.replace(792, 8, bytes_of(std::int64_t{1050})));
  const Moments old[] = {{6, 88763, 1619882715},
                         {9, 114017, 2038858055},
                         {3, 40025, 645082341},
                         {14, 186759, 2950538063}};
  for (int channel = 1; channel <= 4; ++channel) CHECK(moments(path, channel) == old[channel - 1]);

  // phconvert 0.10's and libpicoquant's, each 4095 - n, folded at the period of 200.03 ns.
  m = read_measurement(sample("timeharp_v50.t3r"));
  CHECK(moments(m) == Moments{85571, 121477376, 197769578504});
  CHECK(testing::close(*m.bin_ns, 0.0702370554, 1e-8));

  // phconvert 0.10's and tttrlib 0.26's.
  m = read_measurement(sample("test_noise.spc"));
  CHECK(moments(m) == Moments{6114, 12990581, 31597209211});
  CHECK(testing::close(*m.bin_ns, 2.4430455e-3, 1e-7));  // SP_TAC_TC of the .set
}

TEST_CASE("single photons of a .ht3 and a .spc fill their histograms") {
  const PhotonSource ht3(sample("hydraharp_v20.ht3"));
  CHECK(testing::close(ht3.period_ns(), 1e9 / 998898, 1e-9));
  Moments sum;
  const auto add = [&](const PhotonSource& source, double bin_ns) {
    sum = {};
    source.read([&](std::span<const PixelPhoton> photons) {
      for (const PixelPhoton& photon : photons) {
        const double bin = std::floor(photon.since_ns / bin_ns);
        sum.counts += 1.0;
        sum.first += bin;
        sum.second += bin * bin;
      }
    });
    return sum;
  };
  CHECK(add(ht3, 0.016) == Moments{26648, 437276850, 9545034553430});
  const auto spc = sample("test_noise.spc");
  CHECK(contains(error_of([&] { PhotonSource source(spc); }), "found no sync rate"));
  PhotonOptions options;
  options.period_ns = 50.0;
  CHECK(add(PhotonSource(spc, options), *read_measurement(spc).bin_ns) ==
        Moments{6114, 12990581, 31597209211});
}

TEST_CASE("photons of a .pt3 and counts of a .phu are those that other programs find in them" *
          doctest::test_suite("measured")) {
  const auto data = testing::data_folder();
  if (!data) return;
  // dwaithe/FCS_point_correlator: phconvert 0.10 and libpicoquant.
  if (const auto path = *data / "tttr/topfluorPE_2_1_1_1.pt3"; std::filesystem::exists(path)) {
    CHECK(moments(path, 1) == Moments{482775, 140836746, 59760429922});
    CHECK(moments(path, 2) == Moments{490562, 146160664, 62306434816});
    const Measurement m = read_measurement(path);
    CHECK(*m.bin_ns == doctest::Approx(0.016));
    CHECK(testing::close(*m.period_ns, 1e9 / 78133041, 1e-9));
  } else {
    MESSAGE("skipped: no tttr/topfluorPE_2_1_1_1.pt3 among the measured data");
  }
  // kjmorenz/libpicoquant-ptuenabled-withheader: phconvert 0.10.
  if (const auto path = *data / "tttr/cdse_ensemble.phu"; std::filesystem::exists(path)) {
    CHECK(moments(path, 1) == Moments{168816, 1309257651, 17707067110147});
    CHECK(*read_measurement(path).bin_ns == doctest::Approx(0.008));
  } else {
    MESSAGE("skipped: no tttr/cdse_ensemble.phu among the measured data");
  }
}
