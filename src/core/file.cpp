#include "taugate/core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

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

OutputFile::OutputFile(fs::path target) : target_(std::move(target)) {
  struct stat status {};
  const bool exists = ::stat(target_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) fail_errno(EISDIR);
  device_ = exists && !S_ISREG(status.st_mode);
  if (device_) {
    temporary_ = target_;
    file_ = std::fopen(target_.c_str(), "wb");
    if (!file_) fail_errno(errno);
    return;
  }
  // A link is followed, so that the file it names is replaced and not the link.
  real_ = exists ? fs::canonical(target_) : target_;
  temporary_ = real_;
  static std::atomic<unsigned> counter{0};
  temporary_ += concat(".part-", ::getpid(), "-", counter++);
  const int fd = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) fail_errno(errno);
  if (exists) ::fchmod(fd, status.st_mode & 0777);  // kept where we may; else the default
  file_ = ::fdopen(fd, "wb");
  if (!file_) {
    const int error = errno;
    ::close(fd);
    ::unlink(temporary_.c_str());
    fail_errno(error);
  }
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::fail_errno(int error) const {
  fail(target_.string(), ": cannot be written: ", std::strerror(error));
}

void OutputFile::discard() noexcept {
  if (!file_) return;
  std::fclose(file_);
  file_ = nullptr;
  if (!device_) ::unlink(temporary_.c_str());
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

void OutputFile::commit() {
  if (std::fflush(file_) != 0) fail_errno(errno);
  if (!device_ && ::fsync(::fileno(file_)) != 0) fail_errno(errno);
  std::FILE* file = std::exchange(file_, nullptr);
  const bool closed = std::fclose(file) == 0;
  const int close_error = errno;
  if (device_) {
    if (!closed) fail_errno(close_error);
    return;
  }
  if (!closed || std::rename(temporary_.c_str(), real_.c_str()) != 0) {
    const int error = closed ? errno : close_error;
    ::unlink(temporary_.c_str());
    fail_errno(error);
  }
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
