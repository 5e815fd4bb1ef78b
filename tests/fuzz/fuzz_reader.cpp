// A libFuzzer program: an input is a whole file, of any format, and read_measurement() may return
// or throw taugate::Error, nothing else. Each reader has a corpus of its own (see run.sh).

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "taugate/core/error.h"
#include "taugate/fli/io/measurement.h"

namespace {

/// A file in memory, with a name that can be opened.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("input", 0)) {}
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  bool fill(const std::uint8_t* data, std::size_t size) const {
    return ftruncate(descriptor_, 0) == 0 &&
           pwrite(descriptor_, data, size, 0) == static_cast<ssize_t>(size);
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const MemoryFile file;
  if (!file.fill(data, size)) return -1;
  taugate::MeasurementOptions options;
  options.largest_bytes = std::uint64_t{1} << 22;  // so that many inputs a second are read
  try {
    taugate::read_measurement(file.path(), options);
  } catch (const taugate::Error&) {
  }
  return 0;
}
