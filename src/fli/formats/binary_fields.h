#pragma once
// For .cpp files only: fields at fixed places of an instrument's binary header, little endian.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "taugate/core/error.h"

namespace taugate {

static_assert(std::endian::native == std::endian::little, "fields are copied as they are");

/// Bytes that were read from a file. Every access checks that they reach that far; `where` stands
/// in front of each complaint.
class BinaryFields {
 public:
  BinaryFields(std::string bytes, std::string where)
      : bytes_(std::move(bytes)), where_(std::move(where)) {}

  template <class T>
  T at(std::size_t offset) const {
    need(offset, sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return value;
  }
  /// Up to the first NUL.
  std::string text(std::size_t offset, std::size_t size) const {
    need(offset, size);
    const std::string field = bytes_.substr(offset, size);
    return field.substr(0, field.find('\0'));
  }
  /// A 32-bit integer that must lie in [low, high].
  int integer(std::size_t offset, int low, int high, const char* what) const {
    const auto value = at<std::int32_t>(offset);
    if (value < low || value > high)
      fail(where_, ": ", what, ": found ", value, ", wanted ", low, " to ", high);
    return value;
  }
  void need(std::size_t offset, std::size_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset)
      fail(where_, ": is cut short: ", bytes_.size(), " bytes, wanted ", offset + size);
  }
  const std::string& bytes() const { return bytes_; }
  const std::string& where() const { return where_; }

 private:
  std::string bytes_, where_;
};

}  // namespace taugate
