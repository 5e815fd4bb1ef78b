#include <doctest/doctest.h>

#include <sstream>

#include "core/progress.h"

using namespace taugate;

TEST_CASE("durations and quantities read as a person writes them") {
  CHECK(format_seconds(7.6) == "8 s");
  CHECK(format_seconds(59.7) == "1 min 00 s");
  CHECK(format_seconds(200) == "3 min 20 s");
  CHECK(format_seconds(7500) == "2 h 05 min");
  CHECK(format_seconds(1e300) == "?");
  CHECK(format_quantity(950) == "950");
  CHECK(format_quantity(12'345) == "12.3 k");
  CHECK(format_quantity(999'900) == "1 M");
  CHECK(format_quantity(3'920'000) == "3.92 M");
}

TEST_CASE("away from a terminal a plain line every few seconds") {
  double now = 100.0;
  std::ostringstream out;
  Progress progress(out, "train", "traces", 4000, {false, 5.0, 0.0, [&] { return now; }});
  progress.update(0);
  now = 104.0;
  progress.update(500);
  CHECK(out.str().empty());
  now = 110.0;
  progress.update(1000, "loss 0.5");
  CHECK(out.str() == "train  1 k of 4 k traces (25 %)  100/s  30 s left  loss 0.5\n");
  now = 112.0;
  progress.update(1100);
  now = 140.0;
  out.str("");
  progress.finish(4000);
  CHECK(out.str() == "train  4 k traces in 40 s  100/s\n");
}

TEST_CASE("a resumed job does not count what was done before into its rate") {
  double now = 0.0;
  std::ostringstream out;
  Progress progress(out, "train", "traces", 4000, {false, 5.0, 2000.0, [&] { return now; }});
  now = 10.0;
  progress.update(3000);
  CHECK(out.str() == "train  3 k of 4 k traces (75 %)  100/s  10 s left\n");
}

TEST_CASE("on a terminal one line is rewritten and covered whole") {
  double now = 0.0;
  std::ostringstream out;
  Progress progress(out, "x", "pixels", 0, {true, 1.0, 0.0, [&] { return now; }});
  now = 1.0;
  progress.update(10, "a long note");
  CHECK(out.str() == "\rx  10 pixels  10/s  a long note");
  out.str("");
  now = 2.0;
  progress.update(20);
  CHECK(out.str() == "\rx  20 pixels  10/s" + std::string(13, ' '));
  out.str("");
  progress.finish(20);
  CHECK(out.str() == "\rx  20 pixels in 2 s  10/s\n");
}
