// SPDX-License-Identifier: Apache-2.0
// Counts events, some a cycle. A clear begins anew with those of its own cycle.

module event_counter #(
  parameter int Bits = 48,
  parameter int EventBits = 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 clear_i,
  input  logic [EventBits-1:0] events_i,
  output logic [Bits-1:0]      count_o
);
  always_ff @(posedge clk_i) begin
    count_o <= clear_i ? Bits'(events_i) : count_o + Bits'(events_i);
    if (!rst_ni) count_o <= '0;
  end
endmodule
