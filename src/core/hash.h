#pragma once
// FNV-1a, 64 bits: tells one content from another by chance alone, not from one that was forged.

#include <cstdint>
#include <string_view>

namespace taugate {

inline std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace taugate
