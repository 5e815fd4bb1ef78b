// SPDX-License-Identifier: Apache-2.0
// taugate_pkg::candidate in six cycles: n of its sum.

module candidate_activation #(
  parameter int Activation = taugate_pkg::Smooth,
  parameter int SumBits = 16,
  parameter int SumFraction = 12,
  parameter int CandidateFraction = 15
) (
  input  logic                              clk_i,
  input  logic                              valid_i,  // the output is; read by assertions alone
  input  logic signed [SumBits-1:0]         sum_i,
  output logic signed [CandidateFraction:0] candidate_o  // Latency cycles later
);
  localparam int Latency = 6;
  localparam int CandidateBits = CandidateFraction + 1;

  if (Activation == taugate_pkg::Smooth) begin : gen_smooth
    logic negative;
    logic [15:0] magnitude;
    logic signed [CandidateFraction:0] distance;
    taugate_pkg::word_t distance_word;

    table_tanh #(.WordBits(SumBits), .Fraction(SumFraction)) u_table (
      .clk_i, .word_i(sum_i), .negative_o(negative), .magnitude_o(magnitude)
    );
    assign distance_word = taugate_pkg::saturate_fraction(
        taugate_pkg::rescale(64'({1'b0, magnitude}), taugate_pkg::TableFraction,
                             CandidateFraction), CandidateFraction);
    assign distance = CandidateBits'(distance_word);
    always_ff @(posedge clk_i) candidate_o <= negative ? -distance : distance;
  end else begin : gen_hard
    taugate_pkg::word_t candidate_word;
    assign candidate_word =
        taugate_pkg::candidate(64'(sum_i), Activation, SumFraction, CandidateFraction);
    delay_line #(.Width(CandidateBits), .Depth(Latency)) u_candidate (
      .clk_i, .data_i(CandidateBits'(candidate_word)), .data_o(candidate_o)
    );
  end

`ifndef SYNTHESIS
  logic signed [CandidateFraction:0] expected_then;
  taugate_pkg::word_t expected;
  assign expected = taugate_pkg::candidate(64'(sum_i), Activation, SumFraction, CandidateFraction);
  delay_line #(.Width(CandidateBits), .Depth(Latency)) u_expected (
    .clk_i,
    .data_i(CandidateBits'(expected)),
    .data_o(expected_then)
  );
  always @(posedge clk_i)
    assert (valid_i !== 1'b1 || candidate_o === expected_then)
    else $error("candidate: %0d, definition %0d", candidate_o, expected_then);
`endif
endmodule
