// Single photons of PTU files and of our own archives, and what is refused.

#include <doctest/doctest.h>

#include <numeric>

#include "fli/formats/npz.h"
#include "fli/ptu_testing.h"
#include "taugate/fli/io/measurement.h"
#include "taugate/fli/io/photons.h"
#include "testing.h"

using namespace taugate;

namespace {

std::vector<PixelPhoton> all_of(const PhotonSource& source) {
  std::vector<PixelPhoton> all;
  source.read([&](std::span<const PixelPhoton> piece) {
    all.insert(all.end(), piece.begin(), piece.end());
  });
  return all;
}

// PicoHarp's T3: channel 4 bits | time since the pulse 12 | pulse 16.
std::uint32_t photon(std::uint32_t channel, std::uint32_t dtime, std::uint32_t pulse) {
  return channel << 28 | dtime << 16 | pulse;
}

std::filesystem::path archive(const Folder& folder, const std::vector<double>& offsets,
                              bool with_period = true) {
  NpzWriter out(folder.path / "p.npz");
  const std::vector<float> arrival{3, 0, 7, 7, 1};
  out.add("arrival", {'u', 2, false}, {}).append(std::span<const float>(arrival));
  out.add("offsets", {'i', 8, false}, {}).append(std::span<const double>(offsets));
  const double bin = 0.5, period = 12.5;
  out.add("bin_ns", {'f', 8, false}, {}).append(std::span(&bin, 1));
  if (with_period) out.add("period_ns", {'f', 8, false}, {}).append(std::span(&period, 1));
  out.finish();
  return folder.path / "p.npz";
}

}  // namespace

TEST_CASE("photons of a PTU file come in its order, from the brightest channel or a given one") {
  Folder folder;
  ptu::Header header;
  const auto path =
      folder.file("a.ptu", ptu::file(header, {photon(2, 5, 1), photon(1, 9, 2), photon(2, 3, 2)}));
  const PhotonSource brightest(path);
  CHECK(brightest.pixels() == 1);
  CHECK(testing::close(brightest.period_ns(), 25.0, 1e-12));
  const auto two = all_of(brightest);
  REQUIRE(two.size() == 2);
  CHECK(testing::close(two[0].since_ns, 5.5f, 1e-6));  // the middle of a bin of 1 ns
  CHECK(testing::close(two[1].since_ns, 3.5f, 1e-6));
  const auto first = all_of(PhotonSource(path, {.channel = 1}));
  REQUIRE(first.size() == 1);
  CHECK(testing::close(first[0].since_ns, 9.5f, 1e-6));
  CHECK_THROWS_AS(PhotonSource(path, {.channel = 3}), UsageError);
  CHECK_THROWS_AS(PhotonSource(path, {.period_ns = 20.0}), UsageError);
  CHECK(all_of(PhotonSource(path, {.period_ns = 25.0, .piece = 1})).size() == 2);
}

TEST_CASE("photons without a sync rate are refused, unless the period is given") {
  Folder folder;
  ptu::Header header;
  header.sync_rate = 0;
  const auto path = folder.file("a.ptu", ptu::file(header, {photon(1, 5, 1)}));
  CHECK(contains(error_of([&] { PhotonSource{path}; }), "found no sync rate"));
  CHECK(PhotonSource(path, {.period_ns = 25.0}).period_ns() == 25.0);
}

TEST_CASE("photon lists of an archive, pixel after pixel") {
  Folder folder;
  const PhotonSource source(archive(folder, {0, 2, 2, 5}));
  CHECK(source.width() == 3);
  CHECK(source.period_ns() == 12.5);
  const auto photons = all_of(source);
  const std::vector<std::uint32_t> pixels{0, 0, 2, 2, 2};
  const std::vector<float> times{1.75f, 0.25f, 3.75f, 3.75f, 0.75f};
  REQUIRE(photons.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(photons[i].pixel == pixels[i]);
    CHECK(photons[i].since_ns == times[i]);
  }
  CHECK_THROWS_AS(PhotonSource(folder.path / "p.npz", {.binning = 2}), UsageError);
  CHECK(contains(error_of([&] {
                   PhotonSource{folder.path / "p.npz", {.binning = 1}};
                 }),
                 "found 1, wanted 2 to 1024"));
  CHECK(contains(error_of([&] { PhotonSource{archive(folder, {0, 2, 2, 4})}; }), "offsets"));
  CHECK(contains(error_of([&] { PhotonSource{archive(folder, {0, 5}, false)}; }), "--period"));
}

TEST_CASE("histograms are no photons") {
  Folder folder;
  const auto table = folder.file("a.csv", "1,2,3\n4,5,6\n");
  CHECK(contains(error_of([&] { PhotonSource{table}; }), "found histograms"));
  const auto noise = folder.file("b.bin", std::string("\0\1\2\3", 4));
  CHECK(contains(error_of([&] { PhotonSource{noise}; }), "found no time-tagged photons"));
}

TEST_CASE("photons of the measured PTU image fill the image's own histogram" *
          doctest::test_suite("measured")) {
  const auto data = testing::data_folder();
  if (!data) return;
  const auto path = *data / "images" / "ptu_example.ptu";
  const Measurement m = read_measurement(path);
  std::vector<float> counts(m.counts.size());
  for (const PixelPhoton& p : all_of(PhotonSource(path, {.piece = 1000})))
    counts[p.pixel * static_cast<std::size_t>(m.bins) +
           static_cast<std::size_t>(p.since_ns / *m.bin_ns)] += 1.0f;
  CHECK(counts == m.counts);
  const PhotonSource binned(path, {.binning = 16});
  CHECK(binned.width() == 8);
  std::vector<double> found(64), wanted(64);
  for (const PixelPhoton& p : all_of(binned)) ++found[p.pixel];
  for (std::size_t i = 0; i < m.traces(); ++i)
    for (const float n : m.trace(i)) wanted[i / 128 / 16 * 8 + i % 128 / 16] += n;
  CHECK(found == wanted);
}
