// SPDX-License-Identifier: Apache-2.0
// 3H + NOut output-stationary lanes (r, z, n, head) and the shadow chains into which finished sums
// move, so that the lanes go on with the next step while a step drains, unit 0 first.
//
//        column of weights ──┬──────┬──── … ────┐
//        operand ──┬───────┬─┼────┬─┼──  …      │
//                 lane 0   lane 1       …   lane 3H+NOut-1
//                  │ load   │ load            │
//   sums of  ◄── chain ◄── chain ◄── …  ◄── chain        (one per gate, one for the head)
//   unit u
//
// The column of x comes last, and the n lanes begin anew with it: a cycle before, they held U_n h,
// which is when their chain is loaded; after it they hold W_n x, which goes to a chain of its own.
// So the two sums of reset_after's candidate cost no multiplier and no accumulator more.

module mac_array #(
  parameter int H = 32,
  parameter int NOut = 1,
  parameter int WeightBits = 8,
  parameter int OperandBits = 8,
  parameter int AccBits = 22,
  localparam int Lanes = 3 * H + NOut,
  localparam int ProductBits = WeightBits + OperandBits
) (
  input  logic                           clk_i,
  // A column, with the operand that it multiplies
  input  taugate_pkg::beat_t             beat_i,
  input  logic [Lanes*WeightBits-1:0]    column_i,
  input  logic signed [OperandBits-1:0]  operand_i,
  // Element-wise tail: the sums of unit 0 four cycles after a step's last column, then of the next
  // one each cycle; dec_i: the unit's step had no column of x
  input  logic                           dec_i,
  output logic signed [AccBits-1:0]      r_sum_o,
  output logic signed [AccBits-1:0]      z_sum_o,
  output logic signed [AccBits-1:0]      recurrent_sum_o,  // U_n h
  output logic signed [ProductBits-1:0]  input_sum_o,      // W_n x
  // Head: the same for its outputs
  output logic signed [AccBits-1:0]      y_sum_o
);
  taugate_pkg::beat_t beat_then_q, beat_q;  // of the products
  logic [Lanes-1:0][AccBits-1:0] acc;

  for (genvar i = 0; i < Lanes; ++i) begin : gen_lane
    logic first;
    assign first = i >= 2 * H && i < 3 * H ? beat_i.first | beat_i.is_x : beat_i.first;
    mac_lane #(.WeightBits(WeightBits), .OperandBits(OperandBits), .AccBits(AccBits)) u_lane (
      .clk_i,
      .first_i(first),
      .weight_i(column_i[i*WeightBits+:WeightBits]),
      .operand_i,
      .acc_o(acc[i])
    );
  end

  // A cycle before the sums are complete.
  logic sums_soon, n_soon, y_soon;
  always_ff @(posedge clk_i) begin
    beat_then_q <= beat_i;
    beat_q <= beat_then_q;
  end
  assign n_soon = beat_q.valid & beat_q.update & beat_q.last_h;
  assign sums_soon = beat_q.valid & beat_q.update & beat_q.last;
  assign y_soon = beat_q.valid & beat_q.head & beat_q.last;

  logic [AccBits-1:0] n_sum, n_sum_then_q;
  logic [H-1:0][ProductBits-1:0] x_products;
  logic [ProductBits-1:0] x_product;
  shadow_chain #(.Length(H), .Width(AccBits)) u_r (
    .clk_i, .load_soon_i(sums_soon), .sums_i(acc[H-1:0]), .sum_o(r_sum_o)
  );
  shadow_chain #(.Length(H), .Width(AccBits)) u_z (
    .clk_i, .load_soon_i(sums_soon), .sums_i(acc[2*H-1:H]), .sum_o(z_sum_o)
  );
  shadow_chain #(.Length(H), .Width(AccBits)) u_n (
    .clk_i, .load_soon_i(n_soon), .sums_i(acc[3*H-1:2*H]), .sum_o(n_sum)
  );
  for (genvar i = 0; i < H; ++i) begin : gen_x
    assign x_products[i] = acc[2*H+i][ProductBits-1:0];  // a product alone fits
  end
  shadow_chain #(.Length(H), .Width(ProductBits)) u_x (
    .clk_i, .load_soon_i(sums_soon), .sums_i(x_products), .sum_o(x_product)
  );
  shadow_chain #(.Length(NOut), .Width(AccBits)) u_y (
    .clk_i, .load_soon_i(y_soon), .sums_i(acc[Lanes-1:3*H]), .sum_o(y_sum_o)
  );

  // With a column of x, those of U_n h came a cycle before the others.
  always_ff @(posedge clk_i) n_sum_then_q <= n_sum;
  assign recurrent_sum_o = dec_i ? n_sum : n_sum_then_q;
  assign input_sum_o = dec_i ? '0 : x_product;
endmodule
