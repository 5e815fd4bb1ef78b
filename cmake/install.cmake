# The installed package: headers, the libraries, documentation, and find_package(taugate) giving taugate::taugate and, where it was
# built, taugate::fli.
# Included where the libraries are made, so the *_FOUND of their dependencies are known here.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/taugate)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_SOURCE_DIR}/LICENSE
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(TARGETS taugate EXPORT taugate)
install(EXPORT taugate NAMESPACE taugate:: FILE taugateTargets.cmake DESTINATION ${package_dir})
if(TAUGATE_FLI)
  install(TARGETS taugate_fli EXPORT taugate_fli)
  install(EXPORT taugate_fli NAMESPACE taugate:: FILE taugateFliTargets.cmake DESTINATION ${package_dir})
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/taugate-config.cmake.in
                              ${PROJECT_BINARY_DIR}/taugateConfig.cmake
                              INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/taugateConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/taugateConfig.cmake
              ${PROJECT_BINARY_DIR}/taugateConfigVersion.cmake DESTINATION ${package_dir})
