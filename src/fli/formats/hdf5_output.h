#pragma once
// Writing HDF5 through libhdf5, and MATLAB's version 7.3, which is HDF5 behind a block of 512 bytes
// that names it, with each array's class as an attribute.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "taugate/core/file.h"
#include "taugate/fli/formats/npy.h"

namespace taugate {

/// A file being written. Without finish() none appears.
class Hdf5Output {
 public:
  enum class Kind { hdf5, matlab };

  /// Error where the file cannot be written.
  Hdf5Output(const std::filesystem::path& path, Kind kind);
  ~Hdf5Output();
  Hdf5Output(const Hdf5Output&) = delete;
  Hdf5Output& operator=(const Hdf5Output&) = delete;

  /// A new dataset at the root, row-major, of type f4, f8 or u2, to be filled by append(). MATLAB lists its extents in reverse, the
  /// first turning fastest.
  void add(const std::string& name, NpyType type, const std::vector<std::size_t>& shape);
  /// The next values of the latest dataset: whole rows along its first axis.
  template <class Value>
  void append(std::span<const Value> values);
  void finish();

 private:
  using Id = std::int64_t;  // hid_t

  [[noreturn]] void refuse() const;
  void close_dataset();

  OutputFile target_;
  Kind kind_;
  Id file_ = -1, dataset_ = -1;
  std::vector<std::size_t> shape_;
  std::size_t row_ = 0;  // rows that are written
};

}  // namespace taugate
