// taugate_pkg::candidate in six cycles: n of its sum.

module candidate_activation #(
  parameter int Activation = taugate_pkg::Smooth,
  parameter int SumBits = 16,
  parameter int SumFraction = 12,
  parameter int CandidateFraction = 15
) (
  input  logic                              clk_i,
  input  logic signed [SumBits-1:0]         sum_i,
  output logic signed [CandidateFraction:0] candidate_o  // Latency cycles later
);
  localparam int Latency = 6;
  localparam int CandidateBits = CandidateFraction + 1;

  if (Activation == taugate_pkg::Smooth) begin : gen_smooth
    logic negative;
    logic [15:0] magnitude;
    logic signed [CandidateFraction:0] distance;

    table_tanh #(.WordBits(SumBits), .Fraction(SumFraction)) u_table (
      .clk_i, .word_i(sum_i), .negative_o(negative), .magnitude_o(magnitude)
    );
    assign distance = CandidateBits'(taugate_pkg::saturate_fraction(
        taugate_pkg::rescale(64'({1'b0, magnitude}), taugate_pkg::TableFraction,
                             CandidateFraction), CandidateFraction));
    always_ff @(posedge clk_i) candidate_o <= negative ? -distance : distance;
  end else begin : gen_hard
    logic signed [CandidateFraction:0] candidate;
    assign candidate = CandidateBits'(taugate_pkg::candidate(64'(sum_i), Activation, SumFraction,
                                                             CandidateFraction));
    delay_line #(.Width(CandidateBits), .Depth(Latency)) u_candidate (
      .clk_i, .data_i(candidate), .data_o(candidate_o)
    );
  end

`ifndef SYNTHESIS
  logic signed [CandidateFraction:0] expected_then;
  logic [Latency-1:0] started_q = '0;
  delay_line #(.Width(CandidateBits), .Depth(Latency)) u_expected (
    .clk_i,
    .data_i(CandidateBits'(taugate_pkg::candidate(64'(sum_i), Activation, SumFraction,
                                                  CandidateFraction))),
    .data_o(expected_then)
  );
  always_ff @(posedge clk_i) begin
    started_q <= {started_q[Latency-2:0], 1'b1};
    assert (!started_q[Latency-1] || candidate_o == expected_then)
    else $error("candidate: %0d, definition %0d", candidate_o, expected_then);
  end
`endif
endmodule
