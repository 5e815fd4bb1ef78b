# The installed package: headers, the library, and find_package(taugate) giving taugate::taugate.
# Included where the library is made, so the *_FOUND of its dependencies are known here.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/taugate)

install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taugate
        FILES_MATCHING PATTERN "*.h" PATTERN cli EXCLUDE
        # what only our own .cpp files include
        PATTERN "*_fields.h" EXCLUDE PATTERN kernels_scalar.h EXCLUDE PATTERN gru_reference.h EXCLUDE PATTERN onnx_message.h EXCLUDE
        PATTERN eigen_view.h EXCLUDE PATTERN gnuplot.h EXCLUDE PATTERN text_columns.h EXCLUDE PATTERN palette.h EXCLUDE
        PATTERN printed.h EXCLUDE PATTERN six_digits.h EXCLUDE PATTERN misfit.h EXCLUDE
        PATTERN weight_rows.h EXCLUDE PATTERN qat_weights.h EXCLUDE)
install(TARGETS taugate EXPORT taugate)
install(EXPORT taugate NAMESPACE taugate:: FILE taugateTargets.cmake DESTINATION ${package_dir})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/taugate-config.cmake.in
                              ${PROJECT_BINARY_DIR}/taugateConfig.cmake
                              INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/taugateConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/taugateConfig.cmake
              ${PROJECT_BINARY_DIR}/taugateConfigVersion.cmake DESTINATION ${package_dir})
