#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>

#include "fli/formats/npz.h"
#include "fli/io_testing.h"

using namespace taugate;

namespace {

template <class T>
std::string little(T value) {
  return bytes_of(value);
}

/// A zip archive of one member, written by hand: method 0 is stored, 8 deflated.
std::string zip_bytes(const std::string& name, const std::string& data, std::uint16_t method,
                      std::uint32_t crc, std::uint32_t size) {
  const std::string common =
      little<std::uint16_t>(20) + little<std::uint16_t>(0) + little(method) +
      little<std::uint32_t>(0) + little(crc) + little(static_cast<std::uint32_t>(data.size())) +
      little(size) + little(static_cast<std::uint16_t>(name.size())) + little<std::uint16_t>(0);
  const std::string local = "PK\x03\x04" + common + name + data;
  const std::string central =
      "PK\x01\x02" + little<std::uint16_t>(20) + common + std::string(14, '\0') + name;
  return local + central + "PK\x05\x06" + std::string(4, '\0') + little<std::uint16_t>(1) +
         little<std::uint16_t>(1) + little(static_cast<std::uint32_t>(central.size())) +
         little(static_cast<std::uint32_t>(local.size())) + std::string(2, '\0');
}
std::uint32_t crc_of(const std::string& data) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
}
std::string stored(const std::string& name, const std::string& data) {
  return zip_bytes(name, data, 0, crc_of(data), static_cast<std::uint32_t>(data.size()));
}

const std::string kArray =
    npy_bytes("<u2", true, "(2, 3)",
              little<std::uint16_t>(1) + little<std::uint16_t>(2) + little<std::uint16_t>(3) +
                  little<std::uint16_t>(4) + little<std::uint16_t>(5) + little<std::uint16_t>(6));

}  // namespace

TEST_CASE("members that grow side by side come back, stored or deflated") {
  for (const bool compress : {false, true}) {
    const Folder folder;
    const auto path = folder.path / "a.npz";
    NpzWriter writer(path, compress);
    NpyWriter& tpsf = writer.add("tpsf", NpyType::parse("u2", ""), {70});
    NpyWriter& tau = writer.add("tau1", NpyType::parse("f8", ""), {});
    std::vector<float> counts(70 * 1000);
    std::vector<double> lifetimes(1000);
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = static_cast<float>(i % 1000);
    for (std::size_t i = 0; i < lifetimes.size(); ++i) lifetimes[i] = 0.1 * static_cast<double>(i);
    for (std::size_t i = 0; i < 1000; i += 250) {
      tpsf.append(std::span<const float>(counts).subspan(70 * i, 70 * 250));
      tau.append(std::span<const double>(lifetimes).subspan(i, 250));
    }
    CHECK_THROWS_AS(writer.add("tau1", NpyType::parse("f8", ""), {}), Error);
    CHECK_THROWS_AS(writer.add("../tau", NpyType::parse("f8", ""), {}), Error);
    writer.finish();

    const NpzReader reader(path);
    CHECK(reader.names() == std::vector<std::string>{"tpsf", "tau1"});
    const auto read = reader.read<float>("tpsf");
    CHECK(read.shape == std::vector<std::size_t>{1000, 70});
    CHECK(read.values == counts);
    CHECK(reader.read<double>("tau1").values == lifetimes);
    CHECK(contains(error_of([&] { reader.read<float>("sfd"); }), "the archive has: tpsf, tau1"));
    if (compress)
      CHECK(std::filesystem::file_size(path) < 40'000);
    else
      CHECK(std::filesystem::file_size(path) > 140'000);
  }
}

TEST_CASE("an archive that is not finished leaves nothing behind") {
  const Folder folder;
  {
    NpzWriter writer(folder.path / "a.npz");
    const std::vector<float> row(70);
    writer.add("tpsf", NpyType::parse("f4", ""), {70}).append(row);
    CHECK(folder.entries() > 0);
  }
  CHECK(folder.entries() == 0);
  CHECK_THROWS_AS(NpzWriter(folder.path / "no" / "a.npz"), Error);
  CHECK_THROWS_AS(NpzWriter("/dev/full"), Error);
  CHECK(std::filesystem::is_character_file("/dev/full"));
}

TEST_CASE("an archive written by hand is read") {
  const Folder folder;
  const NpzReader reader(folder.file("a.npz", stored("x.npy", kArray)));
  CHECK(reader.read<float>("x").values == std::vector<float>{1, 3, 5, 2, 4, 6});
}

TEST_CASE("damaged archives are refused with a reason") {
  const Folder folder;
  const auto reading = [&](const std::string& content) {
    const auto path = folder.file("a.npz", content);
    return error_of([&] { NpzReader(path).read<float>("x"); });
  };
  const std::string good = stored("x.npy", kArray);
  REQUIRE(reading(good) == "");
  CHECK(contains(error_of([&] { NpzReader(folder.path / "none"); }), "No such file"));
  CHECK(contains(reading("PK but no archive"), "no readable NPZ"));
  for (std::size_t size = 0; size < good.size(); size += 7)
    CHECK(reading(good.substr(0, size)) != "");

  std::string flipped = good;
  flipped[good.find("PK\x01\x02") - 1] ^= 1;
  CHECK(contains(reading(flipped), "damaged"));
  CHECK(contains(reading(stored("y.npy", kArray)), "the archive has: y"));
  CHECK(contains(reading(stored("x.npy", "no array")), "is no NPY file"));
  // A few bytes that claim to be four gigabytes.
  CHECK(contains(reading(zip_bytes("x.npy", kArray, 8, 0, 0xfffffffe)), "claims 4294967294 bytes"));
}
