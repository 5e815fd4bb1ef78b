# Emscripten's own toolchain file, wherever emcc is (Debian: emscripten).
find_program(EMCC emcc REQUIRED)
file(REAL_PATH ${EMCC} emcc)
cmake_path(GET emcc PARENT_PATH emscripten)
include(${emscripten}/cmake/Modules/Platform/Emscripten.cmake)
