// SPDX-License-Identifier: Apache-2.0
// Drives a bench of blocks (blocks.sv, buffers.sv, steps.sv): its 64-bit words of a cycle come from
// a file, those that it answers in the same cycle go into another.
//
//   simulation STIMULUS RESPONSE

#include <cstring>
#include <fstream>
#include <vector>

#include "Vsimulation.h"

int main(int, char** argv) {
  VerilatedContext context;
  context.randReset(2);  // registers without a reset begin with random bits
  context.randSeed(17);
  Vsimulation top(&context);
  std::ifstream stimulus(argv[1], std::ios::binary);
  std::ofstream response(argv[2], std::ios::binary);
  const auto tick = [&] {
    for (int level : {1, 0}) {
      top.clk_i = level;
      top.eval();
    }
  };
  top.clk_i = 0;
  top.rst_ni = 0;
  top.eval();  // the first edge is one only after a low level
  tick();
  top.rst_ni = 1;
  std::vector<char> in(sizeof top.in_i);
  while (stimulus.read(in.data(), sizeof top.in_i)) {
    std::memcpy(&top.in_i[0], in.data(), in.size());
    top.eval();
    response.write(reinterpret_cast<const char*>(&top.out_o[0]), sizeof top.out_o);
    tick();
  }
  top.final();
  return context.gotFinish() || !response.flush() ? 1 : 0;
}
