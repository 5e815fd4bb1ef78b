#pragma once
// Which of several processes does which piece of a work that they share by a folder.

#include <cstdint>
#include <filesystem>

namespace taugate {

/// Locks on single bytes of a file (made where it is not there), each a claim to one piece of work. They end with the
/// process, however that ends. On a file system of several machines its locks must work (NFS: yes; Lustre: mounted
/// with flock).
class Claims {
 public:
  /// Error where the file cannot be opened.
  explicit Claims(const std::filesystem::path& file);
  ~Claims();
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;

  /// False where another process, or another object, has it. Pieces are told apart by all but their last two bits, as
  /// hashes or multiples of 4.
  bool take(std::uint64_t piece);
  void release(std::uint64_t piece);

 private:
  int lock(std::uint64_t piece, short kind);

  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace taugate
