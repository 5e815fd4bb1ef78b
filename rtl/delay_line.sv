// SPDX-License-Identifier: Apache-2.0
// A value `Depth` cycles later. No reset: what needs one (valid bits) has its own registers.

module delay_line #(
  parameter int Width = 1,
  parameter int Depth = 1
) (
  input  logic             clk_i,
  input  logic [Width-1:0] data_i,
  output logic [Width-1:0] data_o
);
  logic [Depth-1:0][Width-1:0] line_q;

  always_ff @(posedge clk_i) begin
    line_q[0] <= data_i;
    for (int i = 1; i < Depth; ++i) line_q[i] <= line_q[i-1];
  end
  assign data_o = line_q[Depth-1];
endmodule
