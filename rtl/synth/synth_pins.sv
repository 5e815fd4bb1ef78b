// SPDX-License-Identifier: Apache-2.0
// seq2seq_top on the pins of a device, for synthesis alone: its 500 wires are more than a package
// has. The streams keep their pins; the write port and the pixel's number come through a byte-wide
// shift register, the counters go out a byte at a time, and the number that comes back is folded
// into one bit. Every wire passes a register on its way, so that a path inside the core is never
// cut short or made longer by where a pin happens to be.

module synth_pins #(
  parameter int H = 32,
  parameter int NOut = 1,
  parameter int TMax = 176,
  parameter int Contexts = 2,
  parameter int Cores = 1,
  parameter int WeightBits = 8,
  parameter int OperandFraction = 7,
  parameter int AccBits = 22,
  parameter int MulBits = 8,
  parameter int GateFraction = 7,
  parameter int PortBits = 18,
  localparam int UserBits = 32,
  localparam int CounterBits = 48,
  localparam int CoreBits = Cores > 1 ? $clog2(Cores) : 1,
  localparam int Counters = 6 * Cores + 1,  // the last is what was read back
  localparam int SelectBits = $clog2(Counters)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  // Write port and pixel number: {address, data} shifted in, the first byte on top; readback takes
  // its core from data
  input  logic               write_i,
  input  logic               read_i,
  input  logic [7:0]         byte_i,
  input  logic               s_axis_tvalid,
  output logic               s_axis_tready,
  input  logic signed [15:0] s_axis_tdata,
  input  logic               s_axis_tlast,
  output logic               m_axis_tvalid,
  input  logic               m_axis_tready,
  output logic signed [15:0] m_axis_tdata,
  output logic               m_axis_tlast,
  output logic               user_o,
  output logic               idle_o,
  // A byte of a counter, three cycles later
  input  logic               clear_i,
  input  logic [SelectBits-1:0] select_i,
  input  logic [2:0]         byte_select_i,
  output logic [7:0]         counter_o
);
  logic rst_nq, write_q, fetch_q, clear_q;
  logic [55:0] shift_q;
  always_ff @(posedge clk_i) begin
    rst_nq <= rst_ni;
    write_q <= write_i;
    fetch_q <= read_i;
    clear_q <= clear_i;
    shift_q <= {shift_q[47:0], byte_i};
  end

  logic in_valid_q, in_last_q, in_ready;
  logic signed [15:0] in_data_q;
  assign s_axis_tready = !in_valid_q || in_ready;
  always_ff @(posedge clk_i) begin
    if (s_axis_tready) begin
      in_valid_q <= s_axis_tvalid;
      in_data_q <= s_axis_tdata;
      in_last_q <= s_axis_tlast;
    end
    if (!rst_nq) in_valid_q <= 1'b0;
  end

  logic out_valid, out_ready, out_last;
  logic signed [15:0] out_data;
  logic [UserBits-1:0] out_user;
  assign out_ready = !m_axis_tvalid || m_axis_tready;
  always_ff @(posedge clk_i) begin
    if (out_ready) begin
      m_axis_tvalid <= out_valid;
      m_axis_tdata <= out_data;
      m_axis_tlast <= out_last;
      user_o <= ^out_user;
    end
    if (!rst_nq) m_axis_tvalid <= 1'b0;
  end

  logic [Cores-1:0][CounterBits-1:0] cycles, issues, bubbles, macs, pixels, overlong;
  logic [Counters-1:0][CounterBits-1:0] counters;
  logic [CounterBits/8-1:0][7:0] counter_q;
  logic [SelectBits-1:0] select_q;
  logic [2:0] byte_q, byte_then_q;
  logic read_valid, idle;
  logic [31:0] read_data, read_data_q;
  assign counters = {CounterBits'(read_data_q), cycles, issues, bubbles, macs, pixels, overlong};
  always_ff @(posedge clk_i) begin
    idle_o <= idle;
    if (read_valid) read_data_q <= read_data;
    select_q <= select_i;
    byte_q <= byte_select_i;
    counter_q <= counters[select_q];
    byte_then_q <= byte_q;
    counter_o <= counter_q[byte_then_q];
  end

  seq2seq_top #(
    .H(H), .NOut(NOut), .TMax(TMax), .Contexts(Contexts), .Cores(Cores),
    .WeightBits(WeightBits), .OperandFraction(OperandFraction), .AccBits(AccBits),
    .MulBits(MulBits), .GateFraction(GateFraction), .UserBits(UserBits),
    .CounterBits(CounterBits), .PortBits(PortBits)
  ) u_top (
    .clk_i,
    .rst_ni(rst_nq),
    .write_i(write_q),
    .read_i(fetch_q),
    .read_core_i(shift_q[CoreBits-1:0]),
    .address_i(shift_q[55:32]),
    .data_i(shift_q[31:0]),
    .read_valid_o(read_valid),
    .read_data_o(read_data),
    .s_axis_tvalid(in_valid_q),
    .s_axis_tready(in_ready),
    .s_axis_tdata(in_data_q),
    .s_axis_tlast(in_last_q),
    .s_axis_tuser(shift_q[31:0]),
    .m_axis_tvalid(out_valid),
    .m_axis_tready(out_ready),
    .m_axis_tdata(out_data),
    .m_axis_tlast(out_last),
    .m_axis_tuser(out_user),
    .idle_o(idle),
    .clear_i(clear_q),
    .cycles_o(cycles),
    .issues_o(issues),
    .bubbles_o(bubbles),
    .macs_o(macs),
    .pixels_o(pixels),
    .overlong_o(overlong)
  );
endmodule
