#include "fli/formats/inflate.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "taugate/core/error.h"

namespace taugate {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 16;

}  // namespace

ZlibStream::ZlibStream(const InputFile& file, std::uint64_t offset, std::uint64_t bytes,
                       std::string where)
    : file_(file),
      at_(offset),
      left_(bytes),
      where_(std::move(where)),
      packed_(std::make_unique<unsigned char[]>(kPiece)) {
  if (inflateInit(&stream_) != Z_OK) fail(where_, ": zlib cannot start");
}

ZlibStream::~ZlibStream() { inflateEnd(&stream_); }

void ZlibStream::read(void* to, std::size_t bytes) {
  unpack(to, bytes);
  if (stream_.avail_out > 0) fail(where_, ": its packed data is cut short");
}

void ZlibStream::finish(std::size_t padding) {
  std::vector<unsigned char> beyond(padding + 1);
  unpack(beyond.data(), beyond.size());
  if (status_ != Z_STREAM_END || stream_.avail_out == 0)
    fail(where_, ": its packed data is longer than it claims");
}

void ZlibStream::unpack(void* to, std::size_t bytes) {
  stream_.next_out = static_cast<Bytef*>(to);
  stream_.avail_out = static_cast<uInt>(bytes);
  while (stream_.avail_out > 0 && status_ == Z_OK) {
    if (stream_.avail_in == 0) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, kPiece));
      if (n == 0) fail(where_, ": its packed data is cut short");
      file_.read_at(at_, packed_.get(), n);
      at_ += n;
      left_ -= n;
      stream_.next_in = packed_.get();
      stream_.avail_in = static_cast<uInt>(n);
    }
    status_ = inflate(&stream_, Z_NO_FLUSH);
    if (status_ != Z_OK && status_ != Z_STREAM_END) fail(where_, ": its packed data is damaged");
  }
}

}  // namespace taugate
