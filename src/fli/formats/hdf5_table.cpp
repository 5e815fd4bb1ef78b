#include "fli/formats/hdf5_table.h"

#include "fli/formats/hdf5_handle.h"
#include "taugate/core/error.h"

namespace taugate {
namespace {

constexpr std::size_t kGrowth = std::size_t{1} << 16;  // bytes by which the file in memory grows

bool write_column(hid_t file, const Hdf5Column& column) {
  const bool text = !column.texts.empty();
  const hsize_t count = text ? column.texts.size() : column.numbers.size();
  const Handle string(H5Tcopy(H5T_C_S1), H5Tclose),
      space(H5Screate_simple(1, &count, nullptr), H5Sclose);
  H5Tset_size(string, H5T_VARIABLE);
  H5Tset_cset(string, H5T_CSET_UTF8);
  const Handle set(H5Dcreate2(file, column.name.c_str(), text ? hid_t{string} : H5T_IEEE_F64LE,
                              space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                   H5Dclose);
  if (!set.ok()) return false;
  if (!column.units.empty()) {
    const Handle one(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle units(H5Acreate2(set, "units", string, one, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    const char* value = column.units.c_str();
    if (!units.ok() || H5Awrite(units, string, &value) < 0) return false;
  }
  if (count == 0) return true;
  std::vector<const char*> texts;
  for (const std::string& one : column.texts) texts.push_back(one.c_str());
  return H5Dwrite(set, text ? hid_t{string} : H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                  text ? static_cast<const void*>(texts.data()) : column.numbers.data()) >= 0;
}

}  // namespace

std::string hdf5_table(std::span<const Hdf5Column> columns) {
  const Quiet quiet;
  const Handle in_memory(H5Pcreate(H5P_FILE_ACCESS), H5Pclose),
      ordered(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_fapl_core(in_memory, kGrowth, false);
  H5Pset_link_creation_order(ordered, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  const Handle file(H5Fcreate("table", H5F_ACC_TRUNC, ordered, in_memory), H5Fclose);
  bool written = file.ok();
  for (const Hdf5Column& column : columns) written = written && write_column(file, column);
  written = written && H5Fflush(file, H5F_SCOPE_LOCAL) >= 0;
  const ssize_t bytes = written ? H5Fget_file_image(file, nullptr, 0) : 0;
  std::string image(static_cast<std::size_t>(bytes > 0 ? bytes : 0), '\0');
  require(!image.empty() && H5Fget_file_image(file, image.data(), image.size()) == bytes,
          "HDF5: the table cannot be made");
  return image;
}

}  // namespace taugate
