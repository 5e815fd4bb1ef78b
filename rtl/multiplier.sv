// SPDX-License-Identifier: Apache-2.0
// Signed product in two cycles. An operand A wider than a hardware multiplier's port is cut into
// pieces, each with a product register of its own, which are added in the second cycle; otherwise
// the two registers are the multiplier's own (M and P).

module multiplier #(
  parameter int ABits = 22,
  parameter int BBits = 9,
  parameter int PortBits = 18  // of the target's signed multiplier: 18 on ECP5, 25 on 7-series
) (
  input  logic                          clk_i,
  input  logic signed [ABits-1:0]       a_i,
  input  logic signed [BBits-1:0]       b_i,
  output logic signed [ABits+BBits-1:0] product_o  // two cycles later
);
  localparam int Bits = ABits + BBits;
  localparam int Low = PortBits - 1;                    // bits of a piece below the top one
  localparam int Pieces = (ABits - 1 + Low - 1) / Low;  // the top one has at least two bits

  logic [Pieces-1:0][Bits-1:0] piece;
  logic [Bits-1:0] sum;

  for (genvar i = 0; i < Pieces; ++i) begin : gen_piece
    localparam int Width = i == Pieces - 1 ? ABits - i * Low : Low + 1;
    logic signed [Width-1:0] a;
    logic signed [Width+BBits-1:0] product_q;
    if (i == Pieces - 1) begin : gen_top
      assign a = a_i[ABits-1:i*Low];
    end else begin : gen_low
      assign a = {1'b0, a_i[i*Low+:Low]};
    end
    always_ff @(posedge clk_i) product_q <= (Width + BBits)'(a) * (Width + BBits)'(b_i);
    assign piece[i] = Bits'(product_q);
  end

  always_comb begin
    sum = '0;
    for (int i = 0; i < Pieces; ++i) sum = sum + (piece[i] << (i * Low));
  end
  always_ff @(posedge clk_i) product_o <= sum;

`ifdef FORMAL
  `include "formal/multiplier.svh"
`endif
endmodule
