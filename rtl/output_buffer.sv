// SPDX-License-Identifier: Apache-2.0
// Output words from one slot a context to an AXI4-Stream, pixel after pixel in the order of the
// input: NOut words a step, tlast with the pixel's last, tuser the pixel's throughout.
//
// tvalid, tdata, tlast and tuser come from registers; none depends on tready in the same cycle.

module output_buffer #(
  parameter int NOut = 1,
  parameter int TMax = 176,
  parameter int Contexts = 2,
  parameter int WordBits = 16,
  parameter int DataBits = 16,  // WordBits in whole bytes
  parameter int UserBits = 32,
  localparam int ContextBits = Contexts > 1 ? $clog2(Contexts) : 1,
  localparam int CountBits = $clog2(TMax + 1)
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  // A pixel begins: its slot is busy until its last word has left
  input  logic                       open_i,
  input  logic [ContextBits-1:0]     open_context_i,
  input  logic [CountBits-1:0]       open_length_i,
  input  logic [UserBits-1:0]        open_user_i,
  output logic [Contexts-1:0]        busy_o,
  // Words, in the pixel's order
  input  logic                       write_i,
  input  logic [ContextBits-1:0]     context_i,
  input  logic signed [WordBits-1:0] word_i,
  // Stream
  output logic                       m_axis_tvalid,
  input  logic                       m_axis_tready,
  output logic signed [DataBits-1:0] m_axis_tdata,
  output logic                       m_axis_tlast,
  output logic [UserBits-1:0]        m_axis_tuser
);
  localparam int Words = TMax * NOut;
  localparam int SlotBits = Words > 1 ? $clog2(Words) : 1;
  localparam int IndexBits = $clog2(Words + 1);
  localparam int ChannelBits = NOut > 1 ? $clog2(NOut) : 1;
  localparam int Rows = 1 << (ContextBits + SlotBits);

  logic signed [WordBits-1:0] memory[Rows];
  logic signed [WordBits-1:0] read_q;

  logic [Contexts-1:0] busy_q;
  logic [Contexts-1:0][IndexBits-1:0] written_q;
  logic [Contexts-1:0][CountBits-1:0] length_q;
  logic [Contexts-1:0][UserBits-1:0] user_q;

  // The reader's place, and the words that it may still send into the queue.
  logic [ContextBits-1:0] from_q;
  logic [IndexBits-1:0] index_q;
  logic [CountBits-1:0] step_q;  // from 1
  logic [ChannelBits-1:0] channel_q;
  logic [2:0] credit_q;
  logic closes_q;
  logic [ContextBits-1:0] closing_q;
  logic [IndexBits-1:0] written;  // of the slot that is written
  logic read, last_channel, last, read_then_q, last_then_q;
  logic [UserBits-1:0] user_then_q;
  logic signed [WordBits-1:0] word;

  assign written = written_q[context_i];
  assign read = written_q[from_q] != index_q && credit_q != '0;
  assign last_channel = channel_q == ChannelBits'(NOut - 1);
  assign last = last_channel && step_q == length_q[from_q];

  always_ff @(posedge clk_i) begin
    if (write_i) memory[{context_i, written[SlotBits-1:0]}] <= word_i;
    read_q <= memory[{from_q, index_q[SlotBits-1:0]}];
    last_then_q <= last;
    user_then_q <= user_q[from_q];
    if (open_i) begin
      length_q[open_context_i] <= open_length_i;
      user_q[open_context_i] <= open_user_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (write_i) written_q[context_i] <= written + 1'b1;
    if (open_i) busy_q[open_context_i] <= 1'b1;
    // A cycle late, which keeps the comparison with the length off the way to the scheduler.
    closes_q <= read && last;
    closing_q <= from_q;
    if (closes_q) busy_q[closing_q] <= 1'b0;
    read_then_q <= read;
    credit_q <= credit_q - 3'(read) + 3'(m_axis_tvalid && m_axis_tready);
    if (read) begin
      index_q <= index_q + 1'b1;
      channel_q <= last_channel ? '0 : channel_q + 1'b1;
      if (last_channel) step_q <= step_q + 1'b1;
      if (last) begin
        index_q <= '0;
        step_q <= CountBits'(1);
        written_q[from_q] <= '0;
        from_q <= from_q == ContextBits'(Contexts - 1) ? '0 : from_q + 1'b1;
      end
    end
    if (!rst_ni) begin
      busy_q <= '0;
      written_q <= '0;
      from_q <= '0;
      index_q <= '0;
      step_q <= CountBits'(1);
      channel_q <= '0;
      credit_q <= 3'd4;
      read_then_q <= 1'b0;
      closes_q <= 1'b0;
    end
  end

  stream_fifo #(.Width(WordBits + 1 + UserBits)) u_fifo (
    .clk_i,
    .rst_ni,
    .write_i(read_then_q),
    .data_i({read_q, last_then_q, user_then_q}),
    .valid_o(m_axis_tvalid),
    .ready_i(m_axis_tready),
    .data_o({word, m_axis_tlast, m_axis_tuser})
  );
  assign m_axis_tdata = DataBits'(word);
  assign busy_o = busy_q;

`ifndef SYNTHESIS
  always @(posedge clk_i)
    if (rst_ni) begin
      assert (!(write_i && !busy_q[context_i])) else $error("a word came to a closed slot");
      assert (!(write_i && written == IndexBits'(Words)))
      else $error("a slot overflows");
    end
`endif

`ifdef FORMAL
  `include "formal/output_buffer.svh"
`endif
endmodule
