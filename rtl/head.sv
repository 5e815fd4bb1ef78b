// SPDX-License-Identifier: Apache-2.0
// The linear head's sums to output words, one a cycle: bias and requantisation. Its rows are read two
// cycles ahead of the sums.

module head #(
  parameter int NOut = 1,
  parameter int Contexts = 2,
  parameter int AccBits = 22,
  parameter int MulBits = 8,
  parameter int ShiftBits = 6,
  parameter int OutputBits = 16,
  parameter int PortBits = 18,
  localparam int ChannelBits = NOut > 1 ? $clog2(NOut) : 1,
  localparam int ContextBits = Contexts > 1 ? $clog2(Contexts) : 1,
  localparam int RowBits = AccBits + MulBits + ShiftBits
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,
  // The last column of a step whose sums of the head are an output, in cycle 4
  input  logic                         last_i,
  input  logic [ContextBits-1:0]       context_i,
  // Its rows, and two cycles later its sums
  output logic [ChannelBits-1:0]       channel_o,
  input  logic [RowBits-1:0]           row_i,
  input  logic signed [AccBits-1:0]    sum_i,
  // Words
  output logic                         valid_o,
  output logic [ContextBits-1:0]       context_o,
  output logic signed [OutputBits-1:0] word_o
);
  localparam int Latency = 2 + 6;  // of the row and of the requantiser
  logic valid_q;
  logic [ContextBits-1:0] context_q;
  logic [Latency-1:0] valid_then_q;

  always_ff @(posedge clk_i) begin
    if (last_i) begin
      valid_q <= 1'b1;
      channel_o <= '0;
      context_q <= context_i;
    end else begin
      channel_o <= channel_o + 1'b1;
      if (channel_o == ChannelBits'(NOut - 1)) valid_q <= 1'b0;
    end
    valid_then_q <= {valid_then_q[Latency-2:0], valid_q};
    if (!rst_ni) begin
      valid_q <= 1'b0;
      valid_then_q <= '0;
    end
  end
  requantiser #(
    .AccBits(AccBits), .MulBits(MulBits), .ShiftBits(ShiftBits), .OutBits(OutputBits),
    .PortBits(PortBits)
  ) u_requantiser (
    .clk_i,
    .valid_i(rst_ni & valid_o),
    .acc_i(sum_i),
    .bias_i(row_i[RowBits-1-:AccBits]),
    .multiplier_i(row_i[ShiftBits+:MulBits]),
    .shift_i(row_i[ShiftBits-1:0]),
    .word_o
  );
  assign valid_o = valid_then_q[Latency-1];
  delay_line #(.Width(ContextBits), .Depth(Latency)) u_context (
    .clk_i, .data_i(context_q), .data_o(context_o)
  );
endmodule
