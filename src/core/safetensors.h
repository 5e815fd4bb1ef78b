#pragma once
// The safetensors container: an 8-byte little-endian header length, a JSON header, then raw
// tensors. https://github.com/huggingface/safetensors (format section of its README)

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace taugate {

struct StoredTensor {
  std::string name;
  std::string dtype;  ///< "F32", "F64", "I8", ...: the names of the format
  std::vector<std::size_t> shape;
  std::string bytes;  ///< row-major, little-endian

  std::size_t count() const;  ///< product of the shape
};

struct Safetensors {
  std::map<std::string, std::string> metadata;  ///< "__metadata__"
  std::vector<StoredTensor> tensors;

  const StoredTensor* find(const std::string& name) const;  ///< null where there is none
  void add_floats(std::string name, std::vector<std::size_t> shape, const float* values);
};

/// Reads and checks a whole file: header size, JSON, each tensor's shape against its bytes, no
/// overlap, no gap. Error names the file, what was found and what was wanted.
Safetensors read_safetensors(const std::filesystem::path& path);
void write_safetensors(const std::filesystem::path& path, const Safetensors& content);

/// The values of a float tensor (F32, or F64, F16 and BF16 converted).
std::vector<float> floats_of(const StoredTensor& tensor, const std::string& file);

}  // namespace taugate
