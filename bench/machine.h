#pragma once
// Where and what was measured, recorded beside every figure.

#include <string>

namespace bench {

struct Machine {
  std::string commit, cpu, compiler, instructions;  ///< instructions: the widest FMA in use
  int cores = 0;
};
Machine this_machine(const std::string& commit);

/// The path of the BLAS in this process, as the system chose it; "none" without one.
std::string loaded_blas();

}  // namespace bench
