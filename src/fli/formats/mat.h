#pragma once
// MATLAB's files of version 5 to 7, .mat (layout: MathWorks, "MAT-File Format", level 5): arrays of
// numbers of up to 4 extents. Not through libmatio (docs/formats.md says why): it answers damaged
// files with numbers.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "taugate/core/file.h"
#include "taugate/fli/formats/npy.h"

namespace taugate {

/// An array whose first extent turns fastest, as MATLAB keeps it, in row-major order. A matrix of
/// one row or column, which is MATLAB's vector, gets one extent.
Array<float> from_columns(std::vector<std::size_t> shape, std::span<const float> columns);

/// A file's arrays of real numbers; what else it holds (structures, cells, text, complex or sparse
/// arrays) is left out.
class MatReader {
 public:
  /// Error for a file that is no such file or is damaged.
  explicit MatReader(const std::filesystem::path& path);

  std::vector<std::string> names() const;  ///< in the order of the file
  /// A whole array in row-major order, its shape as MATLAB's size() tells it, but that a vector has
  /// one extent. Error for a missing or damaged array and above kLargestArray.
  Array<float> read(const std::string& name) const;

 private:
  class Source;
  struct Variable {
    std::string name;
    std::vector<std::size_t> shape;
    std::uint64_t offset = 0, bytes = 0;  // of the element behind its tag
    bool compressed = false;
  };
  /// Reads flags, extents and name; false for what is no array of real numbers.
  bool describe(Source& source, Variable& variable) const;

  InputFile file_;
  bool big_endian_ = false;
  std::vector<Variable> variables_;
};

}  // namespace taugate
