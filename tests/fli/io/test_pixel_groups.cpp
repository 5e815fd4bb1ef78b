// Regions, binned pixels and masks, beside sums over pixels that are written out here.

#include <doctest/doctest.h>

#include <array>
#include <fstream>

#include "../io_testing.h"
#include "fli/formats/tiff.h"
#include "taugate/fli/formats/npy.h"
#include "taugate/fli/io/pixel_groups.h"

using namespace taugate;

namespace {

constexpr int kWidth = 5, kHeight = 7, kBins = 3;

float count_at(int row, int column, int bin) {
  return static_cast<float>(100 * row + 10 * column + bin + (row * column) % 3);
}

Measurement image() {
  Measurement m;
  m.path = "image.npy";
  m.width = kWidth;
  m.height = kHeight;
  m.bins = kBins;
  for (int row = 0; row < kHeight; ++row)
    for (int column = 0; column < kWidth; ++column)
      for (int bin = 0; bin < kBins; ++bin) m.counts.push_back(count_at(row, column, bin));
  return m;
}

/// The sum over rows and columns of the image that there are, ends exclusive.
float sum_over(int first_row, int end_row, int first_column, int end_column, int bin) {
  float sum = 0.0f;
  for (int row = std::max(first_row, 0); row < std::min(end_row, kHeight); ++row)
    for (int column = std::max(first_column, 0); column < std::min(end_column, kWidth); ++column)
      sum += count_at(row, column, bin);
  return sum;
}

float total(const Measurement& m) {
  float sum = 0.0f;
  for (const float count : m.counts) sum += count;
  return sum;
}

LabelImage mask() {
  LabelImage mask{"cells.tif", kWidth, kHeight, std::vector<int>(kWidth * kHeight)};
  mask.labels[1 * kWidth + 2] = 9;
  mask.labels[1 * kWidth + 3] = 9;
  mask.labels[6 * kWidth + 4] = 9;
  mask.labels[0] = 4;
  return mask;
}

}  // namespace

TEST_CASE("pixel groups: a region keeps its pixels alone") {
  Measurement m = image();
  crop(m, {2, 5, 1, 5});
  REQUIRE(m.height == 3);
  REQUIRE(m.width == 4);
  REQUIRE(m.counts.size() == 3 * 4 * kBins);
  for (int row = 0; row < 3; ++row)
    for (int column = 0; column < 4; ++column)
      for (int bin = 0; bin < kBins; ++bin)
        CHECK(m.counts[static_cast<std::size_t>((row * 4 + column) * kBins + bin)] ==
              count_at(row + 2, column + 1, bin));
  LabelImage cells = mask();
  crop(cells, {1, 7, 2, 5});
  CHECK(cells.labels == std::vector<int>{9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9});
  for (const PixelRegion& wrong :
       {PixelRegion{0, 8, 0, 5}, {-1, 3, 0, 5}, {3, 3, 0, 5}, {0, 7, 4, 6}, {5, 2, 0, 5}}) {
    Measurement other = image();
    CHECK(contains(error_of([&] { crop(other, wrong); }), "within 0:7 and 0:5"));
  }
}

TEST_CASE("pixel groups: tiles and neighbourhoods sum what there is") {
  for (const int n : {2, 3, 4}) {
    Measurement m = image();
    bin_pixels(m, n, false);
    REQUIRE(m.height == (kHeight + n - 1) / n);
    REQUIRE(m.width == (kWidth + n - 1) / n);
    for (int row = 0; row < m.height; ++row)
      for (int column = 0; column < m.width; ++column)
        for (int bin = 0; bin < kBins; ++bin)
          CHECK(m.counts[static_cast<std::size_t>((row * m.width + column) * kBins + bin)] ==
                sum_over(row * n, row * n + n, column * n, column * n + n, bin));
    CHECK(total(m) == total(image()));
  }
  for (const int n : {3, 5, 9}) {
    Measurement m = image();
    bin_pixels(m, n, true);
    REQUIRE(m.height == kHeight);
    REQUIRE(m.width == kWidth);
    const int r = n / 2;
    for (int row = 0; row < m.height; ++row)
      for (int column = 0; column < m.width; ++column)
        for (int bin = 0; bin < kBins; ++bin)
          CHECK(m.counts[static_cast<std::size_t>((row * m.width + column) * kBins + bin)] ==
                sum_over(row - r, row + r + 1, column - r, column + r + 1, bin));
  }
  Measurement m = image();
  CHECK(contains(error_of([&] { bin_pixels(m, 4, true); }), "found 4, wanted an odd number"));
  CHECK(contains(error_of([&] { bin_pixels(m, 1, false); }), "found 1"));
  m.height = 1;
  m.width = kWidth * kHeight;
  CHECK(contains(error_of([&] { bin_pixels(m, 2, false); }), "a list of 35 trace(s)"));
}

TEST_CASE("pixel groups: a label is the sum of its pixels, or keeps them apart") {
  Measurement sums = image();
  sum_labels(sums, mask());
  REQUIRE(sums.labels == std::vector<int>{4, 9});
  CHECK(sums.label_pixels == std::vector<int>{1, 3});
  CHECK(sums.height == 1);
  CHECK(sums.width == 2);
  for (int bin = 0; bin < kBins; ++bin) {
    CHECK(sums.trace(0)[static_cast<std::size_t>(bin)] == count_at(0, 0, bin));
    CHECK(sums.trace(1)[static_cast<std::size_t>(bin)] ==
          count_at(1, 2, bin) + count_at(1, 3, bin) + count_at(6, 4, bin));
  }
  Measurement kept = image();
  keep_labels(kept, mask());
  CHECK(kept.labels == mask().labels);
  CHECK(kept.width == kWidth);
  CHECK(kept.trace(0)[1] == count_at(0, 0, 1));
  CHECK(total(kept) == total(sums));

  Measurement m = image();
  LabelImage other = mask();
  other.width = kHeight;
  other.height = kWidth;
  CHECK(error_of([&] { sum_labels(m, other); }) ==
        "cells.tif: found 7 x 5 labels, wanted 5 x 7, as many as image.npy has pixels");
  other = mask();
  std::fill(other.labels.begin(), other.labels.end(), 0);
  CHECK(contains(error_of([&] { keep_labels(m, other); }), "found no label but 0"));
}

TEST_CASE("pixel groups: masks from files") {
  const Folder folder;
  const std::array<float, 6> values{0, 1, 1, 0, 300, 65535};
  TiffWriter writer(folder.path / "m.tif", 3, 2, 1, TiffType::uint16, "");
  writer.page(values);
  writer.finish();
  const LabelImage tiff = read_labels(folder.path / "m.tif");
  CHECK(tiff.width == 3);
  CHECK(tiff.height == 2);
  CHECK(tiff.labels == std::vector<int>{0, 1, 1, 0, 300, 65535});
  const auto npy = [&](std::vector<float> v, std::vector<std::size_t> row) {
    write_npy<float>(folder.path / "m.npy", {'f', 4, false}, row, v);
    return folder.path / "m.npy";
  };
  CHECK(read_labels(npy({0, 1, 1, 0, 300, 65535}, {3})).labels == tiff.labels);
  CHECK(contains(error_of([&] {
                   read_labels(npy({0, 1, 1.5, 0, 0, 0}, {3}));
                 }),
                 "row 0, column 2: found 1.5, wanted a label"));
  CHECK(contains(error_of([&] {
                   read_labels(npy({0, 1, 1, 0, -1, 0}, {3}));
                 }),
                 "row 1, column 1: found -1"));
  CHECK(contains(error_of([&] {
                   read_labels(npy({0, 1, 1, 0, 1, 0}, {}));
                 }),
                 "wanted labels [H][W]"));
  CHECK(contains(error_of([&] { read_labels(folder.file("m.txt", "0 1 1\n")); }), "m.txt"));
}
