#pragma once
// The safetensors container: an 8-byte little-endian header length, a JSON header, then raw
// tensors. https://github.com/huggingface/safetensors (format section of its README)

#include <bit>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <type_traits>
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
  /// Rounded to floats of 16 bits.
  void add_halves(std::string name, std::vector<std::size_t> shape, const float* values);
  /// As many integers as the shape says.
  template <class Integer>
  void add_integers(const std::string& name, const std::vector<std::size_t>& shape,
                    const Integer* values) {
    static_assert(std::is_integral_v<Integer>);
    constexpr const char* kSigned[]{"I8", "I16", "I32", "I64"};
    constexpr const char* kUnsigned[]{"U8", "U16", "U32", "U64"};
    constexpr int kSize = std::countr_zero(sizeof(Integer));
    add(name, std::is_signed_v<Integer> ? kSigned[kSize] : kUnsigned[kSize], shape, values,
        sizeof(Integer));
  }

 private:
  void add(std::string name, const char* dtype, std::vector<std::size_t> shape, const void* values,
           std::size_t value_bytes);
};

/// Reads and checks a whole file: header size, JSON, each tensor's shape against its bytes, no
/// overlap, no gap, and the checksum where there is one. Error names the file, what was found and
/// what was wanted.
Safetensors read_safetensors(const std::filesystem::path& path);
/// Adds the metadata entry "taugate.crc32", which is not among those that read_safetensors() gives:
/// the CRC-32 of the other entries of the header (as JSON without blanks, keys sorted) and of the
/// tensors' bytes.
void write_safetensors(const std::filesystem::path& path, const Safetensors& content);

/// The values of a float tensor (F32, or F64, F16 and BF16 converted).
std::vector<float> floats_of(const StoredTensor& tensor, const std::string& file);
/// The values of an integer tensor (I8, U8, I16, U16, I32, U32, I64).
std::vector<std::int64_t> integers_of(const StoredTensor& tensor, const std::string& file);
/// "[96][32]", for messages.
std::string shape_text(const std::vector<std::size_t>& shape);

}  // namespace taugate
