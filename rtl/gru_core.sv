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
  localparam int LanesPerWord = 32 / WeightBits;
  localparam int Words = (Lanes + LanesPerWord - 1) / LanesPerWord;
  localparam int Columns = 2 * H + 1;
  localparam int ColumnBits = $clog2(Columns);
  localparam int UnitBits = $clog2(H);
  localparam int ChannelBits = NOut > 1 ? $clog2(NOut) : 1;
  localparam int ContextBits = Contexts > 1 ? $clog2(Contexts) : 1;
  localparam int CountBits = $clog2(TMax + 1);
  localparam int OperandBits = OperandFraction + 1;
  localparam int ProductBits = WeightBits + OperandBits;
  localparam int RowBits = AccBits + MulBits + ShiftBits;

  // -------------------------------------------------------------- write port, readback
  logic write_q, write, fetch_q;
  logic [3:0] region_q;
  logic [11:0] index_q;
  logic [7:0] word_q;
  logic [31:0] data_q;
  always_ff @(posedge clk_i) begin
    write_q <= write_i & rst_ni;
    fetch_q <= read_i & rst_ni;
    {region_q, index_q, word_q} <= address_i;
    data_q <= data_i;
  end
  assign write = write_q & rst_ni;  // whatever write_q was before the reset

  logic fetch_then_q;
  logic [3:0] region_then_q;
  logic [7:0] word_then_q;
  logic [Words-1:0] hide_word_q;
  logic [4:0] hide_row_q;
  always_ff @(posedge clk_i) begin
    fetch_then_q <= fetch_q & rst_ni;
    region_then_q <= region_q;
    word_then_q <= word_q;
    for (int i = 0; i < Words; ++i)
      hide_word_q[i] <= fetch_then_q && !(region_then_q == 4'd0 && word_then_q == 8'(i));
    for (int i = 0; i < 5; ++i) hide_row_q[i] <= fetch_then_q && region_then_q != 4'(i + 1);
    if (!rst_ni) begin
      hide_word_q <= '0;
      hide_row_q <= '0;
    end
  end

  // ------------------------------------------------------------- samples and scheduling
  logic [Contexts-1:0][CountBits-1:0] sample_count;
  logic [Contexts-1:0] sample_complete, slot_busy;
  logic [Contexts-1:0][UserBits-1:0] sample_user, user_q;
  logic taken, moved, open, soon, overlong, active;
  logic [ContextBits-1:0] open_context, soon_context, context_0;
  logic [CountBits-1:0] open_length, sample_0;
  taugate_pkg::beat_t beat_0, beat_1_q, beat_2_q, beat_3_q, beat_4_q;
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

  // ------------------------------------------------------- operands: cycles 0, 1, 2, 3
  localparam int OperandRows = 1 << (ContextBits + UnitBits);
  logic [4:1][ContextBits-1:0] context_q;
  logic signed [OperandBits-1:0] memory[OperandRows];
  logic signed [OperandBits-1:0] read_q, read_then_q, operand_q, new_operand;
  logic new_valid;
  logic [ContextBits-1:0] new_context;
  logic [UnitBits-1:0] new_unit;

  always_ff @(posedge clk_i) begin
    beat_1_q <= beat_0;
    beat_2_q <= beat_1_q;
    beat_3_q <= beat_2_q;
    beat_4_q <= beat_3_q;
    if (!rst_ni) begin
      beat_1_q.valid <= 1'b0;
      beat_2_q.valid <= 1'b0;
      beat_3_q.valid <= 1'b0;
      beat_4_q.valid <= 1'b0;
    end
    context_q <= {context_q[3:1], context_0};

    if (new_valid) memory[{new_context, new_unit}] <= new_operand;
    read_q <= memory[{context_0, unit_0[UnitBits-1:0]}];
    read_then_q <= read_q;
    operand_q <= beat_2_q.is_x ? sample : beat_2_q.zero ? '0 : read_then_q;
  end

  // -------------------------------------------------------- columns: cycles 1, 2, 3
  logic [ColumnBits-1:0] column_q;
  logic [32*Words-1:0] column;
  logic [Words-1:0] write_word;
  logic [Lanes*WeightBits-1:0] weights;
  always_ff @(posedge clk_i) column_q <= fetch_q ? index_q[ColumnBits-1:0] : column_0;
  always_comb begin
    for (int i = 0; i < Words; ++i)
      write_word[i] = write && region_q == 4'd0 && word_q == 8'(i);
  end
  column_memory #(
    .Words(Words), .Columns(Columns), .LoadFile(LoadFiles), .File({Prefix, "weights.mem"})
  ) u_columns (
    .clk_i,
    .write_i(write_word),
    .write_column_i(index_q[ColumnBits-1:0]),
    .data_i(data_q),
    .column_i(column_q),
    .hide_i(hide_word_q),
    .column_o(column)
  );
  for (genvar i = 0; i < Lanes; ++i) begin : gen_weight
    assign weights[i*WeightBits+:WeightBits] =
        column[32*(i/LanesPerWord)+WeightBits*(i%LanesPerWord)+:WeightBits];
  end

  // ------------------------------------------------------------ lanes: cycles 3 to 7
  logic signed [AccBits-1:0] r_sum, z_sum, recurrent_sum, y_sum;
  logic signed [ProductBits-1:0] input_sum;
  logic tail_dec;
  mac_array #(
    .H(H), .NOut(NOut), .WeightBits(WeightBits), .OperandBits(OperandBits), .AccBits(AccBits)
  ) u_lanes (
    .clk_i,
    .beat_i(beat_3_q),
    .column_i(weights),
    .operand_i(operand_q),
    .dec_i(tail_dec),
    .r_sum_o(r_sum),
    .z_sum_o(z_sum),
    .recurrent_sum_o(recurrent_sum),
    .input_sum_o(input_sum),
    .y_sum_o(y_sum)
  );

  // --------------------------------------- rows, read two cycles ahead of the sums: 5 to 7
  logic row_valid_q, row_dec_q, row_zero_q;
  logic [ContextBits-1:0] row_context_q;
  logic [UnitBits-1:0] row_unit_q;
  logic [1:0] row_valid_then_q;
  always_ff @(posedge clk_i) begin
    if (beat_4_q.valid && beat_4_q.last && beat_4_q.update) begin
      row_valid_q <= 1'b1;
      row_unit_q <= '0;
      row_context_q <= context_q[4];
      row_dec_q <= beat_4_q.dec;
      row_zero_q <= beat_4_q.zero;
    end else begin
      row_unit_q <= row_unit_q + 1'b1;
      if (row_unit_q == UnitBits'(H - 1)) row_valid_q <= 1'b0;
    end
    if (fetch_q) {row_dec_q, row_unit_q} <= index_q[UnitBits:0];
    row_valid_then_q <= {row_valid_then_q[0], row_valid_q};
    if (!rst_ni) begin
      row_valid_q <= 1'b0;
      row_valid_then_q <= '0;
    end
  end

  logic [3:0][RowBits-1:0] row;
  for (genvar i = 0; i < 4; ++i) begin : gen_row
    localparam logic [7:0] Gate = i == 0 ? "r" : i == 1 ? "z" : i == 2 ? "n" : "s";
    logic [2:0] row_write;
    for (genvar k = 0; k < 3; ++k) begin : gen_write
      assign row_write[k] = write && region_q == 4'(i + 1) && word_q == 8'(k);
    end
    row_memory #(
      .Rows(2 << UnitBits), .AccBits(AccBits), .MulBits(MulBits), .ShiftBits(ShiftBits),
      .LoadFile(LoadFiles), .File({Prefix, "rows_", Gate, ".mem"})
    ) u_rows (
      .clk_i,
      .write_i(row_write),
      .write_row_i(index_q[UnitBits:0]),
      .data_i(data_q),
      .row_i({row_dec_q, row_unit_q}),
      .hide_i(hide_row_q[i]),
      .bias_o(row[i][RowBits-1-:AccBits]),
      .multiplier_o(row[i][ShiftBits+:MulBits]),
      .shift_o(row[i][ShiftBits-1:0])
    );
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
    .row_i(row),
    .valid_o(new_valid),
    .context_o(new_context),
    .unit_o(new_unit),
    .operand_o(new_operand),
    .soon_o(soon),
    .soon_context_o(soon_context)
  );

  // -------------------------------------------------------------------------- the head
  localparam int RequantiseLatency = 6;
  logic y_valid_q, y_valid;
  logic [ChannelBits-1:0] y_channel_q;
  logic [ContextBits-1:0] y_context_q, y_context;
  logic [RequantiseLatency+1:0] y_valid_then_q;
  logic [2:0] y_write;
  logic signed [AccBits-1:0] y_bias;
  logic [MulBits-1:0] y_multiplier;
  logic [ShiftBits-1:0] y_shift;
  logic signed [OutputBits-1:0] y;

  always_ff @(posedge clk_i) begin
    if (beat_4_q.valid && beat_4_q.last && beat_4_q.head) begin
      y_valid_q <= 1'b1;
      y_channel_q <= '0;
      y_context_q <= context_q[4];
    end else begin
      y_channel_q <= y_channel_q + 1'b1;
      if (y_channel_q == ChannelBits'(NOut - 1)) y_valid_q <= 1'b0;
    end
    if (fetch_q) y_channel_q <= index_q[ChannelBits-1:0];
    y_valid_then_q <= {y_valid_then_q[RequantiseLatency:0], y_valid_q};
    if (!rst_ni) begin
      y_valid_q <= 1'b0;
      y_valid_then_q <= '0;
    end
  end
  for (genvar k = 0; k < 3; ++k) begin : gen_y_write
    assign y_write[k] = write && region_q == 4'd5 && word_q == 8'(k);
  end
  row_memory #(
    .Rows(1 << ChannelBits), .AccBits(AccBits), .MulBits(MulBits), .ShiftBits(ShiftBits),
    .LoadFile(LoadFiles), .File({Prefix, "rows_y.mem"})
  ) u_y_rows (
    .clk_i,
    .write_i(y_write),
    .write_row_i(index_q[ChannelBits-1:0]),
    .data_i(data_q),
    .row_i(y_channel_q),
    .hide_i(hide_row_q[4]),
    .bias_o(y_bias),
    .multiplier_o(y_multiplier),
    .shift_o(y_shift)
  );
  requantiser #(
    .AccBits(AccBits), .MulBits(MulBits), .ShiftBits(ShiftBits), .OutBits(OutputBits),
    .PortBits(PortBits)
  ) u_y (
    .clk_i,
    .valid_i(rst_ni & y_valid),
    .acc_i(y_sum),
    .bias_i(y_bias),
    .multiplier_i(y_multiplier),
    .shift_i(y_shift),
    .word_o(y)
  );
  assign y_valid = y_valid_then_q[RequantiseLatency+1];
  delay_line #(.Width(ContextBits), .Depth(RequantiseLatency + 2)) u_y_context (
    .clk_i, .data_i(y_context_q), .data_o(y_context)
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

  // -------------------------------------------------------------------------- readback
  // All words of all memories but one are hidden, so that it is enough to put them together.
  localparam int BiasBits = AccBits > 32 ? AccBits : 33;
  logic [1:0] part_q, part_then_q;
  logic [31:0] column_word;
  logic [RowBits-1:0] row_word;
  logic [BiasBits-1:0] row_bias;
  always_comb begin
    column_word = '0;
    for (int i = 0; i < Words; ++i) column_word = column_word | column[32*i+:32];
  end
  assign row_word = row[0] | row[1] | row[2] | row[3] | {y_bias, y_multiplier, y_shift};
  assign row_bias = BiasBits'($signed(row_word[RowBits-1-:AccBits]));
  always_ff @(posedge clk_i) begin
    part_q <= word_then_q[1:0];
    part_then_q <= part_q;
    if (part_then_q == 2'd0)
      read_data_o <= column_word |
                     {16'(row_word[ShiftBits-1:0]), 16'(row_word[ShiftBits+:MulBits])};
    else if (part_then_q == 2'd1) read_data_o <= column_word | row_bias[31:0];
    else read_data_o <= column_word | 32'($signed(row_bias[BiasBits-1:32]));
  end

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
    cycles_o <= clear_i ? CounterBits'(active_q)
                       : cycles_o + CounterBits'(active_q);
    issues_o <= clear_i ? CounterBits'(beat_1_q.valid)
                       : issues_o + CounterBits'(beat_1_q.valid);
    bubbles_o <= clear_i ? CounterBits'(active_q && !beat_1_q.valid)
                       : bubbles_o + CounterBits'(active_q && !beat_1_q.valid);
    macs_o <= clear_i ? CounterBits'(macs_q)
                       : macs_o + CounterBits'(macs_q);
    pixels_o <= clear_i ? CounterBits'(moved_q)
                       : pixels_o + CounterBits'(moved_q);
    overlong_o <= clear_i ? CounterBits'(overlong_q)
                       : overlong_o + CounterBits'(overlong_q);
    if (!rst_ni) begin
      within_pixel_q <= 1'b0;
      idle_o <= 1'b1;
      active_q <= 1'b0;
      overlong_q <= 1'b0;
      macs_q <= '0;
      cycles_o <= '0;
      issues_o <= '0;
      bubbles_o <= '0;
      macs_o <= '0;
      pixels_o <= '0;
      overlong_o <= '0;
    end
  end
endmodule
