// SPDX-License-Identifier: Apache-2.0
// The network: encoder, zero-input decoder and head, on one core or several. Pixels go to the cores
// in turn, and come back in turn, so the order of the output is that of the input.
//
// Streams: AXI4-Stream. In, a sample a beat, tlast with a pixel's last (1..TMax samples), tuser
// the pixel's number. Out, NOut words a step, as many steps as the pixel had samples, tlast with
// the last word, tuser as it came in. tready of the input and tvalid of the output depend on
// registers only.
// Numbers: docs/fixed-point.md. `taugate export-rtl` writes a module that sets all parameters for
// a model, and the files that the memories are loaded from.

module seq2seq_top #(
  parameter int H = 32,                    // units of a layer, 2..128
  parameter int NOut = 1,                  // outputs a step, up to H
  parameter int TMax = 176,                // longest pixel
  parameter int Contexts = 2,              // pixels a core works on at a time
  parameter int Cores = 1,
  parameter int Activation = taugate_pkg::Smooth,
  parameter int WeightBits = 8,
  parameter int OperandFraction = 7,
  parameter int AccBits = 22,              // of the sums of products, with their bias
  parameter int MulBits = 8,               // of the requantisers' multipliers
  parameter int ShiftBits = 6,             // of their shifts, 4..6
  parameter int SumBits = 16,
  parameter int GateSumFraction = 12,
  parameter int CandidateSumFraction = 12,
  parameter int GateFraction = 7,
  parameter int CandidateFraction = 15,
  parameter int StateFraction = 15,
  parameter int ReadFraction = OperandFraction,  // of the state, in an operand
  parameter int Feedback = 0,              // 1: what an operand leaves out joins the next state
  parameter int OutputBits = 16,
  parameter int UserBits = 32,
  parameter int CounterBits = 48,
  parameter int PortBits = 18,             // of a hardware multiplier: 18 ECP5, 25 7-series
  parameter int LoadFiles = 0,              // 1: load the memories from <Prefix>*.mem
  parameter Prefix = "./",
  localparam int DataBits = 8 * ((OutputBits + 7) / 8),
  localparam int CoreBits = Cores > 1 ? $clog2(Cores) : 1
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,  // synchronous, low for a cycle or more
  // Write port of the memories, all cores at once, and readback, one core's; while idle only
  input  logic                              write_i,
  input  logic                              read_i,
  input  logic [CoreBits-1:0]               read_core_i,
  input  logic [23:0]                       address_i,
  input  logic [31:0]                       data_i,
  output logic                              read_valid_o,  // six cycles after read_i
  output logic [31:0]                       read_data_o,
  // Samples k / 2^OperandFraction; beyond its range they saturate
  input  logic                              s_axis_tvalid,
  output logic                              s_axis_tready,
  input  logic signed [15:0]                s_axis_tdata,
  input  logic                              s_axis_tlast,
  input  logic [UserBits-1:0]               s_axis_tuser,
  // Output words
  output logic                              m_axis_tvalid,
  input  logic                              m_axis_tready,
  output logic signed [DataBits-1:0]        m_axis_tdata,
  output logic                              m_axis_tlast,
  output logic [UserBits-1:0]               m_axis_tuser,
  output logic                              idle_o,        // no pixel is on its way
  // Counters of each core (see gru_core)
  input  logic                              clear_i,
  output logic [Cores-1:0][CounterBits-1:0] cycles_o,
  output logic [Cores-1:0][CounterBits-1:0] issues_o,
  output logic [Cores-1:0][CounterBits-1:0] bubbles_o,
  output logic [Cores-1:0][CounterBits-1:0] macs_o,
  output logic [Cores-1:0][CounterBits-1:0] pixels_o,
  output logic [Cores-1:0][CounterBits-1:0] overlong_o
);
  localparam int ReadLatency = 6;

  logic [Cores-1:0] in_valid, in_ready, out_valid, out_ready, out_last;
  logic [Cores-1:0][DataBits-1:0] out_data;
  logic [Cores-1:0][UserBits-1:0] out_user;
  logic [Cores-1:0][31:0] core_data;
  logic [Cores-1:0] core_idle;
  logic [CoreBits-1:0] into_q, from_q, read_core;

  for (genvar i = 0; i < Cores; ++i) begin : gen_core
    assign in_valid[i] = s_axis_tvalid & (into_q == CoreBits'(i));
    assign out_ready[i] = m_axis_tready & (from_q == CoreBits'(i));
    gru_core #(
      .H(H), .NOut(NOut), .TMax(TMax), .Contexts(Contexts), .Activation(Activation),
      .WeightBits(WeightBits), .OperandFraction(OperandFraction), .AccBits(AccBits),
      .MulBits(MulBits), .ShiftBits(ShiftBits), .SumBits(SumBits),
      .GateSumFraction(GateSumFraction), .CandidateSumFraction(CandidateSumFraction),
      .GateFraction(GateFraction), .CandidateFraction(CandidateFraction),
      .StateFraction(StateFraction), .ReadFraction(ReadFraction), .Feedback(Feedback),
      .OutputBits(OutputBits), .DataBits(DataBits),
      .UserBits(UserBits), .CounterBits(CounterBits), .PortBits(PortBits),
      .LoadFiles(LoadFiles), .Prefix(Prefix)
    ) u_core (
      .clk_i, .rst_ni,
      .write_i, .read_i, .address_i, .data_i,
      .read_data_o(core_data[i]),
      .s_axis_tvalid(in_valid[i]),
      .s_axis_tready(in_ready[i]),
      .s_axis_tdata, .s_axis_tlast, .s_axis_tuser,
      .m_axis_tvalid(out_valid[i]),
      .m_axis_tready(out_ready[i]),
      .m_axis_tdata(out_data[i]),
      .m_axis_tlast(out_last[i]),
      .m_axis_tuser(out_user[i]),
      .idle_o(core_idle[i]),
      .clear_i,
      .cycles_o(cycles_o[i]),
      .issues_o(issues_o[i]),
      .bubbles_o(bubbles_o[i]),
      .macs_o(macs_o[i]),
      .pixels_o(pixels_o[i]),
      .overlong_o(overlong_o[i])
    );
  end

  assign s_axis_tready = in_ready[into_q];
  assign m_axis_tvalid = out_valid[from_q];
  assign m_axis_tdata = out_data[from_q];
  assign m_axis_tlast = out_last[from_q];
  assign m_axis_tuser = out_user[from_q];

  // -------------------------------------------------------- which model, and readback
  logic [ReadLatency-1:0] read_valid_q;
  logic identity_read;
  logic [31:0] identity_data;
  core_identity #(
    .H(H), .NOut(NOut), .TMax(TMax), .Contexts(Contexts), .Cores(Cores), .LoadFile(LoadFiles),
    .File({Prefix, "identity.mem"})
  ) u_identity (
    .clk_i, .write_i(write_i & rst_ni), .region_i(address_i[23:20]), .word_i(address_i[1:0]),
    .data_i,
    .read_o(identity_read), .read_data_o(identity_data)
  );
  delay_line #(.Width(CoreBits), .Depth(ReadLatency - 1)) u_read_core (
    .clk_i, .data_i(read_core_i), .data_o(read_core)
  );
  always_ff @(posedge clk_i) begin
    read_valid_q <= rst_ni ? {read_valid_q[ReadLatency-2:0], read_i} : '0;
    read_data_o <= identity_read ? identity_data : core_data[read_core];
  end
  assign read_valid_o = read_valid_q[ReadLatency-1];
  assign idle_o = &core_idle;

  // ---------------------------------------------------------------- whose turn it is
  always_ff @(posedge clk_i) begin
    if (s_axis_tvalid && s_axis_tready && s_axis_tlast)
      into_q <= into_q == CoreBits'(Cores - 1) ? '0 : into_q + 1'b1;
    if (m_axis_tvalid && m_axis_tready && m_axis_tlast)
      from_q <= from_q == CoreBits'(Cores - 1) ? '0 : from_q + 1'b1;
    if (!rst_ni) begin
      into_q <= '0;
      from_q <= '0;
    end
  end

  // ------------------------------------------ parameters, as Widths::validate has them
  localparam int WidestSumFraction = Activation == taugate_pkg::Smooth ? 16 : 40;
  localparam int LeastSumFraction = Activation == taugate_pkg::Smooth ? 8 : 1;
  localparam int MostSumFraction =
      SumBits - 2 < WidestSumFraction ? SumBits - 2 : WidestSumFraction;
  range_check #(.Name("H"), .Value(H), .Low(2), .High(128)) u_h ();
  range_check #(.Name("NOut"), .Value(NOut), .Low(1), .High(H)) u_n_out ();
  range_check #(.Name("TMax"), .Value(TMax), .Low(1), .High(65535)) u_t_max ();
  range_check #(.Name("Contexts"), .Value(Contexts), .Low(1), .High(64)) u_contexts ();
  range_check #(.Name("Cores"), .Value(Cores), .Low(1), .High(64)) u_cores ();
  range_check #(.Name("Activation"), .Value(Activation), .Low(0), .High(1)) u_activation ();
  range_check #(.Name("WeightBits"), .Value(WeightBits), .Low(2), .High(16)) u_weight_bits ();
  range_check #(
    .Name("OperandFraction"), .Value(OperandFraction), .Low(1), .High(15)
  ) u_operand_fraction ();
  range_check #(.Name("MulBits"), .Value(MulBits), .Low(1), .High(16)) u_mul_bits ();
  range_check #(
    .Name("AccBits"), .Value(AccBits), .Low(WeightBits + OperandFraction + 1), .High(63 - MulBits)
  ) u_acc_bits ();
  range_check #(.Name("ShiftBits"), .Value(ShiftBits), .Low(4), .High(6)) u_shift_bits ();
  range_check #(.Name("SumBits"), .Value(SumBits), .Low(8), .High(48)) u_sum_bits ();
  range_check #(
    .Name("GateSumFraction"), .Value(GateSumFraction),
    .Low(LeastSumFraction), .High(MostSumFraction)
  ) u_gate_sum_fraction ();
  range_check #(
    .Name("CandidateSumFraction"), .Value(CandidateSumFraction),
    .Low(LeastSumFraction), .High(MostSumFraction)
  ) u_candidate_sum_fraction ();
  range_check #(.Name("GateFraction"), .Value(GateFraction), .Low(2), .High(15)) u_gate_fraction ();
  range_check #(
    .Name("CandidateFraction"), .Value(CandidateFraction), .Low(1), .High(22)
  ) u_candidate_fraction ();
  range_check #(
    .Name("StateFraction"), .Value(StateFraction), .Low(ReadFraction), .High(30)
  ) u_state_fraction ();
  range_check #(
    .Name("ReadFraction"), .Value(ReadFraction), .Low(1), .High(OperandFraction)
  ) u_read_fraction ();
  range_check #(.Name("Feedback"), .Value(Feedback), .Low(0), .High(1)) u_feedback ();
  range_check #(.Name("OutputBits"), .Value(OutputBits), .Low(8), .High(48)) u_output_bits ();
  range_check #(.Name("UserBits"), .Value(UserBits), .Low(1), .High(64)) u_user_bits ();
  range_check #(.Name("CounterBits"), .Value(CounterBits), .Low(8), .High(64)) u_counter_bits ();
  range_check #(.Name("PortBits"), .Value(PortBits), .Low(9), .High(64)) u_port_bits ();
  range_check #(.Name("LoadFiles"), .Value(LoadFiles), .Low(0), .High(1)) u_load_files ();

`ifndef SYNTHESIS
  stream_checker #(
    .NOut(NOut), .TMax(TMax), .DataBits(DataBits), .UserBits(UserBits)
  ) u_checker (
    .clk_i, .rst_ni,
    .s_axis_tvalid, .s_axis_tready, .s_axis_tdata, .s_axis_tlast, .s_axis_tuser,
    .m_axis_tvalid, .m_axis_tready, .m_axis_tdata, .m_axis_tlast, .m_axis_tuser
  );

  always @(posedge clk_i)
    if (rst_ni)
      assert (!(write_i || read_i) || idle_o)
      else $error("a write or a readback while a pixel is on its way");
`endif
endmodule
