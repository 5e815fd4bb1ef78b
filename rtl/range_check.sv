// SPDX-License-Identifier: Apache-2.0
// Stops elaboration, in synthesis too, where a parameter is not in its range.

module range_check #(
  parameter Name = "parameter",
  parameter int Value = 0,
  parameter int Low = 0,
  parameter int High = 0
) ();
  if (Value < Low || Value > High) begin : gen_outside
    $fatal(1, "%s: found %0d, wanted %0d..%0d", Name, Value, Low, High);
  end
endmodule
