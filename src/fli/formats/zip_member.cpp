#include "fli/formats/zip_member.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

#include "fli/formats/binary_fields.h"

namespace taugate {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 16;
constexpr std::size_t kLocalHeader = 30;
constexpr std::uint64_t kLargestRatio = 1032;  // deflate cannot do better

/// zlib's raw inflate, ended with its owner.
struct Inflater {
  z_stream stream{};
  explicit Inflater(const std::string& where) {
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail(where, ": zlib cannot start");
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

}  // namespace

void read_zip_member(const InputFile& file, std::uint64_t offset, std::uint64_t stored,
                     std::uint64_t decoded, const std::string& where,
                     const std::function<void(std::span<const char>)>& take) {
  if (stored < kLocalHeader) fail(where, ": found ", stored, " bytes, too few for a zip archive");
  std::string bytes(kLocalHeader, '\0');
  file.read_at(offset, bytes.data(), bytes.size());
  const BinaryFields header(std::move(bytes), where);
  if (!header.bytes().starts_with("PK\x03\x04")) fail(where, ": is no zip archive");
  const auto flags = header.at<std::uint16_t>(6), method = header.at<std::uint16_t>(8);
  if (flags & 1) fail(where, ": is encrypted");
  if (method != Z_DEFLATED) fail(where, ": is packed by method ", method, ", wanted 8 (deflate)");
  const bool checksum_known = (flags & 8) == 0;
  const std::uint64_t skipped =
      kLocalHeader + std::uint64_t{header.at<std::uint16_t>(26)} + header.at<std::uint16_t>(28);
  if (skipped > stored) fail(where, ": is cut short");
  if (decoded / kLargestRatio > stored)
    fail(where, ": claims ", decoded, " bytes out of ", stored, " packed ones");

  Inflater inflater(where);
  z_stream& z = inflater.stream;
  std::vector<char> in(kPiece), out(kPiece);
  std::uint64_t at = offset + skipped, left = stored - skipped, produced = 0;
  uLong checksum = crc32(0, nullptr, 0);
  for (int status = Z_OK; status != Z_STREAM_END;) {
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = kPiece;
    while (z.avail_out > 0 && status != Z_STREAM_END) {
      if (z.avail_in == 0) {
        if (left == 0) fail(where, ": its packed data is cut short");
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left, kPiece));
        file.read_at(at, in.data(), n);
        at += n;
        left -= n;
        z.next_in = reinterpret_cast<Bytef*>(in.data());
        z.avail_in = static_cast<uInt>(n);
      }
      status = inflate(&z, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END)
        fail(where, ": its packed data is damaged at byte ", produced);
    }
    const std::size_t n = kPiece - z.avail_out;
    produced += n;
    if (produced > decoded) break;
    checksum = crc32(checksum, reinterpret_cast<const Bytef*>(out.data()), static_cast<uInt>(n));
    take({out.data(), n});
  }
  if (produced != decoded)
    fail(where, ": unpacks to ", produced > decoded ? "more than " : "",
         std::min(produced, decoded), " bytes, wanted ", decoded);
  if (checksum_known && checksum != header.at<std::uint32_t>(14))
    fail(where, ": is damaged: its checksum is wrong");
}

}  // namespace taugate
