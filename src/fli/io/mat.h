#pragma once
// MATLAB's files up to version 7, .mat (through libmatio): arrays of numbers of up to 4 extents.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "taugate/fli/io/npy.h"

struct _mat_t;

namespace taugate {

/// A file's arrays of real numbers; what else it holds (structures, cells, text, complex or sparse
/// arrays) is left out. Not for several threads at once.
class MatReader {
 public:
  explicit MatReader(const std::filesystem::path& path);

  const std::vector<std::string>& names() const { return names_; }  ///< in the order of the file
  /// A whole array in row-major order, its shape as MATLAB's size() tells it, but that a vector has
  /// one extent. Error for a missing or damaged array and above kLargestArray.
  Array<float> read(const std::string& name) const;

 private:
  struct Close {
    void operator()(_mat_t* file) const;
  };
  std::filesystem::path path_;
  std::unique_ptr<_mat_t, Close> file_;
  std::vector<std::string> names_;
};

}  // namespace taugate
