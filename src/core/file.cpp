#include "taugate/core/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

namespace taugate {
namespace fs = std::filesystem;

InputFile::InputFile(fs::path path) : path_(std::move(path)) {
  const auto refuse = [&](int error) {
    fail(path_.string(), ": cannot be read: ", std::strerror(error));
  };
  // O_NONBLOCK: opening a FIFO must not wait for a writer before it can be refused.
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) refuse(errno);
  file_.reset(::fdopen(fd, "rb"));
  if (!file_) {
    const int error = errno;
    ::close(fd);
    refuse(error);
  }
  struct stat status {};
  if (::fstat(fd, &status) != 0) refuse(errno);
  if (S_ISDIR(status.st_mode)) fail(path_.string(), ": is a folder, wanted a file");
  if (!S_ISREG(status.st_mode)) fail(path_.string(), ": is not a regular file");
  size_ = static_cast<std::uint64_t>(status.st_size);
}

void InputFile::read_at(std::uint64_t offset, void* to, std::size_t bytes) const {
  auto* next = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got = ::pread(::fileno(file_.get()), next, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_.string(), ": reading failed: ", std::strerror(errno));
    if (got == 0)
      fail(path_.string(), ": ends at byte ", offset, ", wanted ", bytes, " more (cut short?)");
    next += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
}

std::string read_file(const fs::path& path, std::uint64_t limit) {
  const InputFile file(path);
  if (file.size() > limit)
    fail(path.string(), ": has ", file.size(), " bytes, more than the limit of ", limit);
  std::string content(static_cast<std::size_t>(file.size()), '\0');
  file.read_at(0, content.data(), content.size());
  return content;
}

std::string read_prefix(const fs::path& path, std::size_t bytes) {
  const InputFile file(path);
  std::string content(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, file.size())), '\0');
  file.read_at(0, content.data(), content.size());
  return content;
}

namespace {

/// The temporaries of this process. Whoever makes, renames or removes one holds the lock.
struct Temporaries {
  std::mutex mutex;
  std::set<fs::path> all;
  std::set<std::pair<dev_t, ino_t>> kept;  // files that no target may be
};
Temporaries& temporaries() {
  static Temporaries& those = *new Temporaries;  // outlives the threads, who outlive main()
  return those;
}

constexpr const char* kFolderSuffix = ".folder";

/// A temporary, its folder and whatever else a library has put beside it under a longer name.
void remove_temporary(const fs::path& temporary) {
  std::error_code ignored;
  const std::string stem = temporary.filename().string() + ".";
  fs::remove(temporary, ignored);
  std::vector<fs::path> beside;
  for (fs::directory_iterator entry(temporary.parent_path(), ignored), end; entry != end;
       entry.increment(ignored))
    if (entry->path().filename().string().starts_with(stem)) beside.push_back(entry->path());
  for (const fs::path& path : beside) fs::remove_all(path, ignored);
}

/// Whether a process is writing it: then its lock is taken.
bool in_use(const fs::path& temporary) {
  const int fd = ::open(temporary.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return errno != ENOENT;
  const bool locked = ::flock(fd, LOCK_EX | LOCK_NB) != 0;  // or cannot be locked here
  ::close(fd);
  return locked;
}

/// Removes what processes that were killed have left of `target`.
void remove_leftovers(const fs::path& target) {
  const std::string stem = target.filename().string() + ".part-";
  std::set<fs::path> found;
  std::error_code ignored;
  for (fs::directory_iterator entry(target.parent_path(), ignored), end; entry != end;
       entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(stem)) continue;
    const std::size_t digits = name.find_first_not_of("0123456789-", stem.size());
    if (digits == std::string::npos || name[digits] == '.')
      found.insert(target.parent_path() / name.substr(0, digits));
  }
  for (const fs::path& temporary : found)
    if (!in_use(temporary)) remove_temporary(temporary);
}

}  // namespace

namespace {

/// The open descriptor that a path like /dev/stdout, /dev/fd/3 or a link to one of them names.
/// Where it is a regular file, as after `> FILE`, only that descriptor knows whether and where to
/// append.
std::optional<int> descriptor_named_by(fs::path path) {
  std::error_code error;
  const fs::path descriptors = fs::canonical("/proc/self/fd", error);
  for (int links = 0; links < 16 && !error && fs::is_symlink(path, error); ++links) {
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    if (fs::canonical(folder, error) == descriptors) return std::stoi(path.filename().string());
    path = folder / fs::read_symlink(path, error);  // which an absolute link replaces
  }
  return std::nullopt;
}

}  // namespace

OutputFile::OutputFile(fs::path target) : target_(std::move(target)) {
  struct stat status {};
  const bool exists = ::stat(target_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) fail_errno(EISDIR);
  {
    const std::scoped_lock lock(temporaries().mutex);
    require(!exists || !temporaries().kept.contains({status.st_dev, status.st_ino}),
            target_.string(), ": cannot be written: it is a file that is read");
  }
  const std::optional<int> descriptor = descriptor_named_by(target_);
  device_ = descriptor || (exists && !S_ISREG(status.st_mode));
  if (device_) {
    temporary_ = target_;
    if (!descriptor) {
      file_ = std::fopen(target_.c_str(), "wbe");
    } else if (const int own = ::fcntl(*descriptor, F_DUPFD_CLOEXEC, 0); own >= 0) {
      file_ = ::fdopen(own, "wb");
      if (!file_) ::close(own);
    }
    if (!file_) fail_errno(errno);
    return;
  }
  // A link is followed, so that the file it names is replaced and not the link.
  std::error_code error;
  real_ = exists ? fs::canonical(target_, error) : fs::absolute(target_, error);
  if (error) fail_errno(error.value());
  remove_leftovers(real_);
  while (!create(exists, status.st_mode & 0777)) {
  }
}

/// False where another process took the new file for a leftover before it was locked.
bool OutputFile::create(bool exists, unsigned mode) {
  static std::atomic<unsigned> counter{0};
  temporary_ = real_;
  temporary_ += concat(".part-", ::getpid(), "-", counter++);
  const std::scoped_lock lock(temporaries().mutex);
  const int fd = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST) return false;
  if (fd < 0) fail_errno(errno);
  ::flock(fd, LOCK_EX | LOCK_NB);  // on disks without locks nobody removes leftovers
  struct stat own {};
  if (::fstat(fd, &own) == 0 && own.st_nlink == 0) {
    ::close(fd);
    return false;
  }
  if (exists) ::fchmod(fd, mode);  // kept where we may; else the default
  file_ = ::fdopen(fd, "wb");
  if (!file_) {
    const int error = errno;
    ::close(fd);
    ::unlink(temporary_.c_str());
    fail_errno(error);
  }
  temporaries().all.insert(temporary_);
  return true;
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::fail_errno(int error) const {
  fail(target_.string(), ": cannot be written: ", std::strerror(error));
}

void OutputFile::discard() noexcept {
  if (device_) {
    if (file_) std::fclose(file_);
  } else if (!temporary_.empty()) {
    const std::scoped_lock lock(temporaries().mutex);
    temporaries().all.erase(temporary_);
    if (file_) remove_temporary(temporary_);  // before the lock on it goes
    if (file_) std::fclose(file_);
  }
  file_ = nullptr;
}

void OutputFile::write(const void* data, std::size_t bytes) {
  if (bytes > 0 && std::fwrite(data, 1, bytes, file_) != bytes) fail_errno(errno);
}

void OutputFile::patch(std::uint64_t offset, std::string_view bytes) {
  if (device_) fail(target_.string(), ": cannot be written: wanted a file, found a device");
  if (::fseeko(file_, static_cast<off_t>(offset), SEEK_SET) != 0) fail_errno(errno);
  write(bytes);
  if (::fseeko(file_, 0, SEEK_END) != 0) fail_errno(errno);
}

fs::path OutputFile::folder() {
  if (device_) fail(target_.string(), ": cannot be written: wanted a file, found a device");
  fs::path path = temporary_;
  path += kFolderSuffix;
  const std::scoped_lock lock(temporaries().mutex);
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) fail_errno(errno);
  return path;
}

void OutputFile::adopt(const fs::path& other) {
  const int fd = ::open(other.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) fail_errno(errno);
  struct stat status {};
  if (::fstat(::fileno(file_), &status) == 0) ::fchmod(fd, status.st_mode & 0777);
  ::flock(fd, LOCK_EX | LOCK_NB);
  std::FILE* const file = ::fdopen(fd, "r+b");
  const std::scoped_lock lock(temporaries().mutex);
  if (!file || std::rename(other.c_str(), temporary_.c_str()) != 0) {
    const int error = errno;
    file ? std::fclose(file) : ::close(fd);
    fail_errno(error);
  }
  std::fclose(std::exchange(file_, file));
}

void OutputFile::commit(bool sync) {
  if (std::fflush(file_) != 0) fail_errno(errno);
  if (sync && !device_ && ::fsync(::fileno(file_)) != 0) fail_errno(errno);
  if (!device_) {
    const std::scoped_lock lock(temporaries().mutex);
    if (std::rename(temporary_.c_str(), real_.c_str()) != 0) fail_errno(errno);
    remove_temporary(temporary_);  // its folder
    temporaries().all.erase(temporary_);
  }
  if (std::fclose(std::exchange(file_, nullptr)) != 0) fail_errno(errno);
}

void keep_from_writing(const fs::path& file) {
  struct stat status {};
  const std::scoped_lock lock(temporaries().mutex);
  if (::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode))
    temporaries().kept.insert({status.st_dev, status.st_ino});
}

void abandon_output_files() {
  temporaries().mutex.lock();  // for good
  for (const fs::path& temporary : temporaries().all) remove_temporary(temporary);
}

void check_space(const fs::path& target, double bytes) {
  std::error_code error;
  const fs::path folder = fs::absolute(target, error).parent_path();
  const fs::space_info space = fs::space(folder, error);
  require(error || bytes <= static_cast<double>(space.available), target.string(),
          ": cannot be written: wanted ", bytes / 1e9, " GB of disk, found ",
          static_cast<double>(space.available) / 1e9, " GB free");
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, folder.string(), ": cannot make this folder: ", error.message());
}

void write_file(const fs::path& target, std::string_view content) {
  OutputFile file(target);
  file.write(content);
  file.commit();
}

}  // namespace taugate
