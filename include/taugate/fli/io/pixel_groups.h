#pragma once
// Which pixels of an image become traces: a rectangle of them, sums of neighbours, sums over the
// cells of a mask.

#include <filesystem>
#include <string>
#include <vector>

#include "taugate/fli/io/measurement.h"

namespace taugate {

/// Rows and columns of an image, from 0, each half-open.
struct PixelRegion {
  int first_row = 0, end_row = 0, first_column = 0, end_column = 0;
};

/// An image of whole numbers: 0 is background, every other number the label of a cell.
struct LabelImage {
  std::filesystem::path path;
  int width = 0, height = 0;
  std::vector<int> labels;  ///< [height][width], >= 0
};

/// Reads a TIFF image of one page or a NPY array [H][W]. Error for other files, for values that are
/// no whole numbers from 0 to 2^24, and for an image without a label.
LabelImage read_labels(const std::filesystem::path& path);

/// Error unless the mask has as many labels as the image has pixels.
void check_size(const Measurement& measurement, const LabelImage& mask);

/// Keeps these pixels alone. UsageError where the region is empty or reaches beyond the image.
void crop(Measurement& measurement, const PixelRegion& region);
void crop(LabelImage& mask, const PixelRegion& region);

struct ImageSize {
  int width = 0, height = 0;
};

/// UsageError for n that is not 2 to 1024, and for an even n that slides.
void check_bin_pixels(int n, bool sliding);

/// What tiles of n x n pixels leave of an image; those at the right and the lower edge may be smaller. UsageError,
/// which names the image by `where`, for a list of traces (height 1), and for n that is not 2 to 1024.
ImageSize size_in_tiles(ImageSize image, int n, const std::string& where);

/// Sums of n x n pixels. Tiles (the image becomes n times smaller), those at the right and the lower
/// edge summing what there is of them; or `sliding`: each pixel becomes the sum over itself and its
/// neighbours, at the edges fewer. UsageError for a list of traces, for n that is not 2 to 1024, and
/// for an even n that slides.
void bin_pixels(Measurement& measurement, int n, bool sliding);

/// A list of traces, one a label in ascending order: the sums of their pixels. Sets
/// measurement.labels and .label_pixels. Error where the mask is of another size or has no label.
void sum_labels(Measurement& measurement, const LabelImage& mask);

/// The image with the pixels outside of all labels empty. Sets measurement.labels. Error as above.
void keep_labels(Measurement& measurement, const LabelImage& mask);

}  // namespace taugate
