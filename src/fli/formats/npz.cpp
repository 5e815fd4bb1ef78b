#include "fli/formats/npz.h"

#ifndef TAUGATE_WASM  // which reads only
#include <zip.h>
#endif

#include <algorithm>
#include <utility>

namespace taugate {
namespace {

constexpr std::string_view kSuffix = ".npy";

}  // namespace

NpzReader::NpzReader(const std::filesystem::path& path)
    : archive_(path, "NPZ (zip) archive", std::string(kSuffix)) {}

NpyHeader NpzReader::header(const std::string& name) const {
  ZipMember member = archive_.open(name);
  return read_npy_header(
      [&](std::uint64_t, void* to, std::size_t bytes) { member.read(to, bytes); }, member.size(),
      member.where());
}

template <class S>
Array<S> NpzReader::read(const std::string& name) const {
  ZipMember member = archive_.open(name);
  // The array is read in the order of the file, so the offsets only ever continue.
  const ReadBytes read = [&](std::uint64_t, void* to, std::size_t bytes) {
    member.read(to, bytes);
  };
  Array<S> array =
      read_npy_array<S>(read_npy_header(read, member.size(), member.where()), read, member.where());
  member.finish();
  return array;
}

template Array<float> NpzReader::read(const std::string&) const;
template Array<double> NpzReader::read(const std::string&) const;

#ifndef TAUGATE_WASM
NpzWriter::NpzWriter(const std::filesystem::path& path, bool compress)
    : target_(path), compress_(compress) {
  folder_ = target_.folder();
}

std::filesystem::path NpzWriter::member_path(const std::string& name) const {
  return folder_ / (name + std::string(kSuffix));
}

NpyWriter& NpzWriter::add(const std::string& name, NpyType type,
                          std::vector<std::size_t> row_shape) {
  if (name.empty() || name.find('/') != std::string::npos)
    fail(target_.target().string(), ": '", name, "' cannot name a member");
  for (const Member& member : members_)
    if (member.name == name) fail(target_.target().string(), ": has a member '", name, "' already");
  return members_.emplace_back(name, member_path(name), type, std::move(row_shape)).writer;
}

void NpzWriter::finish() {
  const std::string where = target_.target().string();
  for (Member& member : members_) member.writer.finish(false);  // the archive will be

  const std::filesystem::path packed = folder_ / "packed.zip";
  int code = 0;
  zip_t* archive = zip_open(packed.c_str(), ZIP_CREATE | ZIP_EXCL, &code);
  require(archive != nullptr, where, ": cannot be written: libzip's error ", code);
  const auto refuse = [&] {
    const std::string reason = zip_strerror(archive);
    zip_discard(archive);
    fail(where, ": cannot be written: ", reason);
  };
  for (const Member& member : members_) {
    zip_source_t* source = zip_source_file(archive, member_path(member.name).c_str(), 0, -1);
    if (!source) refuse();
    const zip_int64_t index = zip_file_add(archive, (member.name + std::string(kSuffix)).c_str(),
                                           source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      refuse();
    }
    if (zip_set_file_compression(archive, static_cast<zip_uint64_t>(index),
                                 compress_ ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) != 0)
      refuse();
  }
  if (zip_close(archive) != 0) refuse();
  target_.adopt(packed);
  members_.clear();
  target_.commit();
}
#endif

}  // namespace taugate
