#define DOCTEST_CONFIG_IMPLEMENT
#include "testing.h"

// 0: all passed; 1: a test failed; 77: none failed, but data that a test wants are not there.
int main(int argc, char** argv) {
  const int failed = doctest::Context(argc, argv).run();
  return failed == 0 && taugate::testing::data_are_absent ? 77 : failed;
}
