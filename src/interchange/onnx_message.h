#pragma once
// The little of Protocol Buffers' wire format that writing ONNX takes: a message is a list of
// fields, each a number (field << 3 | kind) and its value.
// https://protobuf.dev/programming-guides/encoding (libprotobuf and libonnx would cost every
// program that links this library 7 ms at its start.)

#include <cstdint>
#include <string>
#include <string_view>

namespace taugate {

class OnnxMessage {
 public:
  /// An integer or an enumerator.
  OnnxMessage& number(int field, std::uint64_t value) {
    key(field, 0);
    varint(value);
    return *this;
  }
  /// A text, raw bytes, or a message within this one.
  OnnxMessage& bytes(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  OnnxMessage& message(int field, const OnnxMessage& value) { return bytes(field, value.bytes_); }
  OnnxMessage& real(int field, float value) {
    key(field, 5);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }

  const std::string& str() const { return bytes_; }

 private:
  void key(int field, unsigned kind) { varint(static_cast<std::uint64_t>(field) << 3 | kind); }
  /// Seven bits a byte, the lowest first; the top bit says that more follow.
  void varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_ += static_cast<char>((value & 127) | 128);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace taugate
