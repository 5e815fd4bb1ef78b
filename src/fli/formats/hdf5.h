#pragma once
// Reading HDF5 through libhdf5. The library's own messages are kept off stderr; what it refuses
// becomes an Error that names the file and the object.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taugate {

struct Hdf5Dataset {
  std::string path;                ///< from the root, without the first slash: "group/name"
  std::vector<std::size_t> shape;  ///< empty for a single value
  bool numeric = false;            ///< integers or floating point
  std::string dtype;               ///< of those, as safetensors names it: "F32", "I8", "U16"

  std::size_t count() const;  ///< product of the shape
};

/// A file, open for reading. Not for several threads at once: libhdf5 is not.
class Hdf5File {
 public:
  explicit Hdf5File(const std::filesystem::path& path);
  /// A file that lies in memory; `name` is for messages.
  Hdf5File(std::string bytes, std::string name);
  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  const std::string& name() const { return name_; }

  /// Every dataset of the file, each once, sorted by path. Links out of the file are not followed.
  std::vector<Hdf5Dataset> datasets() const;

  /// All values of a dataset of numbers, row-major, converted to Value (float, double, uint16_t,
  /// int64_t). Error for more than `limit` values: a small file can claim, or unpack to, any
  /// number.
  template <class Value>
  std::vector<Value> values(const std::string& dataset, std::size_t limit) const;
  /// The same for `count` of its rows, from `first` on, along the first axis.
  template <class Value>
  std::vector<Value> rows(const std::string& dataset, std::size_t first, std::size_t count,
                          std::size_t limit) const;
  /// A dataset of one text; nothing where there is none of that name.
  std::optional<std::string> text(const std::string& dataset) const;

  /// A text, or a list of texts, at a group or dataset ("" is the root); nothing where there is no
  /// such attribute.
  std::optional<std::string> text_attribute(const std::string& object,
                                            const std::string& attribute) const;
  std::optional<std::vector<std::string>> text_list_attribute(const std::string& object,
                                                              const std::string& attribute) const;

 private:
  using Id = std::int64_t;  // hid_t

  [[noreturn]] void open_failed() const;

  std::string name_;
  Id file_ = -1;
};

/// For programs, before anything else of HDF5: leaves out the clean-up that libhdf5 does as a
/// program ends. After a damaged file it prints complaints, and we leave nothing open.
void no_hdf5_clean_up_at_exit();

/// Whether these bytes begin an HDF5 file.
bool looks_like_hdf5(std::string_view start);

}  // namespace taugate
