// SPDX-License-Identifier: Apache-2.0
// Schedulers with what they schedule for, and an array of lanes, for their test
// (tests/rtl/test_steps.cpp, which says what each bit of an input is).

module steps (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic [5:0][63:0] in_i,
  output logic [6:0][63:0] out_o
);
  // ----------------------- schedulers: three contexts; and one alone, of as few units as there are
  for (genvar i = 0; i < 2; ++i) begin : gen_scheduler
    localparam int H = i == 0 ? 5 : 2;
    localparam int Contexts = i == 0 ? 3 : 1;
    localparam int TMax = 6;
    localparam int ContextBits = i == 0 ? 2 : 1;
    localparam int ColumnBits = $clog2(2 * H + 1);

    // What the stimulus asks for, where it is possible: a sample into a slot that is not complete,
    // operands for a context that waits for them, room in an output slot.
    logic [Contexts-1:0][2:0] count_q;
    logic [Contexts-1:0] complete_q, busy_q, waiting_q;
    logic [ContextBits-1:0] add_context, soon_context, free_context, context_now, open_context;
    logic add, last, soon, free, taken, open, moved, active;
    logic [2:0] open_length, sample;
    logic [ColumnBits-1:0] column, unit;
    taugate_pkg::beat_t beat;
    assign add_context = in_i[i][ContextBits-1:0];
    assign add = in_i[i][2] & ~complete_q[add_context];
    assign last = in_i[i][3] || count_q[add_context] == 3'(TMax - 1);
    assign soon_context = in_i[i][4+:ContextBits];
    assign soon = in_i[i][6] & waiting_q[soon_context];
    assign free_context = in_i[i][7+:ContextBits];
    assign free = in_i[i][9] & busy_q[free_context];
    always_ff @(posedge clk_i) begin
      if (add) begin
        count_q[add_context] <= count_q[add_context] + 1'b1;
        complete_q[add_context] <= last;
      end
      if (taken) begin
        count_q[context_now] <= '0;
        complete_q[context_now] <= 1'b0;
      end
      if (beat.valid && beat.last && beat.update) waiting_q[context_now] <= 1'b1;
      if (soon) waiting_q[soon_context] <= 1'b0;
      if (free) busy_q[free_context] <= 1'b0;
      if (open) busy_q[open_context] <= 1'b1;
      if (!rst_ni) begin
        count_q <= '0;
        {complete_q, busy_q, waiting_q} <= '0;
      end
    end

    step_scheduler #(.H(H), .TMax(TMax), .Contexts(Contexts)) u_scheduler (
      .clk_i, .rst_ni,
      .count_i(count_q), .complete_i(complete_q), .taken_o(taken),
      .slot_busy_i(busy_q), .open_o(open), .open_context_o(open_context),
      .open_length_o(open_length), .moved_o(moved),
      .soon_i(soon), .soon_context_i(soon_context), .active_o(active),
      .beat_o(beat), .context_o(context_now), .column_o(column), .unit_o(unit), .sample_o(sample)
    );
    assign out_o[2*i] = 64'({beat, 2'(context_now), 4'(column), 4'(unit), sample, taken, moved, open,
                             2'(open_context), open_length, active});
    assign out_o[2*i+1] = 64'({soon, 2'(soon_context), 3'(busy_q), 3'(complete_q), 9'(count_q)});
  end

  // ------------------------------------------- lanes: 5 units, 3 outputs, just enough bits of sums
  taugate_pkg::beat_t lanes_beat;
  logic signed [17:0] r_sum, z_sum, recurrent_sum, y_sum;
  logic signed [15:0] input_sum;
  assign lanes_beat = in_i[2][8:0];
  mac_array #(.H(5), .NOut(3), .AccBits(18)) u_lanes (
    .clk_i,
    .beat_i(lanes_beat), .operand_i(in_i[2][16:9]), .column_i({in_i[5][15:0], in_i[4], in_i[3]}),
    .dec_i(in_i[2][17]), .r_sum_o(r_sum), .z_sum_o(z_sum), .recurrent_sum_o(recurrent_sum),
    .input_sum_o(input_sum), .y_sum_o(y_sum)
  );
  assign out_o[4] = {32'(z_sum), 32'(r_sum)};
  assign out_o[5] = {32'(input_sum), 32'(recurrent_sum)};
  assign out_o[6] = 64'(y_sum);

  logic unused;
  assign unused = ^in_i;
endmodule
