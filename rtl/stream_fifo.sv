// SPDX-License-Identifier: Apache-2.0
// A first-in first-out queue of four entries. The writer keeps count of what it may write.
// valid_o and data_o come from registers (through the choice of an entry), never from ready_i.

module stream_fifo #(
  parameter int Width = 8
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             write_i,
  input  logic [Width-1:0] data_i,
  output logic             valid_o,
  input  logic             ready_i,
  output logic [Width-1:0] data_o
);
  logic [3:0][Width-1:0] entry_q;
  logic [1:0] write_at_q, read_at_q;
  logic [2:0] level_q;

  assign valid_o = level_q != '0;
  assign data_o = entry_q[read_at_q];

  always_ff @(posedge clk_i) begin
    if (write_i) entry_q[write_at_q] <= data_i;
  end
  always_ff @(posedge clk_i) begin
    if (write_i) write_at_q <= write_at_q + 1'b1;
    if (valid_o && ready_i) read_at_q <= read_at_q + 1'b1;
    level_q <= level_q + 3'(write_i) - 3'(valid_o && ready_i);
    if (!rst_ni) begin
      write_at_q <= '0;
      read_at_q <= '0;
      level_q <= '0;
    end
  end

`ifndef SYNTHESIS
  always @(posedge clk_i)
    if (rst_ni) assert (!(write_i && level_q == 3'd4)) else $error("the queue is full");
`endif

`ifdef FORMAL
  `include "formal/stream_fifo.svh"
`endif
endmodule
