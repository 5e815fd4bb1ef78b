// SPDX-License-Identifier: Apache-2.0
// Memories, buffers and the element-wise tail side by side on the same seven inputs, for their test
// (tests/rtl/test_buffers.cpp, which says what each bit of an input is).

module buffers (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic [6:0][63:0] in_i,
  output logic [9:0][63:0] out_o
);
  logic [31:0] data;
  logic [34:0] control;
  logic [5:0] unit;
  logic [1:0] of;  // a context
  assign data = in_i[0][31:0];
  assign control = in_i[1][34:0];
  assign unit = in_i[2][5:0];
  assign of = control[1:0];

  // ------------------------------------------------------- memories and a delay line
  logic [127:0] column;
  column_memory #(.Words(4), .Columns(5)) u_column (
    .clk_i, .write_i(control[25:22]), .write_column_i(control[18:16]), .data_i(data[31:0]),
    .column_i(control[21:19]), .hide_i('0), .column_o(column)
  );
  assign {out_o[1], out_o[0]} = column;

  logic signed [39:0] bias;
  logic [7:0] multiplier;
  logic [5:0] shift;
  row_memory #(.Rows(8), .AccBits(40)) u_row (
    .clk_i, .write_i(control[28:26]), .write_row_i(control[31:29]), .data_i(data[31:0]),
    .row_i(control[34:32]), .hide_i('0), .bias_o(bias), .multiplier_o(multiplier), .shift_o(shift)
  );
  assign out_o[2] = 64'(bias);
  assign out_o[3] = {50'd0, multiplier, shift};

  logic [15:0] delayed;
  delay_line #(.Width(16), .Depth(5)) u_delay (.clk_i, .data_i(data[15:0]), .data_o(delayed));
  assign out_o[4] = {48'd0, delayed};

  // -------------------------------------------------- samples: only a whole pixel is taken
  logic [2:0][2:0] count;
  logic [2:0] complete;
  logic [2:0][7:0] user;
  logic ready, overlong;
  logic signed [7:0] sample;
  sample_buffer #(.TMax(5), .Contexts(3), .UserBits(8)) u_samples (
    .clk_i, .rst_ni,
    .s_axis_tvalid(control[7]), .s_axis_tready(ready), .s_axis_tdata(data[15:0]),
    .s_axis_tlast(control[8]), .s_axis_tuser(data[23:16]), .overlong_o(overlong),
    .count_o(count), .complete_o(complete), .user_o(user),
    .taken_i(control[9] & complete[of]), .taken_context_i(of),
    .context_i(control[3:2]), .sample_i(control[6:4]), .operand_o(sample)
  );
  assign out_o[5] = {26'd0, user, overlong, ready, complete, count};
  assign out_o[6] = 64'(sample);

  // ------------- output: slots are opened in turn, and get the words that they were opened for
  logic [2:0] busy;
  logic [2:0][3:0] left_q;
  logic [1:0] next_q;
  logic open, write, valid, last;
  logic [15:0] word;
  logic [7:0] word_user;
  assign open = control[10] & ~busy[next_q];
  assign write = control[11] & (left_q[of] != '0);
  always_ff @(posedge clk_i) begin
    if (write) left_q[of] <= left_q[of] - 1'b1;
    if (open) begin
      left_q[next_q] <= {control[15:13], 1'b0};
      next_q <= next_q == 2'd2 ? '0 : next_q + 1'b1;
    end
    if (!rst_ni) begin
      left_q <= '0;
      next_q <= '0;
    end
  end
  output_buffer #(.NOut(2), .TMax(5), .Contexts(3), .UserBits(8)) u_output (
    .clk_i, .rst_ni,
    .open_i(open), .open_context_i(next_q), .open_length_i(control[15:13]),
    .open_user_i(data[23:16]), .busy_o(busy),
    .write_i(write), .context_i(of), .word_i(data[15:0]),
    .m_axis_tvalid(valid), .m_axis_tready(control[12]), .m_axis_tdata(word), .m_axis_tlast(last),
    .m_axis_tuser(word_user)
  );
  assign out_o[7] = {33'd0, word, word_user, last, valid, write, open, busy};

  // ------------------- tails: with the operand of 8 bits, and with one that is the whole state
  logic [3:0][35:0] row;
  for (genvar i = 0; i < 4; ++i) begin : gen_row
    assign row[i] = in_i[3+i][35:0];
  end
  for (genvar i = 0; i < 2; ++i) begin : gen_tail
    localparam int Fraction = i == 0 ? 7 : 15;
    logic tail_valid, tail_context, soon, soon_context;
    logic [2:0] tail_unit;
    logic signed [Fraction:0] operand;
    elementwise_tail #(.H(8), .OperandFraction(Fraction)) u_tail (
      .clk_i, .rst_ni,
      .valid_i(unit[0]), .context_i(unit[1]), .unit_i(unit[4:2]), .zero_i(unit[5]),
      .r_sum_i(in_i[3][57:36]), .z_sum_i(in_i[4][57:36]), .input_sum_i(in_i[5][51:36]),
      .recurrent_sum_i(in_i[6][57:36]), .row_i(row),
      .valid_o(tail_valid), .context_o(tail_context), .unit_o(tail_unit), .operand_o(operand),
      .soon_o(soon), .soon_context_o(soon_context)
    );
    assign out_o[8+i] = {41'd0, 16'(operand), tail_unit, tail_context, tail_valid, soon_context,
                         soon};
  end

  logic unused;
  assign unused = ^in_i;
endmodule
