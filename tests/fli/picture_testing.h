#pragma once
// What the tests of pictures share.

#include "fli/io_testing.h"
#include "fli/plot/gnuplot.h"
#include "taugate/fli/plot/plot_maps.h"
#include "testing.h"

namespace taugate {

inline bool gnuplot_is_here() {
  try {
    run_gnuplot("set terminal pngcairo size 20,20\nplot x\n");
    return true;
  } catch (const Error& error) {
    MESSAGE("skipped: " << error.what());
    return false;
  }
}

/// Width and height from the IHDR chunk of a PNG file.
inline PlotSize size_of(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  REQUIRE(bytes.size() > 33);
  REQUIRE(bytes.substr(0, 8) == "\x89PNG\r\n\x1a\n");
  REQUIRE(bytes.substr(12, 4) == "IHDR");
  REQUIRE(bytes.substr(bytes.size() - 8, 4) == "IEND");
  const auto big_endian = [&](std::size_t at) {
    int value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  return {big_endian(16), big_endian(20)};
}

inline void check_size(const std::filesystem::path& path, int width, int height) {
  const PlotSize size = size_of(path);
  CHECK(size.width == width);
  CHECK(size.height == height);
}

}  // namespace taugate
