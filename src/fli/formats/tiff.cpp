#include "fli/formats/tiff.h"

#include <tiffio.h>

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstring>
#include <type_traits>
#include <utility>

namespace taugate {
namespace {

constexpr tmsize_t kLargestAllocation = tmsize_t{1} << 30;
constexpr std::uint32_t kLargestSide = 65536;

/// Keeps libtiff's complaint as one line; what it says last names the deepest cause first, so the
/// first one stays.
int keep_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  auto& message = *static_cast<std::string*>(user);
  if (message.empty()) {
    char text[256];
    std::vsnprintf(text, sizeof text, format, arguments);
    message = text;
    std::replace(message.begin(), message.end(), '\n', ' ');
  }
  return 1;
}
int no_message(TIFF*, void*, const char*, const char*, va_list) { return 1; }

template <class T>
void convert(const char* bytes, std::size_t n, float* out, std::size_t stride) {
  for (std::size_t i = 0; i < n; ++i) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    out[i * stride] = static_cast<float>(value);
  }
}

using Convert = void (*)(const char*, std::size_t, float*, std::size_t);

/// How pixels of so many bits and such a sample format become floats; null for other types.
Convert conversion(int bits, int format) {
  if (format == SAMPLEFORMAT_UINT || format == SAMPLEFORMAT_VOID) {
    if (bits == 8) return convert<std::uint8_t>;
    if (bits == 16) return convert<std::uint16_t>;
    if (bits == 32) return convert<std::uint32_t>;
  }
  if (format == SAMPLEFORMAT_INT) {
    if (bits == 8) return convert<std::int8_t>;
    if (bits == 16) return convert<std::int16_t>;
    if (bits == 32) return convert<std::int32_t>;
  }
  if (format == SAMPLEFORMAT_IEEEFP) {
    if (bits == 32) return convert<float>;
    if (bits == 64) return convert<double>;
  }
  return nullptr;
}

}  // namespace

struct TiffReader::Input {
  InputFile file;
  std::uint64_t position = 0;
  std::string error;

  explicit Input(const std::filesystem::path& path) : file(path) {}

  static Input& of(thandle_t handle) { return *static_cast<Input*>(handle); }
  static tmsize_t read(thandle_t handle, void* to, tmsize_t bytes) {
    Input& input = of(handle);
    const std::uint64_t size = input.file.size();
    const auto n = std::min<std::uint64_t>(static_cast<std::uint64_t>(std::max<tmsize_t>(bytes, 0)),
                                           input.position < size ? size - input.position : 0);
    try {
      input.file.read_at(input.position, to, static_cast<std::size_t>(n));
    } catch (const Error& error) {  // libtiff is C
      input.error = error.what();
      return 0;
    }
    input.position += n;
    return static_cast<tmsize_t>(n);
  }
  static tmsize_t write(thandle_t, void*, tmsize_t) { return 0; }
  static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    Input& input = of(handle);
    const std::uint64_t from = whence == SEEK_SET   ? 0
                               : whence == SEEK_CUR ? input.position
                                                    : input.file.size();
    return input.position = from + offset;
  }
  static int close(thandle_t) { return 0; }
  static toff_t size(thandle_t handle) { return of(handle).file.size(); }
};

void TiffReader::Close::operator()(tiff* file) const { TIFFClose(file); }

TiffReader::TiffReader(const std::filesystem::path& path) : input_(std::make_unique<Input>(path)) {
  TIFFOpenOptions* options = TIFFOpenOptionsAlloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, kLargestAllocation);
  TIFFOpenOptionsSetErrorHandlerExtR(options, keep_error, &input_->error);
  TIFFOpenOptionsSetWarningHandlerExtR(options, no_message, nullptr);
  // m: no memory mapping.
  file_.reset(TIFFClientOpenExt(path.c_str(), "rm", input_.get(), Input::read, Input::write,
                                Input::seek, Input::close, Input::size, nullptr, nullptr, options));
  TIFFOpenOptionsFree(options);
  if (!file_) refuse("is no TIFF file");
  pages_ = static_cast<int>(std::min<std::uint64_t>(TIFFNumberOfDirectories(file_.get()), 1 << 20));
  // libtiff counts as far as it can follow the list.
  if (TIFFSetDirectory(file_.get(), static_cast<tdir_t>(pages_ - 1)) == 0 ||
      TIFFLastDirectory(file_.get()) == 0)
    refuse(concat("is cut short or damaged behind page ", pages_));
  const char* description = nullptr;
  if (TIFFSetDirectory(file_.get(), 0) == 0) refuse("its first page is damaged");
  if (TIFFGetField(file_.get(), TIFFTAG_IMAGEDESCRIPTION, &description) && description)
    description_ = description;
  check_page(0);
}

TiffReader::~TiffReader() = default;

void TiffReader::refuse(const std::string& what) const {
  fail(input_->file.path().string(), ": ", what, input_->error.empty() ? "" : ": ", input_->error);
}

void TiffReader::check_page(int page) {
  const auto where = [&] { return concat("page ", page + 1, ": "); };
  std::uint32_t width = 0, height = 0;
  std::uint16_t bits = 1, samples = 1, format = SAMPLEFORMAT_UINT, photometric = 0;
  TIFF* const file = file_.get();
  TIFFGetField(file, TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(file, TIFFTAG_IMAGELENGTH, &height);
  TIFFGetFieldDefaulted(file, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLESPERPIXEL, &samples);
  TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLEFORMAT, &format);
  TIFFGetField(file, TIFFTAG_PHOTOMETRIC, &photometric);
  if (width == 0 || height == 0 || width > kLargestSide || height > kLargestSide)
    refuse(concat(where(), width, " x ", height, " pixels"));
  if (samples != 1 || photometric == PHOTOMETRIC_PALETTE)
    refuse(concat(where(), "colours, wanted one count a pixel"));
  if (!conversion(bits, format))
    refuse(concat(where(), "pixels of ", bits, " bits (sample format ", format,
                  "), wanted integers of 8, 16 or 32 bits or floats of 32 or 64"));
  // A page cannot unpack to much more than the file holds; this also bounds what we allocate.
  constexpr std::uint64_t largest_ratio = 2000, small = std::uint64_t{1} << 24;
  if (std::uint64_t{width} * height * bits / 8 > small + largest_ratio * input_->file.size())
    refuse(concat(where(), width, " x ", height, " pixels in a file of ", input_->file.size(),
                  " bytes"));
  if (width_ == 0) {
    width_ = static_cast<int>(width);
    height_ = static_cast<int>(height);
  }
  if (static_cast<int>(width) != width_ || static_cast<int>(height) != height_)
    refuse(concat(where(), width, " x ", height, " pixels, the first page has ", width_, " x ",
                  height_));
}

void TiffReader::read_block(std::uint32_t block, std::span<char> bytes, bool tiled) {
  const auto size = static_cast<tmsize_t>(bytes.size());
  const tmsize_t got = tiled ? TIFFReadEncodedTile(file_.get(), block, bytes.data(), size)
                             : TIFFReadEncodedStrip(file_.get(), block, bytes.data(), size);
  if (got < 0) refuse("a page is damaged");
  // A strip or tile that ends early leaves what was in the buffer before.
  std::fill(bytes.begin() + got, bytes.end(), '\0');
}

void TiffReader::read_page(int page, float* out, std::size_t stride) {
  TIFF* const file = file_.get();
  if (TIFFSetDirectory(file, static_cast<tdir_t>(page)) == 0)
    refuse(concat("page ", page + 1, " is damaged"));
  check_page(page);
  std::uint16_t bits = 0, format = 0;
  TIFFGetFieldDefaulted(file, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLEFORMAT, &format);
  const Convert convert_pixels = conversion(bits, format);
  const std::size_t pixel = bits / 8u;
  const auto width = static_cast<std::uint32_t>(width_),
             height = static_cast<std::uint32_t>(height_);
  const bool tiled = TIFFIsTiled(file) != 0;
  std::uint32_t block_width = width, block_height = height;
  if (tiled) {
    TIFFGetField(file, TIFFTAG_TILEWIDTH, &block_width);
    TIFFGetField(file, TIFFTAG_TILELENGTH, &block_height);
  } else {
    TIFFGetFieldDefaulted(file, TIFFTAG_ROWSPERSTRIP, &block_height);
    block_height = std::min(block_height, height);
  }
  const std::size_t bytes = std::size_t{block_width} * block_height * pixel;
  const tmsize_t wanted = tiled ? TIFFTileSize(file) : TIFFStripSize(file);
  if (block_width == 0 || block_height == 0 || wanted != static_cast<tmsize_t>(bytes) ||
      wanted > kLargestAllocation)
    refuse(concat("page ", page + 1, " is cut into blocks of ", block_width, " x ", block_height));
  std::vector<char> buffer(bytes);
  std::uint32_t block = 0;
  for (std::uint32_t y0 = 0; y0 < height; y0 += block_height)
    for (std::uint32_t x0 = 0; x0 < width; x0 += block_width, ++block) {
      read_block(block, buffer, tiled);
      const std::uint32_t columns = std::min(block_width, width - x0);
      for (std::uint32_t y = y0; y < std::min(y0 + block_height, height); ++y)
        convert_pixels(buffer.data() + std::size_t{y - y0} * block_width * pixel, columns,
                       out + (std::size_t{y} * width + x0) * stride, stride);
    }
}

void TiffWriter::Close::operator()(tiff* file) const { TIFFClose(file); }

TiffWriter::TiffWriter(const std::filesystem::path& path, int width, int height, int pages,
                       TiffType type, std::string description)
    : target_(path),
      width_(width),
      height_(height),
      type_(type),
      description_(std::move(description)) {
  if (target_.temporary() == target_.target())
    fail(path.string(), ": cannot be written: TIFF wants a regular file");
  const double bytes = (type == TiffType::uint16 ? 2.0 : 4.0) * width * height * pages;
  TIFFOpenOptions* options = TIFFOpenOptionsAlloc();
  TIFFOpenOptionsSetErrorHandlerExtR(options, no_message, nullptr);  // we say it ourselves
  TIFFOpenOptionsSetWarningHandlerExtR(options, no_message, nullptr);
  file_.reset(TIFFOpenExt(target_.temporary().c_str(), bytes > 4.0e9 ? "w8" : "w", options));
  TIFFOpenOptionsFree(options);
  if (!file_) fail(path.string(), ": cannot be written");
}

TiffWriter::~TiffWriter() = default;

void TiffWriter::page(std::span<const float> values, const std::string& label) {
  const std::string where = target_.target().string();
  if (values.size() != static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_))
    fail(where, ": a page of ", values.size(), " pixels, wanted ", width_, " x ", height_);
  if (!label.empty()) TIFFSetField(file_.get(), TIFFTAG_PAGENAME, label.c_str());
  if (type_ == TiffType::float32)
    return write_page(width_, height_, 32, SAMPLEFORMAT_IEEEFP, values.data());
  std::vector<std::uint16_t> integers;
  for (const float value : values) {
    if (!(value >= 0.0f && value <= 65535.0f && value == std::floor(value)))
      fail(where, ": value ", value, " is no integer of 16 bits");
    integers.push_back(static_cast<std::uint16_t>(value));
  }
  write_page(width_, height_, 16, SAMPLEFORMAT_UINT, integers.data());
}

template <class Value>
void TiffWriter::row(std::span<const Value> values) {
  write_page(static_cast<int>(values.size()), 1, 8 * sizeof(Value),
             std::is_integral_v<Value> ? SAMPLEFORMAT_UINT : SAMPLEFORMAT_IEEEFP, values.data());
}
template void TiffWriter::row(std::span<const double>);
template void TiffWriter::row(std::span<const std::uint32_t>);

void TiffWriter::write_page(int width, int height, int bits, int format, const void* data) {
  TIFF* const file = file_.get();
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, width);
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, bits);
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, 1);
  TIFFSetField(file, TIFFTAG_SAMPLEFORMAT, format);
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  TIFFSetField(file, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, height);
  if (!description_.empty()) TIFFSetField(file, TIFFTAG_IMAGEDESCRIPTION, description_.c_str());
  description_.clear();
  const tmsize_t bytes = tmsize_t{width} * height * (bits / 8);
  if (TIFFWriteEncodedStrip(file, 0, const_cast<void*>(data), bytes) != bytes ||
      TIFFWriteDirectory(file) == 0)
    fail(target_.target().string(), ": cannot be written (is the disk full?)");
}

void TiffWriter::finish() {
  if (TIFFFlush(file_.get()) == 0) fail(target_.target().string(), ": cannot be written");
  file_.reset();
  target_.commit();
}

void write_tiff_maps(const std::filesystem::path& path, int width, int height,
                     std::span<const TiffMap> maps) {
  // ImageJ's own header: it then shows the pages as one stack, with their labels.
  const std::string description =
      concat("ImageJ=1.53t\nimages=", maps.size(), "\nslices=", maps.size(), "\n");
  TiffWriter writer(path, width, height, static_cast<int>(maps.size()), TiffType::float32,
                    description);
  for (const TiffMap& map : maps) writer.page(map.values, map.label);
  writer.finish();
}

}  // namespace taugate
