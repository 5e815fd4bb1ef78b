#include "cli/options/program_folder.h"

#include <system_error>

namespace taugate::cli {

std::filesystem::path shared_folder(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code none;
  const fs::path folder = fs::read_symlink("/proc/self/exe", none).parent_path();
  if (fs::equivalent(folder, TAUGATE_BUILD_FOLDER, none)) return fs::path(TAUGATE_SOURCE) / name;
  return (folder / TAUGATE_INSTALLED_DATA / name).lexically_normal();
}

}  // namespace taugate::cli
