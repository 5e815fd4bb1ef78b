#include "bench/machine.h"

#include <fstream>
#include <thread>

#include "bench/peak.h"

namespace bench {
namespace {

/// The text after the first ": " of the first line of `path` that starts with `key`.
std::string line_of(const std::string& path, const std::string& key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with(key) && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

}  // namespace

Machine this_machine(const std::string& commit) {
  return {commit, line_of("/proc/cpuinfo", "model name"),
#ifdef __clang__
          __VERSION__,
#else
          "g++ " __VERSION__,
#endif
          fma_instructions(), static_cast<int>(std::thread::hardware_concurrency())};
}

std::string loaded_blas() {
  std::ifstream in("/proc/self/maps");
  for (std::string line; std::getline(in, line);) {
    const auto slash = line.find('/');
    if (slash == std::string::npos || line.find("blas") == std::string::npos) continue;
    return line.substr(slash);
  }
  return "none";
}

}  // namespace bench
