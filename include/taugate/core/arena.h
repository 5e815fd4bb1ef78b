#pragma once
// Memory for a training step: a bump allocator that is rewound instead of freed. After warm-up it
// owns one block and never asks the system again.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "taugate/core/tensor.h"

namespace taugate {

inline constexpr std::size_t kAlignment = 64;  ///< a cache line, and the widest SIMD register

/// A fixed-size owning array, 64-byte aligned, value-initialised.
template <class S>
class Buffer {
  static_assert(std::is_trivially_copyable_v<S>);

 public:
  Buffer() = default;
  explicit Buffer(std::size_t count) : count_(count) {
    if (count == 0) return;
    data_.reset(static_cast<S*>(::operator new (count * sizeof(S), std::align_val_t{kAlignment})));
    std::fill_n(data_.get(), count, S{});
  }
  S* data() { return data_.get(); }
  const S* data() const { return data_.get(); }
  std::size_t size() const { return count_; }
  S& operator[](std::size_t i) { return data_.get()[i]; }
  const S& operator[](std::size_t i) const { return data_.get()[i]; }
  S* begin() { return data(); }
  S* end() { return data() + count_; }
  const S* begin() const { return data(); }
  const S* end() const { return data() + count_; }

 private:
  struct Free {
    void operator()(S* p) const { ::operator delete (p, std::align_val_t{kAlignment}); }
  };
  std::unique_ptr<S, Free> data_;
  std::size_t count_ = 0;
};

class Arena {
 public:
  explicit Arena(std::size_t initial_bytes = 0);

  /// `count` values, 64-byte aligned, NOT initialised. Valid until rewind() goes below them.
  template <class S>
  S* allocate(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<S>, "an arena runs no destructors");
    return static_cast<S*>(allocate_bytes(count * sizeof(S)));
  }
  template <class S>
  S* allocate_zeroed(std::size_t count) {
    S* p = allocate<S>(count);
    std::fill_n(p, count, S{});
    return p;
  }
  template <class S>
  Sequence<S> sequence(int steps, int features, int batch) {
    Sequence<S> s{nullptr, steps, features, batch};
    s.data = allocate<S>(s.size());
    return s;
  }
  template <class S>
  Sequence<S> zero_sequence(int steps, int features, int batch) {
    Sequence<S> s = sequence<S>(steps, features, batch);
    std::fill_n(s.data, s.size(), S{});
    return s;
  }
  template <class S>
  Matrix<S> matrix(int rows, int cols) {
    Matrix<S> m{nullptr, rows, cols};
    m.data = allocate<S>(m.size());
    return m;
  }

  struct Mark {
    std::size_t block = 0, used = 0;
  };
  Mark mark() const { return {current_, used_}; }
  void rewind(Mark mark);
  /// Rewinds to empty. Blocks that were added while growing are merged into one, so that a second
  /// round of the same size allocates nothing.
  void reset();

  std::size_t capacity() const;

 private:
  void* allocate_bytes(std::size_t bytes);
  std::vector<Buffer<std::byte>> blocks_;
  std::size_t current_ = 0;  // index of the block in use
  std::size_t used_ = 0;     // bytes used of it
};

}  // namespace taugate
