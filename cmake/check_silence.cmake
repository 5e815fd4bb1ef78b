# The library throws; it neither prints nor ends the process. Only the program (cli) may.
#
#   cmake -DSOURCE=<folder with include/ and src/> -P check_silence.cmake
#
# Comments and strings are blanked first, so they may say what they like.
cmake_minimum_required(VERSION 3.24)

string(CONCAT banned "std::(cout|cerr|clog|exit|quick_exit|terminate|abort|puts|printf)"
                     "|(printf|puts|putchar|perror|exit|_exit|_Exit|quick_exit|abort)[ \t]*\\("
                     "|fprintf[ \t]*\\([ \t]*std(out|err)|fputs[ \t]*\\([^,\n]*,[ \t]*std(out|err)")

set(findings "")
file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/include/*.h ${SOURCE}/src/*.h ${SOURCE}/src/*.cpp
     ${SOURCE}/src/*.inl)
list(FILTER files EXCLUDE REGEX "^src/cli/")
list(LENGTH files count)
foreach(file IN LISTS files)
  file(READ ${SOURCE}/${file} text)
  string(REGEX REPLACE "\\\\.|'\"'" "" text "${text}")
  string(REGEX REPLACE "\"[^\"\n]*\"" "\"\"" text "${text}")
  string(REGEX REPLACE "//[^\n]*" "" text "${text}")
  string(REGEX REPLACE "/\\*([^*]|\\*+[^*/])*\\*+/" "" text "${text}")
  string(REGEX MATCHALL "(^|[^A-Za-z0-9_.>])(${banned})" calls "\n${text}")
  foreach(call IN LISTS calls)
    string(REGEX REPLACE "^[^A-Za-z0-9_]+" "" call "${call}")
    if(call)
      string(APPEND findings "${file}: ${call}\n")
    endif()
  endforeach()
endforeach()

if(count EQUAL 0)
  message(FATAL_ERROR "no sources in ${SOURCE}")
elseif(findings)
  message(NOTICE "${findings}")
  message(FATAL_ERROR "the library neither prints nor exits")
endif()
message(STATUS "${count} files print nothing and never exit")
