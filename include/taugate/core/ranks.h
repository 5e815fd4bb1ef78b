#pragma once
// Processes that work on one thing together, on one machine or several: MPI's ranks, behind what the
// library needs of them. The library itself knows no MPI; a program that does hands its ranks in.

#include <cstddef>

namespace taugate {

/// Items begin .. end-1 of a row.
struct Share {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
};

/// The process alone, where nothing else is made of it. Its calls are collective: all ranks make the
/// same ones, in the same order.
class Ranks {
 public:
  Ranks() = default;
  virtual ~Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  virtual int rank() const { return 0; }
  virtual int size() const { return 1; }

  /// The part of `items` that is a rank's: shares differ by at most one item, and follow one another.
  Share share(std::size_t items, int rank) const {
    const auto at = [&](int r) {
      return items * static_cast<std::size_t>(r) / static_cast<std::size_t>(size());
    };
    return {at(rank), at(rank + 1)};
  }
  Share share(std::size_t items) const { return share(items, rank()); }

  /// blocks [count][size], of which each rank has written its share of blocks. Afterwards each has, of
  /// every block, its share of columns.
  virtual void exchange(float* blocks, std::size_t count, std::size_t size);
  /// values [count], of which each rank has written its share. Afterwards all have all.
  virtual void gather(float* values, std::size_t count);
  virtual void gather(double* values, std::size_t count);
  /// Whether any rank says so.
  virtual bool any(bool here) { return here; }

  static Ranks& alone();
};

}  // namespace taugate
