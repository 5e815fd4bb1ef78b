// Stacks: TIFF, OME-TIFF, folders of gate images; text with headers; and the way back.

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "fli/formats/csv.h"
#include "fli/formats/tiff.h"
#include "fli/io/ome.h"
#include "fli/stack_testing.h"
#include "taugate/core/file.h"
#include "taugate/fli/io/exchanged_axes.h"
#include "taugate/fli/io/measurement.h"
#include "taugate/fli/io/write_measurement.h"
#include "testing.h"

using namespace taugate;
using namespace stack_testing;

namespace {

/// The counts of pages first, first + step...
void check_stack(const Measurement& m, int first = 0, int step = 1) {
  REQUIRE(m.width == W);
  REQUIRE(m.height == H);
  REQUIRE(m.bins == T);
  int wrong = 0;
  for (std::uint32_t y = 0; y < H; ++y)
    for (std::uint32_t x = 0; x < W; ++x)
      for (int t = 0; t < T; ++t)
        wrong += m.trace(y * W + x)[static_cast<std::size_t>(t)] !=
                 static_cast<float>(count_at(first + t * step, y, x));
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("a TIFF stack has a gate a page, whatever its pixels are and however they are stored") {
  const Folder folder;
  const Kind kinds[] = {
      kPlain,
      {8, SAMPLEFORMAT_UINT, true, false, false, COMPRESSION_LZW},
      {32, SAMPLEFORMAT_INT, false, true, false, COMPRESSION_ADOBE_DEFLATE},
      {32, SAMPLEFORMAT_IEEEFP, true, false, true, COMPRESSION_NONE},
      {64, SAMPLEFORMAT_IEEEFP, false, false, false, COMPRESSION_PACKBITS},
      {16, SAMPLEFORMAT_UINT, false, false, true, COMPRESSION_NONE},
  };
  for (const Kind& kind : kinds) {
    const Measurement m = read_measurement(stack(folder.path / "a.tif", kind));
    CHECK(m.format == "TIFF");
    check_stack(m);
    CHECK_FALSE(m.bin_ns.has_value());
    CHECK_FALSE(m.period_ns.has_value());
  }
  // A single page is a list of traces.
  const auto one = stack(folder.path / "b.tif", kPlain, "", 0, 1);
  Measurement m = read_measurement(one);
  CHECK(m.height == 1);
  CHECK(m.width == H);
  CHECK(m.bins == W);
  MeasurementOptions time_first;
  time_first.time_first = true;
  m = read_measurement(one, time_first);
  CHECK(m.width == W);
  CHECK(m.trace(2)[1] == static_cast<float>(count_at(0, 1, 2)));
}

TEST_CASE("OME-XML tells gates, their step, channels and the laser") {
  const Folder folder;
  const std::string modulo =
      "<StructuredAnnotations><XMLAnnotation ID=\"Annotation:0\"><Value><Modulo>"
      "<ModuloAlongT Type=\"lifetime\" Unit=\"ps\" Start=\"0\" Step=\"48.8\" End=\"97.6\"/>"
      "</Modulo></Value></XMLAnnotation></StructuredAnnotations>";
  Measurement m = read_measurement(stack(
      folder.path / "a.tif", kPlain,
      ome("DimensionOrder=\"XYTZC\" SizeT=\"3\" SizeZ=\"1\" SizeC=\"1\"",
          "<Instrument><Laser RepetitionRate=\"40\" RepetitionRateUnit=\"MHz\"/></Instrument>" +
              modulo)));
  CHECK(m.format == "OME-TIFF");
  check_stack(m);
  CHECK(testing::close(*m.bin_ns, 0.0488, 1e-12));
  CHECK(testing::close(*m.period_ns, 25.0, 1e-12));

  // Channels turn fastest: pages t0c0 t0c1 t1c0 ...
  const std::string two =
      ome("DimensionOrder=\"XYCTZ\" SizeT=\"3\" SizeZ=\"1\" SizeC=\"2\"", modulo);
  const auto path = stack(folder.path / "b.tif", kPlain, two, 0, 6);
  MeasurementOptions options;
  for (const int channel : {1, 2}) {
    options.channel = channel;
    m = read_measurement(path, options);
    check_stack(m, channel - 1, 2);
    CHECK(m.channel == channel);
    CHECK(m.channel_photons.size() == 2);
  }
  options.channel = MeasurementOptions::kSum;
  m = read_measurement(path, options);
  CHECK(m.counts[1] == static_cast<float>(count_at(2, 0, 0) + count_at(3, 0, 0)));

  // Gates listed one by one, along the channels.
  m = read_measurement(
      stack(folder.path / "c.tif", kPlain,
            ome("DimensionOrder=\"XYCZT\" SizeT=\"1\" SizeZ=\"1\" SizeC=\"3\"",
                "<ModuloAlongC Type=\"lifetime\" Unit=\"ns\"><Label>0.5</Label><Label>0.75</Label>"
                "<Label>1</Label></ModuloAlongC>")));
  check_stack(m);
  CHECK(testing::close(*m.bin_ns, 0.25, 1e-12));

  // As tifffile writes an axis of lifetimes, without a step: the bin width is not told. Along the channels, with several of these.
  m = read_measurement(stack(folder.path / "e.tif", kPlain,
                             ome("DimensionOrder=\"XYCZT\" SizeT=\"3\"",
                                 "<ModuloAlongT Type=\"lifetime\" Start=\"0\" End=\"2\"/>")));
  check_stack(m);
  CHECK_FALSE(m.bin_ns.has_value());
  options.channel = 2;
  m = read_measurement(stack(folder.path / "f.tif", kPlain,
                             ome("DimensionOrder=\"XYCZT\" SizeC=\"6\"",
                                 "<ModuloAlongC Type=\"lifetime\" Start=\"0\" End=\"2\"/>"),
                             0, 6),
                       options);
  check_stack(m, 3, 1);
  CHECK(m.channel_photons.size() == 2);

  // Frames: times beside gates along Z, and times of which every three are the gates of one.
  const std::string along_z = "<ModuloAlongZ Type=\"lifetime\" Unit=\"ns\" Step=\"0.25\"/>";
  const auto frames_z =
      stack(folder.path / "z.tif", kPlain,
            ome("DimensionOrder=\"XYTZC\" SizeT=\"2\" SizeZ=\"3\" SizeC=\"1\"", along_z), 0, 6);
  const auto frames_t =
      stack(folder.path / "t.tif", kPlain,
            ome("DimensionOrder=\"XYTZC\" SizeT=\"6\" SizeZ=\"1\" SizeC=\"1\"", modulo), 0, 6);
  options.channel = MeasurementOptions::kBrightest;
  for (const int frame : {1, 2}) {
    options.frame = frame;
    check_stack(read_measurement(frames_z, options), frame - 1, 2);
    check_stack(read_measurement(frames_t, options), 3 * (frame - 1), 1);
  }
  options.frame = 0;
  m = read_measurement(frames_t, options);
  CHECK(m.frames == 2);
  CHECK(m.counts[1] == static_cast<float>(count_at(1, 0, 0) + count_at(4, 0, 0)));
  options.frame = 3;
  CHECK(contains(error_of([&] { read_measurement(frames_z, options); }),
                 "frame: found 3, wanted 1 to 2"));
  CHECK(contains(error_of([&] { read_measurement(folder.path / "c.tif", options); }),
                 "keeps no frames"));

  const auto refusal = [&](const std::string& description) {
    return error_of([&] { read_measurement(stack(folder.path / "d.tif", kPlain, description)); });
  };
  CHECK(contains(refusal(ome("DimensionOrder=\"XYTZC\" SizeT=\"5\"", "")), "the file has 3 page"));
  CHECK(contains(refusal(ome("DimensionOrder=\"XYTZC\" SizeT=\"3\" SizeZ=\"2\"", "")), "2 slices"));
  CHECK(contains(refusal(ome("DimensionOrder=\"XYABC\"", "")), "DimensionOrder"));
  CHECK(contains(refusal("<OME><Pixels"), "OME-XML"));
}

TEST_CASE("OME-TIFF planes are found where they are said to lie, in one file or in a set") {
  const Folder folder;
  const auto description = [](const std::string& planes) {
    return "<OME UUID=\"urn:uuid:a\"><Image><Pixels DimensionOrder=\"XYTZC\" SizeT=\"3\">" +
           planes + "</Pixels></Image></OME>";
  };
  const auto plane = [](int t, int page, const std::string& file, const std::string& uuid = "x") {
    return concat("<TiffData FirstT=\"", t, "\" IFD=\"", page,
                  "\" PlaneCount=\"1\"><UUID FileName=\"", file, "\">urn:uuid:", uuid,
                  "</UUID></TiffData>");
  };
  const auto read = [&](const std::string& planes) {
    return read_measurement(stack(folder.path / "a.ome.tif", kPlain, description(planes)));
  };
  const auto refusal = [&](const std::string& planes) { return error_of([&] { read(planes); }); };
  check_stack(read("<TiffData/>"));
  check_stack(read("<TiffData IFD=\"0\" PlaneCount=\"3\"/>"));
  // The name of a file that was renamed since does not matter, the order of its pages does.
  check_stack(read(plane(0, 0, "b.tif") + plane(1, 1, "b.tif") + plane(2, 2, "b.tif")));
  check_stack(read(plane(2, 2, "b.tif") + plane(0, 0, "b.tif") + plane(1, 1, "b.tif")));
  check_stack(read(plane(0, 2, "b.tif") + plane(1, 1, "b.tif") + plane(2, 0, "b.tif")), 2, -1);

  // A set: the first gate here (known by its UUID, whatever the name), others in pages of two files.
  const std::string set =
      plane(0, 0, "old name.tif", "a") + plane(1, 1, "b.tif") + plane(2, 2, "c.tif");
  CHECK(contains(refusal(set), "of which b.tif is not in its folder"));
  stack(folder.path / "b.tif", kPlain, "");
  stack(folder.path / "c.tif", kPlain, "");
  check_stack(read(set));
  // From any of them, where it names the one with the description, or a companion file.
  const auto elsewhere = [&](const std::string& name) {
    return stack(folder.path / "b.tif", kPlain,
                 "<OME><BinaryOnly MetadataFile=\"" + name + "\" UUID=\"urn:uuid:b\"/></OME>");
  };
  check_stack(read_measurement(elsewhere("a.ome.tif")));
  folder.file("a.companion.ome",
              description(plane(0, 0, "b.tif") + plane(1, 1, "c.tif") + plane(2, 2, "c.tif")));
  check_stack(read_measurement(elsewhere("a.companion.ome")));
  CHECK(contains(error_of([&] { read_measurement(elsewhere("none.ome")); }),
                 "of which none.ome is not in its folder"));

  // No path leads elsewhere.
  for (const std::string name : {"../a.tif", "/etc/passwd", "..", "x\\y"}) {
    CAPTURE(name);
    CHECK(contains(refusal(plane(0, 0, "b.tif") + plane(1, 0, "c.tif") + plane(2, 0, name)),
                   "names the file '" + name + "', wanted one in its own folder"));
    CHECK(contains(error_of([&] { read_measurement(elsewhere(name)); }), "in its own folder"));
  }
  // What is claimed must be there.
  CHECK(
      contains(refusal(plane(0, 0, "b.tif") + plane(1, 0, "c.tif")), "plane 2 of 3 is in no file"));
  CHECK(contains(refusal(plane(0, 0, "b.tif") + plane(1, 0, "c.tif") + plane(2, 3, "c.tif")),
                 "the file has 6 page(s) with the others of its set of 2"));
  CHECK(contains(refusal("<TiffData FirstT=\"1\" IFD=\"0\" PlaneCount=\"3\"/>"),
                 "planes 1 to 3, wanted 0 to 2"));
  CHECK(contains(refusal("<TiffData IFD=\"-1\" PlaneCount=\"3\"/>"), "OME-XML: page -1"));
  CHECK(contains(refusal("<TiffData IFD=\"2147483647\" PlaneCount=\"3\"/>"), "OME-XML: page 21"));
  CHECK(contains(refusal("<TiffData/><TiffData/>"), "places 6 planes, wanted 3"));
  TIFF* small = TIFFOpen((folder.path / "c.tif").c_str(), "w");
  TIFFSetField(small, TIFFTAG_IMAGEWIDTH, 2);
  TIFFSetField(small, TIFFTAG_IMAGELENGTH, 1);
  TIFFSetField(small, TIFFTAG_BITSPERSAMPLE, 8);
  TIFFSetField(small, TIFFTAG_SAMPLESPERPIXEL, 1);
  TIFFSetField(small, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  TIFFWriteScanline(small, const_cast<char*>("ab"), 0);
  TIFFClose(small);
  CHECK(
      contains(refusal(plane(0, 0, "a.ome.tif") + plane(1, 1, "a.ome.tif") + plane(2, 0, "c.tif")),
               "c.tif of its set has 2 x 1"));
}

TEST_CASE("a folder of gate images is a stack in the order of its numbers") {
  const Folder folder;
  std::filesystem::create_directory(folder.path / "gates");
  stack(folder.path / "gates/g10.tif", kPlain, "", 2, 1);
  stack(folder.path / "gates/g2.tif", kPlain, "", 1, 1);
  stack(folder.path / "gates/g1.TIFF", kPlain, "", 0, 1);
  folder.file("gates/notes.txt", "no gate");
  const Measurement m = read_measurement(folder.path / "gates");
  check_stack(m);
  REQUIRE(m.notes.size() == 1);
  CHECK(m.notes[0] == "3 gates, from g1.TIFF to g10.tif");
  stack(folder.path / "gates/g11.tif", kPlain, "", 0, 2);
  CHECK(contains(error_of([&] { read_measurement(folder.path / "gates"); }), "has 2 pages"));
  CHECK(contains(error_of([&] { read_measurement(folder.path); }), "folder with 0 TIFF"));
}

TEST_CASE("damaged and unfit TIFF files are refused with a reason") {
  const Folder folder;
  const std::string good = read_file(stack(folder.path / "a.tif", kPlain));
  const auto refusal = [&](const std::string& content) {
    const auto path = folder.file("b.tif", content);
    MeasurementOptions options;
    options.largest_bytes = 1 << 24;
    return error_of([&] { read_measurement(path, options); });
  };
  REQUIRE(refusal(good) == "");
  for (std::size_t size = 8; size < good.size(); size += 97)
    CHECK(refusal(good.substr(0, size)) != "");
  TIFF* file = TIFFOpen((folder.path / "c.tif").c_str(), "w");
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, 60000);
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, 60000);
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, 16);
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, 1);
  TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, 60000);
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  const std::vector<std::uint8_t> few(100);
  TIFFWriteRawStrip(file, 0, const_cast<std::uint8_t*>(few.data()), 100);
  TIFFWriteDirectory(file);
  TIFFClose(file);
  CHECK(contains(error_of([&] { read_measurement(folder.path / "c.tif"); }),
                 "page 1: 60000 x 60000 pixels in a file of"));
}

TEST_CASE("maps are written as a float stack that keeps NaN, gates as an OME-TIFF stack") {
  const Folder folder;
  const std::vector<float> tau{1.5f, std::nanf(""), 0.25f, 3, 4, 5}, counts{1, 2, 3, 4, 5, 6};
  const TiffMap maps[] = {{"lifetime (ns)", tau}, {"counts", counts}};
  write_tiff_maps(folder.path / "maps.tif", 3, 2, maps);
  TIFF* file = TIFFOpen((folder.path / "maps.tif").c_str(), "r");
  REQUIRE(file != nullptr);
  char* text = nullptr;
  std::uint16_t bits = 0, format = 0;
  TIFFGetField(file, TIFFTAG_IMAGEDESCRIPTION, &text);
  CHECK(contains(text, "ImageJ=1"));
  CHECK(contains(text, "\nimages=2\n"));
  TIFFGetField(file, TIFFTAG_PAGENAME, &text);
  CHECK(std::string(text) == "lifetime (ns)");
  TIFFGetField(file, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetField(file, TIFFTAG_SAMPLEFORMAT, &format);
  CHECK(bits == 32);
  CHECK(format == SAMPLEFORMAT_IEEEFP);
  std::vector<float> row(3);
  TIFFReadScanline(file, row.data(), 0);
  CHECK(row[0] == 1.5f);
  CHECK(std::isnan(row[1]));
  CHECK(TIFFSetDirectory(file, 1) == 1);
  TIFFReadScanline(file, row.data(), 1);
  CHECK(row == std::vector<float>{4, 5, 6});
  TIFFClose(file);

  const OmeImage gates{{}, 3, 2, 2, "uint16", 0.179};
  TiffWriter writer(folder.path / "gates.tif", 3, 2, 2, TiffType::uint16,
                    ome_xml({&gates, 1}, 12.53));
  writer.page(counts);
  const std::vector<float> second{7, 8, 9, 10, 11, 65535};
  CHECK_THROWS_AS(writer.page(tau), Error);
  writer.page(second);
  CHECK_FALSE(std::filesystem::exists(folder.path / "gates.tif"));
  writer.finish();
  const Measurement m = read_measurement(folder.path / "gates.tif");
  CHECK(m.counts == std::vector<float>{1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 65535});
  CHECK(testing::close(*m.bin_ns, 0.179, 1e-9));
  CHECK(testing::close(*m.period_ns, 12.53, 1e-9));
}

TEST_CASE("pages of a TIFF file that are frames of gates, as the user or ImageJ's axes say") {
  const Folder folder;
  // Page p has 2^p in its only lit pixel, so that a sum tells what was added.
  const auto stack = [&](const std::string& description) {
    const auto path = folder.path / "s.tif";
    TiffWriter writer(path, 2, 1, 12, TiffType::float32, description);
    for (int p = 0; p < 12; ++p) writer.page(std::vector<float>{static_cast<float>(1 << p), 0.0f});
    writer.finish();
    return path;
  };
  const auto gates = [](const Measurement& m) {
    const auto trace = m.trace(0);
    return std::vector<int>(trace.begin(), trace.end());
  };
  const auto bits = [](std::initializer_list<int> pages) {
    int sum = 0;
    for (const int p : pages) sum += 1 << p;
    return sum;
  };
  const auto reading = [](const std::filesystem::path& path, int gates_per_frame, int frame = 0,
                          int channel = 0) {
    MeasurementOptions options;
    options.gates_per_frame = gates_per_frame;
    options.frame = frame;
    options.channel = channel;
    return read_measurement(path, options);
  };
  const auto plain = stack("");
  CHECK(read_measurement(plain).bins == 12);
  CHECK(read_measurement(plain).frames == 0);
  const Measurement all = reading(plain, 4);
  CHECK(all.frames == 3);
  CHECK(gates(all) ==
        std::vector{bits({0, 4, 8}), bits({1, 5, 9}), bits({2, 6, 10}), bits({3, 7, 11})});
  const Measurement second = reading(plain, 4, 2);
  CHECK(gates(second) == std::vector{16, 32, 64, 128});
  CHECK(contains(error_of([&] { reading(plain, 5); }),
                 "found 5, wanted 2 or more that divide the 12 images"));
  CHECK(contains(error_of([&] { reading(plain, 4, 4); }), "wanted 1 to 3"));

  // Slices and frames: which of them are gates is said by nobody but the user.
  const auto both = stack("ImageJ=1.53t\nimages=12\nslices=4\nframes=3\nhyperstack=true\n");
  CHECK(contains(error_of([&] { read_measurement(both); }), "--gates-per-frame 4 where they lie"));
  CHECK(contains(error_of([&] { reading(both, 3); }), "slices"));
  CHECK(gates(reading(both, 4, 3)) == std::vector{256, 512, 1024, 2048});
  // Channels turn fastest, and are detector channels beside gates.
  const auto channels = stack("ImageJ=1.53t\nimages=12\nchannels=2\nframes=6\nhyperstack=true\n");
  const Measurement brightest = read_measurement(channels);
  CHECK(brightest.channel == 2);
  CHECK(gates(brightest) == std::vector{2, 8, 32, 128, 512, 2048});
  const auto three = stack("ImageJ=1.53t\nimages=12\nchannels=2\nslices=3\nframes=2\n");
  const Measurement one = reading(three, 3, 2, 1);
  CHECK(one.frames == 2);
  CHECK(gates(one) == std::vector{bits({6}), bits({8}), bits({10})});
  // So may an OME-TIFF that annotates nothing.
  const auto ome = [&](const std::string& sizes, const std::string& annotation = "") {
    return stack("<OME><Image><Pixels DimensionOrder=\"XYZTC\" " + sizes +
                 "><TiffData/></Pixels></Image>" + annotation + "</OME>");
  };
  const std::string slices_and_times = "SizeZ=\"4\" SizeT=\"3\"";
  CHECK(contains(error_of([&] { read_measurement(ome(slices_and_times)); }),
                 "or --gates-per-frame 4 where the slices are gates"));
  CHECK(gates(reading(ome(slices_and_times), 4, 3)) == std::vector{256, 512, 1024, 2048});
  CHECK(contains(error_of([&] { reading(ome(slices_and_times), 2); }),
                 "found 2, wanted 4, the SizeZ of"));
  CHECK(gates(reading(ome("SizeT=\"12\""), 4, 2)) == std::vector{16, 32, 64, 128});
  CHECK(gates(reading(ome("SizeZ=\"6\" SizeC=\"2\""), 3, 2, 2)) == std::vector{512, 1024, 2048});
  CHECK(contains(error_of([&] { reading(ome("SizeT=\"12\""), 5); }), "that divide 12"));
  CHECK(contains(error_of([&] { reading(ome("SizeC=\"12\""), 4); }), "neither slices nor times"));
  CHECK(contains(error_of([&] {
                   reading(ome(slices_and_times, "<ModuloAlongZ Type=\"lifetime\" Step=\"9\"/>"),
                           4);
                 }),
                 "annotates its gates"));
  // Alone, any axis is that of the gates, and numbers that contradict the pages say nothing.
  CHECK(read_measurement(stack("ImageJ=1.53t\nimages=12\nchannels=12\n")).bins == 12);
  CHECK(read_measurement(stack("ImageJ=1.53t\nimages=12\nslices=5\nframes=3\n")).bins == 12);
}

TEST_CASE("a measurement is written in each format and read again, with its time axis") {
  const Folder folder;
  Measurement m;
  m.width = 3;
  m.height = 2;
  m.bins = 4;
  m.bin_ns = 0.179;
  m.period_ns = 12.53;
  for (int i = 0; i < 24; ++i) m.counts.push_back(static_cast<float>(i * i));
  for (const float last : {7.0f, 70000.0f, 0.25f}) {
    m.counts.back() = last;
    for (const char* name : {"a.npy", "a.npz", "a.tif", "a.mat", "a.h5", "a.csv"}) {
      CAPTURE(name);
      write_measurement(folder.path / name, m);
      const Measurement again = read_measurement(folder.path / name);
      CHECK(again.width == 3);
      CHECK(again.height == 2);
      CHECK(again.counts == m.counts);
      CHECK(again.bin_ns.has_value() == (name != std::string("a.npy")));
      CHECK(testing::close(again.bin_ns.value_or(0.179), 0.179, 1e-12));
      CHECK(testing::close(again.period_ns.value_or(12.53), 12.53, 1e-12));
    }
  }
  CHECK_THROWS_AS(write_measurement(folder.path / "a.gif", m), UsageError);
}

TEST_CASE("text with a header: Horiba exports, counted columns, our own tables") {
  const Folder folder;
  const std::string horiba =
      "Item name: Decay\r\n\r\nTime calibration: 2.5E-02ns/ch\r\nComment: "
      "\r\n\r\nChan\tData\tIRF\r\n";
  Measurement m =
      read_measurement(folder.file("a.txt", horiba + "1\t0\t9\r\n2\t5\t8\r\n3\t4\t7\r\n"));
  CHECK(m.format == "Horiba text");
  CHECK(m.width == 2);
  CHECK(m.counts == std::vector<float>{0, 5, 4, 9, 8, 7});
  CHECK(testing::close(*m.bin_ns, 0.025, 1e-12));
  const auto refusal = [&](const std::string& text) {
    return error_of([&] { read_measurement(folder.file("b.txt", text)); });
  };
  CHECK(contains(refusal(horiba + "1\t0\n3\t5\n"), "channel 3 follows channel 1"));
  CHECK(contains(refusal(horiba + "1\t0\n2\tx\n"), "line 8, value 2: found 'x'"));
  CHECK(contains(refusal("Time calibration: fast\nChan\tData\n1\t2\n"), "no time a channel"));
  CHECK(contains(refusal("Time calibration: 1ns/ch\n"), "begins with 'Chan'"));

  CHECK(read_measurement(folder.file("a.dat", "3\n7\n8\n9\n")).counts ==
        std::vector<float>{7, 8, 9});
  CHECK(read_measurement(folder.file("b.dat", "4\n7\n8\n9\n")).counts ==
        std::vector<float>{4, 7, 8, 9});
  m = read_measurement(
      folder.file("c.csv", "# bin_ns=0.5 period_ns=12.5 width=2\n1,2\n3,4\n5,6\n7,8\n"));
  CHECK(m.height == 2);
  CHECK(m.width == 2);
  CHECK(*m.bin_ns == 0.5);
  CHECK(*m.period_ns == 12.5);
}

TEST_CASE("a record that begins late begins on the clock of its times") {
  const Folder folder;
  const auto reading = [&](double first) {
    std::string text = "time_ns,counts\n";
    for (int i = 0; i < 20; ++i) text += concat(first + 0.5 * i, ',', 7 + i, '\n');
    return read_measurement(folder.file("a.csv", text));
  };
  for (const double first : {0.0, 0.25, 0.5}) {  // the start, the middle, the end of a bin
    const Measurement m = reading(first);
    CHECK(m.bins == 20);
    CHECK(m.counts[0] == 7);
    CHECK(m.notes.empty());
  }
  const Measurement late = reading(3.0);
  CHECK(late.bins == 26);
  CHECK(late.counts[5] == 0);
  CHECK(late.counts[6] == 7);
  CHECK(late.counts[25] == 26);
  REQUIRE(late.notes.size() == 1);
  CHECK(contains(error_of([&] { reading(-2.0); }), "begin at -2 ns"));
}

TEST_CASE("the measured libraries and exports read to their figures" *
          doctest::test_suite("measured")) {
  const auto data = testing::data_folder();
  if (!data) return;
  MeasurementOptions time_first;
  time_first.time_first = true;
  const Measurement npy = read_measurement(*data / "irf" / "iccd_irf_176x1000.npy", time_first),
                    mat = read_measurement(*data / "irf" / "iccd_irf_176x1000.mat", time_first);
  CHECK(mat.width == 1000);
  CHECK(mat.bins == 176);
  CHECK_FALSE(lies_on_its_side(npy));
  CHECK(lies_on_its_side(read_measurement(*data / "irf" / "iccd_irf_176x1000.npy")));
  CHECK(mat.counts == npy.counts);
  const Measurement horiba = read_measurement(*data / "horiba" / "Atto550_DNA.txt");
  CHECK(horiba.bins == 4096);
  CHECK(testing::close(*horiba.bin_ns, 0.02743, 1e-5));
  CHECK(*std::max_element(horiba.counts.begin(), horiba.counts.end()) == 10000);
  const double sum = std::accumulate(horiba.counts.begin(), horiba.counts.end(), 0.0);
  CHECK(testing::close(sum, 1.48e6, 0.005e6));
  const Measurement dat = read_measurement(*data / "flimlib" / "data.dat");
  CHECK(dat.traces() == 1);
  CHECK(dat.bins == 256);
}
