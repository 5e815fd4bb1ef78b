// SPDX-License-Identifier: Apache-2.0
// What is in the device: the interface's and the arithmetic's version and the sizes, which are
// constants, and the number of the model, which comes with its weights and like them is not reset.
// Regions 6 and 7 of the write port's map (rtl/README.md).

module core_identity #(
  parameter int H = 32,
  parameter int NOut = 1,
  parameter int TMax = 176,
  parameter int Contexts = 2,
  parameter int Cores = 1,
  parameter int LoadFile = 0,
  parameter File = "identity.mem"  // two lines, lower half first
) (
  input  logic        clk_i,
  input  logic        write_i,
  input  logic [3:0]  region_i,
  input  logic [1:0]  word_i,
  input  logic [31:0] data_i,
  // Readback, five cycles after its address
  output logic        read_o,  // the address is one of these
  output logic [31:0] read_data_o
);
  localparam int Latency = 5;
  localparam logic [3:0] ModelRegion = 4'd6, DesignRegion = 4'd7;
  logic [31:0] memory[2];
  logic [31:0] number;
  logic [3:0] region;
  logic [1:0] word;

  if (LoadFile != 0) begin : gen_load
    initial $readmemh(File, memory);
  end
  always_ff @(posedge clk_i)
    if (write_i && region_i == ModelRegion) memory[word_i[0]] <= data_i;

  delay_line #(.Width(6), .Depth(Latency)) u_address (
    .clk_i, .data_i({region_i, word_i}), .data_o({region, word})
  );
  assign read_o = region == ModelRegion || region == DesignRegion;
  assign number = memory[word[0]];
  always_comb begin
    if (region == ModelRegion) read_data_o = number;
    else if (word == 2'd0)
      read_data_o = {16'(taugate_pkg::InterfaceVersion), 16'(taugate_pkg::ArithmeticVersion)};
    else if (word == 2'd1) read_data_o = {16'(NOut), 16'(H)};
    else if (word == 2'd2) read_data_o = {16'(Contexts), 16'(Cores)};
    else read_data_o = 32'(TMax);
  end
endmodule
