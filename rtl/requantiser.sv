// SPDX-License-Identifier: Apache-2.0
// saturate_word(round_shift((acc + bias) * multiplier, shift)) in six cycles: bias, product (two),
// coarse shift, fine shift, rounding with saturation. One a cycle.

module requantiser #(
  parameter int AccBits = 22,   // signed, enough for acc + bias
  parameter int MulBits = 8,    // unsigned
  parameter int ShiftBits = 6,  // 4..6
  parameter int OutBits = 16,
  parameter int PortBits = 18   // see multiplier
) (
  input  logic                      clk_i,
  input  logic                      valid_i,  // the output is; read by assertions alone
  input  logic signed [AccBits-1:0] acc_i,
  input  logic signed [AccBits-1:0] bias_i,
  input  logic [MulBits-1:0]        multiplier_i,
  input  logic [ShiftBits-1:0]      shift_i,
  output logic signed [OutBits-1:0] word_o  // six cycles later
);
  localparam int ProductBits = AccBits + MulBits + 1;
  localparam int CoarseBits = ShiftBits - 3;
  localparam int CoarseSteps = 1 << CoarseBits;
  localparam int Wide = ProductBits > OutBits ? ProductBits : OutBits + 1;

  logic signed [AccBits-1:0] sum_q;
  logic signed [MulBits:0] multiplier_q;
  logic signed [ProductBits-1:0] product;
  logic [ShiftBits-1:0] shift;

  always_ff @(posedge clk_i) begin
    sum_q <= acc_i + bias_i;
    multiplier_q <= {1'b0, multiplier_i};
  end

  multiplier #(.ABits(AccBits), .BBits(MulBits + 1), .PortBits(PortBits)) u_multiplier (
    .clk_i, .a_i(sum_q), .b_i(multiplier_q), .product_o(product)
  );
  delay_line #(.Width(ShiftBits), .Depth(3)) u_shift (.clk_i, .data_i(shift_i), .data_o(shift));

  // Shift right by whole bytes. The lowest bit kept is the half; `more` says that a bit below it
  // was set.
  logic signed [ProductBits:0] coarse, coarse_q;  // the product and one bit below
  logic [CoarseBits-1:0] bytes;
  logic coarse_more, coarse_more_q;
  logic [2:0] fine_q;
  assign bytes = shift[ShiftBits-1:3];
  always_comb begin
    coarse = {product, 1'b0};
    coarse_more = 1'b0;
    for (int i = 1; i < CoarseSteps; ++i)
      if (bytes == CoarseBits'(i)) begin
        coarse = $signed({product, 1'b0}) >>> (8 * i);
        coarse_more = (product & ProductBits'((64'd1 << (8 * i - 1)) - 64'd1)) != '0;
      end
  end
  always_ff @(posedge clk_i) begin
    coarse_q <= coarse;
    coarse_more_q <= coarse_more;
    fine_q <= shift[2:0];
  end

  logic signed [ProductBits-1:0] below_q;
  logic half_q, more_q;
  logic [7:0] dropped;
  always_comb begin
    for (int i = 0; i < 8; ++i) dropped[i] = i < int'(fine_q) && coarse_q[i];
  end
  always_ff @(posedge clk_i) begin
    {below_q, half_q} <= coarse_q >>> fine_q;
    more_q <= coarse_more_q | (|dropped);
  end

  // Saturation looks at the bits above the word, and at what rounding up does to its sign.
  logic signed [Wide-1:0] below;
  logic signed [OutBits-1:0] rounded;
  logic negative, fits;
  assign below = Wide'(below_q);
  assign negative = below[Wide-1];
  assign fits = below[Wide-1:OutBits-1] == {(Wide - OutBits + 1) {negative}};
  assign rounded = below[OutBits-1:0] + OutBits'($signed({1'b0, half_q & (more_q | below_q[0])}));
  always_ff @(posedge clk_i) begin
    if (fits && (negative || !rounded[OutBits-1])) word_o <= rounded;
    else word_o <= {negative, {(OutBits - 1) {!negative}}};
  end

`ifndef SYNTHESIS
  localparam int Latency = 6;
  // The definition, by the same inputs. (Their sum fits whenever it is one of a model.)
  logic signed [AccBits-1:0] sum;
  taugate_pkg::word_t expected;
  logic signed [OutBits-1:0] expected_then;
  assign sum = acc_i + bias_i;
  assign expected = taugate_pkg::requantise(64'(sum), 64'(multiplier_i), 32'(shift_i), OutBits);
  delay_line #(.Width(OutBits), .Depth(Latency)) u_expected (
    .clk_i, .data_i(OutBits'(expected)), .data_o(expected_then)
  );
  always @(posedge clk_i)
    assert (valid_i !== 1'b1 || word_o === expected_then)
    else $error("requantiser: %0d, definition %0d", word_o, expected_then);
`endif

`ifdef FORMAL
  `include "formal/requantiser.svh"
`endif
endmodule
