#include "taugate/fli/io/pixel_groups.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "fli/formats/tiff.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/formats/npy.h"

namespace taugate {
namespace {

constexpr float kLargestLabel = 0x1p24f;  // whole numbers up to it are exact as floats
constexpr int kWidestBin = 1024;

void check_region(const PixelRegion& r, int width, int height, const std::string& where) {
  if (r.first_row >= 0 && r.first_row < r.end_row && r.end_row <= height && r.first_column >= 0 &&
      r.first_column < r.end_column && r.end_column <= width)
    return;
  fail_usage(where, ": found a region of rows ", r.first_row, ":", r.end_row, " and columns ",
             r.first_column, ":", r.end_column, ", wanted one within 0:", height, " and 0:", width,
             ", with a pixel at least (ends are exclusive)");
}

/// values: [height][width][n]; what the region has of them moves to the front.
template <class T>
void crop_values(std::vector<T>& values, int width, const PixelRegion& r, std::size_t n) {
  const auto row = static_cast<std::size_t>(r.end_column - r.first_column) * n;
  auto to = values.begin();
  for (int y = r.first_row; y < r.end_row; ++y) {
    const auto from = values.begin() + (static_cast<std::ptrdiff_t>(y) * width + r.first_column) *
                                           static_cast<std::ptrdiff_t>(n);
    to = std::copy(from, from + static_cast<std::ptrdiff_t>(row), to);
  }
  values.erase(to, values.end());
}

/// Along one axis, `length` groups of `inner` values with `outer` of these before the next: group i
/// of the result, of `groups`, is the sum of first(i) to end(i).
template <class First, class End>
std::vector<float> summed_along(const std::vector<float>& values, std::size_t outer,
                                std::size_t length, std::size_t inner, std::size_t groups,
                                First first, End end) {
  std::vector<float> sums(outer * groups * inner);
  parallel_for(outer * groups, [&](std::size_t item, int) {
    const std::size_t o = item / groups, i = item % groups;
    float* const to = &sums[item * inner];
    for (std::size_t j = first(i); j < std::min(end(i), length); ++j) {
      const float* const from = &values[(o * length + j) * inner];
      for (std::size_t k = 0; k < inner; ++k) to[k] += from[k];
    }
  });
  return sums;
}

void check_labels(const Measurement& m, const LabelImage& mask) {
  check_size(m, mask);
  require(std::any_of(mask.labels.begin(), mask.labels.end(), [](int l) { return l != 0; }),
          mask.path.string(), ": found no label but 0, the background, wanted some");
}

}  // namespace

LabelImage read_labels(const std::filesystem::path& path) {
  LabelImage mask{path, 0, 0, {}};
  std::vector<float> values;
  const std::string where = path.string();
  if (read_prefix(path, 6).starts_with("\x93NUMPY")) {
    Array<float> array = read_npy<float>(path);
    require(array.shape.size() == 2, where, ": found an array of ", array.shape.size(),
            " axes, wanted labels [H][W]");
    for (const std::size_t extent : array.shape)
      require(extent > 0 && extent < (std::size_t{1} << 31), where, ": found an extent of ", extent,
              ", wanted pixels");
    mask.height = static_cast<int>(array.shape[0]);
    mask.width = static_cast<int>(array.shape[1]);
    values = std::move(array.values);
  } else {
    TiffReader file(path);
    require(file.pages() == 1, where, ": found ", file.pages(), " pages, wanted one of labels");
    mask.width = file.width();
    mask.height = file.height();
    values.resize(static_cast<std::size_t>(mask.width) * static_cast<std::size_t>(mask.height));
    file.read_page(0, values.data());
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float v = values[i];
    require(v >= 0.0f && v <= kLargestLabel && v == std::floor(v), where, ": row ",
            i / static_cast<std::size_t>(mask.width), ", column ",
            i % static_cast<std::size_t>(mask.width), ": found ", v,
            ", wanted a label, a whole number from 0 (background) to 16777216");
    mask.labels.push_back(static_cast<int>(v));
  }
  return mask;
}

void check_size(const Measurement& m, const LabelImage& mask) {
  require(mask.width == m.width && mask.height == m.height, mask.path.string(), ": found ",
          mask.width, " x ", mask.height, " labels, wanted ", m.width, " x ", m.height,
          ", as many as ", m.path.string(), " has pixels");
}

void crop(Measurement& m, const PixelRegion& r) {
  check_region(r, m.width, m.height, m.path.string());
  crop_values(m.counts, m.width, r, static_cast<std::size_t>(m.bins));
  m.width = r.end_column - r.first_column;
  m.height = r.end_row - r.first_row;
}

void crop(LabelImage& mask, const PixelRegion& r) {
  check_region(r, mask.width, mask.height, mask.path.string());
  crop_values(mask.labels, mask.width, r, 1);
  mask.width = r.end_column - r.first_column;
  mask.height = r.end_row - r.first_row;
}

void check_bin_pixels(int n, bool sliding) {
  if (n < 2 || n > kWidestBin) fail_usage("--bin-pixels: found ", n, ", wanted 2 to ", kWidestBin);
  if (sliding && n % 2 == 0)
    fail_usage("--bin-pixels: found ", n, ", wanted an odd number for a neighbourhood that slides");
}

ImageSize size_in_tiles(ImageSize image, int n, const std::string& where) {
  check_bin_pixels(n, false);
  if (image.height == 1)
    fail_usage(where, ": found a list of ", image.width,
               " trace(s), wanted an image whose pixels have neighbours to be binned with");
  return {(image.width + n - 1) / n, (image.height + n - 1) / n};
}

void bin_pixels(Measurement& m, int n, bool sliding) {
  const ImageSize tiles = size_in_tiles({m.width, m.height}, n, m.path.string());
  check_bin_pixels(n, sliding);
  const auto width = static_cast<std::size_t>(m.width), height = static_cast<std::size_t>(m.height),
             bins = static_cast<std::size_t>(m.bins), size = static_cast<std::size_t>(n),
             reach = size / 2;
  const auto first = [&](std::size_t i) {
    return sliding ? (i > reach ? i - reach : 0) : i * size;
  };
  const auto end = [&](std::size_t i) { return sliding ? i + reach + 1 : (i + 1) * size; };
  const ImageSize binned = sliding ? ImageSize{m.width, m.height} : tiles;
  const auto columns = static_cast<std::size_t>(binned.width);
  m.counts = summed_along(m.counts, height, width, bins, columns, first, end);
  m.counts = summed_along(m.counts, 1, height, columns * bins,
                          static_cast<std::size_t>(binned.height), first, end);
  m.width = binned.width;
  m.height = binned.height;
  if (sliding) m.photon_uses = static_cast<double>(size * size);
}

void sum_labels(Measurement& m, const LabelImage& mask) {
  check_labels(m, mask);
  const auto bins = static_cast<std::size_t>(m.bins);
  std::map<int, std::vector<double>> sums;
  std::map<int, int> pixels;
  for (std::size_t i = 0; i < mask.labels.size(); ++i) {
    if (mask.labels[i] == 0) continue;
    std::vector<double>& sum = sums[mask.labels[i]];
    sum.resize(bins);
    ++pixels[mask.labels[i]];
    const auto trace = m.trace(i);
    for (std::size_t k = 0; k < bins; ++k) sum[k] += trace[k];
  }
  m.counts.clear();
  for (const auto& [label, sum] : sums) {
    m.counts.insert(m.counts.end(), sum.begin(), sum.end());
    m.labels.push_back(label);
    m.label_pixels.push_back(pixels[label]);
  }
  m.width = static_cast<int>(sums.size());
  m.height = 1;
}

void keep_labels(Measurement& m, const LabelImage& mask) {
  check_labels(m, mask);
  const auto bins = static_cast<std::size_t>(m.bins);
  for (std::size_t i = 0; i < mask.labels.size(); ++i)
    if (mask.labels[i] == 0)
      std::fill_n(m.counts.begin() + static_cast<std::ptrdiff_t>(i * bins), bins, 0.0f);
  m.labels = mask.labels;
}

}  // namespace taugate
