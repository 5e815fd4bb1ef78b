// Damaged files, read by the whole program: what a library says of its own accord counts, too.

#include "fli/stack_testing.h"
#include "program.h"

namespace cli = taugate::testing;

TEST_CASE("a damaged HDF5 file gets one line, also as the program ends") {
  const cli::Folder folder;
  const auto path = folder / "photons.h5";
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  stack_testing::put_photons(file);
  H5Fclose(file);
  std::string bytes = cli::read_all(path);
  REQUIRE(cli::run(folder, "info photons.h5").code == 0);
  // The header of an object: version 1, 6 messages, 1 reference, 256 bytes. With more than the file
  // has, libhdf5 loses track of what it has opened.
  const auto at = bytes.rfind(std::string("\1\0\6\0\1\0\0\0\0\1\0\0", 12));
  REQUIRE(at != std::string::npos);
  bytes[at + 11] = '\xff';
  cli::write_all(path, bytes);
  for (const char* line : {"info photons.h5", "convert photons.h5 out.npy"}) {
    const cli::Outcome outcome = cli::run(folder, line);
    CHECK(outcome.code == 1);
    CHECK_MESSAGE(cli::one_line(outcome.err), outcome.err);
  }
}

TEST_CASE("text of a damaged file does not break the line that tells of it") {
  const cli::Folder folder;
  std::string header = "TimeHarp 200";
  header.resize(16, '\0');
  header += "5\n\x1b[31m";
  header.resize(700, '\0');
  cli::write_all(folder / "a.t3r", header);
  const cli::Outcome outcome = cli::run(folder, "info a.t3r");
  CHECK(outcome.code == 1);
  CHECK(cli::one_line(outcome.err));
  CHECK_MESSAGE(cli::contains(outcome.err, "is of version '5??[31', wanted 5.0 or 6.0"),
                outcome.err);
}
