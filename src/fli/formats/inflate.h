#pragma once
// Unpacking through zlib.

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "taugate/core/file.h"

namespace taugate {

/// A deflated byte yields at most 258 * 8 / 2 bytes, and an empty stream is a few bytes long: who claims more is damaged.
inline constexpr std::uint64_t kLargestRatio = 1032, kRatioSlack = 4096;

/// A zlib stream that lies inside a file, unpacked in pieces. The file must outlive it.
class ZlibStream {
 public:
  /// `bytes` packed bytes from `offset` of the file; `where` stands in front of messages.
  ZlibStream(const InputFile& file, std::uint64_t offset, std::uint64_t bytes, std::string where);
  ~ZlibStream();
  ZlibStream(const ZlibStream&) = delete;
  ZlibStream& operator=(const ZlibStream&) = delete;

  /// The next `bytes` unpacked bytes. Error where it ends before, or is damaged.
  void read(void* to, std::size_t bytes);
  /// Error unless at most `padding` bytes follow, and the checksum is right.
  void finish(std::size_t padding = 0);

 private:
  void unpack(void* to, std::size_t bytes);

  const InputFile& file_;
  std::uint64_t at_, left_;
  std::string where_;
  z_stream stream_{};
  int status_ = Z_OK;  // Z_STREAM_END: all is unpacked, and its checksum is right
  std::unique_ptr<unsigned char[]> packed_;
};

}  // namespace taugate
