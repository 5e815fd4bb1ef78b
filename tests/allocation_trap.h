#pragma once
// Counts a program's allocations. allocation_trap.cpp, one of the program's sources, replaces its
// operator new and delete by ones that count while the trap is armed, and bytes always.

#include <cstddef>

namespace taugate::testing {

void arm_allocation_trap();
std::size_t disarm_allocation_trap();  ///< how often operator new was called since

/// How often operator new is called, by any thread, while `action` runs.
template <class Action>
std::size_t allocations_of(Action&& action) {
  arm_allocation_trap();
  action();
  return disarm_allocation_trap();
}

std::size_t live_bytes();  ///< of operator new that are not deleted yet
std::size_t peak_bytes();  ///< the most that there were since forget_peak()
void forget_peak();

/// By how much memory grows, at most, while `action` runs.
template <class Action>
std::size_t peak_growth_of(Action&& action) {
  const std::size_t before = live_bytes();
  forget_peak();
  action();
  return peak_bytes() - before;
}

}  // namespace taugate::testing
