// SPDX-License-Identifier: Apache-2.0
// Cycles 0 to 7 of a column: its operand, 0, h of the memory here or x, and the lanes that multiply
// it with the column of weights, which is read elsewhere meanwhile.

module operand_lanes #(
  parameter int H = 32,
  parameter int NOut = 1,
  parameter int Contexts = 2,
  parameter int WeightBits = 8,
  parameter int OperandBits = 8,
  parameter int AccBits = 22,
  localparam int Lanes = 3 * H + NOut,
  localparam int UnitBits = $clog2(H),
  localparam int ContextBits = Contexts > 1 ? $clog2(Contexts) : 1,
  localparam int ProductBits = WeightBits + OperandBits
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  // A column, cycle 0; its x comes in cycle 2, its weights in cycle 3
  input  taugate_pkg::beat_t            beat_i,
  input  logic [ContextBits-1:0]        context_i,
  input  logic [UnitBits-1:0]           unit_i,
  input  logic signed [OperandBits-1:0] sample_i,
  input  logic [Lanes*WeightBits-1:0]   weights_i,
  // New operands from the tail
  input  logic                          new_valid_i,
  input  logic [ContextBits-1:0]        new_context_i,
  input  logic [UnitBits-1:0]           new_unit_i,
  input  logic signed [OperandBits-1:0] new_operand_i,
  // The column in cycle 4, two before the sums of unit 0
  output taugate_pkg::beat_t            beat_o,
  output logic [ContextBits-1:0]        context_o,
  output logic                          issued_o,  // the column in cycle 1 is one
  // Sums (mac_array)
  input  logic                          dec_i,
  output logic signed [AccBits-1:0]     r_sum_o,
  output logic signed [AccBits-1:0]     z_sum_o,
  output logic signed [AccBits-1:0]     recurrent_sum_o,
  output logic signed [ProductBits-1:0] input_sum_o,
  output logic signed [AccBits-1:0]     y_sum_o
);
  taugate_pkg::beat_t beat_1_q, beat_2_q, beat_3_q, beat_4_q;
  logic [4:1][ContextBits-1:0] context_q;
  logic signed [OperandBits-1:0] memory[1 << (ContextBits + UnitBits)];
  logic signed [OperandBits-1:0] read_q, read_then_q, operand_q;

  always_ff @(posedge clk_i) begin
    beat_1_q <= beat_i;
    beat_2_q <= beat_1_q;
    beat_3_q <= beat_2_q;
    beat_4_q <= beat_3_q;
    if (!rst_ni) begin
      beat_1_q.valid <= 1'b0;
      beat_2_q.valid <= 1'b0;
      beat_3_q.valid <= 1'b0;
      beat_4_q.valid <= 1'b0;
    end
    context_q <= {context_q[3:1], context_i};

    if (new_valid_i) memory[{new_context_i, new_unit_i}] <= new_operand_i;
    read_q <= memory[{context_i, unit_i}];
    read_then_q <= read_q;
    operand_q <= beat_2_q.is_x ? sample_i : beat_2_q.zero ? '0 : read_then_q;
  end

  mac_array #(
    .H(H), .NOut(NOut), .WeightBits(WeightBits), .OperandBits(OperandBits), .AccBits(AccBits)
  ) u_lanes (
    .clk_i,
    .beat_i(beat_3_q),
    .column_i(weights_i),
    .operand_i(operand_q),
    .dec_i,
    .r_sum_o, .z_sum_o, .recurrent_sum_o, .input_sum_o, .y_sum_o
  );

  assign beat_o = beat_4_q;
  assign context_o = context_q[4];
  assign issued_o = beat_1_q.valid;
endmodule
