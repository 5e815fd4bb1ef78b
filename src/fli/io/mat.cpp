#include "taugate/fli/io/mat.h"

#include <matio.h>

#include <algorithm>
#include <limits>

#include "taugate/core/file.h"

namespace taugate {
namespace {

constexpr int kMostExtents = 4;
// What deflate can do; a header that claims more of its file is damaged.
constexpr std::uint64_t kLargestRatio = 1032, kRatioSlack = std::uint64_t{1} << 20;

struct FreeVariable {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using Variable = std::unique_ptr<matvar_t, FreeVariable>;

bool is_real_array(const matvar_t& v) {
  switch (v.class_type) {
    case MAT_C_DOUBLE:
    case MAT_C_SINGLE:
    case MAT_C_INT8:
    case MAT_C_UINT8:
    case MAT_C_INT16:
    case MAT_C_UINT16:
    case MAT_C_INT32:
    case MAT_C_UINT32:
    case MAT_C_INT64:
    case MAT_C_UINT64:
      return v.isComplex == 0 && v.rank >= 2 && v.rank <= kMostExtents && v.dims != nullptr &&
             v.name != nullptr;
    default:
      return false;
  }
}

/// Column-major `from` of type T to row-major `to`.
template <class T>
void reorder(const void* from, const std::vector<std::size_t>& shape, std::vector<float>& to) {
  const auto* in = static_cast<const T*>(from);
  std::vector<std::size_t> stride(shape.size(), 1);  // of the rows
  for (std::size_t axis = shape.size(); axis-- > 1;) stride[axis - 1] = stride[axis] * shape[axis];
  std::vector<std::size_t> index(shape.size(), 0);
  std::size_t place = 0;
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[place] = static_cast<float>(in[i]);
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      place += stride[axis];
      if (++index[axis] < shape[axis]) break;
      place -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

using Reorder = void (*)(const void*, const std::vector<std::size_t>&, std::vector<float>&);

Reorder reordering(enum matio_types type) {
  switch (type) {
    case MAT_T_DOUBLE:
      return reorder<double>;
    case MAT_T_SINGLE:
      return reorder<float>;
    case MAT_T_INT8:
      return reorder<std::int8_t>;
    case MAT_T_UINT8:
      return reorder<std::uint8_t>;
    case MAT_T_INT16:
      return reorder<std::int16_t>;
    case MAT_T_UINT16:
      return reorder<std::uint16_t>;
    case MAT_T_INT32:
      return reorder<std::int32_t>;
    case MAT_T_UINT32:
      return reorder<std::uint32_t>;
    case MAT_T_INT64:
      return reorder<std::int64_t>;
    case MAT_T_UINT64:
      return reorder<std::uint64_t>;
    default:
      return nullptr;
  }
}

}  // namespace

void MatReader::Close::operator()(_mat_t* file) const { Mat_Close(file); }

MatReader::MatReader(const std::filesystem::path& path) : path_(path) {
  const InputFile exists(path);  // says what is wrong with the path itself
  file_.reset(Mat_Open(path.c_str(), MAT_ACC_RDONLY));
  if (!file_) fail(path.string(), ": is no readable MAT file");
  while (const Variable v{Mat_VarReadNextInfo(file_.get())})
    if (is_real_array(*v)) names_.emplace_back(v->name);
}

Array<float> MatReader::read(const std::string& name) const {
  const std::string where = concat(path_.string(), ": array '", name, "'");
  Mat_Rewind(file_.get());
  const Variable v{Mat_VarReadInfo(file_.get(), name.c_str())};
  if (!v || !is_real_array(*v)) {
    std::string list;
    for (const auto& known : names_) list += (list.empty() ? "" : ", ") + known;
    fail(where, ": is missing; the file has: ", list.empty() ? "no arrays of numbers" : list);
  }
  Array<float> array;
  std::uint64_t count = 1;
  const std::uint64_t most = std::min<std::uint64_t>(
      kLargestArray / sizeof(float), kLargestRatio * InputFile(path_).size() + kRatioSlack);
  for (int axis = 0; axis < v->rank; ++axis) {
    const std::size_t extent = v->dims[axis];
    if (extent == 0) fail(where, ": is empty");
    if (extent > most / count) fail(where, ": claims more than ", most, " values");
    count *= extent;
    array.shape.push_back(extent);
  }
  if (Mat_VarReadDataAll(file_.get(), v.get()) != 0 || v->data == nullptr)
    fail(where, ": is damaged");
  const Reorder reorder_values = reordering(v->data_type);
  if (!reorder_values || v->nbytes < count * static_cast<std::uint64_t>(v->data_size))
    fail(where, ": is damaged: found ", v->nbytes, " bytes for ", count, " values");
  array.values.resize(static_cast<std::size_t>(count));
  reorder_values(v->data, array.shape, array.values);
  // MATLAB has no vectors, only matrices of one row or column.
  if (array.shape.size() == 2 && (array.shape[0] == 1 || array.shape[1] == 1))
    array.shape = {static_cast<std::size_t>(count)};
  return array;
}

}  // namespace taugate
