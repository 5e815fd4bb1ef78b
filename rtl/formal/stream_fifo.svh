// SPDX-License-Identifier: Apache-2.0
// Properties of stream_fifo, read inside of it by scripts/formal.sh.

  // Whichever word is written, it comes out as it was, after those before it and no others.
  logic f_pick, f_tracked_q, f_past_q;
  logic [1:0] f_place_q;  // words before the tracked one
  logic [Width-1:0] f_data_q;
  logic f_valid_q, f_ready_q;
  logic [Width-1:0] f_out_q;
  assign f_pick = $anyseq;
  initial assume (!rst_ni);
  initial f_past_q = 1'b0;
  always @(posedge clk_i) begin
    f_past_q <= rst_ni;
    f_valid_q <= valid_o;
    f_ready_q <= ready_i;
    f_out_q <= data_o;
    if (f_tracked_q && valid_o && ready_i) begin
      f_place_q <= f_place_q - 1'b1;
      if (f_place_q == '0) f_tracked_q <= 1'b0;
    end else if (!f_tracked_q && write_i && f_pick) begin
      f_tracked_q <= 1'b1;
      f_place_q <= 2'(level_q - 3'(valid_o && ready_i));
      f_data_q <= data_i;
    end
    if (!rst_ni) f_tracked_q <= 1'b0;
  end
  always_comb begin
    if (rst_ni) assume (!(write_i && level_q == 3'd4));  // the writer's credit: output_buffer
  end
  always @(posedge clk_i)
    if (rst_ni && f_past_q) begin
      assert (level_q <= 3'd4);
      assert (2'(write_at_q - read_at_q) == level_q[1:0]);
      if (f_tracked_q) begin
        assert (3'(f_place_q) < level_q);
        assert (entry_q[2'(read_at_q + f_place_q)] == f_data_q);
        if (f_place_q == '0) assert (valid_o && data_o == f_data_q);
      end
      if (f_valid_q && !f_ready_q) assert (valid_o && data_o == f_out_q);
      cover (f_tracked_q && f_place_q == 2'd3);
    end
