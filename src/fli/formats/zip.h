#pragma once
// Reading zip archives through libzip.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct zip;
struct zip_file;

namespace taugate {

/// One member while it is read, from its beginning to its end.
class ZipMember {
 public:
  ZipMember(zip_file* member, std::uint64_t size, std::string where);

  std::uint64_t size() const { return size_; }  ///< unpacked bytes, as the archive claims
  /// "FILE: member 'NAME'", for messages.
  const std::string& where() const { return where_; }
  /// The next `bytes` bytes. Error where it ends before, or is damaged.
  void read(void* to, std::size_t bytes);
  /// To be called after all size() bytes: Error unless it ends here and its checksum is right.
  void finish();

 private:
  struct Close {
    void operator()(zip_file* member) const;
  };
  std::unique_ptr<zip_file, Close> member_;
  std::uint64_t size_;
  std::string where_;
};

/// An archive that lies inside another file.
struct ZipWindow {
  std::uint64_t offset = 0;
  std::int64_t bytes = -1;  ///< -1: to the end of the file
  std::string where = {};   ///< stands in front of messages; empty: the file's name
};

class ZipReader {
 public:
  /// `kind` is what the file should be, for messages: "NPZ (zip) archive". Error for anything else.
  /// Members whose names do not end in `suffix` are left out, and the names go without it.
  ZipReader(const std::filesystem::path& path, const std::string& kind, std::string suffix = "",
            const ZipWindow& window = {});

  const std::vector<std::string>& names() const { return names_; }
  bool has(const std::string& name) const;
  /// Error for a member that is missing, encrypted, or claims more bytes than deflate can hold.
  ZipMember open(const std::string& name) const;
  /// A whole member; Error for more than `limit` bytes.
  std::string read(const std::string& name, std::uint64_t limit) const;

 private:
  struct Close {
    void operator()(zip* archive) const;
  };
  std::string where_, suffix_;
  std::unique_ptr<zip, Close> archive_;
  std::vector<std::string> names_;
};

}  // namespace taugate
