#include <iostream>

#include "commands.h"
#include "gone.h"
#include "taugate/core/quiet.h"

int main() { std::cout << "the program may\n"; }
