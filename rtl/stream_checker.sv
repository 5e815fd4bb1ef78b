// SPDX-License-Identifier: Apache-2.0
// Watches both streams of seq2seq_top in simulation: an offer stands unchanged until it is taken,
// nothing is unknown, pixels leave in the order in which they came, none is lost, and tlast comes
// where it is due.

module stream_checker #(
  parameter int NOut = 1,
  parameter int TMax = 176,
  parameter int DataBits = 16,
  parameter int UserBits = 32
) (
  input logic                       clk_i,
  input logic                       rst_ni,
  input logic                       s_axis_tvalid,
  input logic                       s_axis_tready,
  input logic signed [15:0]         s_axis_tdata,
  input logic                       s_axis_tlast,
  input logic [UserBits-1:0]        s_axis_tuser,
  input logic                       m_axis_tvalid,
  input logic                       m_axis_tready,
  input logic signed [DataBits-1:0] m_axis_tdata,
  input logic                       m_axis_tlast,
  input logic [UserBits-1:0]        m_axis_tuser
);
`ifndef SYNTHESIS
  localparam int Pixels = 4096;  // more than fit into the cores
  logic s_waits_q, m_waits_q, s_last_q, m_last_q;
  logic [15:0] s_data_q;
  logic [DataBits-1:0] m_data_q;
  logic [UserBits-1:0] s_user_q, m_user_q;

  // Of each pixel on its way: its number and its length, as far as it has come.
  logic [UserBits-1:0] user[Pixels];
  int samples[Pixels];
  logic [11:0] in_q, out_q;
  int sample_q, word_q;

  logic taken, given;
  assign taken = s_axis_tvalid && s_axis_tready;
  assign given = m_axis_tvalid && m_axis_tready;

  always_ff @(posedge clk_i) begin
    s_waits_q <= rst_ni && s_axis_tvalid && !s_axis_tready;
    m_waits_q <= rst_ni && m_axis_tvalid && !m_axis_tready;
    {s_data_q, s_last_q, s_user_q} <= {s_axis_tdata, s_axis_tlast, s_axis_tuser};
    {m_data_q, m_last_q, m_user_q} <= {m_axis_tdata, m_axis_tlast, m_axis_tuser};

    if (taken) begin
      if (sample_q == 0) user[in_q] <= s_axis_tuser;
      samples[in_q] <= sample_q < TMax ? sample_q + 1 : TMax;
      sample_q <= s_axis_tlast ? 0 : sample_q + 1;
      if (s_axis_tlast) in_q <= in_q + 1'b1;
    end
    if (given) begin
      word_q <= m_axis_tlast ? 0 : word_q + 1;
      if (m_axis_tlast) out_q <= out_q + 1'b1;
    end
    if (!rst_ni) begin
      in_q <= '0;
      out_q <= '0;
      sample_q <= 0;
      word_q <= 0;
    end
  end

  always @(posedge clk_i)
    if (rst_ni) begin
      assert (^{s_axis_tvalid, s_axis_tready, m_axis_tvalid} === 1'b0 ||
              ^{s_axis_tvalid, s_axis_tready, m_axis_tvalid} === 1'b1)
      else $error("a handshake is unknown");
      assert (!s_waits_q || (s_axis_tvalid && {s_axis_tdata, s_axis_tlast, s_axis_tuser} ==
                                               {s_data_q, s_last_q, s_user_q}))
      else $error("the sample that is offered has changed");
      assert (!m_waits_q || (m_axis_tvalid && {m_axis_tdata, m_axis_tlast, m_axis_tuser} ==
                                               {m_data_q, m_last_q, m_user_q}))
      else $error("the word that is offered has changed");
      if (m_axis_tvalid) begin
        assert (^{m_axis_tdata, m_axis_tlast, m_axis_tuser} === 1'b0 ||
                ^{m_axis_tdata, m_axis_tlast, m_axis_tuser} === 1'b1)
        else $error("a word is unknown");
        assert (out_q != in_q) else $error("a word of a pixel that has not come");
        assert (m_axis_tuser == user[out_q]) else $error("a word of another pixel than is due");
        assert (m_axis_tlast == (word_q + 1 == NOut * samples[out_q]))
        else $error("tlast is not where it is due");
      end
    end
`endif
endmodule
