// SPDX-License-Identifier: Apache-2.0
// Properties of requantiser, read inside of it by scripts/formal.sh.

  // What comes after the product, for all products and shifts: the package's rounding and saturation.
  // The product itself is multiplier's proof.
  logic signed [2:0][ProductBits-1:0] f_product_q;
  logic [2:0][ShiftBits-1:0] f_shift_q;
  logic [2:0] f_cycles_q;
  initial f_cycles_q = '0;
  always @(posedge clk_i) begin
    f_cycles_q <= f_cycles_q == '1 ? f_cycles_q : f_cycles_q + 1'b1;
    f_product_q <= {f_product_q[1:0], product};
    f_shift_q <= {f_shift_q[1:0], shift};
    if (f_cycles_q >= 3'd3)
      assert (64'(word_o) == taugate_pkg::saturate_word(
          taugate_pkg::round_shift(64'($signed(f_product_q[2])), int'(f_shift_q[2])), OutBits));
  end
