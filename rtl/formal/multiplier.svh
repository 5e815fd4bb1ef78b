// SPDX-License-Identifier: Apache-2.0
// Properties of multiplier, read inside of it by scripts/formal.sh.

  // For all operands, the plain product.
  logic signed [1:0][Bits-1:0] f_product_q;
  logic [1:0] f_cycles_q;
  initial f_cycles_q = '0;
  always @(posedge clk_i) begin
    f_cycles_q <= f_cycles_q == '1 ? f_cycles_q : f_cycles_q + 1'b1;
    f_product_q <= {f_product_q[0], Bits'(a_i) * Bits'(b_i)};
    if (f_cycles_q >= 2'd2) assert (product_o == $signed(f_product_q[1]));
  end
