#pragma once
// HDF5 files for tests, written by libhdf5 alone.

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <type_traits>
#include <vector>

#include "testing.h"

namespace taugate::testing {

class Hdf5Writer {
 public:
  explicit Hdf5Writer(const std::filesystem::path& path)
      : file_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {
    REQUIRE(file_ >= 0);
  }
  ~Hdf5Writer() { H5Fclose(file_); }

  /// Floats, or integers of int8_t or int16_t.
  template <class Value = float>
  void put(const std::string& path, const std::vector<std::size_t>& shape,
           const std::vector<Value>& values) {
    const hid_t type = std::is_same_v<Value, float>         ? H5T_IEEE_F32LE
                       : std::is_same_v<Value, std::int8_t> ? H5T_STD_I8LE
                                                            : H5T_STD_I16LE;
    const std::vector<hsize_t> extents(shape.begin(), shape.end());
    const hid_t groups = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(groups, 1);
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), extents.data(), nullptr);
    const hid_t set =
        H5Dcreate2(file_, path.c_str(), type, space, groups, H5P_DEFAULT, H5P_DEFAULT);
    REQUIRE(set >= 0);
    CHECK(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(groups);
  }
  void group(const std::string& path) {
    const hid_t group = H5Gcreate2(file_, path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    REQUIRE(group >= 0);
    H5Gclose(group);
  }
  /// An attribute of variable length, as h5py writes Python's texts.
  void attribute(const std::string& object, const char* name, const char* text) {
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, H5T_VARIABLE);
    const hid_t at = H5Acreate_by_name(file_, object.c_str(), name, type, space, H5P_DEFAULT,
                                       H5P_DEFAULT, H5P_DEFAULT);
    REQUIRE(at >= 0);
    CHECK(H5Awrite(at, type, &text) >= 0);
    H5Aclose(at);
    H5Sclose(space);
    H5Tclose(type);
  }

 private:
  hid_t file_;
};

}  // namespace taugate::testing
