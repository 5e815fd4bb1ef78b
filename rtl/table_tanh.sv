// SPDX-License-Identifier: Apache-2.0
// table_tanh(magnitude, Fraction) of |word|, with the word's sign beside it, in five cycles:
// magnitude held at 4 | segment | on the way to the multiplier | slope * rest | base + product.

module table_tanh #(
  parameter int WordBits = 16,
  parameter int Fraction = 13  // of the magnitude, 7..20
) (
  input  logic                       clk_i,
  input  logic signed [WordBits-1:0] word_i,
  output logic                       negative_o,   // Latency cycles later
  output logic        [15:0]         magnitude_o   // TableFraction fraction bits
);
  localparam int Latency = 5;
  localparam int MagnitudeBits = Fraction + 2;
  localparam int RestBits = Fraction - 3;
  localparam int Wide = WordBits + 1 > MagnitudeBits ? WordBits + 1 : MagnitudeBits + 1;

  logic signed [WordBits:0] word;
  logic [WordBits:0] absolute;
  logic [Wide-1:0] magnitude;
  logic [MagnitudeBits-1:0] held_q;
  logic [15:0] base_q, base_then_q, base_last_q;
  logic [7:0] slope_q, slope_then_q;
  logic [RestBits-1:0] rest_q, rest_then_q;
  logic [RestBits+7:0] product_q;

  assign word = {word_i[WordBits-1], word_i};
  assign absolute = word_i < 0 ? -word : word;
  assign magnitude = Wide'(absolute);
  always_ff @(posedge clk_i) begin
    held_q <= magnitude[Wide-1:MagnitudeBits] != '0 ? '1 : magnitude[MagnitudeBits-1:0];

    base_q <= taugate_pkg::tanh_base(held_q[MagnitudeBits-1:RestBits]);
    slope_q <= taugate_pkg::tanh_slope(held_q[MagnitudeBits-1:RestBits]);
    rest_q <= held_q[RestBits-1:0];

    slope_then_q <= slope_q;
    rest_then_q <= rest_q;
    base_then_q <= base_q;

    product_q <= (RestBits + 8)'(slope_then_q) * (RestBits + 8)'(rest_then_q);
    base_last_q <= base_then_q;

    magnitude_o <= base_last_q + 16'(product_q[RestBits+7:Fraction-7]);
  end

  delay_line #(.Width(1), .Depth(Latency)) u_negative (
    .clk_i, .data_i(word_i < 0), .data_o(negative_o)
  );

`ifdef FORMAL
  `include "formal/table_tanh.svh"
`endif
endmodule
