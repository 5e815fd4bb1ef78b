// Text, PicoHarp and IDX files.

#include <doctest/doctest.h>
#include <zlib.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "core/formatted.h"
#include "fli/formats/csv.h"
#include "fli/formats/idx.h"
#include "fli/io/phd.h"
#include "fli/io_testing.h"
#include "taugate/fli/io/measurement.h"
#include "testing.h"

using namespace taugate;

TEST_CASE("one trace a line, in each separator, with comments and a header") {
  const Folder folder;
  const std::vector<float> wanted{1, 2.5f, 3e3f, 4, 5, 6};
  for (const char* text : {
           "1,2.5,3e3\n4,5,6\n",
           "# from the lab\n\n1; 2.5; 3e3;\r\n4; 5; 6\r\n",
           "\xEF\xBB\xBFgate 0\tgate a\tgate b\n1\t2.5\t3e3\n4\t5\t6",
           "  1   2.5 3000  # the first\n+4 5 6",
       }) {
    CAPTURE(text);
    const auto array = read_text_file(folder.file("a.txt", text)).traces;
    CHECK(array.shape == std::vector<std::size_t>{2, 3});
    CHECK(array.values == wanted);
  }
  const auto columns = read_text_file(folder.file("a.txt", "1,2\n3,4\n5,6\n"), {true}).traces;
  CHECK(columns.shape == std::vector<std::size_t>{2, 3});
  CHECK(columns.values == std::vector<float>{1, 3, 5, 2, 4, 6});
}

TEST_CASE("bad text is named by line and value") {
  const Folder folder;
  const auto path = folder.path / "a.csv";
  const auto reading = [&](const std::string& text) {
    folder.file("a.csv", text);
    return error_of([&] { read_text_file(path); });
  };
  const std::string where = path.string() + ": ";
  CHECK(reading("1,2\n3,x4\n") ==
        where + "line 2, value 2: found 'x4', wanted a count (a number from 0 up)");
  CHECK(contains(reading("a,b\n# note\n1,nan\n"), "line 3, value 2: found 'nan'"));
  CHECK(contains(reading("1,2\n-3,4\n"), "line 2, value 1: found '-3'"));
  CHECK(contains(reading("1,inf\n"), "found 'inf'"));
  CHECK(contains(reading("1,1e39\n"), "found '1e39'"));
  CHECK(contains(reading("1,,2\n"), "value 2: found ''"));
  CHECK(contains(reading("1,2\n\n1,2,3\n"), "line 3 has 3 values, line 1 has 2"));
  CHECK(contains(reading("1,2\na,b\n"), "line 2, value 1"));  // a header comes first or not at all
  CHECK(contains(reading("1,b\n"), "line 1, value 2"));       // half a header is none
  CHECK(contains(reading("1;2,5\n"), "found '2,5'"));         // a decimal comma is not guessed at
  CHECK(contains(reading("# nothing\nname\n"), "holds no numbers"));
  CHECK(contains(reading(""), "holds no numbers"));
}

TEST_CASE("a column of times gives the bin width, and the others are traces") {
  const Folder folder;
  const auto table = [&](const std::string& header, double step, const char* separator,
                         double first = 0.0) {
    std::string text = header;
    for (int i = 0; i < 40; ++i) {
      text += concat(first + i * step, separator, 100 - i);
      if (header.find('2') != std::string::npos) text += concat(separator, 200 + i);
      text += '\n';
    }
    return folder.file("a.csv", text);
  };
  const struct {
    const char* header;
    double step;
    const char* separator;
    double bin_ns;
  } cases[] = {
      {"time_ns,counts\n", 0.05, ",", 0.05},
      {"\"Time [ps]\",\"Decay\"\r\n", 48.8, ",", 0.0488},
      {"t [ns];counts\n", 0.0977, ";", 0.0977},
      {"t (\xC2\xB5s)\tcounts\n", 0.001, "\t", 1.0},
      {"Time [ns] Counts\n", 0.25, "  ", 0.25},
      {"# time_ns counts\n", 0.25, " ", 0.25},
      {"time (seconds),I(t)\n", 1e-10, ",", 0.1},
      {"ns,counts_1,counts_2\n", 0.5, ",", 0.5},
  };
  for (const auto& c : cases) {
    CAPTURE(c.header);
    const TextTraces read = read_text_file(table(c.header, c.step, c.separator));
    const bool two = std::string(c.header).find('2') != std::string::npos;
    REQUIRE(read.traces.shape == std::vector<std::size_t>{two ? 2u : 1u, 40});
    CHECK(read.traces.values[39] == 61);
    if (two) CHECK(read.traces.values[79] == 239);
    CHECK(testing::close(read.bin_ns.value_or(0.0), c.bin_ns, 1e-9));
  }
  const TextTraces numbered = read_text_file(table("channel,counts\n", 1.0, ",", 1.0));
  CHECK(numbered.traces.shape == std::vector<std::size_t>{1, 40});
  CHECK_FALSE(numbered.bin_ns.has_value());

  const auto refusal = [](const std::filesystem::path& path, bool by_columns = false) {
    return error_of([&] { read_text_file(path, {by_columns}); });
  };
  CHECK(contains(refusal(table("time,counts\n", 0.05, ",")), "'time' tells no unit"));
  CHECK(contains(refusal(table("x,counts\n", 0.05, ",")), "'x' rises by 0.05 a line"));
  CHECK(contains(refusal(table("# bin_ns=0.06\ntime_ns,counts\n", 0.05, ",")), "0.06"));
  CHECK(contains(refusal(folder.file("b.csv", "time_ns,counts\n0,1\n1,2\n2,3\n4,5\n5,6\n")),
                 "does not rise evenly"));
  CHECK(contains(refusal(folder.file("b.csv", "time_ns,counts\n2,1\n1,2\n0,3\n")), "evenly"));
  CHECK(contains(refusal(folder.file("b.csv", "time_ns\n0\n1\n2\n")), "no column of counts"));
  CHECK(contains(refusal(folder.file("b.csv", "time_ns,t [ps],n\n0,0,5\n1,1,5\n")), "second one"));
  CHECK(contains(refusal(folder.file("b.csv", "time_ns,counts\n0,1,2\n1,2,3\n")), "2 columns"));
  // Without names nobody knows which of both it is.
  for (const bool by_columns : {false, true})
    CHECK(contains(refusal(table("", 0.05, ","), by_columns), "rises evenly, by 0.05"));
  std::string pairs;
  for (int i = 0; i < 40; ++i) pairs += concat(900 - i * i / 2, ',', 800 - i * i / 3, '\n');
  CHECK(contains(refusal(folder.file("c.csv", pairs)), "--time-first"));
  CHECK(read_text_file(folder.file("c.csv", pairs), {true}).traces.shape[0] == 2);
  CHECK(read_text_file(folder.file("c.csv", "# bin_ns=6\n" + pairs)).traces.shape[0] == 40);
}

TEST_CASE("a table is written with its names, NaN as nan") {
  const Folder folder;
  const auto path = folder.path / "t.csv";
  const std::vector<std::string> names{"trace", "tau_ns"};
  CsvWriter writer(path, names);
  writer.row({0, 0.5462});
  writer.row({1, std::nan("")});
  writer.row({123456, 1.0 / 3.0});
  CHECK_THROWS_AS(writer.row({1}), Error);
  writer.finish();
  CHECK(read_file(path) == "trace,tau_ns\n0,0.5462\n1,nan\n123456,0.3333333\n");
}

TEST_CASE("rows that several threads write stand in their order") {
  const Folder folder;
  const std::size_t rows = 40'000;  // more than are held at once
  const std::vector<std::string> names{"i", "x"};
  CsvWriter writer(folder.path / "many.csv", names);
  const auto x = [](std::size_t i) { return std::sin(static_cast<double>(i)) * 1e8; };
  writer.rows(rows, [&](std::size_t i, std::span<double> to) {
    to[0] = static_cast<double>(i);
    to[1] = i % 3 == 0 ? std::round(x(i)) : x(i);
  });
  writer.finish();
  std::string wanted = "i,x\n";
  for (std::size_t i = 0; i < rows; ++i)
    wanted += formatted("%zu,%.7g\n", i, i % 3 == 0 ? std::round(x(i)) : x(i));
  CHECK(read_file(folder.path / "many.csv") == wanted);
}

namespace {

template <class T>
void put(std::string& bytes, std::size_t offset, T value) {
  REQUIRE(offset + sizeof(T) <= bytes.size());
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

/// A PHD file with two curves of 5 channels, the second one's data first.
std::string phd_bytes() {
  std::string bytes(328 + 208 + 156 + 2 * 172 + 2 * 5 * 4, '\0');
  bytes.replace(0, 12, "PicoHarp 300");
  bytes.replace(16, 3, "2.0");
  bytes.replace(72, 7, "a note\r");
  put<std::int32_t>(bytes, 328, 2);   // curves
  put<std::int32_t>(bytes, 332, 32);  // bits a channel
  put<std::int32_t>(bytes, 340, 1);   // boards
  for (int c = 0; c < 2; ++c) {
    const std::size_t header = 692 + 172 * static_cast<std::size_t>(c);
    const std::size_t data = 692 + 2 * 172 + (c == 0 ? 20 : 0);
    put<float>(bytes, header + 92, 0.016f);
    put<std::int32_t>(bytes, header + 96, 5);
    put<std::int32_t>(bytes, header + 112, 40'000'000);
    put<std::int64_t>(bytes, header + 124, c == 0 ? 15 : 20);
    put<std::int32_t>(bytes, header + 136, static_cast<std::int32_t>(data));
    for (std::uint32_t i = 0; i < 5; ++i)
      put<std::uint32_t>(bytes, data + 4 * i, i + 1 + static_cast<std::uint32_t>(c));
  }
  return bytes;
}

}  // namespace

TEST_CASE("a PHD file made by hand gives its curves") {
  const Folder folder;
  const PhdFile file = read_phd(folder.file("a.phd", phd_bytes()));
  REQUIRE(file.curves.size() == 2);
  CHECK(file.comment == "a note\r");
  CHECK(file.curves[0].counts == std::vector<std::uint32_t>{1, 2, 3, 4, 5});
  CHECK(file.curves[1].counts == std::vector<std::uint32_t>{2, 3, 4, 5, 6});
  CHECK(file.curves[0].resolution_ns == 0.016);
  CHECK(file.curves[0].period_ns() == 25.0);
}

TEST_CASE("of PHD curves with different settings one is chosen") {
  const Folder folder;
  const auto path = folder.file("same.phd", phd_bytes());
  const auto curve = [](int channel) {
    MeasurementOptions options;
    options.channel = channel;
    return options;
  };
  CHECK(read_measurement(path).counts == std::vector<float>{1, 2, 3, 4, 5, 2, 3, 4, 5, 6});
  CHECK(read_measurement(path, curve(2)).counts == std::vector<float>{2, 3, 4, 5, 6});
  CHECK(read_measurement(path).channel_photons == std::vector<double>{15, 20});
  for (const int channel : {3, MeasurementOptions::kSum})
    CHECK(contains(error_of([&] { read_measurement(path, curve(channel)); }),
                   "wanted a curve, 1 to 2"));
  // The second curve with bins of its own, a later start, another sync rate, fewer channels.
  const std::size_t second = 692 + 172;
  for (const auto change :
       {+[](std::string& b) { put<float>(b, second + 92, 0.032f); },
        +[](std::string& b) { put<std::int32_t>(b, second + 56, 1500); },
        +[](std::string& b) { put<std::int32_t>(b, second + 112, 20'000'000); }}) {
    std::string bytes = phd_bytes();
    change(bytes);
    const auto differing = folder.file("differ.phd", bytes);
    CHECK(contains(error_of([&] { read_measurement(differing); }),
                   "choose one with --channel 1 to 2"));
    const Measurement first = read_measurement(differing, curve(1));
    CHECK(first.counts == std::vector<float>{1, 2, 3, 4, 5});
    CHECK(first.bin_ns == 0.016);
    CHECK(first.period_ns == 25.0);
    const PhdCurve own = read_phd(differing).curves[1];
    const Measurement m = read_measurement(differing, curve(2));
    CHECK(m.traces() == 1);
    CHECK(m.counts == std::vector<float>{2, 3, 4, 5, 6});
    CHECK(m.bin_ns == own.resolution_ns);
    CHECK(m.period_ns == own.period_ns());
    CHECK(own.offset_ns == (own.resolution_ns == 0.016 && own.sync_rate_hz == 40e6 ? 1.5 : 0.0));
  }
}

TEST_CASE("damaged PHD files are refused with a reason") {
  const Folder folder;
  const auto reading = [&](const std::string& content) {
    const auto path = folder.file("a.phd", content);
    return error_of([&] { read_phd(path); });
  };
  const std::string good = phd_bytes();
  REQUIRE(reading(good) == "");
  for (std::size_t size = 0; size < good.size(); size += 3)
    CHECK(reading(good.substr(0, size)) != "");
  const auto with = [&](std::size_t offset, auto value) {
    std::string bytes = good;
    put(bytes, offset, value);
    return reading(bytes);
  };
  CHECK(contains(with(0, 'p'), "is no PHD file"));
  CHECK(contains(with(16, '1'), "format '1.0'"));
  CHECK(contains(with(328, std::int32_t{0}), "curves: found 0"));
  CHECK(contains(with(328, std::int32_t{1'000'000'000}), "curves: found 1000000000"));
  CHECK(contains(with(328, std::int32_t{3}), "cut short"));
  CHECK(contains(with(332, std::int32_t{16}), "bits per channel"));
  CHECK(contains(with(340, std::int32_t{-1}), "boards"));
  CHECK(contains(with(692 + 92, 0.0f), "channels of 0 ns"));
  CHECK(contains(with(692 + 92, std::numeric_limits<float>::quiet_NaN()), "channels of"));
  CHECK(contains(with(692 + 96, std::int32_t{2'000'000'000}), "found 2000000000"));
  CHECK(contains(with(692 + 96, std::int32_t{-5}), "found -5"));
  CHECK(contains(with(692 + 112, std::int32_t{0}), "sync rate"));
  CHECK(contains(with(692 + 136, std::int32_t{-1}), "byte -1"));
  CHECK(contains(with(692 + 136, std::int32_t{2'147'483'600}), "cut short"));
  CHECK(contains(with(692 + 124, std::int64_t{16}), "sum to 15, its header says 16"));
}

TEST_CASE("the measured PHD files sum to their integral counts" * doctest::test_suite("measured")) {
  const auto data = testing::data_folder();
  if (!data) return;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*data / "phd")) {
    CAPTURE(entry.path().string());
    const PhdFile file = read_phd(entry.path());
    REQUIRE(file.curves.size() == 1);
    const PhdCurve& curve = file.curves[0];
    CHECK(curve.counts.size() == 65536);
    CHECK(curve.resolution_ns == 0.004);
    CHECK(std::accumulate(curve.counts.begin(), curve.counts.end(), std::int64_t{0}) ==
          curve.integral_count);
    const std::string name = entry.path().filename().string();
    if (name == "aaq_etoh_40mhz_440nm_4ps.phd") {
      CHECK(curve.integral_count == 1827311);
      CHECK(testing::close(curve.period_ns(), 24.837, 0.001));
    }
    if (name == "c153_dmso_10mhz_425nm_4ps.phd")  // the name is wrong, the header is right
      CHECK(testing::close(curve.period_ns(), 198.70, 0.01));
    ++files;
  }
  CHECK(files >= 6);
}

TEST_CASE("a FLIM LABS image is read, channel by channel, and a damaged one refused") {
  const Folder folder;
  const auto text = [](const std::string& size, const std::string& data) {
    return "{\"header\":{\"file_id\":[73,77,71,49],\"channels\":[true,false,true],"
           "\"laser_period_ns\":12.8," +
           size + "},\"data\":" + data + "}";
  };
  const std::string size = "\"image_width\":2,\"image_height\":1";
  const std::string good = text(size, "[[[[0,1],[255,2]],[[0,0]]],[[[7,5]],[]]]");
  const auto path = folder.file("a.json", good);
  MeasurementOptions options;
  Measurement m = read_measurement(path, options);
  CHECK(m.format == "FLIM LABS JSON");
  CHECK(m.width == 2);
  CHECK(m.height == 1);
  CHECK(m.bins == 256);
  CHECK(testing::close(*m.bin_ns, 0.05, 1e-12));
  CHECK(*m.period_ns == 12.8);
  CHECK(m.channel_photons == std::vector<double>{3, 5});
  CHECK(m.channel == 2);
  CHECK(m.counts[7] == 5.0f);
  options.channel = 1;
  m = read_measurement(path, options);
  CHECK(m.counts[0] == 1.0f);
  CHECK(m.counts[255] == 2.0f);
  CHECK(std::accumulate(m.counts.begin(), m.counts.end(), 0.0) == 3);

  const auto refusal = [&](const std::string& content) {
    return error_of([&] { read_measurement(folder.file("b.json", content)); });
  };
  CHECK(contains(refusal(good.substr(0, good.size() - 9)), "is damaged or cut short at byte"));
  CHECK(contains(refusal(text(size, "[[[[0,1]]]]")), "found 1 pixels, wanted 2 x 1"));
  CHECK(contains(refusal(text(size, "[[[],[],[]]]")), "found more than 2 x 1 pixels"));
  CHECK(contains(refusal(text(size, "[[[[256,1]],[]]]")), "found a bin 256"));
  CHECK(contains(refusal(text(size, "[[[[1]],[]]]")), "found 1 numbers, wanted [bin, count]"));
  CHECK(contains(refusal(text(size, "[[[[1,-1]],[]]]")), "wanted a count"));
  CHECK(contains(refusal(text(size, "[[[7],[]]]")), "found a number, wanted lists"));
  CHECK(contains(refusal(text(size, "{}")), "holds no counts"));
  CHECK(contains(refusal(text("\"image_width\":60000,\"image_height\":60000", "[[]]")),
                 "60000 x 60000 pixels in a file of"));
  CHECK(contains(refusal(text("\"image_width\":0", "[[]]")), "found 0 x 0 pixels in a header"));
}

TEST_CASE("a FLIM LABS image holds the photons that phasorpy finds in it" *
          doctest::test_suite("measured")) {
  const auto data = testing::data_folder();
  if (!data) return;
  const auto path =
      *data / "images/metabolic_2_1736248883_imaging.json";  // flim-labs/flim-metabolic
  if (!std::filesystem::exists(path)) {
    MESSAGE("skipped: no ", path.filename().string(), " among the measured data");
    return;
  }
  const Measurement m = read_measurement(path);
  CHECK(m.width == 256);
  CHECK(m.height == 256);
  double counts = 0.0, first = 0.0;  // with the number of the bin; and of the pixel
  double second = 0.0;
  for (std::size_t i = 0; i < m.counts.size(); ++i) {
    counts += m.counts[i];
    first += m.counts[i] * static_cast<double>(i % 256);
    second += m.counts[i] * static_cast<double>(i / 256);
  }
  CHECK(counts == 329168);
  CHECK(first == 66896928);
  CHECK(second == 10788481186.0);
}

namespace {
const std::string kIdx =
    std::string("\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x03", 16) + "abcdefghijkl";
}

TEST_CASE("IDX images are read raw and gzip'd") {
  const Folder folder;
  const auto raw = folder.file("a.idx", kIdx);
  const auto packed = folder.path / "a.gz";
  gzFile gz = gzopen(packed.c_str(), "wb");
  REQUIRE(gzwrite(gz, kIdx.data(), static_cast<unsigned>(kIdx.size())) == int(kIdx.size()));
  gzclose(gz);
  for (const auto& path : {raw, packed}) {
    const IdxImages images = read_idx_images(path);
    CHECK(images.count == 2);
    CHECK(images.rows == 2);
    CHECK(images.cols == 3);
    CHECK(std::string(images.pixels.begin(), images.pixels.end()) == "abcdefghijkl");
    CHECK(*images.image(1) == 'g');
  }
  const std::string gz_bytes = read_file(packed);
  for (std::size_t size = 0; size < gz_bytes.size(); ++size) {
    const auto cut = folder.file("b.gz", gz_bytes.substr(0, size));
    CHECK_THROWS_AS(read_idx_images(cut), Error);
  }
}

TEST_CASE("damaged IDX files are refused with a reason") {
  const Folder folder;
  const auto reading = [&](const std::string& content) {
    const auto path = folder.file("a.idx", content);
    return error_of([&] { read_idx_images(path); });
  };
  REQUIRE(reading(kIdx) == "");
  for (std::size_t size = 0; size < kIdx.size(); ++size) CHECK(reading(kIdx.substr(0, size)) != "");
  CHECK(contains(reading(kIdx + "x"), "longer"));
  std::string bytes = kIdx;
  bytes[3] = 1;  // labels
  CHECK(contains(reading(bytes), "does not begin with"));
  bytes = kIdx;
  bytes.replace(4, 12, 12, '\xff');
  CHECK(contains(reading(bytes), "announces 4294967295 images"));
  bytes = kIdx;
  bytes.replace(4, 4, std::string(4, '\0'));
  CHECK(contains(reading(bytes), "announces 0 images"));
  CHECK(contains(error_of([&] { read_idx_images(folder.path); }), "folder"));
}
