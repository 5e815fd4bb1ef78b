// The one door for measured traces, and the way from bins to gates.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "fli/formats/npz.h"
#include "fli/io_testing.h"
#include "taugate/fli/io/exchanged_axes.h"
#include "taugate/fli/io/measurement.h"
#include "taugate/fli/io/rebin.h"
#include "testing.h"

using namespace taugate;

namespace {

std::string floats(std::initializer_list<float> values) {
  std::string bytes;
  for (const float v : values) bytes += bytes_of(v);
  return bytes;
}

double sum_of(std::span<const float> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

TEST_CASE("arrays become images of traces") {
  const Folder folder;
  const std::string six = floats({1, 2, 3, 4, 5, 6});
  Measurement m = read_measurement(folder.file("a", npy_bytes("<f4", false, "(2, 3)", six)));
  CHECK(m.height == 1);
  CHECK(m.width == 2);
  CHECK(m.bins == 3);
  CHECK(m.trace(1)[0] == 4);
  CHECK_FALSE(m.bin_ns.has_value());
  CHECK_FALSE(m.period_ns.has_value());

  m = read_measurement(folder.file("a", npy_bytes("<f4", false, "(6,)", six)));
  CHECK(m.traces() == 1);
  CHECK(m.bins == 6);

  m = read_measurement(folder.file("a", npy_bytes("<f4", false, "(3, 1, 2)", six)));
  CHECK(m.height == 3);
  CHECK(m.width == 1);
  CHECK(m.bins == 2);

  // [T][H][W]: element (t, y, x) is gate t of pixel (y, x).
  MeasurementOptions options;
  options.time_first = true;
  m = read_measurement(folder.file("a", npy_bytes("<f4", false, "(3, 1, 2)", six)), options);
  CHECK(m.height == 1);
  CHECK(m.width == 2);
  CHECK(m.bins == 3);
  CHECK(m.counts == std::vector<float>{1, 3, 5, 2, 4, 6});

  m = read_measurement(folder.file("a.csv", "1,2,3\n4,5,6\n"));
  CHECK(m.width == 2);
  CHECK(m.counts == std::vector<float>{1, 2, 3, 4, 5, 6});
  m = read_measurement(folder.file("a.csv", "1,2,3\n4,5,6\n"), options);
  CHECK(m.width == 3);
  CHECK(m.counts == std::vector<float>{1, 4, 2, 5, 3, 6});
}

TEST_CASE("of an archive: the named member, the only one, or tpsf") {
  const Folder folder;
  const auto path = folder.path / "a.npz";
  const auto write = [&](std::vector<std::string> names) {
    NpzWriter writer(path);
    for (const auto& name : names) {
      const std::vector<float> row(2, static_cast<float>(name.size()));
      writer.add(name, NpyType::parse("f4", ""), {2}).append(row);
    }
    writer.finish();
  };
  write({"x"});
  CHECK(read_measurement(path).counts[0] == 1);
  write({"sfd", "tpsf"});
  CHECK(read_measurement(path).counts[0] == 4);
  MeasurementOptions options;
  options.member = "sfd";
  CHECK(read_measurement(path, options).counts[0] == 3);
  write({"a", "b"});
  CHECK(contains(error_of([&] { read_measurement(path); }),
                 "holds 2 arrays of numbers and none is called 'tpsf'; name one (--member NAME, "
                 "of an IRF --irf-member NAME): a, b"));
}

TEST_CASE("what is no count is named by trace and gate") {
  const Folder folder;
  const auto reading = [&](const std::string& content) {
    const auto path = folder.file("a", content);
    return error_of([&] { read_measurement(path); });
  };
  const auto array = [](float value) {
    return npy_bytes("<f4", false, "(2, 3)", floats({1, 2, 3, 4, value, 6}));
  };
  CHECK(reading(array(0)) == "");
  CHECK(reading(array(-1)) ==
        (folder.path / "a").string() +
            ": trace 1, gate 1: found -1, wanted a count (a number from 0 up)");
  CHECK(contains(reading(array(std::nanf(""))), "trace 1, gate 1: found"));
  CHECK(contains(reading(array(INFINITY)), "trace 1, gate 1: found inf"));
  CHECK(contains(reading(""), "is empty"));
  CHECK(contains(reading(std::string("\x01\0\x02\0", 4)),
                 "is of no known format: found the first bytes 01 00 02 00, wanted NPY, "));
  // A byte that no text has, far behind a readable start.
  CHECK(contains(reading("%PDF 1\n" + std::string(500, '7') + '\x02'), "25 50 44 46"));
  CHECK(contains(reading(npy_bytes("<f4", false, "(0, 3)", "")), "[0][3] holds no counts"));
  CHECK(contains(reading(npy_bytes("<f4", false, "(1, 1, 1, 1)", floats({1}))), "[1][1][1][1]"));
  CHECK(contains(reading(npy_bytes("<f4", false, "()", floats({1}))), "shape ()"));
  CHECK(contains(error_of([&] { read_measurement(folder.path / "none"); }), "No such file"));
}

TEST_CASE("an option that has nothing to choose in a file is refused") {
  const Folder folder;
  const auto refusal = [&](const std::filesystem::path& path, auto set) {
    MeasurementOptions options;
    set(options);
    options.prefix = "--irf-";
    return error_of([&] { read_measurement(path, options); });
  };
  const auto channel = [](MeasurementOptions& o) { o.channel = 1; };
  const auto sum = [](MeasurementOptions& o) { o.channel = MeasurementOptions::kSum; };
  const auto member = [](MeasurementOptions& o) { o.member = "tpsf"; };
  const auto time_first = [](MeasurementOptions& o) { o.time_first = true; };
  const auto npy = folder.file("a.npy",
                               npy_bytes("<f4", false, "(2, 3)", floats({1, 2, 3, 4, 5, 6}))),
             row = folder.file("b.npy", npy_bytes("<f4", false, "(3,)", floats({1, 2, 3}))),
             column = folder.file("c.csv", "5\n6\n7\n"),
             timed = folder.file("d.csv", "time_ns,counts\n0,5\n1,6\n2,7\n");
  CHECK(contains(refusal(npy, channel), "--irf-channel: does nothing for"));
  CHECK(contains(refusal(timed, sum), "--irf-channel: does nothing for"));
  CHECK(contains(refusal(npy, member), "--irf-member: does nothing for"));
  CHECK(refusal(npy, time_first) == "");
  for (const auto& path : {row, column, timed})
    CHECK(contains(refusal(path, time_first), "--irf-time-first: does nothing for"));
}

TEST_CASE("a time axis from elsewhere may not contradict the file") {
  Measurement m;
  m.path = "a.csv";
  set_time_axis(m, 0.1, 12.5);
  CHECK(*m.bin_ns == 0.1);
  CHECK(*m.period_ns == 12.5);
  set_time_axis(m, 0.10005, {});  // as rounded by hand: the file's own counts
  CHECK(*m.bin_ns == 0.1);
  CHECK(error_of([&] { set_time_axis(m, 0.11, {}); }) ==
        "--bin: found 0.11 ns, but a.csv itself says 0.1 ns");
  CHECK(contains(error_of([&] { set_time_axis(m, {}, 12.6, "--irf-"); }),
                 "--irf-period: found 12.6"));
  for (const double odd : {0.0, -1.0, HUGE_VAL, std::nan("")})
    CHECK_THROWS_AS(set_time_axis(m, odd, {}), UsageError);
}

TEST_CASE("IRFs whose axes are exchanged are told by where their light lies") {
  // 40 IRFs of 100 bins, each about bin 30, on a background that differs.
  Measurement right, turned;
  right.width = turned.bins = 40;
  right.bins = turned.width = 100;
  right.height = turned.height = 1;
  right.counts.resize(4000);
  turned.counts.resize(4000);
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t k = 0; k < 100; ++k) {
      const double t = static_cast<double>(k) - 30.0 - 0.1 * static_cast<double>(i % 7);
      const double value = (1000.0 + static_cast<double>(37 * i % 40)) * std::exp(-t * t / 20.0) +
                           static_cast<double>((i * 61 + k * 17) % 23);
      right.counts[i * 100 + k] = turned.counts[k * 40 + i] = static_cast<float>(value);
    }
  CHECK_FALSE(lies_on_its_side(right));
  CHECK(lies_on_its_side(turned));
  // A camera with one bright pixel and others in the dark is none.
  for (std::size_t k = 0; k < 100; ++k) right.counts[k] *= 100.0f;
  CHECK_FALSE(lies_on_its_side(right));
}

TEST_CASE("gates that are the bins get the counts of the bins") {
  const std::vector<float> counts{5, 0, 7, 1, 2};
  std::vector<float> out(5);
  rebin(counts, 0.5, {5, 0.5, 0.5, 2.5}, 0.0, out);
  CHECK(out == counts);
  rebin(counts, 0.5, {5, 0.5, 0.0, 2.5}, 1.0, out);  // width 0; begins at bin 2, goes round
  CHECK(out == std::vector<float>{7, 1, 2, 5, 0});
  rebin(counts, 0.5, {5, 0.5, 0.5, 2.5}, -0.5, out);
  CHECK(out == std::vector<float>{2, 5, 0, 7, 1});
}

TEST_CASE("a bin is split at the edges of gates in proportion") {
  const std::vector<float> counts{8, 4};  // [0, 1) and [1, 2) ns
  std::vector<float> out(4);
  rebin(counts, 1.0, {4, 0.25, 0.25, 2.0}, 0.5, out);
  CHECK(out == std::vector<float>{2, 2, 1, 1});
  std::vector<float> wide(3);  // gates wider than their step count a photon more than once
  rebin(counts, 1.0, {3, 0.5, 1.0, 2.0}, 0.0, wide);
  CHECK(wide == std::vector<float>{8, 6, 4});
  std::vector<float> narrow(2);  // and narrower ones miss some
  rebin(counts, 1.0, {2, 1.0, 0.25, 2.0}, 0.5, narrow);
  CHECK(narrow == std::vector<float>{2, 1});
}

TEST_CASE("gates that tile the period keep every count, wherever they begin") {
  Random random(3, 0);
  std::vector<float> counts(1000);
  for (float& c : counts) c = static_cast<float>(random.poisson(40.0));
  const double total = sum_of(counts);
  // 1000 bins of 0.05 ns are four periods of 12.5 ns, folded into one.
  for (const double first : {0.0, 3.3, -20.01, 12.499, 1000.7}) {
    CAPTURE(first);
    std::vector<float> out(70);
    rebin(counts, 0.05, {70, 12.5 / 70, 12.5 / 70, 12.5}, first, out);
    // Each gate is rounded to a float once: half a unit in the last place of about 600 counts.
    CHECK(testing::close(sum_of(out), total, 70 * 600 * 6e-8));
  }
}

TEST_CASE("whole counts in gates keep their number and their Poisson noise") {
  // 50 bins of 0.24 ns in a period of 12 ns; 60 gates of 0.2 ns tile it, from anywhere.
  const Acquisition tiling{60, 0.2, 0.2, 12.0};
  const int n = 4000;
  Measurement m;
  m.width = n;
  m.height = 1;
  m.bins = 50;
  m.bin_ns = 0.24;
  m.period_ns = 12.0;
  Random random(3, 0);
  for (int i = 0; i < n * m.bins; ++i)
    m.counts.push_back(static_cast<float>(random.poisson(6.0 + i % m.bins)));
  for (const double first : {0.0, 0.31, 7.7}) {
    CAPTURE(first);
    const std::vector<float> whole = rebin_whole_counts(m, tiling, first),
                             shares = rebin(m, tiling, first);
    CHECK(whole == rebin_whole_counts(m, tiling, first));
    for (std::size_t k = 0; k < 60; ++k) {
      double sum = 0.0, squares = 0.0, expected = 0.0;
      for (std::size_t i = 0; i < n; ++i) {
        const double c = whole[i * 60 + k];
        sum += c;
        squares += c * c;
        expected += shares[i * 60 + k];
      }
      const double mean = sum / n, variance = squares / n - mean * mean;
      // Both see the same counts; where they go differs by the draws, of variance mean / 4 at most.
      CHECK(testing::close(mean, expected / n, 4.5 * std::sqrt(0.25 * mean / n)));
      CHECK(testing::close(variance / mean, 1.0, 4.5 * std::sqrt(2.0 / n)));
    }
    for (std::size_t i = 0; i < 10; ++i) {
      double bins = 0.0, gates = 0.0;
      for (const float c : m.trace(i)) bins += c;
      for (std::size_t k = 0; k < 60; ++k) gates += whole[i * 60 + k];
      CHECK(bins == gates);
    }
  }
  // Gates that are the bins hold what these do.
  CHECK(rebin_whole_counts(m, {50, 0.24, 0.24, 12.0}, 0.0) == m.counts);
  m.bins = 40;
  m.counts.resize(static_cast<std::size_t>(n * m.bins));
  CHECK(contains(error_of([&] { rebin_whole_counts(m, tiling, 0.0); }), "is not covered"));
}

TEST_CASE("a record that ends before the gates do is refused") {
  const std::vector<float> counts(80, 1.0f);
  std::vector<float> out(70);
  const auto rebinning = [&](double bin_ns, double first_ns) {
    return error_of([&] { rebin(counts, bin_ns, {70, 0.179, 0.179, 12.53}, first_ns, out); });
  };
  CHECK(rebinning(12.5 / 80, 0.0) == "");  // short by a sixth of a gate
  CHECK(contains(rebinning(0.1, 0.0), "is not covered by a record of 8 ns"));
  CHECK(contains(rebinning(0.1, 6.0), "is not covered by a record of 8 ns"));
  // A window of 35 gates fits into the record, also round the end of the period.
  std::vector<float> window(35);
  rebin(counts, 0.1, {35, 0.179, 0.179, 12.53}, 0.5, window);
  CHECK(testing::close(sum_of(window), 35 * 1.79, 1e-4));
  rebin(counts, 0.15, {35, 0.179, 0.179, 12.0}, 10.0, window);
  CHECK(testing::close(sum_of(window), 35 * 0.179 / 0.15, 1e-4));
  CHECK(contains(rebinning(0.0, 0.0), "bin width"));
  CHECK(contains(rebinning(NAN, 0.0), "bin width"));
  CHECK(contains(rebinning(0.2, NAN), "first gate"));
}

TEST_CASE("a measurement is rebinned only with what it knows") {
  Measurement m;
  m.path = "a.npy";
  m.width = 2;
  m.height = 1;
  m.bins = 4;
  m.counts = {1, 2, 3, 4, 5, 6, 7, 8};
  const Acquisition gates{2, 1.0, 1.0, 2.0};
  CHECK(contains(error_of([&] { rebin(m, gates); }), "a.npy: does not say how wide"));
  m.bin_ns = 0.5;
  CHECK(rebin(m, gates) == std::vector<float>{3, 7, 11, 15});
  CHECK(rebin(m, gates, 1.0) == std::vector<float>{7, 3, 15, 11});
  m.period_ns = 2.01;
  CHECK(rebin(m, gates) == std::vector<float>{3, 7, 11, 15});
  m.period_ns = 2.1;
  CHECK(contains(error_of([&] { rebin(m, gates); }), "a laser period of 2.1 ns, wanted 2 ns"));
  CHECK(summed_trace(m) == std::vector<double>{6, 8, 10, 12});
}

TEST_CASE("the rise of a trace is found, sharp or noisy, and round the period") {
  // A ramp from 0 to 100 in the bins 40..49 (half height at the middle of bin 44 and a half), then
  // a decay.
  std::vector<double> trace(250);
  for (int i = 0; i < 250; ++i)
    trace[static_cast<std::size_t>(i)] = i < 40   ? 0.0
                                         : i < 50 ? 1e4 * (i - 39) / 10.0
                                                  : 1e4 * std::exp(-(i - 49) / 20.0);
  CHECK(testing::close(rise_ns(trace, 0.05, 12.5), (44 + 0.5) * 0.05, 1e-9));
  // Rotated so that the rise straddles the end of the record.
  std::rotate(trace.begin(), trace.begin() + 45, trace.end());
  CHECK(testing::close(rise_ns(trace, 0.05, 12.5), 12.5 - 0.5 * 0.05, 1e-9));
  // 500 photons over 2500 bins: single bins hold 0 to 5.
  Random random(5, 0);
  std::vector<double> noisy(2500);
  for (int photon = 0; photon < 500; ++photon) {
    const double t = 3.0 + 0.1 * random.normal() + 1.5 * random.exponential();
    noisy[static_cast<std::size_t>(t / 0.005) % 2500] += 1;
  }
  CHECK(testing::close(rise_ns(noisy, 0.005, 12.5), 3.0, 0.15));
  CHECK_THROWS_AS(rise_ns(std::vector<double>(100), 0.05, 5.0), Error);
}

TEST_CASE("the measured decays and their IRFs rise at the same place" *
          doctest::test_suite("measured")) {
  const auto data = testing::data_folder();
  if (!data) return;
  for (const char* dye : {"aaq_etoh", "c153_dmso", "r800_etoh"}) {
    CAPTURE(dye);
    double rise[2] = {};
    for (const auto& entry : std::filesystem::directory_iterator(*data / "phd")) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with(dye)) continue;
      const Measurement m = read_measurement(entry.path());
      REQUIRE(m.bin_ns.has_value());
      REQUIRE(m.period_ns.has_value());
      rise[contains(name, "_irf_")] = rise_ns(summed_trace(m), *m.bin_ns, *m.period_ns);
      // Gates over the whole period keep the counts, whatever the rotation.
      const auto gates = rebin(m, {128, *m.period_ns / 128, *m.period_ns / 128, *m.period_ns}, 7.0);
      CHECK(testing::close(sum_of(gates), sum_of(m.counts), 0.0, 1e-6));
    }
    // The peaks are near channel 3400, 13.6 ns; the rise a little before.
    CHECK(testing::close(rise[0], 13.2, 0.3));
    CHECK(testing::close(rise[0], rise[1], 0.1));
  }
}
