# The installed package: find_package(taugate) gives taugate::taugate.
