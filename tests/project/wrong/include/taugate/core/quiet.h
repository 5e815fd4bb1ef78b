#pragma once
// std::cout in a comment is no sin, nor is "exit(1)" in a string, nor snprintf.
#include <cstdio>
#include <vector>

inline const char* advice() { return "call exit(1), not std::cerr << \"x\""; }
inline int quiet(char* out) { return std::snprintf(out, 2, "%d", 1); }
