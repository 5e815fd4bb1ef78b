// SPDX-License-Identifier: Apache-2.0
// One multiplier with its accumulator: operand, product and accumulator registers in a row, so that
// a hardware multiplier with an adder takes all of it. The sum restarts with `first_i`.

module mac_lane #(
  parameter int WeightBits = 8,
  parameter int OperandBits = 8,
  parameter int AccBits = 22,
  localparam int ProductBits = WeightBits + OperandBits
) (
  input  logic                          clk_i,
  input  logic                          first_i,
  input  logic signed [WeightBits-1:0]  weight_i,
  input  logic signed [OperandBits-1:0] operand_i,
  output logic signed [AccBits-1:0]     acc_o  // three cycles later
);
  logic signed [WeightBits-1:0] weight_q;
  logic signed [OperandBits-1:0] operand_q;
  logic signed [ProductBits-1:0] product_q;
  logic first_q, first_then_q;

  // Every lane keeps registers of its own for what all lanes read: merged into one, they would be
  // the longest wires of the design. `keep` on an always block is Yosys' way to say so; Vivado and
  // Quartus read the attribute on the signal, and want dont_touch or preserve there.
  (* keep *) always_ff @(posedge clk_i) operand_q <= operand_i;
  (* keep *) always_ff @(posedge clk_i) first_q <= first_i;
  (* keep *) always_ff @(posedge clk_i) first_then_q <= first_q;

  always_ff @(posedge clk_i) begin
    weight_q <= weight_i;
    product_q <= ProductBits'(weight_q) * ProductBits'(operand_q);
    acc_o <= (first_then_q ? '0 : acc_o) + AccBits'(product_q);
  end
endmodule
