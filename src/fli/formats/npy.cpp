#include "taugate/fli/formats/npy.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

namespace taugate {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are copied as they are");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kLargestHeader = std::size_t{1} << 16;
constexpr std::size_t kBlockElements = std::size_t{1} << 13;
constexpr std::size_t kLargestRank = 4;

/// Calls body(T{}) with the C++ type that `type` names.
template <class Body>
void with_type(NpyType type, Body&& body) {
  switch (type.kind) {
    case 'f':
      return type.size == 4 ? body(float{}) : body(double{});
    case 'b':
      return body(std::uint8_t{});
    case 'u':
      if (type.size == 1) return body(std::uint8_t{});
      if (type.size == 2) return body(std::uint16_t{});
      if (type.size == 4) return body(std::uint32_t{});
      return body(std::uint64_t{});
    default:
      if (type.size == 1) return body(std::int8_t{});
      if (type.size == 2) return body(std::int16_t{});
      if (type.size == 4) return body(std::int32_t{});
      return body(std::int64_t{});
  }
}

/// The header is a Python dict literal of strings, True/False and a tuple of integers; this reads
/// no more of Python than that.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  NpyHeader parse() {
    NpyHeader header;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (peek() != '}') {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        if (peek() == '[') bad("a structured type, wanted one number type");
        header.type = NpyType::parse(quoted(), where_);
        descr = true;
      } else if (key == "fortran_order" && !order) {
        header.fortran_order = boolean();
        order = true;
      } else if (key == "shape" && !shape) {
        header.shape = tuple();
        shape = true;
      } else {
        bad(concat("the key '", key, "' twice or unknown"));
      }
      if (peek() == ',') ++position_;
    }
    expect('}');
    if (!descr || !order || !shape) bad("not all of descr, fortran_order and shape");
    return header;
  }

 private:
  [[noreturn]] void bad(const std::string& found) const {
    fail(where_, ": NPY header has ", found, ", at its byte ", position_);
  }
  char peek() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n'))
      ++position_;
    if (position_ == text_.size()) bad("an early end");
    return text_[position_];
  }
  void expect(char c) {
    if (peek() != c) bad(concat("'", text_[position_], "' instead of '", c, "'"));
    ++position_;
  }
  std::string_view quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') bad("no string where one is wanted");
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) bad("a string without an end");
    const std::string_view value = text_.substr(position_ + 1, end - position_ - 1);
    position_ = end + 1;
    return value;
  }
  bool boolean() {
    peek();
    for (const auto& [word, value] : {std::pair{"True", true}, std::pair{"False", false}}) {
      if (!text_.substr(position_).starts_with(word)) continue;
      position_ += std::strlen(word);
      return value;
    }
    bad("neither True nor False for fortran_order");
  }
  std::vector<std::size_t> tuple() {
    std::vector<std::size_t> extents;
    expect('(');
    while (peek() != ')') {
      std::size_t extent = 0;
      const char* const begin = text_.data() + position_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), extent);
      if (error != std::errc{}) bad("no extent (a number from 0 up) in its shape");
      position_ += static_cast<std::size_t>(end - begin);
      extents.push_back(extent);
      if (extents.size() > kLargestRank) bad("more than 4 extents in its shape");
      if (peek() == 'L') ++position_;  // a long integer of Python 2
      if (peek() == ',') ++position_;
    }
    expect(')');
    return extents;
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t position_ = 0;
};

/// The product of the extents times `element`, or Error when it does not fit into 63 bits.
std::uint64_t checked_bytes(const std::vector<std::size_t>& shape, std::uint64_t element,
                            const std::string& where) {
  std::uint64_t bytes = element;
  if (std::find(shape.begin(), shape.end(), 0u) != shape.end()) return 0;
  for (const std::size_t extent : shape) {
    if (extent > (std::uint64_t{1} << 62) / bytes) fail(where, ": NPY shape is absurdly large");
    bytes *= extent;
  }
  return bytes;
}

template <class S>
void decode(NpyType type, std::span<const char> raw, S* out, std::size_t stride) {
  with_type(type, [&]<class T>(T) {
    for (std::size_t i = 0; i * sizeof(T) < raw.size(); ++i) {
      std::array<char, sizeof(T)> bytes;
      std::memcpy(bytes.data(), raw.data() + i * sizeof(T), sizeof(T));
      if (type.big_endian) std::reverse(bytes.begin(), bytes.end());
      const T value = std::bit_cast<T>(bytes);
      out[i * stride] = type.kind == 'b' ? static_cast<S>(value != 0) : static_cast<S>(value);
    }
  });
}

/// `count` neighbouring elements of the file, from element `first`, to every stride-th place of
/// `out`.
template <class S>
void read_run(const NpyHeader& header, const ReadBytes& read, std::size_t first, std::size_t count,
              S* out, std::size_t stride) {
  std::array<char, kBlockElements * 8> block;
  const auto size = static_cast<std::size_t>(header.type.size);
  for (std::size_t done = 0; done < count;) {
    const std::size_t n = std::min(count - done, kBlockElements);
    read(header.data_offset + std::uint64_t{first + done} * size, block.data(), n * size);
    decode(header.type, {block.data(), n * size}, out + done * stride, stride);
    done += n;
  }
}

}  // namespace

NpyType NpyType::parse(std::string_view name, const std::string& where) {
  NpyType type;
  std::string_view rest = name;
  if (!rest.empty() && std::string_view("<>|=").find(rest.front()) != std::string_view::npos) {
    type.big_endian = rest.front() == '>';
    rest.remove_prefix(1);
  }
  for (const std::string_view known :
       {"f4", "f8", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "b1"}) {
    if (rest != known) continue;
    type.kind = known[0];
    type.size = known[1] - '0';
    return type;
  }
  fail(where, ": has elements of type '", name,
       "', wanted f4, f8, u1, u2, u4, u8, i1, i2, i4, i8 or b1");
}

std::string NpyType::name() const {
  return concat(size == 1 ? '|' : big_endian ? '>' : '<', kind, size);
}

std::size_t NpyHeader::count() const { return rows() * row_size(); }

std::size_t NpyHeader::rows() const { return shape.empty() ? 1 : shape.front(); }

std::size_t NpyHeader::row_size() const {
  if (shape.empty()) return 1;
  return std::accumulate(shape.begin() + 1, shape.end(), std::size_t{1}, std::multiplies<>{});
}

NpyHeader read_npy_header(const ReadBytes& read, std::uint64_t file_size,
                          const std::string& where) {
  if (file_size < 10) fail(where, ": is no NPY file: ", file_size, " bytes");
  std::array<unsigned char, 12> start{};
  read(0, start.data(), 10);
  if (std::memcmp(start.data(), kMagic.data(), kMagic.size()) != 0)
    fail(where, ": is no NPY file: does not begin with \\x93NUMPY");
  const int version = start[6];
  if (version < 1 || version > 3)
    fail(where, ": is of NPY version ", version, ", wanted 1, 2 or 3");
  const std::size_t preamble = version == 1 ? 10 : 12;
  std::size_t length = start[8] | start[9] << 8;
  if (version > 1) {
    if (file_size < preamble) fail(where, ": ends inside the NPY header");
    read(10, start.data() + 10, 2);
    length |= std::size_t{start[10]} << 16 | std::size_t{start[11]} << 24;
  }
  if (length > kLargestHeader)
    fail(where, ": NPY header of ", length, " bytes, wanted at most ", kLargestHeader);
  if (preamble + length > file_size)
    fail(where, ": ends inside the NPY header: ", file_size, " bytes");
  std::string text(length, '\0');
  read(preamble, text.data(), length);

  NpyHeader header = HeaderParser(text, where).parse();
  header.data_offset = preamble + length;
  const std::uint64_t wanted =
      checked_bytes(header.shape, static_cast<std::uint64_t>(header.type.size), where);
  const std::uint64_t found = file_size - header.data_offset;
  if (wanted != found)
    fail(where, ": holds ", found, " bytes of data, its header announces ", wanted);
  return header;
}

template <class S>
void read_npy_rows(const NpyHeader& header, const ReadBytes& read, std::size_t first,
                   std::size_t count, S* out) {
  const std::size_t rows = header.rows(), row_size = header.row_size();
  if (first > rows || count > rows - first)
    fail("rows ", first, " to ", first + count, " of an array of ", rows, " rows");
  if (count == 0 || row_size == 0) return;
  if (!header.fortran_order || header.shape.size() < 2)
    return read_run(header, read, first * row_size, count * row_size, out, 1);

  // Fortran order: the file is [d3][d2][d1][rows], we want [rows][d1][d2][d3].
  std::array<std::size_t, kLargestRank - 1> d{1, 1, 1};
  std::copy(header.shape.begin() + 1, header.shape.end(), d.begin());
  std::size_t column = 0;
  for (std::size_t k = 0; k < d[2]; ++k)
    for (std::size_t j = 0; j < d[1]; ++j)
      for (std::size_t i = 0; i < d[0]; ++i, ++column)
        read_run(header, read, column * rows + first, count, out + (i * d[1] + j) * d[2] + k,
                 row_size);
}

template <class S>
Array<S> read_npy_array(const NpyHeader& header, const ReadBytes& read, const std::string& where) {
  if (header.count() > kLargestArray / sizeof(S))
    fail(where, ": ", header.count(), " elements are too many to be read at once, wanted at most ",
         kLargestArray / sizeof(S));
  Array<S> array{header.shape, std::vector<S>(header.count())};
  read_npy_rows(header, read, 0, header.rows(), array.values.data());
  return array;
}

NpyReader::NpyReader(const std::filesystem::path& path)
    : file_(path),
      header_(read_npy_header(
          [this](auto offset, void* to, std::size_t n) { file_.read_at(offset, to, n); },
          file_.size(), path.string())) {}

template <class S>
void NpyReader::rows(std::size_t first, std::size_t count, S* out) const {
  read_npy_rows(
      header_, [this](auto offset, void* to, std::size_t n) { file_.read_at(offset, to, n); },
      first, count, out);
}

template <class S>
Array<S> read_npy(const std::filesystem::path& path) {
  const InputFile file(path);
  const ReadBytes read = [&](auto offset, void* to, std::size_t n) { file.read_at(offset, to, n); };
  return read_npy_array<S>(read_npy_header(read, file.size(), path.string()), read, path.string());
}

NpyWriter::NpyWriter(const std::filesystem::path& path, NpyType type,
                     std::vector<std::size_t> row_shape)
    : file_(path), type_(type), row_shape_(std::move(row_shape)) {
  if (row_shape_.size() > kLargestRank - 1)
    fail(path.string(), ": rows of ", row_shape_.size(), " extents, wanted at most 3");
  type_.big_endian = false;
  for (const std::size_t extent : row_shape_) row_size_ *= extent;
  file_.write(header());
}

std::string NpyWriter::header() const {
  std::string shape = std::to_string(rows_) + ",";
  for (const std::size_t extent : row_shape_) shape += concat(" ", extent, ",");
  std::string text =
      concat("{'descr': '", type_.name(), "', 'fortran_order': False, 'shape': (", shape, "), }");
  // As long for any number of rows as for the largest, and data aligned to 64 bytes.
  constexpr std::size_t longest_count = std::numeric_limits<std::size_t>::digits10 + 1;
  const std::size_t longest = text.size() + longest_count - std::to_string(rows_).size() + 1;
  const std::size_t total = (10 + longest + 63) / 64 * 64;
  text.resize(total - 11, ' ');
  text += '\n';
  std::string start(kMagic);
  start +=
      {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return start + text;
}

template <class S>
void NpyWriter::append_values(std::span<const S> values) {
  if (row_size_ == 0 ? !values.empty() : values.size() % row_size_ != 0)
    fail(file_.target().string(), ": ", values.size(), " values are no whole number of rows of ",
         row_size_);
  with_type(type_, [&]<class T>(T) {
    std::array<T, kBlockElements> block;
    for (std::size_t done = 0; done < values.size();) {
      const std::size_t n = std::min(values.size() - done, kBlockElements);
      for (std::size_t i = 0; i < n; ++i) {
        const S value = values[done + i];
        if constexpr (std::is_integral_v<T>) {
          // The limits are powers of two (or zero), so they are exact in either float type.
          const S low = static_cast<S>(std::numeric_limits<T>::min());
          const S end = type_.kind == 'b' ? S{2} : std::ldexp(S{1}, std::numeric_limits<T>::digits);
          if (!(value >= low && value < end && value == std::floor(value)))
            fail(file_.target().string(), ": value ", value, " does not fit the type ",
                 type_.name());
        }
        block[i] = static_cast<T>(value);
      }
      file_.write(block.data(), n * sizeof(T));
      done += n;
    }
  });
  if (row_size_ > 0) rows_ += values.size() / row_size_;
}

void NpyWriter::finish(bool sync) {
  file_.patch(0, header());
  file_.commit(sync);
}

template <class S>
void write_npy(const std::filesystem::path& path, NpyType type, std::vector<std::size_t> row_shape,
               std::span<const S> values) {
  NpyWriter writer(path, type, std::move(row_shape));
  writer.append(values);
  writer.finish();
}

#define TAUGATE_INSTANTIATE(S)                                                                   \
  template void read_npy_rows(const NpyHeader&, const ReadBytes&, std::size_t, std::size_t, S*); \
  template Array<S> read_npy_array(const NpyHeader&, const ReadBytes&, const std::string&);      \
  template Array<S> read_npy(const std::filesystem::path&);                                      \
  template void NpyReader::rows(std::size_t, std::size_t, S*) const;                             \
  template void NpyWriter::append_values(std::span<const S>);                                    \
  template void write_npy(const std::filesystem::path&, NpyType, std::vector<std::size_t>,       \
                          std::span<const S>);
TAUGATE_INSTANTIATE(float)
TAUGATE_INSTANTIATE(double)
#undef TAUGATE_INSTANTIATE

}  // namespace taugate
