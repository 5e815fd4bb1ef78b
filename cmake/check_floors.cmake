# The house's order, checked: a file includes only its own floor and those below it.
#
#   cmake -DSOURCE=<folder that is called taugate in includes> -P check_floors.cmake
#
# Each finding is a line `file: what is wrong`; any finding makes the script fail.
cmake_minimum_required(VERSION 3.24)

# What each floor may include besides system and third-party headers.
set(may_core core)
set(may_simd core simd)
set(may_fli core fli)
set(may_autograd core simd autograd)
set(may_nn core simd autograd nn)
set(may_quant core simd autograd nn quant)
set(may_study core simd fli autograd nn quant study)
set(may_cli core simd fli autograd nn quant study cli)
# What runs an integer model links no autograd: these files of quant see only each other.
set(integers "quant/(arithmetic|tables|integer_[a-z]+|engine)[a-z0-9_]*\\.")

set(findings "")
macro(report file)
  string(APPEND findings "${file}: ${ARGN}\n")
endmacro()

file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/*.h ${SOURCE}/*.cpp ${SOURCE}/*.inl)
list(LENGTH files count)
foreach(file IN LISTS files)
  file(READ ${SOURCE}/${file} text)
  if(file MATCHES "\\.h$" AND NOT text MATCHES "(^|\n)#pragma once")
    report(${file} "header without #pragma once")
  endif()

  string(REGEX MATCH "^[a-z]+/" floor "${file}")
  string(REPLACE "/" "" floor "${floor}")
  if(NOT floor)  # the umbrella header: everything but the program
    set(floor study)
  elseif(NOT DEFINED may_${floor})
    report(${file} "no such floor: ${floor}")
    continue()
  endif()

  string(REGEX MATCHALL "(^|\n)[ \t]*#[ \t]*include[ \t]*[<\"][^>\"\n]*" includes "${text}")
  foreach(include IN LISTS includes)
    string(REGEX MATCH "([<\"])(.*)$" _ "${include}")
    set(bracket "${CMAKE_MATCH_1}")
    set(path "${CMAKE_MATCH_2}")
    if(path MATCHES "^/|(^|/)\\.\\.?(/|$)")
      report(${file} "includes \"${path}\": absolute and dotted paths are banned")
    elseif(path MATCHES "^taugate/([a-z]+)/(.*)$")
      set(target_floor ${CMAKE_MATCH_1})
      if(bracket STREQUAL "<")
        report(${file} "includes <${path}>: the house's own headers are quoted")
      elseif(NOT EXISTS ${SOURCE}/${target_floor}/${CMAKE_MATCH_2})
        report(${file} "includes \"${path}\": no such file")
      elseif(NOT target_floor IN_LIST may_${floor})
        report(${file} "includes \"${path}\": ${floor} may include only ${may_${floor}}")
      elseif(file MATCHES "^${integers}" AND NOT target_floor MATCHES "^(core|simd)$"
             AND NOT path MATCHES "^taugate/${integers}")
        report(${file} "includes \"${path}\": the integer engine sees only core, simd and itself")
      endif()
    elseif(path STREQUAL "taugate/taugate.h" AND NOT floor STREQUAL "cli")
      report(${file} "includes \"${path}\": that header is for users")
    elseif(floor STREQUAL "cli" AND path MATCHES "^[a-z_]+\\.h$" AND EXISTS ${SOURCE}/cli/${path})
      # the program's own headers are nobody else's: their bare names will do
    elseif(bracket STREQUAL "\"")
      report(${file} "includes \"${path}\": a quoted path starts with taugate/ and a floor")
    endif()
  endforeach()
endforeach()

if(count EQUAL 0)
  message(FATAL_ERROR "no sources in ${SOURCE}")
elseif(findings)
  message(NOTICE "${findings}")
  message(FATAL_ERROR "the floors are not in order")
endif()
message(STATUS "${count} files keep to their floors")
