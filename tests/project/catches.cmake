# Runs a check of cmake/ on the sources in wrong/ and wants exactly the findings listed there.
#
#   cmake -DCHECK=modules|silence -P catches.cmake
set(wrong ${CMAKE_CURRENT_LIST_DIR}/wrong)
execute_process(COMMAND ${CMAKE_COMMAND} -DSOURCE=${wrong}
                        -P ${CMAKE_CURRENT_LIST_DIR}/../../cmake/check_${CHECK}.cmake
                RESULT_VARIABLE result ERROR_VARIABLE output)
file(READ ${wrong}/${CHECK}.txt expected)
string(FIND "${output}" "${expected}\nCMake Error" position)
if(result EQUAL 0 OR NOT position EQUAL 0)
  message(FATAL_ERROR "exit code ${result}, found\n${output}\nwanted a failure and\n${expected}")
endif()
