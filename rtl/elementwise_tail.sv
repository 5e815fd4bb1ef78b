// SPDX-License-Identifier: Apache-2.0
// What follows the sums of a unit, reset_after, one unit a cycle (docs/fixed-point.md, "A step"):
//
//   cycle 0            6      12      13      14      20     21     22     23    24   25
//         │ requantise │ gate │ r * s │ + W x │ cand. │ h-n │ z*(…) │ + n │ h' │ q │
//
//   r = gate(R_r(b_r + sum_r))     z = gate(R_z(b_z + sum_z))
//   n = candidate(saturate(R_n(b_n + W_n x) + round(r * R_s(c_n + U_n h))))
//   h' = blend(z, n, h)            q' = operand(h')
// and with Feedback
//   h' = saturate(round(n + z (q - n) + (h - q)))
//
// It never waits: a unit that enters leaves 25 cycles later. The carried state lives here, the
// operands q where they are read. No path runs from an input to an output without a register.

module elementwise_tail #(
  parameter int H = 32,
  parameter int Contexts = 2,
  parameter int Activation = taugate_pkg::Smooth,
  parameter int AccBits = 22,
  parameter int ProductBits = 16,  // of one weight and one operand
  parameter int MulBits = 8,
  parameter int ShiftBits = 6,
  parameter int OperandFraction = 7,
  parameter int SumBits = 16,
  parameter int GateSumFraction = 12,
  parameter int CandidateSumFraction = 12,
  parameter int GateFraction = 7,
  parameter int CandidateFraction = 15,
  parameter int StateFraction = 15,
  parameter int ReadFraction = OperandFraction,  // of the state, in an operand
  parameter int Feedback = 0,                    // of what an operand leaves out of the state
  parameter int PortBits = 18,
  localparam int UnitBits = $clog2(H),
  localparam int ContextBits = Contexts > 1 ? $clog2(Contexts) : 1,
  localparam int RowBits = AccBits + MulBits + ShiftBits
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  // A unit: which, of which context, and its sums
  input  logic                            valid_i,
  input  logic [ContextBits-1:0]          context_i,
  input  logic [UnitBits-1:0]             unit_i,
  input  logic                            zero_i,  // its h is zero
  input  logic signed [AccBits-1:0]       r_sum_i,
  input  logic signed [AccBits-1:0]       z_sum_i,
  input  logic signed [AccBits-1:0]       recurrent_sum_i,
  input  logic signed [ProductBits-1:0]   input_sum_i,
  // {bias, multiplier, shift} of its rows
  input  logic [3:0][RowBits-1:0]         row_i,   // r, z, W_n x, U_n h
  // The new operand; `soon_o` says two cycles before that unit 0's is on its way
  output logic                            valid_o,
  output logic [ContextBits-1:0]          context_o,
  output logic [UnitBits-1:0]             unit_o,
  output logic signed [OperandFraction:0] operand_o,
  output logic                            soon_o,
  output logic [ContextBits-1:0]          soon_context_o
);
  localparam int RequantiseAt = 6;                // the cycle in which the sums are there,
  localparam int GateAt = RequantiseAt + 6;       // r and z,
  localparam int CandidateSumAt = GateAt + 2;     // n's sum,
  localparam int CandidateAt = CandidateSumAt + 6;  // n,
  localparam int BlendAt = CandidateAt + 4;       // h',
  localparam int OutAt = BlendAt + 1;             // and q'
  localparam int StateBits = StateFraction + 1;
  localparam int OperandBits = OperandFraction + 1;
  localparam int HeldFraction = Feedback != 0 ? ReadFraction : StateFraction;
  localparam int Common = CandidateFraction > HeldFraction ? CandidateFraction : HeldFraction;

  // ---------------------------------------------------------------- where a unit is
  logic [OutAt:1] valid_q, zero_q;
  logic [OutAt:1][ContextBits-1:0] context_q;
  logic [OutAt:1][UnitBits-1:0] unit_q;
  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni ? {valid_q[OutAt-1:1], valid_i} : '0;
    zero_q <= {zero_q[OutAt-1:1], zero_i};
    context_q <= {context_q[OutAt-1:1], context_i};
    unit_q <= {unit_q[OutAt-1:1], unit_i};
  end

  // ------------------------------------------------------------------ the four sums
  logic [3:0][AccBits-1:0] acc;
  logic [3:0][SumBits-1:0] sum;
  assign acc[0] = r_sum_i;
  assign acc[1] = z_sum_i;
  assign acc[2] = AccBits'(input_sum_i);
  assign acc[3] = recurrent_sum_i;
  for (genvar i = 0; i < 4; ++i) begin : gen_sum
    requantiser #(
      .AccBits(AccBits), .MulBits(MulBits), .ShiftBits(ShiftBits), .OutBits(SumBits),
      .PortBits(PortBits)
    ) u_requantiser (
      .clk_i,
      .valid_i(rst_ni & valid_q[RequantiseAt]),
      .acc_i(acc[i]),
      .bias_i(row_i[i][RowBits-1-:AccBits]),
      .multiplier_i(row_i[i][ShiftBits+:MulBits]),
      .shift_i(row_i[i][ShiftBits-1:0]),
      .word_o(sum[i])
    );
  end

  // -------------------------------------------------------------------------- gates
  logic [GateFraction:0] r, z, z_then;
  gate_activation #(
    .Activation(Activation), .SumBits(SumBits), .SumFraction(GateSumFraction),
    .GateFraction(GateFraction)
  ) u_r (.clk_i, .valid_i(rst_ni & valid_q[GateAt]), .sum_i(sum[0]), .gate_o(r));
  gate_activation #(
    .Activation(Activation), .SumBits(SumBits), .SumFraction(GateSumFraction),
    .GateFraction(GateFraction)
  ) u_z (.clk_i, .valid_i(rst_ni & valid_q[GateAt]), .sum_i(sum[1]), .gate_o(z));
  delay_line #(.Width(GateFraction + 1), .Depth(CandidateAt + 1 - GateAt)) u_z_then (
    .clk_i, .data_i(z), .data_o(z_then)
  );

  // ------------------------------------------------------------------- the candidate
  localparam int GatedBits = SumBits + GateFraction + 2;
  logic signed [SumBits-1:0] recurrent, input_sum;
  logic signed [GatedBits-1:0] gated_q;  // r * s
  logic signed [SumBits+1:0] candidate_sum_q;
  logic signed [SumBits-1:0] candidate_sum;
  logic signed [CandidateFraction:0] n;
  logic round_up;

  delay_line #(.Width(SumBits), .Depth(GateAt - RequantiseAt)) u_recurrent (
    .clk_i, .data_i(sum[3]), .data_o(recurrent)
  );
  delay_line #(.Width(SumBits), .Depth(GateAt + 1 - RequantiseAt)) u_input_sum (
    .clk_i, .data_i(sum[2]), .data_o(input_sum)
  );
  assign round_up = gated_q[GateFraction-1] &
                    ((|gated_q[GateFraction-2:0]) | gated_q[GateFraction]);
  always_ff @(posedge clk_i) begin
    gated_q <= GatedBits'($signed({1'b0, r})) * GatedBits'(recurrent);
    candidate_sum_q <= (SumBits + 2)'(input_sum) +
                       (SumBits + 2)'($signed(gated_q[GatedBits-1:GateFraction])) +
                       (SumBits + 2)'($signed({1'b0, round_up}));
  end
  // saturate_word: fits where the bits above the word are its sign.
  assign candidate_sum =
      candidate_sum_q[SumBits+1-:2] == {2{candidate_sum_q[SumBits-1]}}
          ? candidate_sum_q[SumBits-1:0]
          : {candidate_sum_q[SumBits+1], {(SumBits - 1) {~candidate_sum_q[SumBits+1]}}};
  candidate_activation #(
    .Activation(Activation), .SumBits(SumBits), .SumFraction(CandidateSumFraction),
    .CandidateFraction(CandidateFraction)
  ) u_n (
    .clk_i, .valid_i(rst_ni & valid_q[CandidateAt]), .sum_i(candidate_sum), .candidate_o(n)
  );

  // ------------------------------------------------------------- the state, and the blend
  localparam int StateRows = 1 << (ContextBits + UnitBits);
  localparam int DifferenceBits = Common + 2;
  localparam int ExactBits = DifferenceBits + GateFraction + 1;
  logic signed [StateBits-1:0] memory[StateRows];
  logic signed [StateBits-1:0] read_q, read_then_q, held, held_q, state, state_q, state_then_q;
  logic signed [ReadFraction:0] read;
  logic signed [OperandFraction:0] operand;
  taugate_pkg::word_t from_word, to_word, state_word;
  logic signed [Common:0] from, to, from_q, from_then_q;
  logic signed [DifferenceBits-1:0] difference_q;
  logic signed [ExactBits-1:0] change_q, residual, exact_q;

  assign from_word = taugate_pkg::rescale(64'(n), CandidateFraction, Common);
  assign to_word = taugate_pkg::rescale(64'(held_q), HeldFraction, Common);
  assign from = (Common + 1)'(from_word);
  assign to = (Common + 1)'(to_word);
  always_ff @(posedge clk_i) begin
    read_q <= memory[{context_q[CandidateAt-3], unit_q[CandidateAt-3]}];
    read_then_q <= read_q;
    held_q <= zero_q[CandidateAt-1] ? '0 : held;

    difference_q <= DifferenceBits'(to) - DifferenceBits'(from);
    from_q <= from;

    change_q <= ExactBits'($signed({1'b0, z_then})) * ExactBits'(difference_q);
    from_then_q <= from_q;

    exact_q <= (ExactBits'(from_then_q) <<< GateFraction) + change_q + residual;

    state_q <= state;
    operand_o <= operand;
    state_then_q <= state_q;
    if (valid_q[OutAt]) memory[{context_q[OutAt], unit_q[OutAt]}] <= state_then_q;
  end

  // Feedback: the blend reads what the operands have, and the rest joins its sum.
  if (Feedback != 0) begin : gen_feedback
    logic signed [StateBits-1:0] rest_q, rest_then;
    taugate_pkg::word_t held_word;
    assign held_word = taugate_pkg::operand(64'(read_then_q), StateFraction, ReadFraction);
    assign held = StateBits'(held_word);
    always_ff @(posedge clk_i)
      rest_q <= zero_q[CandidateAt-1]
                    ? '0
                    : read_then_q - (held <<< (StateFraction - ReadFraction));
    delay_line #(.Width(StateBits), .Depth(2)) u_rest (
      .clk_i, .data_i(rest_q), .data_o(rest_then)
    );
    assign residual = ExactBits'(rest_then) <<< (Common + GateFraction - StateFraction);
  end else begin : gen_whole
    assign held = read_then_q;
    assign residual = '0;
  end

  // h' lies between n and h, since 0 <= z <= 1: without a residual it needs saturation only where n,
  // on a finer grid than the state's, may be rounded up to one.
  if (CandidateFraction <= StateFraction && Feedback == 0) begin : gen_between
    assign state_word =
        taugate_pkg::round_shift(64'(exact_q), Common + GateFraction - StateFraction);
  end else begin : gen_rounded_up
    assign state_word = taugate_pkg::saturate_fraction(
        taugate_pkg::rescale(64'(exact_q), Common + GateFraction, StateFraction), StateFraction);
  end
  assign state = StateBits'(state_word);

  // operand(): rounding never takes the largest value up, and always takes the smallest up, which
  // is all that saturation has to do.
  if (ReadFraction < StateFraction) begin : gen_operand
    localparam int Dropped = StateFraction - ReadFraction;
    localparam logic signed [ReadFraction:0] Largest = {1'b0, {ReadFraction{1'b1}}};
    logic signed [ReadFraction:0] below;
    logic half, more, up;
    assign below = state_q[StateBits-1:Dropped];
    assign half = state_q[Dropped-1];
    assign more = (state_q & StateBits'((1 << (Dropped - 1)) - 1)) != '0;
    assign up = below == ~Largest || (half && (more || below[0]) && below != Largest);
    assign read = below + (ReadFraction + 1)'($signed({1'b0, up}));
  end else begin : gen_same_grid
    taugate_pkg::word_t read_word;
    assign read_word = taugate_pkg::operand(64'(state_q), StateFraction, ReadFraction);
    assign read = (ReadFraction + 1)'(read_word);
  end
  assign operand = OperandBits'(read) <<< (OperandFraction - ReadFraction);

  assign valid_o = valid_q[OutAt];
  assign context_o = context_q[OutAt];
  assign unit_o = unit_q[OutAt];
  assign soon_o = valid_q[OutAt-2] & (unit_q[OutAt-2] == '0);
  assign soon_context_o = context_q[OutAt-2];

`ifndef SYNTHESIS
  // What is written out above is the definition's.
  always @(posedge clk_i)
    if (rst_ni && valid_q[BlendAt-1]) begin
      assert (64'(state) == taugate_pkg::saturate_fraction(taugate_pkg::rescale(
          64'(exact_q), Common + GateFraction, StateFraction), StateFraction))
      else $error("state: %0d of %0d", state, exact_q);
    end
  always @(posedge clk_i)
    if (rst_ni && valid_q[BlendAt]) begin
      assert (64'(operand) == taugate_pkg::operand(64'(state_q), StateFraction, ReadFraction) <<<
                                  (OperandFraction - ReadFraction))
      else $error("operand: %0d of %0d", operand, state_q);
    end
  always @(posedge clk_i)
    if (rst_ni && valid_q[CandidateSumAt]) begin
      assert (64'(candidate_sum) == taugate_pkg::saturate_word(64'(candidate_sum_q), SumBits))
      else $error("candidate's sum: %0d of %0d", candidate_sum, candidate_sum_q);
    end
`endif
endmodule
