#pragma once
// Counts a program's allocations. allocation_trap.cpp, one of the program's sources, replaces its
// operator new and delete by ones that count while the trap is armed.

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

}  // namespace taugate::testing
