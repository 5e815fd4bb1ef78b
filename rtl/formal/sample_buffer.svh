// SPDX-License-Identifier: Apache-2.0
// Properties of sample_buffer, read inside of it by scripts/formal.sh.

  // Any one sample of any one slot stays what was stored there first since the slot was taken, and is
  // read so; slots are filled in turn, none beyond TMax, none that is complete.
  logic [ContextBits-1:0] f_slot;
  logic [CountBits-1:0] f_sample;
  logic f_known_q, f_past_q, f_reads_q, f_reads_then_q;
  logic signed [OperandBits-1:0] f_word_q, f_read_q, f_read_then_q;
  logic [CountBits-1:0] f_count_q;  // beats of this pixel, up to TMax
  logic [Contexts-1:0] f_complete_q;
  assign f_slot = $anyconst;
  assign f_sample = $anyconst;
  initial assume (!rst_ni);
  initial f_past_q = 1'b0;
  always_comb begin
    assume (f_slot < Contexts && f_sample < TMax);
    assume (taken_context_i < Contexts);
    if (rst_ni) assume (!taken_i || complete_q[taken_context_i]);
  end
  always @(posedge clk_i) begin
    f_past_q <= rst_ni;
    f_complete_q <= complete_q;
    if (take && into_q == f_slot && count == f_sample) begin
      f_known_q <= 1'b1;
      f_word_q <= OperandBits'(sample_word);
    end
    if (taken_i && taken_context_i == f_slot) f_known_q <= 1'b0;
    // a read of it, and what it must give
    f_reads_q <= f_known_q && context_i == f_slot && sample_i == f_sample;
    f_read_q <= f_word_q;
    f_reads_then_q <= f_reads_q;
    f_read_then_q <= f_read_q;
    if (s_axis_tvalid && s_axis_tready)
      f_count_q <= s_axis_tlast ? '0 : f_count_q == CountBits'(TMax) ? f_count_q : f_count_q + 1'b1;
    if (!rst_ni) begin
      f_known_q <= 1'b0;
      f_reads_q <= 1'b0;
      f_reads_then_q <= 1'b0;
      f_count_q <= '0;
    end
  end
  always @(posedge clk_i)
    if (rst_ni && f_past_q) begin
      // Every beat is stored, or comes after TMax others.
      assert (!(s_axis_tvalid && s_axis_tready) || take || f_count_q == CountBits'(TMax));
      assert (drop_q == (f_count_q == CountBits'(TMax)));
      assert ((drop_q ? '0 : f_count_q) == (complete_q[into_q] ? '0 : count));
      assert (into_q < Contexts);
      for (int c = 0; c < Contexts; ++c) begin
        assert (count_q[c] <= CountBits'(TMax));
        assert (complete_q[c] || count_q[c] < CountBits'(TMax));
        assert (complete_q[c] || into_q == c || count_q[c] == '0);
        assert (!complete_q[c] || count_q[c] != '0);
      end
      assert (!take || (!complete_q[into_q] && count < CountBits'(TMax)));
      assert (f_known_q == (f_sample < count_q[f_slot]));
      assert (!f_known_q || memory[{f_slot, f_sample[SlotBits-1:0]}] == f_word_q);
      assert (!f_reads_q || read_q == f_read_q);
      assert (!f_reads_then_q || operand_o == f_read_then_q);
    end
