// SPDX-License-Identifier: Apache-2.0
// Finished sums of all lanes, taken at once and handed out one a cycle, the first lane's first.

module shadow_chain #(
  parameter int Length = 32,
  parameter int Width = 22
) (
  input  logic                         clk_i,
  input  logic                         load_soon_i,  // a cycle before sums_i are taken
  input  logic [Length-1:0][Width-1:0] sums_i,
  output logic [Width-1:0]             sum_o
);
  localparam int Group = 8;  // lanes that share a copy of the load signal
  logic [Length:0][Width-1:0] chain;
  assign chain[Length] = '0;
  assign sum_o = chain[0];

  for (genvar g = 0; g < Length; g += Group) begin : gen_group
    localparam int Size = Length - g < Group ? Length - g : Group;
    logic load_q;
    // For Yosys: see mac_lane.
    (* keep *) always_ff @(posedge clk_i) load_q <= load_soon_i;
    for (genvar i = g; i < g + Size; ++i) begin : gen_lane
      logic [Width-1:0] sum_q;
      always_ff @(posedge clk_i) sum_q <= load_q ? sums_i[i] : chain[i+1];
      assign chain[i] = sum_q;
    end
  end
endmodule
