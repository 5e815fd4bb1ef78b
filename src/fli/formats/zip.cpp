#include "fli/formats/zip.h"

#include <zip.h>

#include <algorithm>
#include <utility>

#include "fli/formats/inflate.h"
#include "taugate/core/error.h"
#include "taugate/core/file.h"

namespace taugate {

void ZipMember::Close::operator()(zip_file* member) const { zip_fclose(member); }
void ZipReader::Close::operator()(zip* archive) const { zip_discard(archive); }

ZipMember::ZipMember(zip_file* member, std::uint64_t size, std::string where)
    : member_(member), size_(size), where_(std::move(where)) {}

void ZipMember::read(void* to, std::size_t bytes) {
  auto* next = static_cast<char*>(to);
  while (bytes > 0) {
    const zip_int64_t got = zip_fread(member_.get(), next, bytes);
    if (got < 0) fail(where_, ": is damaged: ", zip_file_strerror(member_.get()));
    if (got == 0) fail(where_, ": ends early");
    next += got;
    bytes -= static_cast<std::size_t>(got);
  }
}

void ZipMember::finish() {
  // Reading past the end makes libzip compare the checksum.
  char beyond = 0;
  const zip_int64_t rest = zip_fread(member_.get(), &beyond, 1);
  if (rest != 0)
    fail(where_, ": is damaged: ",
         rest < 0 ? zip_file_strerror(member_.get()) : "it is longer than it claims");
}

ZipReader::ZipReader(const std::filesystem::path& path, const std::string& kind, std::string suffix,
                     const ZipWindow& window)
    : where_(window.where.empty() ? path.string() : window.where), suffix_(std::move(suffix)) {
  const InputFile exists(path);  // says what is wrong with the path itself
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const source =
      zip_source_file_create(path.c_str(), window.offset, window.bytes, &error);
  if (source) archive_.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
  const std::string reason = archive_ ? "" : zip_error_strerror(&error);
  zip_error_fini(&error);
  if (source && !archive_) zip_source_free(source);
  require(archive_ != nullptr, where_, ": is no readable ", kind, ": ", reason);
  const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* raw = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), 0);
    std::string name = raw ? raw : "";
    if (!name.ends_with(suffix_)) continue;
    name.resize(name.size() - suffix_.size());
    names_.push_back(std::move(name));
  }
}

bool ZipReader::has(const std::string& name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

ZipMember ZipReader::open(const std::string& name) const {
  const std::string where = concat(where_, ": member '", name, "'");
  zip_stat_t status;
  if (zip_stat(archive_.get(), (name + suffix_).c_str(), 0, &status) != 0) {
    std::string list;
    for (const auto& known : names_) list += (list.empty() ? "" : ", ") + known;
    fail(where, ": is missing; the archive has: ", list.empty() ? "nothing" : list);
  }
  if (status.size > status.comp_size * kLargestRatio + kRatioSlack)
    fail(where, ": claims ", status.size, " bytes out of ", status.comp_size, " compressed ones");
  require(status.comp_method == ZIP_CM_STORE || status.comp_method == ZIP_CM_DEFLATE, where,
          ": is packed by method ", status.comp_method, ", wanted 8 (deflate) or 0 (stored)");
  zip_file_t* member = zip_fopen_index(archive_.get(), status.index, 0);
  if (!member) fail(where, ": cannot be opened: ", zip_strerror(archive_.get()));
  return {member, status.size, where};
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
