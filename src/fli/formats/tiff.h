#pragma once
// TIFF and OME-TIFF: stacks of gate images in, stacks and float maps out (through libtiff; the
// OME-XML of the first page as the OME model describes it, lifetimes as its "6D, 7D and 8D storage"
// annotations).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "taugate/core/file.h"

struct tiff;

namespace taugate {

/// A file's pages, all of one size and of one value a pixel.
class TiffReader {
 public:
  /// Error for a file that is no TIFF file, or whose pages differ in size, have several samples a
  /// pixel or palette colours.
  explicit TiffReader(const std::filesystem::path& path);
  ~TiffReader();

  int width() const { return width_; }
  int height() const { return height_; }
  int pages() const { return pages_; }
  const std::string& description() const { return description_; }  ///< of the first page
  /// out: [height][width], element (y, x) at out[(y * width + x) * stride]. Error for a damaged
  /// page.
  void read_page(int page, float* out, std::size_t stride = 1);

 private:
  struct Input;  // what libtiff's callbacks get
  struct Close {
    void operator()(tiff* file) const;
  };
  [[noreturn]] void refuse(const std::string& what) const;
  void check_page(int page);
  void read_block(std::uint32_t block, std::span<char> bytes, bool tiled);

  std::unique_ptr<Input> input_;
  std::unique_ptr<tiff, Close> file_;
  int width_ = 0, height_ = 0, pages_ = 0;
  std::string description_;
};

enum class TiffType { uint16, float32 };

/// Writes pages one after the other. Without finish() no file appears.
class TiffWriter {
 public:
  /// `description`: of the first page. More than 2^32 bytes in all make a BigTIFF.
  TiffWriter(const std::filesystem::path& path, int width, int height, int pages, TiffType type,
             std::string description);
  ~TiffWriter();

  /// values: [height][width]; `label`: the page's name. uint16 takes integers to 65535.
  void page(std::span<const float> values, const std::string& label = {});
  /// A page of its own size, one row of numbers; Value: double or uint32_t.
  template <class Value>
  void row(std::span<const Value> values);
  void finish();

 private:
  struct Close {
    void operator()(tiff* file) const;
  };
  void write_page(int width, int height, int bits, int format, const void* data);

  OutputFile target_;
  std::unique_ptr<tiff, Close> file_;
  int width_, height_;
  TiffType type_;
  std::string description_;
};

/// Maps of one image as a 32-bit float stack that ImageJ opens; NaN stays NaN.
struct TiffMap {
  std::string label;
  std::span<const float> values;  ///< [height][width]
};
void write_tiff_maps(const std::filesystem::path& path, int width, int height,
                     std::span<const TiffMap> maps);

}  // namespace taugate
