// Drives buffers.sv: seven 64-bit words a cycle from a file, its ten outputs into another.
//
//   simulation STIMULUS RESPONSE

#include <cstring>
#include <fstream>

#include "Vbuffers.h"

int main(int, char** argv) {
  VerilatedContext context;
  Vbuffers top(&context);
  std::ifstream stimulus(argv[1], std::ios::binary);
  std::ofstream response(argv[2], std::ios::binary);
  const auto tick = [&] {
    for (int level : {1, 0}) {
      top.clk_i = level;
      top.eval();
    }
  };
  top.eval();  // the first edge is one only after a low level
  tick();
  top.rst_ni = 1;
  char in[7 * 8];
  while (stimulus.read(in, sizeof in)) {
    std::memcpy(&top.in_i[0], in, sizeof in);
    top.eval();
    response.write(reinterpret_cast<const char*>(&top.out_o[0]), 10 * 8);
    tick();
  }
  top.final();
  return context.gotFinish() || !response.flush() ? 1 : 0;
}
