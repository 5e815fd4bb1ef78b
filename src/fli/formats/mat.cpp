#include "fli/formats/mat.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <span>

#include "fli/formats/inflate.h"
#include "taugate/core/error.h"

namespace taugate {
namespace {

constexpr std::size_t kHeader = 128, kEndian = 126, kTag = 8;
constexpr std::size_t kMostExtents = 4, kLongestName = 1024, kMostVariables = 65536;
constexpr std::size_t kPiece = std::size_t{1} << 16;

// Types of elements, and classes of arrays.
constexpr std::uint32_t kInt8 = 1, kUint8 = 2, kInt16 = 3, kUint16 = 4, kInt32 = 5, kUint32 = 6,
                        kSingle = 7, kDouble = 9, kInt64 = 12, kUint64 = 13, kMatrix = 14,
                        kCompressed = 15;
constexpr std::uint32_t kFirstNumericClass = 6, kLastNumericClass = 15, kComplex = 0x800;

std::size_t size_of(std::uint32_t type) {
  switch (type) {
    case kInt8:
    case kUint8:
      return 1;
    case kInt16:
    case kUint16:
      return 2;
    case kInt32:
    case kUint32:
    case kSingle:
      return 4;
    case kDouble:
    case kInt64:
    case kUint64:
      return 8;
    default:
      return 0;
  }
}

template <class T>
float number(const char* bytes, bool swap) {
  std::array<char, sizeof(T)> own;
  std::copy_n(bytes, sizeof(T), own.begin());
  if (swap) std::reverse(own.begin(), own.end());
  return static_cast<float>(std::bit_cast<T>(own));
}

using Number = float (*)(const char*, bool);

Number number_of(std::uint32_t type) {
  switch (type) {
    case kInt8:
      return number<std::int8_t>;
    case kUint8:
      return number<std::uint8_t>;
    case kInt16:
      return number<std::int16_t>;
    case kUint16:
      return number<std::uint16_t>;
    case kInt32:
      return number<std::int32_t>;
    case kUint32:
      return number<std::uint32_t>;
    case kSingle:
      return number<float>;
    case kDouble:
      return number<double>;
    case kInt64:
      return number<std::int64_t>;
    default:
      return number<std::uint64_t>;
  }
}

/// Walks an array in the order of MATLAB, the first extent fastest; at() is the place in row-major
/// order.
class ColumnMajor {
 public:
  explicit ColumnMajor(const std::vector<std::size_t>& shape)
      : shape_(shape), stride_(shape.size(), 1), index_(shape.size(), 0) {
    for (std::size_t axis = shape.size(); axis-- > 1;)
      stride_[axis - 1] = stride_[axis] * shape[axis];
  }
  std::size_t at() const { return place_; }
  void next() {
    for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
      place_ += stride_[axis];
      if (++index_[axis] < shape_[axis]) return;
      place_ -= stride_[axis] * shape_[axis];
      index_[axis] = 0;
    }
  }

 private:
  const std::vector<std::size_t>& shape_;
  std::vector<std::size_t> stride_, index_;
  std::size_t place_ = 0;
};

}  // namespace

Array<float> from_columns(std::vector<std::size_t> shape, std::span<const float> columns) {
  Array<float> array{std::move(shape), std::vector<float>(columns.size())};
  ColumnMajor place(array.shape);
  for (const float value : columns) {
    array.values[place.at()] = value;
    place.next();
  }
  if (array.shape.size() == 2 && (array.shape[0] == 1 || array.shape[1] == 1))
    array.shape = {columns.size()};
  return array;
}

/// The bytes of an element in their order, unpacked where it is compressed.
class MatReader::Source {
 public:
  struct Tag {
    std::uint32_t type = 0, bytes = 0;
    bool small = false;  // its data shares the tag's 8 bytes
  };

  Source(const InputFile& file, const Variable& v, bool swap)
      : file_(file), at_(v.offset), left_(v.bytes), swap_(swap) {
    if (v.compressed) packed_.emplace(file, at_, left_, where());
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  [[noreturn]] void refuse(const std::string& what) const { fail(where(), ": ", what); }
  void read(void* to, std::size_t bytes) {
    if (packed_) {
      packed_->read(to, bytes);
      return;
    }
    if (bytes > left_) refuse("is cut short");
    file_.read_at(at_, to, bytes);
    at_ += bytes;
    left_ -= bytes;
  }
  void skip(std::size_t bytes) {
    std::array<char, 8> padding;
    read(padding.data(), bytes);
  }
  Tag tag() {
    Tag t;
    t.type = integer();
    t.small = t.type >> 16 != 0;
    t.bytes = t.small ? t.type >> 16 : integer();
    t.type &= 0xffff;
    if (t.small && t.bytes > 4) refuse("is damaged");
    return t;
  }
  std::uint32_t integer() {
    std::array<char, 4> bytes;
    read(bytes.data(), 4);
    if (swap_) std::reverse(bytes.begin(), bytes.end());
    return std::bit_cast<std::uint32_t>(bytes);
  }
  /// What pads the data of such a tag.
  void end(const Tag& t) { skip(t.small ? 4 - t.bytes : (8 - t.bytes % 8) % 8); }
  /// Behind all of the data: compares the checksum of what was packed.
  void finish() {
    if (packed_) packed_->finish(kTag - 1);
  }

 private:
  std::string where() const { return concat(file_.path().string(), ": the element at byte ", at_); }

  const InputFile& file_;
  std::uint64_t at_, left_;
  bool swap_;
  std::optional<ZlibStream> packed_;
};

MatReader::MatReader(const std::filesystem::path& path) : file_(path) {
  const std::string where = path.string();
  std::array<char, kHeader> header{};
  if (file_.size() < kHeader) fail(where, ": is no MAT file: ", file_.size(), " bytes");
  file_.read_at(0, header.data(), kHeader);
  const std::string_view text(header.data(), kHeader), endian = text.substr(kEndian, 2);
  if (!text.starts_with("MATLAB 5") || (endian != "IM" && endian != "MI"))
    fail(where, ": is no MAT file of version 5 to 7");
  big_endian_ = endian == "MI";

  for (std::uint64_t at = kHeader; at < file_.size();) {
    Variable v{{}, {}, at, file_.size() - at, false};
    const Source::Tag tag = Source(file_, v, big_endian_).tag();
    v.offset = at + kTag;
    v.bytes = tag.bytes;
    v.compressed = tag.type == kCompressed;
    if (tag.small || v.bytes > file_.size() - v.offset)
      fail(where, ": the element at byte ", at, " announces ", v.bytes, " bytes, the file has ",
           file_.size() - v.offset, " more");
    at = v.offset + v.bytes;
    if (tag.type != kMatrix && !v.compressed) continue;
    Source source(file_, v, big_endian_);
    if (v.compressed && source.tag().type != kMatrix) continue;
    if (describe(source, v)) variables_.push_back(std::move(v));
    if (variables_.size() > kMostVariables) fail(where, ": holds too many arrays");
  }
}

std::vector<std::string> MatReader::names() const {
  std::vector<std::string> all;
  for (const Variable& v : variables_) all.push_back(v.name);
  return all;
}

bool MatReader::describe(Source& source, Variable& v) const {
  const Source::Tag flags_tag = source.tag();
  if (flags_tag.type != kUint32 || flags_tag.bytes != 8) source.refuse("has no array flags");
  const std::uint32_t flags = source.integer();
  source.integer();
  const std::uint32_t kind = flags & 0xff;
  if (kind < kFirstNumericClass || kind > kLastNumericClass || (flags & kComplex)) return false;

  const Source::Tag extents = source.tag();
  if (extents.type != kInt32 || extents.bytes % 4 != 0) source.refuse("has no extents");
  if (extents.bytes < 8 || extents.bytes > 4 * kMostExtents) return false;
  std::uint64_t count = 1;
  for (std::uint32_t i = 0; i < extents.bytes / 4; ++i) {
    const std::uint32_t extent = source.integer();
    // Each value takes a byte at least.
    const std::uint64_t most = v.compressed ? v.bytes * kLargestRatio + kRatioSlack : v.bytes;
    if (extent > 0 && count > most / extent)
      source.refuse(concat("claims more values than its ", v.bytes, " bytes can hold"));
    count *= extent;
    v.shape.push_back(extent);
  }
  source.end(extents);

  const Source::Tag name = source.tag();
  if (name.type != kInt8 || name.bytes > kLongestName) source.refuse("has no name");
  v.name.resize(name.bytes);
  source.read(v.name.data(), name.bytes);
  source.end(name);
  return !v.name.empty() && count > 0;
}

Array<float> MatReader::read(const std::string& name) const {
  const auto found = std::find_if(variables_.begin(), variables_.end(),
                                  [&](const Variable& v) { return v.name == name; });
  const std::string where = concat(file_.path().string(), ": array '", name, "'");
  if (found == variables_.end()) fail(where, ": is missing");
  Source source(file_, *found, big_endian_);
  if (found->compressed) source.tag();
  Variable again{{}, {}, found->offset, found->bytes, found->compressed};
  describe(source, again);
  const Source::Tag data = source.tag();
  const std::size_t size = size_of(data.type);
  std::size_t count = 1;
  for (const std::size_t extent : found->shape) count *= extent;
  if (size == 0 || data.bytes != std::uint64_t{count} * size)
    fail(where, ": holds ", data.bytes, " bytes of element type ", data.type, " for ", count,
         " values");
  if (count > kLargestArray / sizeof(float))
    fail(where, ": ", count, " values are too many to be read at once");

  std::vector<float> columns(count);
  const Number convert = number_of(data.type);
  std::vector<char> piece(kPiece);
  for (std::size_t done = 0; done < count;) {
    const std::size_t n = std::min(count - done, kPiece / size);
    source.read(piece.data(), n * size);
    for (std::size_t i = 0; i < n; ++i)
      columns[done + i] = convert(piece.data() + i * size, big_endian_);
    done += n;
  }
  source.finish();
  return from_columns(found->shape, columns);
}

}  // namespace taugate
