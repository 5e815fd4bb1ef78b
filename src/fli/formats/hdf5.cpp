#include "fli/formats/hdf5.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "fli/formats/hdf5_handle.h"
#include "taugate/core/error.h"
#include "taugate/core/file.h"

namespace taugate {
namespace {

static_assert(sizeof(hid_t) == sizeof(std::int64_t));

constexpr std::size_t kLargestText = std::size_t{1} << 24;  // 16 MiB of attributes

const char* object_path(const std::string& object) { return object.empty() ? "/" : object.c_str(); }

std::vector<std::size_t> shape_of(hid_t space) {
  const int rank = H5Sget_simple_extent_ndims(space);
  std::vector<hsize_t> extents(static_cast<std::size_t>(std::max(rank, 0)));
  if (!extents.empty()) H5Sget_simple_extent_dims(space, extents.data(), nullptr);
  return {extents.begin(), extents.end()};
}

/// As safetensors names it; empty for what is no number.
std::string dtype_of(hid_t type) {
  const H5T_class_t kind = H5Tget_class(type);
  if (kind != H5T_FLOAT && kind != H5T_INTEGER) return {};
  const char letter = kind == H5T_FLOAT ? 'F' : H5Tget_sign(type) == H5T_SGN_NONE ? 'U' : 'I';
  return letter + std::to_string(8 * H5Tget_size(type));
}

/// Notes a dataset; runs inside libhdf5, which no exception may cross.
herr_t note(hid_t root, const char* path, const H5O_info_t* info, void* list) {
  if (info->type != H5O_TYPE_DATASET) return 0;
  const Handle dataset(H5Dopen2(root, path, H5P_DEFAULT), H5Dclose);
  if (!dataset.ok()) return 0;
  const Handle space(H5Dget_space(dataset), H5Sclose), type(H5Dget_type(dataset), H5Tclose);
  try {
    const std::string dtype = dtype_of(type);
    static_cast<std::vector<Hdf5Dataset>*>(list)->push_back(
        {path, shape_of(space), !dtype.empty(), dtype});
  } catch (...) {
    return -1;
  }
  return 0;
}

template <class Value>
hid_t native_type() {
  if constexpr (std::is_same_v<Value, float>) return H5T_NATIVE_FLOAT;
  if constexpr (std::is_same_v<Value, double>) return H5T_NATIVE_DOUBLE;
  if constexpr (std::is_same_v<Value, std::uint16_t>) return H5T_NATIVE_UINT16;
  if constexpr (std::is_same_v<Value, std::int64_t>) return H5T_NATIVE_INT64;
}

/// The selected values of a dataset; `memory`: their space in memory.
template <class Value>
std::vector<Value> read_values(hid_t dataset, hid_t space, hid_t memory, hssize_t count,
                               std::size_t limit, const std::string& where) {
  require(count >= 0 && static_cast<std::size_t>(count) <= limit, where, ": found ", count,
          " values, wanted at most ", limit);
  std::vector<Value> values(static_cast<std::size_t>(count));
  require(values.empty() ||
              H5Dread(dataset, native_type<Value>(), memory, memory == H5S_ALL ? H5S_ALL : space,
                      H5P_DEFAULT, values.data()) >= 0,
          where, ": cannot be read as numbers: damaged, or of another kind");
  return values;
}

/// Texts of fixed or of variable length; nothing for another type. `read` fills a buffer.
template <class Read>
std::optional<std::vector<std::string>> read_texts(hid_t type, hid_t space,
                                                   const std::string& where, Read read) {
  if (H5Tget_class(type) != H5T_STRING) return std::nullopt;
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  require(count >= 0 && static_cast<std::size_t>(count) <= kLargestText, where, " is damaged");
  std::vector<std::string> texts;
  if (count == 0) return texts;
  if (H5Tis_variable_str(type) > 0) {
    std::vector<char*> pointers(static_cast<std::size_t>(count), nullptr);
    require(read(pointers.data()) >= 0, where, " is damaged");
    for (const char* text : pointers) texts.emplace_back(text ? text : "");
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data());
    return texts;
  }
  const std::size_t width = H5Tget_size(type);
  require(width > 0 && width <= kLargestText / static_cast<std::size_t>(count), where,
          " is damaged");
  std::string all(width * static_cast<std::size_t>(count), '\0');
  require(read(all.data()) >= 0, where, " is damaged");
  for (std::size_t at = 0; at < all.size(); at += width) {
    const std::string text = all.substr(at, width);
    texts.push_back(text.substr(0, text.find('\0')));
  }
  return texts;
}

}  // namespace

std::size_t Hdf5Dataset::count() const {
  std::size_t n = 1;
  for (std::size_t extent : shape) n *= extent;
  return n;
}

void no_hdf5_clean_up_at_exit() { H5dont_atexit(); }

bool looks_like_hdf5(std::string_view start) { return start.starts_with("\x89HDF\r\n\x1a\n"); }

void Hdf5File::open_failed() const {
  fail(name_, ": cannot be opened as HDF5: damaged, cut short, or another kind of file");
}

Hdf5File::Hdf5File(const std::filesystem::path& path) : name_(path.string()) {
  const InputFile readable(path);  // says in our words why it is not
  const Quiet quiet;
  file_ = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file_ < 0) open_failed();
}

Hdf5File::Hdf5File(std::string bytes, std::string name) : name_(std::move(name)) {
  const Quiet quiet;
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // A "core" file lives in memory. Its name must be that of no file on disk.
  if (H5Pset_fapl_core(access, 1 << 16, 0) < 0 ||
      H5Pset_file_image(access, bytes.data(), bytes.size()) < 0)
    open_failed();
  file_ = H5Fopen("/dev/null/in memory", H5F_ACC_RDONLY, access);
  if (file_ < 0) open_failed();
}

Hdf5File::~Hdf5File() {
  const Quiet quiet;
  if (file_ >= 0) H5Fclose(file_);
}

std::vector<Hdf5Dataset> Hdf5File::datasets() const {
  const Quiet quiet;
  std::vector<Hdf5Dataset> list;
  if (H5Ovisit2(file_, H5_INDEX_NAME, H5_ITER_NATIVE, note, &list, H5O_INFO_BASIC) < 0)
    fail(name_, ": its list of contents is damaged");
  std::sort(list.begin(), list.end(),
            [](const Hdf5Dataset& a, const Hdf5Dataset& b) { return a.path < b.path; });
  return list;
}

template <class Value>
std::vector<Value> Hdf5File::values(const std::string& path, std::size_t limit) const {
  const Quiet quiet;
  const Handle dataset(H5Dopen2(file_, path.c_str(), H5P_DEFAULT), H5Dclose);
  require(dataset.ok(), name_, ": dataset '", path, "' is missing or damaged");
  const Handle space(H5Dget_space(dataset), H5Sclose);
  return read_values<Value>(dataset, space, H5S_ALL, H5Sget_simple_extent_npoints(space), limit,
                            concat(name_, ": dataset '", path, "'"));
}

template <class Value>
std::vector<Value> Hdf5File::rows(const std::string& path, std::size_t first, std::size_t count,
                                  std::size_t limit) const {
  const Quiet quiet;
  const std::string where = concat(name_, ": dataset '", path, "'");
  const Handle dataset(H5Dopen2(file_, path.c_str(), H5P_DEFAULT), H5Dclose);
  require(dataset.ok(), where, " is missing or damaged");
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const std::vector<std::size_t> shape = shape_of(space);
  require(!shape.empty() && first <= shape[0] && count <= shape[0] - first, where,
          ": wanted rows from ", first, " to ", first + count, ", found ",
          shape.empty() ? 0 : shape[0]);
  if (count == 0) return {};
  std::vector<hsize_t> start(shape.size(), 0), extent(shape.begin(), shape.end());
  start[0] = first;
  extent[0] = count;
  require(H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, extent.data(),
                              nullptr) >= 0,
          where, ": its rows cannot be selected");
  const hssize_t points = H5Sget_select_npoints(space);
  const auto in_memory = static_cast<hsize_t>(std::max<hssize_t>(points, 0));
  const Handle memory(H5Screate_simple(1, &in_memory, nullptr), H5Sclose);
  return read_values<Value>(dataset, space, memory, points, limit, where);
}

template std::vector<float> Hdf5File::values(const std::string&, std::size_t) const;
template std::vector<double> Hdf5File::values(const std::string&, std::size_t) const;
template std::vector<std::uint16_t> Hdf5File::values(const std::string&, std::size_t) const;
template std::vector<std::int64_t> Hdf5File::values(const std::string&, std::size_t) const;
template std::vector<float> Hdf5File::rows(const std::string&, std::size_t, std::size_t,
                                           std::size_t) const;
template std::vector<double> Hdf5File::rows(const std::string&, std::size_t, std::size_t,
                                            std::size_t) const;
template std::vector<std::uint16_t> Hdf5File::rows(const std::string&, std::size_t, std::size_t,
                                                   std::size_t) const;
template std::vector<std::int64_t> Hdf5File::rows(const std::string&, std::size_t, std::size_t,
                                                  std::size_t) const;

std::optional<std::string> Hdf5File::text(const std::string& path) const {
  const Quiet quiet;
  const Handle dataset(H5Dopen2(file_, path.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset.ok()) return std::nullopt;
  const Handle space(H5Dget_space(dataset), H5Sclose), type(H5Dget_type(dataset), H5Tclose);
  const auto texts = read_texts(
      type, space, concat(name_, ": dataset '", path, "'"),
      [&](void* to) { return H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to); });
  if (!texts || texts->size() != 1) return std::nullopt;
  return texts->front();
}

std::optional<std::vector<std::string>> Hdf5File::text_list_attribute(
    const std::string& object, const std::string& name) const {
  const Quiet quiet;
  if (H5Aexists_by_name(file_, object_path(object), name.c_str(), H5P_DEFAULT) <= 0)
    return std::nullopt;
  const std::string where = concat(name_, ": attribute '", name, "'");
  const Handle attribute(
      H5Aopen_by_name(file_, object_path(object), name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose);
  require(attribute.ok(), where, " is damaged");
  const Handle space(H5Aget_space(attribute), H5Sclose), type(H5Aget_type(attribute), H5Tclose);
  return read_texts(type, space, where, [&](void* to) { return H5Aread(attribute, type, to); });
}

std::optional<std::string> Hdf5File::text_attribute(const std::string& object,
                                                    const std::string& name) const {
  const auto texts = text_list_attribute(object, name);
  if (!texts || texts->size() != 1) return std::nullopt;
  return texts->front();
}

}  // namespace taugate
