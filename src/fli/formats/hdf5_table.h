#pragma once
// A table as HDF5, a dataset [N] a column, for h5py and pandas.

#include <span>
#include <string>
#include <vector>

namespace taugate {

/// Of numbers, or of texts in UTF-8: one of the two is empty.
struct Hdf5Column {
  std::string name;
  std::string units = {};  ///< becomes the attribute `units`; empty: none
  std::vector<double> numbers = {};
  std::vector<std::string> texts = {};
};

/// The bytes of a file with these columns in its root, which keeps their order. Columns without values have
/// datasets of none.
std::string hdf5_table(std::span<const Hdf5Column> columns);

}  // namespace taugate
