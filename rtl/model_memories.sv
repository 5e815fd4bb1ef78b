// SPDX-License-Identifier: Apache-2.0
// What a core knows of its model: the columns of weights and the rows of biases and requantisers,
// with the write port that fills them and the readback (regions 0 to 5 of the map in rtl/README.md).
//
// Readback goes through the memories' own read ports, while the core is idle: all words but the one
// that is read are hidden, so that it is enough to put them together.

module model_memories #(
  parameter int H = 32,
  parameter int NOut = 1,
  parameter int WeightBits = 8,
  parameter int AccBits = 22,
  parameter int MulBits = 8,
  parameter int ShiftBits = 6,
  parameter int LoadFiles = 0,
  parameter Prefix = "./",
  localparam int Lanes = 3 * H + NOut,
  localparam int ColumnBits = $clog2(2 * H + 1),
  localparam int UnitBits = $clog2(H),
  localparam int ChannelBits = NOut > 1 ? $clog2(NOut) : 1,
  localparam int RowBits = AccBits + MulBits + ShiftBits
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  // Write port and readback
  input  logic                        write_i,
  input  logic                        read_i,
  input  logic [23:0]                 address_i,
  input  logic [31:0]                 data_i,
  output logic [31:0]                 read_data_o,  // five cycles after read_i
  // Columns, three cycles later
  input  logic [ColumnBits-1:0]       column_i,
  output logic [Lanes*WeightBits-1:0] weights_o,
  // Rows {bias, multiplier, shift} of r, z, W_n x, U_n h, and of the head, two cycles later
  input  logic [UnitBits:0]           row_i,      // {decoder, unit}
  input  logic [ChannelBits-1:0]      channel_i,  // of the head
  output logic [4:0][RowBits-1:0]     rows_o
);
  localparam int LanesPerWord = 32 / WeightBits;
  localparam int Words = (Lanes + LanesPerWord - 1) / LanesPerWord;
  localparam int BiasBits = AccBits > 32 ? AccBits : 33;

  // ----------------------------------------- where a write goes, and what a read hides
  logic write_q, write, fetch_q, fetch_then_q;
  logic [3:0] region_q, region_then_q;
  logic [11:0] index_q;
  logic [UnitBits:0] index_then_q;
  logic [7:0] word_q, word_then_q;
  logic [31:0] data_q;
  logic [Words-1:0] hide_word_q;
  logic [4:0] hide_row_q;
  always_ff @(posedge clk_i) begin
    write_q <= write_i & rst_ni;
    fetch_q <= read_i & rst_ni;
    {region_q, index_q, word_q} <= address_i;
    data_q <= data_i;

    fetch_then_q <= fetch_q & rst_ni;
    region_then_q <= region_q;
    index_then_q <= index_q[UnitBits:0];
    word_then_q <= word_q;
    for (int i = 0; i < Words; ++i)
      hide_word_q[i] <= fetch_then_q && !(region_then_q == 4'd0 && word_then_q == 8'(i));
    for (int i = 0; i < 5; ++i) hide_row_q[i] <= fetch_then_q && region_then_q != 4'(i + 1);
    if (!rst_ni) begin
      hide_word_q <= '0;
      hide_row_q <= '0;
    end
  end
  assign write = write_q & rst_ni;  // whatever write_q was before the reset

  // ------------------------------------------------------------------------- columns
  logic [ColumnBits-1:0] column_q;
  logic [32*Words-1:0] column;
  logic [Words-1:0] write_word;
  always_ff @(posedge clk_i) column_q <= fetch_q ? index_q[ColumnBits-1:0] : column_i;
  always_comb begin
    for (int i = 0; i < Words; ++i)
      write_word[i] = write && region_q == 4'd0 && word_q == 8'(i);
  end
  column_memory #(
    .Words(Words), .Columns(2 * H + 1), .LoadFile(LoadFiles), .File({Prefix, "weights.mem"})
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
    assign weights_o[i*WeightBits+:WeightBits] =
        column[32*(i/LanesPerWord)+WeightBits*(i%LanesPerWord)+:WeightBits];
  end

  // ---------------------------------------------------------------------------- rows
  for (genvar i = 0; i < 5; ++i) begin : gen_row
    localparam logic [7:0] Name = i == 0 ? "r" : i == 1 ? "z" : i == 2 ? "n" : i == 3 ? "s" : "y";
    localparam int AddressBits = i < 4 ? UnitBits + 1 : ChannelBits;
    logic [2:0] row_write;
    logic [AddressBits-1:0] address;
    for (genvar k = 0; k < 3; ++k) begin : gen_write
      assign row_write[k] = write && region_q == 4'(i + 1) && word_q == 8'(k);
    end
    assign address = fetch_then_q ? AddressBits'(index_then_q)
                                  : i < 4 ? AddressBits'(row_i) : AddressBits'(channel_i);
    row_memory #(
      .Rows(1 << AddressBits), .AccBits(AccBits), .MulBits(MulBits), .ShiftBits(ShiftBits),
      .LoadFile(LoadFiles), .File({Prefix, "rows_", Name, ".mem"})
    ) u_rows (
      .clk_i,
      .write_i(row_write),
      .write_row_i(index_q[AddressBits-1:0]),
      .data_i(data_q),
      .row_i(address),
      .hide_i(hide_row_q[i]),
      .bias_o(rows_o[i][RowBits-1-:AccBits]),
      .multiplier_o(rows_o[i][ShiftBits+:MulBits]),
      .shift_o(rows_o[i][ShiftBits-1:0])
    );
  end

  // ------------------------------------------------------------------------ readback
  logic [1:0] part_q, part_then_q;
  logic [31:0] column_word;
  logic [RowBits-1:0] row_word;
  logic [BiasBits-1:0] row_bias;
  always_comb begin
    column_word = '0;
    for (int i = 0; i < Words; ++i) column_word = column_word | column[32*i+:32];
  end
  assign row_word = rows_o[0] | rows_o[1] | rows_o[2] | rows_o[3] | rows_o[4];
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
endmodule
