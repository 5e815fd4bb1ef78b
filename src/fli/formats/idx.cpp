#include "fli/formats/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>

#include "taugate/core/file.h"

namespace taugate {
namespace {

constexpr std::uint32_t kMagic = 0x00000803;
constexpr std::uint64_t kLargestImages = std::uint64_t{1} << 30;
constexpr std::size_t kBlock = std::size_t{1} << 20;

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

std::uint32_t big_endian(const unsigned char* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}

}  // namespace

IdxImages read_idx_images(const std::filesystem::path& path) {
  const std::string where = path.string();
  const InputFile exists(path);  // says what is wrong with the path itself
  // gzread passes plain files through.
  const std::unique_ptr<gzFile_s, CloseGz> file(gzopen(path.c_str(), "rb"));
  if (!file) fail(where, ": cannot be read");
  /// At most `bytes` bytes; fewer only at the end.
  const auto read = [&](void* to, std::size_t bytes) {
    const int got = gzread(file.get(), to, static_cast<unsigned>(bytes));
    int code = Z_OK;
    const char* reason = gzerror(file.get(), &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) fail(where, ": is damaged: ", reason);
    return static_cast<std::size_t>(got);
  };

  std::array<unsigned char, 16> header;
  if (read(header.data(), header.size()) != header.size())
    fail(where, ": is no IDX image file: ends inside its header");
  if (big_endian(header.data()) != kMagic)
    fail(where, ": is no IDX image file: does not begin with 00 00 08 03");
  IdxImages images;
  images.count = big_endian(header.data() + 4);
  images.rows = big_endian(header.data() + 8);
  images.cols = big_endian(header.data() + 12);
  // Each product is of numbers below 2^32 and 2^30, so none overflows.
  const std::uint64_t pixels = std::uint64_t{images.rows} * images.cols;
  if (images.count == 0 || pixels == 0 || pixels > kLargestImages ||
      pixels * images.count > kLargestImages)
    fail(where, ": announces ", images.count, " images of ", images.rows, " x ", images.cols,
         " pixels, wanted 1 byte to 1 GiB");

  // Grown as bytes arrive, so that a false header costs no more memory than the file holds.
  const std::uint64_t total = pixels * images.count;
  while (images.pixels.size() < total) {
    const std::size_t old = images.pixels.size();
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, total - old));
    images.pixels.resize(old + n);
    const std::size_t got = read(images.pixels.data() + old, n);
    if (got != n)
      fail(where, ": is cut short: ", old + got, " pixels, its header announces ", total);
  }
  char beyond = 0;
  if (read(&beyond, 1) != 0) fail(where, ": is longer than its header announces");
  return images;
}

}  // namespace taugate
