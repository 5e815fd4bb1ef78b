// SPDX-License-Identifier: Apache-2.0
// The vectors of `taugate export-rtl --vectors` through seq2seq_model, in any simulator, those with
// unknown values before all: the registers begin unknown, a reset lasts one cycle, and comes again
// in the midst of a pixel. Streams have gaps and stalls. Wants the working folder of the export.

module golden #(
  parameter int T = 70,
  parameter int NOut = 1,
  parameter int DataBits = 16,
  parameter int Traces = 2,
  parameter int Cut = 500  // cycles up to the second reset
) ();
  localparam int Samples = T * Traces;
  localparam int Words = Samples * NOut;
  logic [15:0] samples[Samples];
  logic [DataBits-1:0] words[Words];

  logic clk = 1'b0, rst_n = 1'b0;
  logic s_valid = 1'b0, m_ready = 1'b0;
  logic s_ready, s_last, m_valid, m_last, idle, read_valid;
  logic [15:0] s_data;
  logic signed [DataBits-1:0] m_data;
  logic [31:0] s_user, m_user, read_data;
  logic [47:0] cycles, issues, bubbles, macs, pixels, overlong;
  int at = 0, word = 0, cycle = 0, errors = 0;

  always #1 clk = ~clk;

  assign s_data = samples[at];
  assign s_last = at % T == T - 1;
  assign s_user = 32'(at / T);
  seq2seq_model u_model (
    .clk_i(clk), .rst_ni(rst_n),
    .write_i(1'b0), .read_i(1'b0), .read_core_i(1'b0), .address_i(24'd0), .data_i(32'd0),
    .read_valid_o(read_valid), .read_data_o(read_data),
    .s_axis_tvalid(s_valid), .s_axis_tready(s_ready), .s_axis_tdata(s_data),
    .s_axis_tlast(s_last), .s_axis_tuser(s_user),
    .m_axis_tvalid(m_valid), .m_axis_tready(m_ready), .m_axis_tdata(m_data),
    .m_axis_tlast(m_last), .m_axis_tuser(m_user),
    .idle_o(idle), .clear_i(1'b0), .cycles_o(cycles), .issues_o(issues), .bubbles_o(bubbles),
    .macs_o(macs), .pixels_o(pixels), .overlong_o(overlong)
  );

  initial begin
    $readmemh("golden_input.mem", samples);
    $readmemh("golden_output.mem", words);
  end

  always @(posedge clk) begin
    cycle <= cycle + 1;
    rst_n <= cycle != Cut;
    if (!rst_n) begin
      at <= 0;
      word <= 0;
      s_valid <= 1'b0;
      m_ready <= 1'b0;
    end else begin
      if (^{s_ready, m_valid, idle, read_valid, cycles, issues, bubbles, macs, pixels, overlong} ===
          1'bx) begin
        errors <= errors + 1;
        $display("ERROR: cycle %0d: a handshake, idle or a counter is unknown", cycle);
      end
      if (!s_valid || s_ready)
        s_valid <= at + int'(s_valid) < Samples && $urandom % 4 != 0;
      if (s_valid && s_ready) at <= at + 1;
      m_ready <= $urandom % 4 != 0;
      if (m_valid && m_ready) begin
        word <= word + 1;
        if (m_data !== words[word] || m_user !== 32'(word / (T * NOut)) ||
            m_last !== (word % (T * NOut) == T * NOut - 1)) begin
          errors <= errors + 1;
          $display("ERROR: word %0d: found %h, wanted %h", word, m_data, words[word]);
        end
      end
    end
    if (word == Words && idle === 1'b1) begin
      if (errors == 0 && pixels === 48'(Traces) && cycles === issues + bubbles)
        $display("%0d words, all equal, nothing unknown", Words);
      else $display("ERROR: %0d errors, %0d pixels", errors, pixels);
      $finish;
    end
    if (cycle == 400 * Samples + 10000) begin
      $display("ERROR: %0d of %0d words came", word, Words);
      $finish;
    end
  end
endmodule
