// SPDX-License-Identifier: Apache-2.0
// Weights, one column of [U | W] of all lanes in a word: written 32 bits at a time, read a whole
// column a cycle, two cycles later (the memory's own register and its output register).

module column_memory #(
  parameter int Words = 25,        // of 32 bits, a column
  parameter int Columns = 65,
  parameter int LoadFile = 0,          // load File when the memory is made
  parameter File = "weights.mem",  // a line a column, hexadecimal
  localparam int AddressBits = $clog2(Columns)
) (
  input  logic                   clk_i,
  // Write port
  input  logic [Words-1:0]       write_i,  // which 32 bits of the column
  input  logic [AddressBits-1:0] write_column_i,
  input  logic [31:0]            data_i,
  // Read port
  input  logic [AddressBits-1:0] column_i,
  input  logic [Words-1:0]       hide_i,    // a cycle later: these words are read as zero
  output logic [32*Words-1:0]    column_o  // two cycles later
);
  logic [32*Words-1:0] memory[Columns];
  logic [32*Words-1:0] read_q;

  if (LoadFile != 0) begin : gen_load
    initial $readmemh(File, memory);
  end

  always_ff @(posedge clk_i) begin
    for (int i = 0; i < Words; ++i)
      if (write_i[i]) memory[write_column_i][32*i+:32] <= data_i;
    read_q <= memory[column_i];
    for (int i = 0; i < Words; ++i) column_o[32*i+:32] <= hide_i[i] ? '0 : read_q[32*i+:32];
  end
endmodule
