#include "taugate/fli/io/npz.h"

#include <zip.h>

#include <algorithm>
#include <utility>

namespace taugate {
namespace {

constexpr std::string_view kSuffix = ".npy";
// A deflated byte yields at most 258 * 8 / 2 bytes; an empty stream is a few bytes long.
constexpr std::uint64_t kLargestRatio = 1032;
constexpr std::uint64_t kRatioSlack = 4096;

struct CloseMember {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};

zip_t* open_archive(const std::filesystem::path& path, int flags) {
  int code = 0;
  if (zip_t* archive = zip_open(path.c_str(), flags, &code)) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  fail(path.string(), ": is no readable NPZ (zip) archive: ", reason);
}

}  // namespace

void NpzReader::Close::operator()(zip* archive) const { zip_discard(archive); }

NpzReader::NpzReader(std::filesystem::path path) : path_(std::move(path)) {
  const InputFile exists(path_);  // says what is wrong with the path itself
  archive_.reset(open_archive(path_, ZIP_RDONLY));
  const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* raw = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), 0);
    std::string name = raw ? raw : "";
    if (name.ends_with(kSuffix)) names_.push_back(name.substr(0, name.size() - kSuffix.size()));
  }
}

bool NpzReader::has(const std::string& name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

template <class S>
Array<S> NpzReader::read(const std::string& name) const {
  const std::string where = concat(path_.string(), ": member '", name, "'");
  const std::string file_name = name + std::string(kSuffix);
  zip_stat_t status;
  if (zip_stat(archive_.get(), file_name.c_str(), 0, &status) != 0) {
    std::string list;
    for (const auto& known : names_) list += (list.empty() ? "" : ", ") + known;
    fail(where, ": is missing; the archive has: ", list.empty() ? "no arrays" : list);
  }
  if (status.size > status.comp_size * kLargestRatio + kRatioSlack)
    fail(where, ": claims ", status.size, " bytes out of ", status.comp_size, " compressed ones");
  const std::unique_ptr<zip_file_t, CloseMember> member(
      zip_fopen_index(archive_.get(), status.index, 0));
  if (!member) fail(where, ": cannot be opened: ", zip_strerror(archive_.get()));

  // The array is read in the order of the file, so the offsets only ever continue.
  const ReadBytes read = [&](std::uint64_t, void* to, std::size_t bytes) {
    auto* next = static_cast<char*>(to);
    while (bytes > 0) {
      const zip_int64_t got = zip_fread(member.get(), next, bytes);
      if (got < 0) fail(where, ": is damaged: ", zip_file_strerror(member.get()));
      if (got == 0) fail(where, ": ends early");
      next += got;
      bytes -= static_cast<std::size_t>(got);
    }
  };
  Array<S> array = read_npy_array<S>(read_npy_header(read, status.size, where), read, where);
  // Reading past the end makes libzip compare the checksum.
  char beyond = 0;
  const zip_int64_t rest = zip_fread(member.get(), &beyond, 1);
  if (rest != 0)
    fail(where, ": is damaged: ",
         rest < 0 ? zip_file_strerror(member.get()) : "it is longer than it claims");
  return array;
}

template Array<float> NpzReader::read(const std::string&) const;
template Array<double> NpzReader::read(const std::string&) const;

NpzWriter::NpzWriter(const std::filesystem::path& path, bool compress)
    : target_(path), compress_(compress) {
  if (target_.temporary() == target_.target())
    fail(path.string(), ": cannot be written: an archive wants a regular file");
  folder_ = target_.temporary();
  folder_ += ".members";
  std::error_code error;
  std::filesystem::create_directory(folder_, error);
  if (error) fail(path.string(), ": cannot be written: ", error.message());
}

NpzWriter::~NpzWriter() {
  members_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
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
  for (Member& member : members_) member.writer.finish();

  const std::filesystem::path packed = folder_ / "packed.zip";
  zip_t* archive = open_archive(packed, ZIP_CREATE | ZIP_EXCL);
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
  std::error_code error;
  std::filesystem::rename(packed, target_.temporary(), error);
  if (error) fail(where, ": cannot be written: ", error.message());
  target_.commit();
}

}  // namespace taugate
