// SPDX-License-Identifier: Apache-2.0
// The integer arithmetic of a quantised GRU: src/quant/arithmetic.h and src/quant/tables.h, name by
// name. (`input` is a keyword here, so Arithmetic::input is called input_word.) The blocks use these
// functions with constant widths, where a shift is wiring; where an operation is pipelined over
// several blocks, assertions set the blocks beside the function.
//
// Kinds of number, as in docs/fixed-point.md: fraction (|k| <= 2^F - 1), gate (0 <= k <= 2^F),
// word (two's complement, saturating). Rounding: to the nearest, halves to even.

package taugate_pkg;

  localparam int ArithmeticVersion = 1;
  localparam int InterfaceVersion = 1;  // of seq2seq_top's ports and of its write port's map

  // Activation, numbered as in core/gru_form.h.
  localparam int Smooth = 0;
  localparam int Hard = 1;

  localparam int TableFraction = 15;
  localparam int TableSegments = 32;

  typedef logic signed [63:0] word_t;

  // What travels with each column of weights, from its issue to the element-wise tail.
  typedef struct packed {
    logic valid;
    logic first;   // first column of its step
    logic last_h;  // last column that multiplies h
    logic last;    // last column of its step
    logic is_x;    // the column that multiplies x
    logic dec;     // decoder's weights
    logic zero;    // the carried state is still zero
    logic update;  // the step makes a new state
    logic head;    // the head's sums are an output
  } beat_t;

  // ------------------------------------------------------------------- arithmetic.h

  function automatic word_t power_of_two(int exponent);
    power_of_two = word_t'(1) <<< exponent;
  endfunction

  function automatic word_t round_shift(word_t value, int shift);
    word_t below, unit;
    logic half, more;
    below = value >>> shift;
    unit = power_of_two(shift) >>> 1;  // of the highest bit that goes; 0 where none does
    half = (value & unit) != 0;
    more = (value & (unit - 1)) != 0;
    round_shift = half && (more || below[0]) ? below + 1 : below;
  endfunction

  function automatic word_t rescale(word_t value, int from_fraction, int to_fraction);
    if (from_fraction >= to_fraction) rescale = round_shift(value, from_fraction - to_fraction);
    else rescale = value <<< (to_fraction - from_fraction);
  endfunction

  function automatic word_t clip(word_t value, word_t low, word_t high);
    clip = value < low ? low : value > high ? high : value;
  endfunction

  function automatic word_t saturate_word(word_t value, int bits);
    saturate_word = clip(value, -power_of_two(bits - 1), power_of_two(bits - 1) - 1);
  endfunction

  function automatic word_t saturate_fraction(word_t value, int fraction);
    saturate_fraction = clip(value, 1 - power_of_two(fraction), power_of_two(fraction) - 1);
  endfunction

  // The multiplier is a non-negative number here.
  function automatic word_t requantise(word_t accumulator, word_t multiplier, int shift,
                                       int word_bits);
    requantise = saturate_word(round_shift(accumulator * multiplier, shift), word_bits);
  endfunction

  // Arithmetic::input
  function automatic word_t input_word(word_t x, int operand_fraction);
    input_word = saturate_fraction(x, operand_fraction);
  endfunction

  // Arithmetic::operand
  function automatic word_t operand(word_t state, int state_fraction, int operand_fraction);
    operand = saturate_fraction(rescale(state, state_fraction, operand_fraction), operand_fraction);
  endfunction

  // Arithmetic::gate
  function automatic word_t gate(word_t sum, int activation, int gate_sum_fraction,
                                 int gate_fraction);
    word_t one, half, distance;
    one = power_of_two(gate_sum_fraction + 1);
    half = power_of_two(gate_fraction - 1);
    distance = rescale(table_tanh(sum < 0 ? -sum : sum, gate_sum_fraction + 1), TableFraction + 1,
                       gate_fraction);
    if (activation == Hard)
      gate = rescale(clip(sum + (one >>> 1), 0, one), gate_sum_fraction + 1, gate_fraction);
    else gate = sum < 0 ? half - distance : half + distance;
  endfunction

  // Arithmetic::candidate
  function automatic word_t candidate(word_t sum, int activation, int candidate_sum_fraction,
                                      int candidate_fraction);
    word_t one, n;
    one = power_of_two(candidate_sum_fraction);
    n = saturate_fraction(
        rescale(table_tanh(sum < 0 ? -sum : sum, candidate_sum_fraction), TableFraction,
                candidate_fraction), candidate_fraction);
    if (activation == Hard)
      candidate = saturate_fraction(
          rescale(clip(sum, -one, one), candidate_sum_fraction, candidate_fraction),
          candidate_fraction);
    else candidate = sum < 0 ? -n : n;
  endfunction

  // Arithmetic::candidate_sum
  function automatic word_t candidate_sum(word_t input_sum, word_t r, word_t recurrent_sum,
                                          int gate_fraction, int sum_bits);
    candidate_sum = saturate_word(input_sum + round_shift(r * recurrent_sum, gate_fraction),
                                  sum_bits);
  endfunction

  // Arithmetic::blend, of the carried state.
  function automatic word_t blend(word_t z, word_t n, word_t held, int gate_fraction,
                                  int candidate_fraction, int state_fraction);
    int common;
    word_t from, to, exact;
    common = candidate_fraction > state_fraction ? candidate_fraction : state_fraction;
    from = rescale(n, candidate_fraction, common);
    to = rescale(held, state_fraction, common);
    exact = (from <<< gate_fraction) + z * (to - from);
    blend = saturate_fraction(rescale(exact, common + gate_fraction, state_fraction),
                              state_fraction);
  endfunction

  // ----------------------------------------------------------------------- tables.h

  function automatic logic [15:0] tanh_base(logic [4:0] segment);
    case (segment)
      5'd0: tanh_base = 16'd0;
      5'd1: tanh_base = 16'd4086;
      5'd2: tanh_base = 16'd8045;
      5'd3: tanh_base = 16'd11759;
      5'd4: tanh_base = 16'd15169;
      5'd5: tanh_base = 16'd18197;
      5'd6: tanh_base = 16'd20836;
      5'd7: tanh_base = 16'd23091;
      5'd8: tanh_base = 16'd24978;
      5'd9: tanh_base = 16'd26534;
      5'd10: tanh_base = 16'd27813;
      5'd11: tanh_base = 16'd28841;
      5'd12: tanh_base = 16'd29672;
      5'd13: tanh_base = 16'd30327;
      5'd14: tanh_base = 16'd30854;
      5'd15: tanh_base = 16'd31269;
      5'd16: tanh_base = 16'd31594;
      5'd17: tanh_base = 16'd31853;
      5'd18: tanh_base = 16'd32049;
      5'd19: tanh_base = 16'd32212;
      5'd20: tanh_base = 16'd32330;
      5'd21: tanh_base = 16'd32425;
      5'd22: tanh_base = 16'd32507;
      5'd23: tanh_base = 16'd32560;
      5'd24: tanh_base = 16'd32608;
      5'd25: tanh_base = 16'd32640;
      5'd26: tanh_base = 16'd32673;
      5'd27: tanh_base = 16'd32692;
      5'd28: tanh_base = 16'd32707;
      5'd29: tanh_base = 16'd32727;
      5'd30: tanh_base = 16'd32736;
      default: tanh_base = 16'd32742;
    endcase
  endfunction

  function automatic logic [7:0] tanh_slope(logic [4:0] segment);
    case (segment)
      5'd0: tanh_slope = 8'd255;
      5'd1: tanh_slope = 8'd247;
      5'd2: tanh_slope = 8'd232;
      5'd3: tanh_slope = 8'd213;
      5'd4: tanh_slope = 8'd189;
      5'd5: tanh_slope = 8'd165;
      5'd6: tanh_slope = 8'd141;
      5'd7: tanh_slope = 8'd118;
      5'd8: tanh_slope = 8'd97;
      5'd9: tanh_slope = 8'd80;
      5'd10: tanh_slope = 8'd64;
      5'd11: tanh_slope = 8'd52;
      5'd12: tanh_slope = 8'd41;
      5'd13: tanh_slope = 8'd33;
      5'd14: tanh_slope = 8'd26;
      5'd15: tanh_slope = 8'd20;
      5'd16: tanh_slope = 8'd16;
      5'd17: tanh_slope = 8'd12;
      5'd18: tanh_slope = 8'd10;
      5'd19: tanh_slope = 8'd7;
      5'd20: tanh_slope = 8'd6;
      5'd21: tanh_slope = 8'd5;
      5'd22: tanh_slope = 8'd3;
      5'd23: tanh_slope = 8'd3;
      5'd24: tanh_slope = 8'd2;
      5'd25: tanh_slope = 8'd2;
      5'd26: tanh_slope = 8'd1;
      5'd27: tanh_slope = 8'd1;
      5'd28: tanh_slope = 8'd1;
      5'd29: tanh_slope = 8'd0;
      5'd30: tanh_slope = 8'd0;
      default: tanh_slope = 8'd1;
    endcase
  endfunction

  function automatic word_t table_tanh(word_t magnitude, int fraction);
    word_t u, rest;
    logic [4:0] segment;
    u = clip(magnitude, 0, power_of_two(fraction + 2) - 1);
    segment = 5'(u >>> (fraction - 3));
    rest = u & (power_of_two(fraction - 3) - 1);
    table_tanh = word_t'({48'd0, tanh_base(segment)}) +
                 ((word_t'({56'd0, tanh_slope(segment)}) * rest) >>> (fraction - 7));
  endfunction

endpackage
