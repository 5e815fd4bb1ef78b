// SPDX-License-Identifier: Apache-2.0
// Which context multiplies next. A pixel's life in its context:
//
//   encoder step 0 .. T-1     needs the sample; reads columns U, then W of the encoder
//   decoder step 0 .. T-1     needs an output slot; its columns of U carry the head's V, so that
//                             step t also makes the output of step t-1
//   one pass for the last output, which makes no new state
//
// Steps of different contexts are interleaved, round robin among those that may go on, so that one
// multiplies while another's sums are in the element-wise tail. A step, once begun, runs through,
// one column a cycle; waiting happens only here, between steps.

module step_scheduler #(
  parameter int H = 32,
  parameter int TMax = 176,
  parameter int Contexts = 2,
  localparam int ContextBits = Contexts > 1 ? $clog2(Contexts) : 1,
  localparam int CountBits = $clog2(TMax + 1),
  localparam int ColumnBits = $clog2(2 * H + 1)
) (
  input  logic                                clk_i,
  input  logic                                rst_ni,
  // Samples: how many there are of each context's pixel, and whether these are all
  input  logic [Contexts-1:0][CountBits-1:0]  count_i,
  input  logic [Contexts-1:0]                 complete_i,
  output logic                                taken_o,  // the last sample of context_o is read
  // Output slots
  input  logic [Contexts-1:0]                 slot_busy_i,
  output logic                                open_o,   // a pixel begins to decode
  output logic [ContextBits-1:0]              open_context_o,
  output logic [CountBits-1:0]                open_length_o,
  output logic                                moved_o,  // a pixel ends its encoder
  // Element-wise tail: a context's first new operand can be read from two cycles on
  input  logic                                soon_i,
  input  logic [ContextBits-1:0]              soon_context_i,
  output logic                                active_o,  // some pixel is on its way
  // The operand and the column that are read now
  output taugate_pkg::beat_t                  beat_o,
  output logic [ContextBits-1:0]              context_o,
  output logic [ColumnBits-1:0]               column_o,  // of the weights
  output logic [ColumnBits-1:0]               unit_o,    // 0..H-1, the operand's
  output logic [CountBits-1:0]                sample_o   // the step, for the operand x
);
  localparam logic [1:0] Encode = 2'd0, Decode = 2'd1, Finish = 2'd2;

  // ------------------------------------------------------- where each context's pixel is
  logic [Contexts-1:0][1:0] phase_q;
  logic [Contexts-1:0][CountBits-1:0] step_q, length_q;
  logic [Contexts-1:0] ready_q;  // its operands are there
  logic [Contexts-1:0] may_go, occupied;

  always_comb begin
    for (int c = 0; c < Contexts; ++c) begin
      case (phase_q[c])
        Encode: may_go[c] = ready_q[c] && count_i[c] > step_q[c];
        Decode: may_go[c] = ready_q[c] && (step_q[c] != '0 || !slot_busy_i[c]);
        default: may_go[c] = ready_q[c];
      endcase
    end
  end

  // ---------------------------------------------------- the choice, made a cycle ahead
  logic chosen_q, chosen_d, start;
  logic [ContextBits-1:0] choice_q, choice_d, last_q, from, candidate;
  logic [ContextBits:0] ahead;
  always_comb begin
    chosen_d = 1'b0;
    choice_d = choice_q;
    from = start ? choice_q : last_q;
    ahead = '0;
    candidate = '0;
    for (int i = Contexts; i >= 1; --i) begin
      // The last one found in this order is the next one after `from`.
      ahead = (ContextBits + 1)'(from) + (ContextBits + 1)'(i);
      if (ahead >= (ContextBits + 1)'(Contexts)) ahead = ahead - (ContextBits + 1)'(Contexts);
      candidate = ContextBits'(ahead);
      if (may_go[candidate] && !(start && choice_q == candidate)) begin
        chosen_d = 1'b1;
        choice_d = candidate;
      end
    end
  end

  // ------------------------------------------------------------------ the step that runs
  taugate_pkg::beat_t beat_q;
  logic [1:0] phase;
  logic [Contexts-1:0] last_sample_q;
  logic last_sample, frees_q;
  assign phase = phase_q[choice_q];
  // A step is chosen a cycle before it starts, and what it needs to know of its sample was there
  // by then: `tlast` comes with the sample.
  assign last_sample = last_sample_q[choice_q];
  assign start = chosen_q && (!beat_q.valid || beat_q.last);

  always_ff @(posedge clk_i) begin
    chosen_q <= chosen_d;
    choice_q <= choice_d;
    for (int c = 0; c < Contexts; ++c)
      last_sample_q[c] <= complete_i[c] && count_i[c] == step_q[c] + 1'b1;
    if (start) begin
      last_q <= choice_q;
      context_o <= choice_q;
      sample_o <= step_q[choice_q];
      column_o <= phase == Encode ? '0 : ColumnBits'(H + 1);
      unit_o <= '0;
      beat_q.valid <= 1'b1;
      beat_q.first <= 1'b1;
      beat_q.last_h <= H == 1;
      beat_q.last <= H == 1 && phase != Encode;
      beat_q.is_x <= 1'b0;
      beat_q.dec <= phase != Encode;
      beat_q.zero <= phase == Encode && step_q[choice_q] == '0;
      beat_q.update <= phase != Finish;
      beat_q.head <= phase == Finish || (phase == Decode && step_q[choice_q] != '0);
      frees_q <= phase == Encode && last_sample;
    end else begin
      column_o <= column_o + 1'b1;
      unit_o <= unit_o + 1'b1;
      beat_q.valid <= beat_q.valid & ~beat_q.last;
      beat_q.first <= 1'b0;
      beat_q.last_h <= unit_o == ColumnBits'(H - 2);
      beat_q.last <= unit_o == (beat_q.dec ? ColumnBits'(H - 2) : ColumnBits'(H - 1));
      beat_q.is_x <= unit_o == ColumnBits'(H - 1);
    end

    if (soon_i) ready_q[soon_context_i] <= 1'b1;
    if (start) begin
      ready_q[choice_q] <= phase == Finish;
      case (phase)
        Encode: begin
          step_q[choice_q] <= last_sample ? '0 : step_q[choice_q] + 1'b1;
          length_q[choice_q] <= count_i[choice_q];  // the last step's is the pixel's
          if (last_sample) phase_q[choice_q] <= Decode;
        end
        Decode: begin
          step_q[choice_q] <= step_q[choice_q] + 1'b1;
          if (step_q[choice_q] + 1'b1 == length_q[choice_q]) phase_q[choice_q] <= Finish;
        end
        default: begin
          step_q[choice_q] <= '0;
          phase_q[choice_q] <= Encode;
        end
      endcase
    end

    if (!rst_ni) begin
      chosen_q <= 1'b0;
      beat_q.valid <= 1'b0;
      frees_q <= 1'b0;
      ready_q <= '1;
      last_q <= ContextBits'(Contexts - 1);
      for (int c = 0; c < Contexts; ++c) begin
        phase_q[c] <= Encode;
        step_q[c] <= '0;
      end
    end
  end

  always_comb begin
    for (int c = 0; c < Contexts; ++c)
      occupied[c] = phase_q[c] != Encode || step_q[c] != '0 || count_i[c] != '0;
  end
  assign active_o = beat_q.valid | (|occupied);

  assign beat_o = beat_q;
  assign taken_o = beat_q.valid & beat_q.last & frees_q;
  assign moved_o = start && phase == Encode && last_sample;
  assign open_o = start && phase == Decode && step_q[choice_q] == '0;
  assign open_context_o = choice_q;
  assign open_length_o = length_q[choice_q];

`ifndef SYNTHESIS
  always @(posedge clk_i)
    if (rst_ni) begin
      assert (!(start && phase == Encode) ||
              last_sample == (complete_i[choice_q] && count_i[choice_q] == step_q[choice_q] + 1'b1))
      else $error("a pixel's last sample went unseen, or another was taken for it");
      assert (!(start && !ready_q[choice_q])) else $error("a step began before its operands");
      assert (!(soon_i && ready_q[soon_context_i]))
      else $error("operands came to a context that waits for none");
      assert (!(open_o && slot_busy_i[choice_q])) else $error("a pixel opened a busy output slot");
    end
`endif
endmodule
