# Debian's cross compiler for 64-bit ARM; what it builds runs under qemu-user. It searches /usr/include behind its own
# headers, so the libraries of headers (Eigen, xsimd, nlohmann_json, doctest) are those of this machine.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
file(GLOB xsimd_DIR /usr/lib/*-linux-gnu/cmake/xsimd)  # headers too, but kept among this machine's libraries
