#include "taugate/core/arena.h"

namespace taugate {
namespace {
constexpr std::size_t kSmallestBlock = std::size_t{1} << 16;
}

Arena::Arena(std::size_t initial_bytes) {
  if (initial_bytes > 0) blocks_.emplace_back(initial_bytes);
}

void* Arena::allocate_bytes(std::size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  while (current_ < blocks_.size() && used_ + bytes > blocks_[current_].size()) {
    ++current_;
    used_ = 0;
  }
  if (current_ == blocks_.size()) {
    blocks_.emplace_back(std::max({bytes, kSmallestBlock, capacity()}));
    used_ = 0;
  }
  void* p = blocks_[current_].data() + used_;
  used_ += bytes;
  return p;
}

void Arena::rewind(Mark mark) {
  current_ = mark.block;
  used_ = mark.used;
}

void Arena::reset() {
  if (blocks_.size() > 1) {
    const std::size_t total = capacity();
    blocks_.clear();
    blocks_.emplace_back(total);
  }
  rewind({});
}

std::size_t Arena::capacity() const {
  std::size_t total = 0;
  for (const auto& block : blocks_) total += block.size();
  return total;
}

}  // namespace taugate
