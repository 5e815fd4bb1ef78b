// SPDX-License-Identifier: Apache-2.0
// taugate_pkg::gate in six cycles: r or z of its sum.

module gate_activation #(
  parameter int Activation = taugate_pkg::Smooth,
  parameter int SumBits = 16,
  parameter int SumFraction = 12,
  parameter int GateFraction = 7
) (
  input  logic                      clk_i,
  input  logic                      valid_i,  // the output is; read by assertions alone
  input  logic signed [SumBits-1:0] sum_i,
  output logic [GateFraction:0]     gate_o  // Latency cycles later
);
  localparam int Latency = 6;
  localparam int GateBits = GateFraction + 1;

  if (Activation == taugate_pkg::Smooth) begin : gen_smooth
    // x/2 is the same integer with one more fraction bit, and so is tanh(x/2)/2.
    localparam logic [GateFraction:0] Half = GateBits'(1) << (GateFraction - 1);
    logic negative;
    logic [15:0] magnitude;
    logic [GateFraction:0] distance;
    taugate_pkg::word_t distance_word;

    table_tanh #(.WordBits(SumBits), .Fraction(SumFraction + 1)) u_table (
      .clk_i, .word_i(sum_i), .negative_o(negative), .magnitude_o(magnitude)
    );
    assign distance_word = taugate_pkg::rescale(64'({1'b0, magnitude}),
                                                taugate_pkg::TableFraction + 1, GateFraction);
    assign distance = GateBits'(distance_word);
    always_ff @(posedge clk_i) gate_o <= negative ? Half - distance : Half + distance;
  end else begin : gen_hard
    taugate_pkg::word_t gate_word;
    assign gate_word = taugate_pkg::gate(64'(sum_i), Activation, SumFraction, GateFraction);
    delay_line #(.Width(GateBits), .Depth(Latency)) u_gate (
      .clk_i, .data_i(GateBits'(gate_word)), .data_o(gate_o)
    );
  end

`ifndef SYNTHESIS
  logic [GateFraction:0] expected_then;
  taugate_pkg::word_t expected;
  assign expected = taugate_pkg::gate(64'(sum_i), Activation, SumFraction, GateFraction);
  delay_line #(.Width(GateBits), .Depth(Latency)) u_expected (
    .clk_i,
    .data_i(GateBits'(expected)),
    .data_o(expected_then)
  );
  always @(posedge clk_i)
    assert (valid_i !== 1'b1 || gate_o === expected_then)
    else $error("gate: %0d, definition %0d", gate_o, expected_then);
`endif
endmodule
