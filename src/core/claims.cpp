#include "core/claims.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "taugate/core/error.h"

namespace taugate {

Claims::Claims(const std::filesystem::path& file)
    : path_(file), file_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  require(file_ >= 0, path_.string(), ": cannot be opened: ", std::strerror(errno));
}

Claims::~Claims() { ::close(file_); }

int Claims::lock(std::uint64_t piece, short kind) {
  struct flock range {};
  range.l_type = kind;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(piece >> 2);  // what an off_t holds
  range.l_len = 1;
  // Of the open file: those of a process would end when any descriptor of the file is closed.
  return ::fcntl(file_, F_OFD_SETLK, &range) == 0 ? 0 : errno;
}

bool Claims::take(std::uint64_t piece) {
  const int error = lock(piece, F_WRLCK);
  require(error == 0 || error == EAGAIN || error == EACCES, path_.string(),
          ": cannot be locked: ", std::strerror(error));
  return error == 0;
}

void Claims::release(std::uint64_t piece) { lock(piece, F_UNLCK); }

}  // namespace taugate
