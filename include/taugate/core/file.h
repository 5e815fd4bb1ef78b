#pragma once
// Files: reading with a stated limit, and writing that leaves either the whole new file or nothing.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "taugate/core/error.h"

namespace taugate {

/// A regular file, open for reading at any offset. Throws Error when it is missing, a folder, not a
/// regular file, or may not be read.
class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }  ///< in bytes, when it was opened

  /// Exactly `bytes` bytes from `offset` into `to`; Error when the file ends before.
  void read_at(std::uint64_t offset, void* to, std::size_t bytes) const;

 private:
  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t size_ = 0;
};

inline constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 31;  ///< 2 GiB, for read_file

/// The whole file. Error when it is larger than `limit` bytes.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit = kLargestFile);
/// The first `bytes` bytes, or the whole file when it is shorter.
std::string read_prefix(const std::filesystem::path& path, std::size_t bytes);

/// A file being written. Bytes go to a temporary name beside the target, TARGET.part-PID-N;
/// commit() checks that all of them reached the disk and renames. Without commit() (an exception on
/// the way) the temporary is removed and an existing target stays as it was. A process that was
/// killed leaves its temporary; the next one that writes the same target removes it. (Whoever
/// writes holds a lock on its temporary, so that one in use is never removed.) A target that is a
/// device is written directly, and one that names an open descriptor (/dev/stdout, /dev/fd/3) goes
/// there, at its present position, whatever it was redirected to. Every failure is an Error that
/// names the target and the reason.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path target);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Replaces bytes that were written before, at `offset` from the start; appending goes on at the
  /// end.
  void patch(std::uint64_t offset, std::string_view bytes);
  /// Takes the bytes of this file of folder() instead, which is moved.
  void adopt(const std::filesystem::path& other);
  /// `sync`: wait until the disk has it; a file that is only on the way to another need not.
  void commit(bool sync = true);

  /// An empty folder for what has to be a file on the way to the target, on the same disk. It goes
  /// with this object.
  std::filesystem::path folder();

  const std::filesystem::path& target() const { return target_; }
  /// Where the bytes are until commit(); equal to the target for a device or descriptor.
  const std::filesystem::path& temporary() const { return temporary_; }

 private:
  [[noreturn]] void fail_errno(int error) const;
  bool create(bool exists, unsigned mode);
  void discard() noexcept;

  std::filesystem::path target_, real_, temporary_;  // real_: the target behind any link
  std::FILE* file_ = nullptr;
  bool device_ = false;
};

/// From now on no OutputFile of this process replaces this file, by whatever name. For what a
/// program reads.
void keep_from_writing(const std::filesystem::path& file);

/// Removes the temporaries of all OutputFiles and lets none of them begin or commit any more: for a
/// program that is about to end while other threads work.
void abandon_output_files();

/// A folder and those above it, where they are not there yet. Error that names it and the reason.
void make_folder(const std::filesystem::path& folder);

/// Error where the disk that `target` would be on has less than `bytes` bytes free.
void check_space(const std::filesystem::path& target, double bytes);

/// The whole content in one call.
void write_file(const std::filesystem::path& target, std::string_view content);

}  // namespace taugate
