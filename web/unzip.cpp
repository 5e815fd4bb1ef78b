// Zip archives without libzip, for the page: a member is unpacked whole, by stb_image's inflate.

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "fli/formats/binary_fields.h"
#include "fli/formats/zip.h"
#include "taugate/core/error.h"
#include "taugate/core/file.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-function"
#include <stb_image.h>
#pragma clang diagnostic pop

/// An archive's members (APPNOTE.TXT of PKWARE, 4.3.7, 4.3.12 and 4.3.16), and one unpacked.
struct zip {
  struct Member {
    std::string name;
    std::uint64_t packed, size, local;  // bytes, and where its local header lies in the window
    std::uint32_t checksum;
    int method;
  };
  taugate::InputFile file;
  std::uint64_t offset, bytes;
  std::vector<Member> members;

  std::string read(std::uint64_t at, std::uint64_t count, const std::string& where) const {
    taugate::require(at <= bytes && count <= bytes - at, where, ": is damaged: it ends early");
    std::string part(static_cast<std::size_t>(count), '\0');
    file.read_at(offset + at, part.data(), part.size());
    return part;
  }
};
struct zip_file {
  std::string bytes;
  std::size_t position = 0;
  std::uint32_t checksum = 0;
};

namespace taugate {
namespace {

constexpr std::size_t kLocal = 30, kEntry = 46, kEnd = 22;
constexpr std::string_view kEndMark("PK\5\6", 4), kEntryMark("PK\1\2", 4), kLocalMark("PK\3\4", 4);
constexpr int kStored = 0, kDeflated = 8, kEncrypted = 1;
constexpr std::uint64_t kLargestRatio = 1032, kRatioSlack = 4096;  // as in zip.cpp

std::uint32_t crc32(std::string_view bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = (t[i] >> 1) ^ (t[i] & 1 ? 0xEDB88320u : 0u);
    }
    return t;
  }();
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 255];
  return ~crc;
}

}  // namespace

void ZipMember::Close::operator()(zip_file* member) const { delete member; }
void ZipReader::Close::operator()(zip* archive) const { delete archive; }

ZipMember::ZipMember(zip_file* member, std::uint64_t size, std::string where)
    : member_(member), size_(size), where_(std::move(where)) {}

void ZipMember::read(void* to, std::size_t bytes) {
  require(bytes <= member_->bytes.size() - member_->position, where_, ": ends early");
  std::memcpy(to, member_->bytes.data() + member_->position, bytes);
  member_->position += bytes;
}

void ZipMember::finish() {
  require(crc32(member_->bytes) == member_->checksum, where_, ": is damaged: CRC error");
}

ZipReader::ZipReader(const std::filesystem::path& path, const std::string& kind, std::string suffix,
                     const ZipWindow& window)
    : where_(window.where.empty() ? path.string() : window.where), suffix_(std::move(suffix)) {
  InputFile file(path);
  const std::uint64_t rest = file.size() - std::min(file.size(), window.offset),
                      bytes = window.bytes < 0 ? rest : static_cast<std::uint64_t>(window.bytes);
  archive_.reset(new zip{std::move(file), window.offset, std::min(bytes, rest), {}});
  const zip& archive = *archive_;
  const std::string what = concat(where_, ": is no readable ", kind);
  // The end of the directory lies before a comment of at most 64 kB.
  const std::uint64_t tail = std::min<std::uint64_t>(archive.bytes, 65535 + kEnd);
  const std::string last = archive.read(archive.bytes - tail, tail, what);
  const std::size_t mark = last.rfind(kEndMark);
  require(mark != std::string::npos, what, ": found no directory");
  const BinaryFields end(last.substr(mark), what);
  const int count = end.at<std::uint16_t>(10);
  const BinaryFields directory(
      archive.read(end.at<std::uint32_t>(16), end.at<std::uint32_t>(12), what), what);
  std::size_t at = 0;
  for (int i = 0; i < count; ++i) {
    directory.need(at, kEntry);
    require(directory.bytes().compare(at, 4, kEntryMark) == 0, what, ": its directory is damaged");
    const std::size_t length = directory.at<std::uint16_t>(at + 28);
    directory.need(at + kEntry, length);
    std::string name = directory.bytes().substr(at + kEntry, length);
    const bool encrypted = (directory.at<std::uint16_t>(at + 8) & kEncrypted) != 0;
    if (name.ends_with(suffix_)) {
      name.resize(name.size() - suffix_.size());
      names_.push_back(name);
      archive_->members.push_back({std::move(name), directory.at<std::uint32_t>(at + 20),
                                   directory.at<std::uint32_t>(at + 24),
                                   directory.at<std::uint32_t>(at + 42),
                                   directory.at<std::uint32_t>(at + 16),
                                   encrypted ? -1 : directory.at<std::uint16_t>(at + 10)});
    }
    at += kEntry + length + directory.at<std::uint16_t>(at + 30) +
          directory.at<std::uint16_t>(at + 32);
  }
}

bool ZipReader::has(const std::string& name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

ZipMember ZipReader::open(const std::string& name) const {
  const std::string where = concat(where_, ": member '", name, "'");
  const auto& members = archive_->members;
  const auto m = std::find_if(members.begin(), members.end(),
                              [&](const zip::Member& member) { return member.name == name; });
  require(m != members.end(), where, ": is missing");
  require(m->size <= m->packed * kLargestRatio + kRatioSlack, where, ": claims ", m->size,
          " bytes out of ", m->packed, " compressed ones");
  require(m->method == kStored || m->method == kDeflated, where,
          ": is encrypted, or not packed by deflate");
  const BinaryFields local(archive_->read(m->local, kLocal, where), where);
  require(local.bytes().starts_with(kLocalMark), where, ": is damaged: it does not begin");
  std::string packed =
      archive_->read(m->local + kLocal + local.at<std::uint16_t>(26) + local.at<std::uint16_t>(28),
                     m->packed, where);
  auto unpacked = std::make_unique<zip_file>();
  unpacked->checksum = m->checksum;
  if (m->method == kStored) {
    require(m->packed == m->size, where, ": is damaged: it is longer than it claims");
    unpacked->bytes = std::move(packed);
  } else {
    require(m->size < (1u << 30), where, ": has ", m->size, " bytes, more than a page can hold");
    packed.append(4, '\0');  // stb_image looks a code's length ahead, and takes the end for damage
    unpacked->bytes.resize(static_cast<std::size_t>(m->size));
    const int got =
        stbi_zlib_decode_noheader_buffer(unpacked->bytes.data(), static_cast<int>(m->size),
                                         packed.data(), static_cast<int>(packed.size()));
    require(got == static_cast<int>(m->size), where, ": is damaged");
  }
  return {unpacked.release(), m->size, where};
}

std::string ZipReader::read(const std::string& name, std::uint64_t limit) const {
  ZipMember member = open(name);
  require(member.size() <= limit, member.where(), ": has ", member.size(),
          " bytes, more than the limit of ", limit);
  std::string bytes(static_cast<std::size_t>(member.size()), '\0');
  member.read(bytes.data(), bytes.size());
  member.finish();
  return bytes;
}

}  // namespace taugate
