#include "fli/formats/hdf5_output.h"

#include <algorithm>
#include <type_traits>

#include "fli/formats/hdf5_handle.h"

namespace taugate {
namespace {

constexpr std::size_t kUserBlock = 512, kChunk = std::size_t{1} << 18;  // bytes
constexpr unsigned kDeflate = 4;

/// What begins a MATLAB 7.3 file: 116 bytes of text, 8 of zeros, the version and the order of bytes.
std::string matlab_header() {
  std::string header = "MATLAB 7.3 MAT-file, written by taugate, HDF5 schema 1.00 .";
  header.resize(116, ' ');
  header.resize(124, '\0');
  header += std::string("\0\x02IM", 4);
  header.resize(kUserBlock, '\0');
  return header;
}

hid_t file_type(NpyType type) {
  if (type.kind == 'u') return H5T_STD_U16LE;
  return type.size == 8 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
}

bool put_class(hid_t dataset, NpyType type) {
  const std::string name = type.kind == 'u' ? "uint16" : type.size == 8 ? "double" : "single";
  const Handle text(H5Tcopy(H5T_C_S1), H5Tclose), one(H5Screate(H5S_SCALAR), H5Sclose);
  H5Tset_size(text, name.size());
  const Handle attribute(H5Acreate2(dataset, "MATLAB_class", text, one, H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose);
  return attribute.ok() && H5Awrite(attribute, text, name.data()) >= 0;
}

}  // namespace

Hdf5Output::Hdf5Output(const std::filesystem::path& path, Kind kind) : target_(path), kind_(kind) {
  if (target_.temporary() == target_.target())
    fail(path.string(), ": cannot be written: HDF5 wants a regular file");
  const Quiet quiet;
  const Handle create(H5Pcreate(H5P_FILE_CREATE), H5Pclose),
      access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  if (kind == Kind::matlab) H5Pset_userblock(create, kUserBlock);
  H5Pset_file_locking(access, false, true);  // OutputFile holds the lock
  file_ = H5Fcreate(target_.temporary().c_str(), H5F_ACC_TRUNC, create, access);
  if (file_ < 0) refuse();
}

Hdf5Output::~Hdf5Output() {
  const Quiet quiet;
  if (dataset_ >= 0) H5Dclose(dataset_);
  if (file_ >= 0) H5Fclose(file_);
}

void Hdf5Output::refuse() const {
  fail(target_.target().string(), ": cannot be written (is the disk full?)");
}

void Hdf5Output::close_dataset() {
  if (dataset_ >= 0 && H5Dclose(dataset_) < 0) refuse();
  dataset_ = -1;
}

void Hdf5Output::add(const std::string& name, NpyType type, const std::vector<std::size_t>& shape) {
  const Quiet quiet;
  close_dataset();
  shape_ = shape;
  row_ = 0;
  std::vector<hsize_t> extents(shape.begin(), shape.end()), chunk = extents;
  std::size_t row_bytes = static_cast<std::size_t>(type.size);
  for (std::size_t i = 1; i < shape.size(); ++i) row_bytes *= shape[i];
  chunk[0] = std::clamp<hsize_t>(kChunk / row_bytes, 1, extents[0]);
  const Handle space(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr),
                     H5Sclose),
      create(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (row_bytes * shape[0] > 64) {
    H5Pset_chunk(create, static_cast<int>(chunk.size()), chunk.data());
    H5Pset_shuffle(create);
    H5Pset_deflate(create, kDeflate);
  }
  dataset_ =
      H5Dcreate2(file_, name.c_str(), file_type(type), space, H5P_DEFAULT, create, H5P_DEFAULT);
  if (dataset_ < 0 || (kind_ == Kind::matlab && !put_class(dataset_, type))) refuse();
}

template <class Value>
void Hdf5Output::append(std::span<const Value> values) {
  const Quiet quiet;
  std::size_t row_size = 1;
  for (std::size_t i = 1; i < shape_.size(); ++i) row_size *= shape_[i];
  std::vector<hsize_t> start(shape_.size(), 0), extent(shape_.begin(), shape_.end());
  start[0] = row_;
  extent[0] = values.size() / row_size;
  const hsize_t count = values.size();
  const Handle space(H5Dget_space(dataset_), H5Sclose),
      memory(H5Screate_simple(1, &count, nullptr), H5Sclose);
  if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr) <
          0 ||
      H5Dwrite(dataset_, std::is_same_v<Value, float> ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE,
               memory, space, H5P_DEFAULT, values.data()) < 0)
    refuse();
  row_ += extent[0];
}
template void Hdf5Output::append(std::span<const float>);
template void Hdf5Output::append(std::span<const double>);

void Hdf5Output::finish() {
  const Quiet quiet;
  close_dataset();
  const hid_t file = file_;
  file_ = -1;
  if (H5Fclose(file) < 0) refuse();
  if (kind_ == Kind::matlab) target_.patch(0, matlab_header());
  target_.commit();
}

}  // namespace taugate
