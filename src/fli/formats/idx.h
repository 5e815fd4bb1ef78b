#pragma once
// IDX image files (the format of MNIST and Fashion-MNIST), raw or gzip'd.

#include <cstdint>
#include <filesystem>
#include <vector>

namespace taugate {

struct IdxImages {
  std::size_t count = 0, rows = 0, cols = 0;
  std::vector<std::uint8_t> pixels;  ///< [count][rows][cols]

  const std::uint8_t* image(std::size_t i) const { return pixels.data() + i * rows * cols; }
};

/// Error unless the file is a complete IDX file of unsigned bytes in three dimensions (magic number
/// 0x00000803) of at most 1 GiB.
IdxImages read_idx_images(const std::filesystem::path& path);

}  // namespace taugate
