// SPDX-License-Identifier: Apache-2.0
// Blocks side by side on the same four inputs, for their test (tests/rtl/test_blocks.cpp): each
// output is one block's, or one function's of the package. Functions answer at once (0..3), blocks
// six cycles later (4..10), the multiplier two (11), the lane three (12), the queue as its writer
// and its reader go (13), the chain after a load in bit 0 of c (14).

module blocks (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic [3:0][63:0]  in_i,
  output logic [14:0][63:0] out_o
);
  logic [63:0] a, b, c, d;
  assign {d, c, b, a} = in_i;

  logic [5:0] filled_q;  // with what came after reset
  always_ff @(posedge clk_i) filled_q <= rst_ni ? {filled_q[4:0], 1'b1} : '0;

  assign out_o[0] = taugate_pkg::input_word(64'($signed(a[15:0])), 7);
  assign out_o[1] = taugate_pkg::operand(64'($signed(a[15:0])), 15, 7);
  assign out_o[2] = taugate_pkg::candidate_sum(64'($signed(a[15:0])), {56'd0, b[7:0]},
                                                 64'($signed(c[15:0])), 7, 16);
  assign out_o[3] = taugate_pkg::blend({56'd0, b[7:0]}, 64'($signed(a[15:0])),
                                         64'($signed(c[15:0])), 7, 15, 15);

  logic signed [15:0] requantised, requantised_wide;
  requantiser #(.AccBits(24), .MulBits(8)) u_requantiser (
    .clk_i, .valid_i(rst_ni & filled_q[5]), .acc_i(a[23:0]), .bias_i(b[23:0]), .multiplier_i(c[7:0]), .shift_i(d[5:0]),
    .word_o(requantised)
  );
  requantiser #(.AccBits(44), .MulBits(16)) u_requantiser_wide (
    .clk_i, .valid_i(rst_ni & filled_q[5]), .acc_i(a[43:0]), .bias_i(b[43:0]), .multiplier_i(c[15:0]), .shift_i(d[5:0]),
    .word_o(requantised_wide)
  );
  assign out_o[4] = 64'(requantised);
  assign out_o[5] = 64'(requantised_wide);

  logic [7:0] gate, gate_hard;
  logic [14:0] gate_wide;
  gate_activation u_gate (.clk_i, .valid_i(rst_ni & filled_q[5]), .sum_i(a[15:0]), .gate_o(gate));
  gate_activation #(.Activation(taugate_pkg::Hard)) u_gate_hard (
    .clk_i, .valid_i(rst_ni & filled_q[5]), .sum_i(a[15:0]), .gate_o(gate_hard)
  );
  gate_activation #(.GateFraction(14)) u_gate_wide (
    .clk_i, .valid_i(rst_ni & filled_q[5]), .sum_i(a[15:0]), .gate_o(gate_wide)
  );
  assign out_o[6] = {56'd0, gate};
  assign out_o[7] = {56'd0, gate_hard};
  assign out_o[8] = {49'd0, gate_wide};

  logic signed [15:0] candidate, candidate_hard;
  candidate_activation u_candidate (.clk_i, .valid_i(rst_ni & filled_q[5]), .sum_i(a[15:0]), .candidate_o(candidate));
  candidate_activation #(.Activation(taugate_pkg::Hard)) u_candidate_hard (
    .clk_i, .valid_i(rst_ni & filled_q[5]), .sum_i(a[15:0]), .candidate_o(candidate_hard)
  );
  assign out_o[9] = 64'(candidate);
  assign out_o[10] = 64'(candidate_hard);

  logic signed [56:0] product;
  multiplier #(.ABits(40), .BBits(17), .PortBits(25)) u_multiplier (
    .clk_i, .a_i(a[39:0]), .b_i(b[16:0]), .product_o(product)
  );
  assign out_o[11] = 64'(product);

  logic signed [21:0] acc;
  mac_lane u_lane (
    .clk_i, .first_i(c[0]), .weight_i(a[7:0]), .operand_i(b[7:0]), .acc_o(acc)
  );
  assign out_o[12] = 64'(acc);

  logic fifo_valid;
  logic [7:0] fifo;
  stream_fifo u_fifo (
    .clk_i, .rst_ni, .write_i(d[0]), .data_i(a[7:0]), .valid_o(fifo_valid), .ready_i(d[1]),
    .data_o(fifo)
  );
  assign out_o[13] = fifo_valid ? {56'd0, fifo} : '1;  // all ones: empty

  logic [10:0][7:0] sums;
  logic [7:0] chain;
  for (genvar i = 0; i < 11; ++i) begin : gen_sum
    assign sums[i] = a[7:0] + 8'(i);
  end
  shadow_chain #(.Length(11), .Width(8)) u_chain (
    .clk_i, .load_soon_i(c[0]), .sums_i(sums), .sum_o(chain)
  );
  assign out_o[14] = {56'd0, chain};

  logic unused;
  assign unused = ^{a, b, c, d};
endmodule
