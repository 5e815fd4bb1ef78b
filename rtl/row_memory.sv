// SPDX-License-Identifier: Apache-2.0
// What the element-wise tail needs of each row: bias, multiplier and shift, read with two cycles'
// latency. Written in parts: 0 {shift, multiplier}, 1 the bias's lower 32 bits, 2 its upper ones.

module row_memory #(
  parameter int Rows = 64,
  parameter int AccBits = 22,
  parameter int MulBits = 8,
  parameter int ShiftBits = 6,
  parameter int LoadFile = 0,
  parameter File = "rows.mem",  // a line a row: {bias, multiplier, shift}, hexadecimal
  localparam int AddressBits = Rows > 1 ? $clog2(Rows) : 1
) (
  input  logic                      clk_i,
  // Write port
  input  logic [2:0]                write_i,  // which part
  input  logic [AddressBits-1:0]    write_row_i,
  input  logic [31:0]               data_i,
  // Read port, two cycles later
  input  logic [AddressBits-1:0]    row_i,
  input  logic                      hide_i,  // a cycle later: it is read as zero
  output logic signed [AccBits-1:0] bias_o,
  output logic [MulBits-1:0]        multiplier_o,
  output logic [ShiftBits-1:0]      shift_o
);
  localparam int Bits = AccBits + MulBits + ShiftBits;
  localparam int BiasAt = MulBits + ShiftBits;
  localparam int LowBits = AccBits < 32 ? AccBits : 32;
  localparam int HighBits = AccBits > 32 ? AccBits - 32 : 1;

  logic [Bits-1:0] memory[Rows];
  logic [Bits-1:0] read_q, word_q;

  if (LoadFile != 0) begin : gen_load
    initial $readmemh(File, memory);
  end

  always_ff @(posedge clk_i) begin
    if (write_i[0])
      memory[write_row_i][BiasAt-1:0] <= {data_i[MulBits-1:0], data_i[16+:ShiftBits]};
    if (write_i[1]) memory[write_row_i][BiasAt+:LowBits] <= data_i[LowBits-1:0];
    if (AccBits > 32 && write_i[2])
      memory[write_row_i][Bits-1-:HighBits] <= data_i[HighBits-1:0];
    read_q <= memory[row_i];
    word_q <= hide_i ? '0 : read_q;
  end
  assign {bias_o, multiplier_o, shift_o} = word_q;
endmodule
