// SPDX-License-Identifier: Apache-2.0
// AXI4-Stream of samples into one slot a context, filled in turn. A pixel is a packet: its length
// is where tlast says. Samples beyond TMax are taken and dropped, and overlong_o tells it.
//
// tready depends on registers only.

module sample_buffer #(
  parameter int TMax = 176,
  parameter int Contexts = 2,
  parameter int OperandFraction = 7,
  parameter int UserBits = 32,
  localparam int ContextBits = Contexts > 1 ? $clog2(Contexts) : 1,
  localparam int CountBits = $clog2(TMax + 1),
  localparam int SlotBits = TMax > 1 ? $clog2(TMax) : 1,
  localparam int OperandBits = OperandFraction + 1
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,
  // Stream of samples k / 2^OperandFraction
  input  logic                               s_axis_tvalid,
  output logic                               s_axis_tready,
  input  logic signed [15:0]                 s_axis_tdata,
  input  logic                               s_axis_tlast,
  input  logic [UserBits-1:0]                s_axis_tuser,
  output logic                               overlong_o,
  // What is there
  output logic [Contexts-1:0][CountBits-1:0] count_o,
  output logic [Contexts-1:0]                complete_o,
  output logic [Contexts-1:0][UserBits-1:0]  user_o,
  input  logic                               taken_i,  // this context's slot is free again
  input  logic [ContextBits-1:0]             taken_context_i,
  // Read port, two cycles later
  input  logic [ContextBits-1:0]             context_i,
  input  logic [CountBits-1:0]               sample_i,
  output logic signed [OperandBits-1:0]      operand_o
);
  localparam int Rows = 1 << (ContextBits + SlotBits);
  logic signed [OperandBits-1:0] memory[Rows];
  logic signed [OperandBits-1:0] read_q;

  logic [Contexts-1:0][CountBits-1:0] count_q;
  logic [Contexts-1:0] complete_q;
  logic [Contexts-1:0][UserBits-1:0] user_q;
  logic [ContextBits-1:0] into_q;
  logic drop_q, take, full;
  taugate_pkg::word_t sample_word;
  logic [CountBits-1:0] count;  // of the slot that is filled

  assign s_axis_tready = drop_q | ~complete_q[into_q];
  assign take = s_axis_tvalid & s_axis_tready & ~drop_q;
  assign sample_word = taugate_pkg::input_word(64'(s_axis_tdata), OperandFraction);
  assign count = count_q[into_q];
  assign full = count == CountBits'(TMax - 1);
  assign overlong_o = take & full & ~s_axis_tlast;

  always_ff @(posedge clk_i) begin
    if (take) begin
      memory[{into_q, count[SlotBits-1:0]}] <= OperandBits'(sample_word);
      if (count == '0) user_q[into_q] <= s_axis_tuser;
    end
    read_q <= memory[{context_i, sample_i[SlotBits-1:0]}];
    operand_o <= read_q;
  end

  always_ff @(posedge clk_i) begin
    if (taken_i) begin
      count_q[taken_context_i] <= '0;
      complete_q[taken_context_i] <= 1'b0;
    end
    if (take) begin
      count_q[into_q] <= count + 1'b1;
      if (s_axis_tlast || full) begin
        complete_q[into_q] <= 1'b1;
        into_q <= into_q == ContextBits'(Contexts - 1) ? '0 : into_q + 1'b1;
        drop_q <= ~s_axis_tlast;
      end
    end else if (drop_q && s_axis_tvalid && s_axis_tlast) begin
      drop_q <= 1'b0;
    end
    if (!rst_ni) begin
      count_q <= '0;
      complete_q <= '0;
      into_q <= '0;
      drop_q <= 1'b0;
    end
  end

  assign count_o = count_q;
  assign complete_o = complete_q;
  assign user_o = user_q;

`ifdef FORMAL
  `include "formal/sample_buffer.svh"
`endif
endmodule
