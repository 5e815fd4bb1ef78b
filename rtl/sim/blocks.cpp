// Drives blocks.sv: four 64-bit integers a cycle from a file, its fifteen outputs into another.
//
//   simulation STIMULUS RESPONSE

#include <cstdint>
#include <fstream>

#include "Vblocks.h"

int main(int, char** argv) {
  VerilatedContext context;
  Vblocks top(&context);
  std::ifstream stimulus(argv[1], std::ios::binary);
  std::ofstream response(argv[2], std::ios::binary);
  const auto tick = [&] {
    for (int level : {1, 0}) {
      top.clk_i = level;
      top.eval();
    }
  };
  tick();
  top.rst_ni = 1;
  std::int64_t in[4];
  while (stimulus.read(reinterpret_cast<char*>(in), sizeof in)) {
    top.a_i = static_cast<std::uint64_t>(in[0]);
    top.b_i = static_cast<std::uint64_t>(in[1]);
    top.c_i = static_cast<std::uint64_t>(in[2]);
    top.d_i = static_cast<std::uint64_t>(in[3]);
    top.eval();
    for (std::uint64_t out :
         {top.input_word_o, top.operand_o, top.candidate_sum_o, top.blend_o, top.requantised_o,
          top.requantised_wide_o, top.gate_o, top.gate_hard_o, top.gate_wide_o, top.candidate_o,
          top.candidate_hard_o, top.product_o, top.acc_o, top.fifo_o, top.chain_o})
      response.write(reinterpret_cast<const char*>(&out), sizeof out);
    tick();
  }
  top.final();
  return context.gotFinish() || !response.flush() ? 1 : 0;
}
