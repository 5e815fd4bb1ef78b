// Blocks side by side on the same four inputs, for their test (tests/rtl/test_blocks.cpp): each
// output is one block's, or one function's of the package.

module blocks (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic signed [63:0] a_i,
  input  logic signed [63:0] b_i,
  input  logic signed [63:0] c_i,
  input  logic signed [63:0] d_i,
  // Functions: at once
  output logic signed [63:0] input_word_o,
  output logic signed [63:0] operand_o,
  output logic signed [63:0] candidate_sum_o,
  output logic signed [63:0] blend_o,
  // Blocks: 6 cycles later
  output logic signed [63:0] requantised_o,
  output logic signed [63:0] requantised_wide_o,
  output logic signed [63:0] gate_o,
  output logic signed [63:0] gate_hard_o,
  output logic signed [63:0] gate_wide_o,
  output logic signed [63:0] candidate_o,
  output logic signed [63:0] candidate_hard_o,
  // 2 cycles later; 3; as the writer and the reader go; after a load in c_i[0]
  output logic signed [63:0] product_o,
  output logic signed [63:0] acc_o,
  output logic signed [63:0] fifo_o,  // -1: empty
  output logic signed [63:0] chain_o
);
  assign input_word_o = taugate_pkg::input_word(64'($signed(a_i[15:0])), 7);
  assign operand_o = taugate_pkg::operand(64'($signed(a_i[15:0])), 15, 7);
  assign candidate_sum_o = taugate_pkg::candidate_sum(64'($signed(a_i[15:0])), {56'd0, b_i[7:0]},
                                                      64'($signed(c_i[15:0])), 7, 16);
  assign blend_o = taugate_pkg::blend({56'd0, b_i[7:0]}, 64'($signed(a_i[15:0])),
                                      64'($signed(c_i[15:0])), 7, 15, 15);

  logic signed [15:0] requantised, requantised_wide;
  requantiser #(.AccBits(24), .MulBits(8)) u_requantiser (
    .clk_i, .acc_i(a_i[23:0]), .bias_i(b_i[23:0]), .multiplier_i(c_i[7:0]), .shift_i(d_i[5:0]),
    .word_o(requantised)
  );
  requantiser #(.AccBits(44), .MulBits(16)) u_requantiser_wide (
    .clk_i, .acc_i(a_i[43:0]), .bias_i(b_i[43:0]), .multiplier_i(c_i[15:0]), .shift_i(d_i[5:0]),
    .word_o(requantised_wide)
  );
  assign requantised_o = 64'(requantised);
  assign requantised_wide_o = 64'(requantised_wide);

  logic [7:0] gate, gate_hard;
  logic [14:0] gate_wide;
  gate_activation u_gate (.clk_i, .sum_i(a_i[15:0]), .gate_o(gate));
  gate_activation #(.Activation(taugate_pkg::Hard)) u_gate_hard (
    .clk_i, .sum_i(a_i[15:0]), .gate_o(gate_hard)
  );
  gate_activation #(.GateFraction(14)) u_gate_wide (
    .clk_i, .sum_i(a_i[15:0]), .gate_o(gate_wide)
  );
  assign gate_o = {56'd0, gate};
  assign gate_hard_o = {56'd0, gate_hard};
  assign gate_wide_o = {49'd0, gate_wide};

  logic signed [15:0] candidate, candidate_hard;
  candidate_activation u_candidate (.clk_i, .sum_i(a_i[15:0]), .candidate_o(candidate));
  candidate_activation #(.Activation(taugate_pkg::Hard)) u_candidate_hard (
    .clk_i, .sum_i(a_i[15:0]), .candidate_o(candidate_hard)
  );
  assign candidate_o = 64'(candidate);
  assign candidate_hard_o = 64'(candidate_hard);

  logic signed [56:0] product;
  multiplier #(.ABits(40), .BBits(17), .PortBits(25)) u_multiplier (
    .clk_i, .a_i(a_i[39:0]), .b_i(b_i[16:0]), .product_o(product)
  );
  assign product_o = 64'(product);

  logic signed [21:0] acc;
  mac_lane u_lane (
    .clk_i, .first_i(c_i[0]), .weight_i(a_i[7:0]), .operand_i(b_i[7:0]), .acc_o(acc)
  );
  assign acc_o = 64'(acc);

  logic fifo_valid;
  logic [7:0] fifo;
  stream_fifo u_fifo (
    .clk_i, .rst_ni, .write_i(d_i[0]), .data_i(a_i[7:0]), .valid_o(fifo_valid), .ready_i(d_i[1]),
    .data_o(fifo)
  );
  assign fifo_o = fifo_valid ? {56'd0, fifo} : '1;

  logic [10:0][7:0] sums;
  logic [7:0] chain;
  for (genvar i = 0; i < 11; ++i) begin : gen_sum
    assign sums[i] = a_i[7:0] + 8'(i);
  end
  shadow_chain #(.Length(11), .Width(8)) u_chain (
    .clk_i, .load_soon_i(c_i[0]), .sums_i(sums), .sum_o(chain)
  );
  assign chain_o = {56'd0, chain};
endmodule
