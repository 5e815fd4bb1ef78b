#include "core/loud.h"

void loud(int bad) {
  if (bad > 1) std::cerr << "bad";
  if (bad > 2) exit(2);
  if (bad > 3) std::exit(3);
  if (bad > 4) fprintf(stderr, "worse");
  if (bad > 5) _exit(5);
}
