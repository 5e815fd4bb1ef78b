// SPDX-License-Identifier: Apache-2.0
// Properties of table_tanh, read inside of it by scripts/formal.sh.

  // For all words, the package's table of the magnitude, and the sign.
  logic [Latency-1:0][WordBits-1:0] f_word_q;
  logic [2:0] f_cycles_q;
  logic signed [WordBits:0] f_word;
  taugate_pkg::word_t f_wanted;
  initial f_cycles_q = '0;
  assign f_word = $signed({f_word_q[Latency-1][WordBits-1], f_word_q[Latency-1]});
  assign f_wanted = taugate_pkg::table_tanh(64'(f_word < 0 ? -f_word : f_word), Fraction);
  always @(posedge clk_i) begin
    f_cycles_q <= f_cycles_q == '1 ? f_cycles_q : f_cycles_q + 1'b1;
    f_word_q <= {f_word_q[Latency-2:0], word_i};
    if (f_cycles_q >= 3'd5) begin
      assert (64'(magnitude_o) == f_wanted);
      assert (negative_o == (f_word < 0));
    end
  end
