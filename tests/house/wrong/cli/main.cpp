#include <iostream>

#include "taugate/core/quiet.h"

int main() { std::cout << "the program may\n"; }
