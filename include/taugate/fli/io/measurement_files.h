#pragma once
// The measurements in a folder of them.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace taugate {

/// Names in the order of the numbers in them.
struct FolderFiles {
  std::vector<std::string> measurements, left_out;
};

/// Files whose names end as measurements' do, and the others; not those in folders below, nor hidden ones.
/// `is_other` tells files with such an ending that are no measurement of these.
FolderFiles files_of_folder(const std::filesystem::path& folder,
                            const std::function<bool(const std::filesystem::path&)>& is_other = {});

}  // namespace taugate
