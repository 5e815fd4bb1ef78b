// taugate_pkg::gate in six cycles: r or z of its sum.

module gate_activation #(
  parameter int Activation = taugate_pkg::Smooth,
  parameter int SumBits = 16,
  parameter int SumFraction = 12,
  parameter int GateFraction = 7
) (
  input  logic                      clk_i,
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

    table_tanh #(.WordBits(SumBits), .Fraction(SumFraction + 1)) u_table (
      .clk_i, .word_i(sum_i), .negative_o(negative), .magnitude_o(magnitude)
    );
    assign distance = GateBits'(taugate_pkg::rescale(64'({1'b0, magnitude}),
                                                     taugate_pkg::TableFraction + 1,
                                                     GateFraction));
    always_ff @(posedge clk_i) gate_o <= negative ? Half - distance : Half + distance;
  end else begin : gen_hard
    logic [GateFraction:0] gate;
    assign gate = GateBits'(taugate_pkg::gate(64'(sum_i), Activation, SumFraction, GateFraction));
    delay_line #(.Width(GateBits), .Depth(Latency)) u_gate (.clk_i, .data_i(gate), .data_o(gate_o));
  end

`ifndef SYNTHESIS
  logic [GateFraction:0] expected_then;
  logic [Latency-1:0] started_q = '0;
  delay_line #(.Width(GateBits), .Depth(Latency)) u_expected (
    .clk_i,
    .data_i(GateBits'(taugate_pkg::gate(64'(sum_i), Activation, SumFraction, GateFraction))),
    .data_o(expected_then)
  );
  always_ff @(posedge clk_i) begin
    started_q <= {started_q[Latency-2:0], 1'b1};
    assert (!started_q[Latency-1] || gate_o == expected_then)
    else $error("gate: %0d, definition %0d", gate_o, expected_then);
  end
`endif
endmodule
