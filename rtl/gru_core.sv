// SPDX-License-Identifier: Apache-2.0
// One core: an encoder and a zero-input decoder of H units with a linear head, for several pixels
// at a time. Samples in, output words out, pixel after pixel.
//
//   cycle  0           1         2         3          4       5       6      7
//          choose ──► operands ─► reg ─► 0|h|x ─┐
//                 └─► columns  ──────► reg ─────┴──► a, b ─► a*b ─► sum ─► shadow chains
//                                                                         │ r z n s   │ y
//          operands ◄───────────── element-wise tail, 25 cycles ◄─────────┘           │
//          output buffer ◄──────── requantise ◄───────────────────────────────────────┘
//
// A step's first new operand is written 32 cycles after its last column was chosen, and the others
// follow one a cycle, as the next step reads them: 1 + ceil(32 / H) contexts leave no cycle idle.

module gru_core #(
  parameter int H = 32,
  parameter int NOut = 1,
  parameter int TMax = 176,
  parameter int Contexts = 2,
  parameter int Activation = taugate_pkg::Smooth,
  parameter int WeightBits = 8,
  parameter int OperandFraction = 7,
  parameter int AccBits = 22,
  parameter int MulBits = 8,
  parameter int ShiftBits = 6,
  parameter int SumBits = 16,
  parameter int GateSumFraction = 12,
  parameter int CandidateSumFraction = 12,
  parameter int GateFraction = 7,
  parameter int CandidateFraction = 15,
  parameter int StateFraction = 15,
  parameter int ReadFraction = OperandFraction,
  parameter int Feedback = 0,
  parameter int OutputBits = 16,
  parameter int DataBits = 16,
  parameter int UserBits = 32,
  parameter int CounterBits = 48,
  parameter int PortBits = 18,
  parameter int LoadFiles = 0,
  parameter Prefix = "./"
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  // Write port of the memories, and their readback (rtl/README.md has the map); while idle only
  input  logic                       write_i,
  input  logic                       read_i,
  input  logic [23:0]                address_i,
  input  logic [31:0]                data_i,
  output logic [31:0]                read_data_o,  // five cycles after read_i
  // Samples
  input  logic                       s_axis_tvalid,
  output logic                       s_axis_tready,
  input  logic signed [15:0]         s_axis_tdata,
  input  logic                       s_axis_tlast,
  input  logic [UserBits-1:0]        s_axis_tuser,
  // Output words
  output logic                       m_axis_tvalid,
  input  logic                       m_axis_tready,
  output logic signed [DataBits-1:0] m_axis_tdata,
  output logic                       m_axis_tlast,
  output logic [UserBits-1:0]        m_axis_tuser,
  output logic                       idle_o,     // no pixel is on its way
  // Counters, since the last clear; what happens in the cycle of a clear counts after it
  input  logic                       clear_i,
  output logic [CounterBits-1:0]     cycles_o,   // with a pixel on its way
  output logic [CounterBits-1:0]     issues_o,   // of these, with a column on its way to the lanes
  output logic [CounterBits-1:0]     bubbles_o,  // and without
  output logic [CounterBits-1:0]     macs_o,     // multiply-accumulates that a result needs
  output logic [CounterBits-1:0]     pixels_o,   // that ended their encoder
  output logic [CounterBits-1:0]     overlong_o  // pixels with more than TMax samples, cut
);
  localparam int Lanes = 3 * H + NOut;
  localparam int ColumnBits = $clog2(2 * H + 1);
  localparam int UnitBits = $clog2(H);
  localparam int ChannelBits = NOut > 1 ? $clog2(NOut) : 1;
  localparam int ContextBits = Contexts > 1 ? $clog2(Contexts) : 1;
  localparam int CountBits = $clog2(TMax + 1);
  localparam int OperandBits = OperandFraction + 1;
  localparam int ProductBits = WeightBits + OperandBits;
  localparam int RowBits = AccBits + MulBits + ShiftBits;

  // ------------------------------------------------------------- samples and scheduling
  logic [Contexts-1:0][CountBits-1:0] sample_count;
  logic [Contexts-1:0] sample_complete, slot_busy;
  logic [Contexts-1:0][UserBits-1:0] sample_user, user_q;
  logic taken, moved, open, soon, overlong, active;
  logic [ContextBits-1:0] open_context, soon_context, context_0, context_4;
  logic [CountBits-1:0] open_length, sample_0;
  taugate_pkg::beat_t beat_0, beat_4;
  logic [ColumnBits-1:0] column_0, unit_0;
  logic signed [OperandBits-1:0] sample;

  sample_buffer #(
    .TMax(TMax), .Contexts(Contexts), .OperandFraction(OperandFraction), .UserBits(UserBits)
  ) u_samples (
    .clk_i, .rst_ni,
    .s_axis_tvalid, .s_axis_tready, .s_axis_tdata, .s_axis_tlast, .s_axis_tuser,
    .overlong_o(overlong),
    .count_o(sample_count),
    .complete_o(sample_complete),
    .user_o(sample_user),
    .taken_i(taken),
    .taken_context_i(context_0),
    .context_i(context_0),
    .sample_i(sample_0),
    .operand_o(sample)
  );

  step_scheduler #(.H(H), .TMax(TMax), .Contexts(Contexts)) u_scheduler (
    .clk_i, .rst_ni,
    .count_i(sample_count),
    .complete_i(sample_complete),
    .taken_o(taken),
    .slot_busy_i(slot_busy),
    .open_o(open),
    .open_context_o(open_context),
    .open_length_o(open_length),
    .moved_o(moved),
    .soon_i(soon),
    .soon_context_i(soon_context),
    .active_o(active),
    .beat_o(beat_0),
    .context_o(context_0),
    .column_o(column_0),
    .unit_o(unit_0),
    .sample_o(sample_0)
  );

  // A pixel's number waits here while its slot of samples is filled anew. (The slot is free when
  // the last column of this step has gone, H cycles later.)
  logic moved_q;
  always_ff @(posedge clk_i) begin
    moved_q <= moved & rst_ni;
    if (moved_q) user_q[context_0] <= sample_user[context_0];
  end

  // ----------------------------------------------- memories, and lanes: cycles 0 to 7
  logic [Lanes*WeightBits-1:0] weights;
  logic [4:0][RowBits-1:0] rows;
  logic [ChannelBits-1:0] channel;
  logic signed [AccBits-1:0] r_sum, z_sum, recurrent_sum, y_sum;
  logic signed [ProductBits-1:0] input_sum;
  logic signed [OperandBits-1:0] new_operand;
  logic [ContextBits-1:0] new_context, row_context_q;
  logic [UnitBits-1:0] new_unit, row_unit_q;
  logic new_valid, issued, tail_dec, row_valid_q, row_dec_q, row_zero_q;

  model_memories #(
    .H(H), .NOut(NOut), .WeightBits(WeightBits), .AccBits(AccBits), .MulBits(MulBits),
    .ShiftBits(ShiftBits), .LoadFiles(LoadFiles), .Prefix(Prefix)
  ) u_memories (
    .clk_i, .rst_ni,
    .write_i, .read_i, .address_i, .data_i, .read_data_o,
    .column_i(column_0),
    .weights_o(weights),
    .row_i({row_dec_q, row_unit_q}),
    .channel_i(channel),
    .rows_o(rows)
  );

  operand_lanes #(
    .H(H), .NOut(NOut), .Contexts(Contexts), .WeightBits(WeightBits), .OperandBits(OperandBits),
    .AccBits(AccBits)
  ) u_lanes (
    .clk_i, .rst_ni,
    .beat_i(beat_0),
    .context_i(context_0),
    .unit_i(unit_0[UnitBits-1:0]),
    .sample_i(sample),
    .weights_i(weights),
    .new_valid_i(new_valid),
    .new_context_i(new_context),
    .new_unit_i(new_unit),
    .new_operand_i(new_operand),
    .beat_o(beat_4),
    .context_o(context_4),
    .issued_o(issued),
    .dec_i(tail_dec),
    .r_sum_o(r_sum),
    .z_sum_o(z_sum),
    .recurrent_sum_o(recurrent_sum),
    .input_sum_o(input_sum),
    .y_sum_o(y_sum)
  );

  // --------------------------------------- rows, read two cycles ahead of the sums: 5 to 7
  logic [1:0] row_valid_then_q;
  always_ff @(posedge clk_i) begin
    if (beat_4.valid && beat_4.last && beat_4.update) begin
      row_valid_q <= 1'b1;
      row_unit_q <= '0;
      row_context_q <= context_4;
      row_dec_q <= beat_4.dec;
      row_zero_q <= beat_4.zero;
    end else begin
      row_unit_q <= row_unit_q + 1'b1;
      if (row_unit_q == UnitBits'(H - 1)) row_valid_q <= 1'b0;
    end
    row_valid_then_q <= {row_valid_then_q[0], row_valid_q};
    if (!rst_ni) begin
      row_valid_q <= 1'b0;
      row_valid_then_q <= '0;
    end
  end

  // -------------------------------------------------------------------------- the tail
  logic [ContextBits-1:0] tail_context;
  logic [UnitBits-1:0] tail_unit;
  logic tail_valid, tail_zero;
  assign tail_valid = row_valid_then_q[1];
  delay_line #(.Width(ContextBits + UnitBits + 2), .Depth(2)) u_row_then (
    .clk_i,
    .data_i({row_context_q, row_unit_q, row_dec_q, row_zero_q}),
    .data_o({tail_context, tail_unit, tail_dec, tail_zero})
  );
  elementwise_tail #(
    .H(H), .Contexts(Contexts), .Activation(Activation), .AccBits(AccBits),
    .ProductBits(ProductBits), .MulBits(MulBits), .ShiftBits(ShiftBits),
    .OperandFraction(OperandFraction), .SumBits(SumBits), .GateSumFraction(GateSumFraction),
    .CandidateSumFraction(CandidateSumFraction), .GateFraction(GateFraction),
    .CandidateFraction(CandidateFraction), .StateFraction(StateFraction),
    .ReadFraction(ReadFraction), .Feedback(Feedback), .PortBits(PortBits)
  ) u_tail (
    .clk_i, .rst_ni,
    .valid_i(tail_valid),
    .context_i(tail_context),
    .unit_i(tail_unit),
    .zero_i(tail_zero),
    .r_sum_i(r_sum),
    .z_sum_i(z_sum),
    .recurrent_sum_i(recurrent_sum),
    .input_sum_i(input_sum),
    .row_i(rows[3:0]),
    .valid_o(new_valid),
    .context_o(new_context),
    .unit_o(new_unit),
    .operand_o(new_operand),
    .soon_o(soon),
    .soon_context_o(soon_context)
  );

  // --------------------------------------------------------------- the head, the output
  logic y_valid;
  logic [ContextBits-1:0] y_context;
  logic signed [OutputBits-1:0] y;
  head #(
    .NOut(NOut), .Contexts(Contexts), .AccBits(AccBits), .MulBits(MulBits), .ShiftBits(ShiftBits),
    .OutputBits(OutputBits), .PortBits(PortBits)
  ) u_head (
    .clk_i, .rst_ni,
    .last_i(beat_4.valid & beat_4.last & beat_4.head),
    .context_i(context_4),
    .channel_o(channel),
    .row_i(rows[4]),
    .sum_i(y_sum),
    .valid_o(y_valid),
    .context_o(y_context),
    .word_o(y)
  );

  output_buffer #(
    .NOut(NOut), .TMax(TMax), .Contexts(Contexts), .WordBits(OutputBits), .DataBits(DataBits),
    .UserBits(UserBits)
  ) u_output (
    .clk_i, .rst_ni,
    .open_i(open),
    .open_context_i(open_context),
    .open_length_i(open_length),
    .open_user_i(user_q[open_context]),
    .busy_o(slot_busy),
    .write_i(y_valid),
    .context_i(y_context),
    .word_i(y),
    .m_axis_tvalid, .m_axis_tready, .m_axis_tdata, .m_axis_tlast, .m_axis_tuser
  );

  // --------------------------------------------------------------- idle, and the counters
  localparam int MacBits = $clog2(Lanes + 1);
  logic active_q, overlong_q, sample_taken, within_pixel_q;
  logic [MacBits-1:0] macs_q;
  assign sample_taken = s_axis_tvalid & s_axis_tready;
  always_ff @(posedge clk_i) begin
    if (sample_taken) within_pixel_q <= ~s_axis_tlast;
    idle_o <= ~(sample_taken | within_pixel_q | active | (|slot_busy) | m_axis_tvalid);
    active_q <= active;
    overlong_q <= overlong;
    macs_q <= (beat_0.valid && beat_0.update ? MacBits'(3 * H) : '0) +
              (beat_0.valid && beat_0.head ? MacBits'(NOut) : '0);
    if (!rst_ni) begin
      within_pixel_q <= 1'b0;
      idle_o <= 1'b1;
      active_q <= 1'b0;
      overlong_q <= 1'b0;
      macs_q <= '0;
    end
  end

  event_counter #(.Bits(CounterBits)) u_cycles (
    .clk_i, .rst_ni, .clear_i, .events_i(active_q), .count_o(cycles_o)
  );
  event_counter #(.Bits(CounterBits)) u_issues (
    .clk_i, .rst_ni, .clear_i, .events_i(issued), .count_o(issues_o)
  );
  event_counter #(.Bits(CounterBits)) u_bubbles (
    .clk_i, .rst_ni, .clear_i, .events_i(active_q & ~issued), .count_o(bubbles_o)
  );
  event_counter #(.Bits(CounterBits), .EventBits(MacBits)) u_macs (
    .clk_i, .rst_ni, .clear_i, .events_i(macs_q), .count_o(macs_o)
  );
  event_counter #(.Bits(CounterBits)) u_pixels (
    .clk_i, .rst_ni, .clear_i, .events_i(moved_q), .count_o(pixels_o)
  );
  event_counter #(.Bits(CounterBits)) u_overlong (
    .clk_i, .rst_ni, .clear_i, .events_i(overlong_q), .count_o(overlong_o)
  );
endmodule
