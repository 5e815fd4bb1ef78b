#pragma once
inline void hidden() { std::cout << "a private header prints\n"; }
