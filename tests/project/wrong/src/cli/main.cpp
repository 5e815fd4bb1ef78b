#include <iostream>

#include "cli/commands.h"
#include "commands.h"
#include "taugate/core/quiet.h"

int main() { std::cout << "the program may\n"; }
