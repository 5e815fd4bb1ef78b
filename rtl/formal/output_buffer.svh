// SPDX-License-Identifier: Apache-2.0
// Properties of output_buffer, read inside of it by scripts/formal.sh.

  // Any one word of any one slot is sent as it was written, when as many as are before it have been
  // sent of this pixel; the queue never overflows; slots are sent in turn, as long as they are busy.
  (* hierconn *) wire [2:0] \u_fifo.level_q ;
  logic [2:0] f_level;
  assign f_level = \u_fifo.level_q ;
  logic [ContextBits-1:0] f_slot;
  logic [IndexBits-1:0] f_index, f_end;
  logic f_known_q, f_past_q, f_reads_q, f_last_q;
  logic signed [WordBits-1:0] f_word_q, f_read_q;
  assign f_slot = $anyconst;
  assign f_index = $anyconst;
  assign f_end = IndexBits'(length_q[from_q]) * IndexBits'(NOut);
  initial assume (!rst_ni);
  initial f_past_q = 1'b0;
  always_comb begin
    assume (f_slot < Contexts && f_index < Words);
    assume (context_i < Contexts);
    if (rst_ni) begin
      // A pixel is opened in a free slot, and gets the words that it was opened for.
      assume (!open_i || (open_context_i < Contexts && !busy_q[open_context_i]));
      assume (!open_i || (open_length_i != '0 && open_length_i <= CountBits'(TMax)));
      assume (!write_i || (busy_q[context_i] &&
                           written_q[context_i] < IndexBits'(length_q[context_i]) * IndexBits'(NOut)));
      assume (!write_i || !(closes_q && closing_q == context_i));
    end
  end
  always @(posedge clk_i) begin
    f_past_q <= rst_ni;
    if (write_i && context_i == f_slot && written == f_index) begin
      f_known_q <= 1'b1;
      f_word_q <= word_i;
    end
    if (read && last && from_q == f_slot) f_known_q <= 1'b0;
    f_reads_q <= read && from_q == f_slot && index_q == f_index;
    f_read_q <= f_word_q;
    f_last_q <= last;
    if (!rst_ni) begin
      f_known_q <= 1'b0;
      f_reads_q <= 1'b0;
    end
  end
  always @(posedge clk_i)
    if (rst_ni && f_past_q) begin
      assert (f_level <= 3'd4 && credit_q <= 3'd4);
      assert (credit_q + f_level + 3'(read_then_q) == 3'd4);  // so it never overflows
      assert (!(read_then_q && f_level == 3'd4));
      assert (from_q < Contexts);
      assert (index_q <= written_q[from_q]);
      assert (step_q >= 1 && channel_q < NOut);
      assert (index_q == (IndexBits'(step_q) - 1'b1) * IndexBits'(NOut) + IndexBits'(channel_q));
      for (int c = 0; c < Contexts; ++c) begin
        assert (written_q[c] <= IndexBits'(length_q[c]) * IndexBits'(NOut) || !busy_q[c]);
        assert (busy_q[c] || written_q[c] == '0);
        assert (!busy_q[c] || (length_q[c] != '0 && length_q[c] <= CountBits'(TMax)));
      end
      assert (!busy_q[from_q] || (closes_q && closing_q == from_q) || index_q < f_end);
      assert (!closes_q || (busy_q[closing_q] && written_q[closing_q] == '0));
      assert (index_q == '0 || busy_q[from_q]);
      assert (!read || index_q < f_end);
      assert (!read || last == (index_q + 1'b1 == f_end));
      // what is read is what was written
      assert (f_known_q == (f_index < written_q[f_slot]));
      assert (!f_known_q || memory[{f_slot, f_index[SlotBits-1:0]}] == f_word_q);
      assert (!f_reads_q || (read_then_q && read_q == f_read_q && last_then_q == f_last_q));
    end
