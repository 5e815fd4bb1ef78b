// Which files of a folder are taken for measurements.

#include <doctest/doctest.h>

#include <fstream>

#include "../../temporary_folder.h"
#include "taugate/fli/io/measurement_files.h"

using namespace taugate;

TEST_CASE("measurements of a folder come in the order of their numbers, without hidden files") {
  const testing::TemporaryFolder folder;
  for (const char* name :
       {"cell_10.sdt", "cell_9.PTU", "cell_11.b&h", ".cell_1.sdt", "notes.md", "irf.sdt"})
    std::ofstream(folder.path / name) << "content";
  std::filesystem::create_directory(folder.path / "older.tif");
  const FolderFiles files = files_of_folder(
      folder.path, [](const std::filesystem::path& p) { return p.filename() == "irf.sdt"; });
  CHECK(files.measurements == std::vector<std::string>{"cell_9.PTU", "cell_10.sdt", "cell_11.b&h"});
  CHECK(files.left_out == std::vector<std::string>{"irf.sdt", "notes.md"});
  CHECK(files_of_folder(folder.path).measurements.size() == 4);
}
