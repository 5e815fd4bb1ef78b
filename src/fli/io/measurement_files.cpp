#include "taugate/fli/io/measurement_files.h"

#include <algorithm>

#include "core/natural_order.h"
#include "fli/io/measurement_fields.h"

namespace taugate {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEndings[] = {".sdt", ".ptu", ".phd", ".tif", ".tiff", ".npy",
                                    ".npz", ".mat", ".h5",  ".csv", ".hdf5", ".txt",
                                    ".dat", ".asc", ".phu", ".pt3", ".ht3",  ".t3r",
                                    ".spc", ".z64", ".b64", ".bhz", ".b&h"};

bool named_as_measurement(const fs::path& path) {
  return std::find(std::begin(kEndings), std::end(kEndings), lower_ending(path)) !=
         std::end(kEndings);
}

}  // namespace

FolderFiles files_of_folder(const fs::path& folder,
                            const std::function<bool(const fs::path&)>& is_other) {
  FolderFiles files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || entry.is_directory()) continue;
    const bool taken = named_as_measurement(name) && !(is_other && is_other(entry.path()));
    (taken ? files.measurements : files.left_out).push_back(name);
  }
  std::sort(files.measurements.begin(), files.measurements.end(), natural_less);
  std::sort(files.left_out.begin(), files.left_out.end(), natural_less);
  return files;
}

}  // namespace taugate
