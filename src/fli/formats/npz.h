#pragma once
// NumPy's .npz: a zip archive whose members are .npy files.

#include <deque>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "fli/formats/zip.h"
#include "taugate/fli/formats/npy.h"

namespace taugate {

/// Reads members of an archive. Error for a file that is no zip archive, a missing member, a member
/// that is damaged (checksum), encrypted, or that claims more than deflate can hold.
class NpzReader {
 public:
  explicit NpzReader(const std::filesystem::path& path);

  const std::vector<std::string>& names() const { return archive_.names(); }  ///< without ".npy"
  bool has(const std::string& name) const { return archive_.has(name); }

  NpyHeader header(const std::string& name) const;
  /// A whole member. S: float, double.
  template <class S>
  Array<S> read(const std::string& name) const;

 private:
  ZipReader archive_;
};

/// Writes an archive at constant memory. Members grow side by side, row by row, in temporary files
/// beside the target; finish() packs them. Without finish() nothing is left behind.
class NpzWriter {
 public:
  /// `compress`: deflate the members instead of storing them.
  explicit NpzWriter(const std::filesystem::path& path, bool compress = false);

  /// A new member, to be filled by append(); the reference holds until finish(), which also
  /// finishes the member.
  NpyWriter& add(const std::string& name, NpyType type, std::vector<std::size_t> row_shape);
  void finish();

 private:
  struct Member {
    Member(std::string its_name, const std::filesystem::path& path, NpyType type,
           std::vector<std::size_t> row_shape)
        : name(std::move(its_name)), writer(path, type, std::move(row_shape)) {}
    std::string name;
    NpyWriter writer;
  };
  std::filesystem::path member_path(const std::string& name) const;

  OutputFile target_;
  std::filesystem::path folder_;  // of the members' files
  bool compress_;
  std::deque<Member> members_;
};

}  // namespace taugate
