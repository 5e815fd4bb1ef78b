#pragma once
// NumPy's array files, .npy versions 1 to 3 (format: NumPy Enhancement Proposal 1 and the
// documentation of numpy.lib.format). Whole arrays, or blocks of rows, so that a training set
// larger than the memory passes through.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "taugate/core/file.h"

namespace taugate {

/// Elements in row-major order, whatever order the file had.
template <class S>
struct Array {
  std::vector<std::size_t> shape;  ///< 0 to 4 extents; empty: one number
  std::vector<S> values;
};

/// The largest array that is read whole, in bytes once decoded (4 GiB).
inline constexpr std::uint64_t kLargestArray = std::uint64_t{1} << 32;

/// The number type of the elements, as NumPy writes it: a letter (f float, u unsigned, i signed, b
/// bool) and a size in bytes.
struct NpyType {
  char kind = 'f';
  int size = 4;
  bool big_endian = false;

  /// "f4", "u2", "|b1", ">i8"; Error for anything else, with `where` in front.
  static NpyType parse(std::string_view name, const std::string& where);
  std::string name() const;  ///< "<f4"
};

struct NpyHeader {
  NpyType type;
  bool fortran_order = false;
  std::vector<std::size_t> shape;
  std::size_t data_offset = 0;  ///< bytes before the first element

  std::size_t count() const;     ///< elements; the parser made sure that it does not overflow
  std::size_t rows() const;      ///< the first extent, 1 for one number
  std::size_t row_size() const;  ///< elements of a row
  std::uint64_t data_bytes() const { return std::uint64_t{count()} * type.size; }
};

/// Puts `bytes` bytes, found `offset` bytes after the start of the file, to `to`, or throws.
using ReadBytes = std::function<void(std::uint64_t offset, void* to, std::size_t bytes)>;

/// Parses the header of a file of `file_size` bytes and checks that it announces exactly what the
/// file holds. Nothing larger than the header (at most 64 KiB) is read or allocated.
NpyHeader read_npy_header(const ReadBytes& read, std::uint64_t file_size, const std::string& where);

/// Rows first..first+count-1 to `out`, [count][row_size]. A whole array is read in the order of the
/// file, so `read` may be a stream. S: float, double.
template <class S>
void read_npy_rows(const NpyHeader& header, const ReadBytes& read, std::size_t first,
                   std::size_t count, S* out);

/// All rows; Error above kLargestArray.
template <class S>
Array<S> read_npy_array(const NpyHeader& header, const ReadBytes& read, const std::string& where);

/// The whole file.
template <class S>
Array<S> read_npy(const std::filesystem::path& path);

/// A file read in blocks of rows, at constant memory.
class NpyReader {
 public:
  explicit NpyReader(const std::filesystem::path& path);

  const NpyHeader& header() const { return header_; }
  std::size_t row_count() const { return header_.rows(); }
  std::size_t row_size() const { return header_.row_size(); }
  template <class S>
  void rows(std::size_t first, std::size_t count, S* out) const;

 private:
  InputFile file_;
  NpyHeader header_;
};

/// A file written in blocks of rows, little endian, row-major. The number of rows is patched into
/// the header by finish(); without finish() no file appears.
class NpyWriter {
 public:
  /// `row_shape`: the shape of one row, {} for one number a row.
  NpyWriter(const std::filesystem::path& path, NpyType type, std::vector<std::size_t> row_shape);

  /// A whole number of rows. An integer type takes only integers in its range, otherwise Error.
  void append(std::span<const float> values) { append_values(values); }
  void append(std::span<const double> values) { append_values(values); }
  /// `sync`: as OutputFile::commit().
  void finish(bool sync = true);

  std::size_t row_count() const { return rows_; }

 private:
  template <class S>
  void append_values(std::span<const S> values);
  std::string header() const;

  OutputFile file_;
  NpyType type_;
  std::vector<std::size_t> row_shape_;
  std::size_t row_size_ = 1, rows_ = 0;
};

/// [rows][row_shape...] in one call.
template <class S>
void write_npy(const std::filesystem::path& path, NpyType type, std::vector<std::size_t> row_shape,
               std::span<const S> values);

}  // namespace taugate
