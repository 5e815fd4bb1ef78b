#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "core/interrupt.h"
#include "taugate/core/file.h"

namespace fs = std::filesystem;
using namespace taugate;

namespace {

/// A folder of its own, gone at the end.
struct Folder {
  fs::path path = fs::temp_directory_path() / concat("taugate-file-", ::getpid());
  Folder() { fs::create_directory(path); }
  ~Folder() { fs::remove_all(path); }
  std::ptrdiff_t entries() const {
    return std::distance(fs::directory_iterator(path), fs::directory_iterator());
  }
};

}  // namespace

TEST_CASE("a file comes back as it was written") {
  const Folder folder;
  const fs::path path = folder.path / "a";
  std::string content(100'000, 'x');
  content[70'000] = '\0';
  write_file(path, content);
  CHECK(read_file(path) == content);
  CHECK(read_prefix(path, 10) == content.substr(0, 10));
  CHECK(read_prefix(path, 1'000'000) == content);
  CHECK(folder.entries() == 1);
}

TEST_CASE("what cannot be read is named") {
  const Folder folder;
  const std::string missing = (folder.path / "missing").string();
  CHECK_THROWS_WITH_AS(read_file(missing),
                       (missing + ": cannot be read: No such file or directory").c_str(), Error);
  CHECK_THROWS_WITH_AS(read_file(folder.path),
                       (folder.path.string() + ": is a folder, wanted a file").c_str(), Error);
  CHECK_THROWS_WITH_AS(read_file("/dev/zero"), "/dev/zero: is not a regular file", Error);
  const fs::path fifo = folder.path / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK_THROWS_AS(read_file(fifo), Error);  // and does not wait for a writer

  const fs::path large = folder.path / "large";
  write_file(large, "123456");
  CHECK_THROWS_WITH_AS(read_file(large, 5),
                       (large.string() + ": has 6 bytes, more than the limit of 5").c_str(), Error);
  const InputFile file(large);
  char to[4];
  CHECK_THROWS_AS(file.read_at(4, to, 4), Error);
  fs::resize_file(large, 2);  // shrinks while it is open
  CHECK_THROWS_AS(file.read_at(1, to, 4), Error);
}

TEST_CASE("without commit the target stays as it was and nothing else is left") {
  const Folder folder;
  const fs::path path = folder.path / "a";
  write_file(path, "old");
  {
    OutputFile file(path);
    file.write("half a new fi");
    CHECK(folder.entries() == 2);
  }
  CHECK(read_file(path) == "old");
  CHECK(folder.entries() == 1);
  try {
    OutputFile file(path);
    file.write("new");
    throw Error("on the way");
  } catch (const Error&) {
  }
  CHECK(read_file(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("what a killed process has left goes, what a running one writes stays") {
  const Folder folder;
  const fs::path path = folder.path / "a", other = folder.path / "a.part-of-something";
  std::ofstream(other) << "not ours";
  const pid_t child = ::fork();
  if (child == 0) {
    OutputFile file(path);
    file.write("half");
    std::ofstream(file.folder() / "b") << "half";
    ::raise(SIGKILL);
  }
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(folder.entries() == 3);  // of which one is a folder
  OutputFile running(path);
  CHECK(folder.entries() == 2);
  running.write("running");
  write_file(path, "next");
  CHECK(folder.entries() == 3);
  running.commit();
  CHECK(read_file(path) == "running");
  CHECK(fs::exists(other));
  CHECK(folder.entries() == 2);
}

TEST_CASE("a file that was written elsewhere becomes the target") {
  const Folder folder;
  const fs::path path = folder.path / "a";
  {
    OutputFile file(path);
    const fs::path own = file.folder() / "b";
    std::ofstream(own) << "elsewhere";
    file.adopt(own);
    write_file(path, "meanwhile");  // takes the adopted file for nobody's if it is not locked
    file.write("ELSE");
    file.commit();
  }
  CHECK(read_file(path) == "ELSEwhere");
  CHECK(folder.entries() == 1);
}

TEST_CASE("an open descriptor is written where it stands, whatever it was redirected to") {
  const Folder folder;
  const fs::path path = folder.path / "a", link = folder.path / "link";
  for (const int append : {0, O_APPEND}) {
    CAPTURE(append);
    std::ofstream(path) << "kept ";  // as by `>> FILE`
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | append);
    REQUIRE(fd >= 0);
    if (append == 0) REQUIRE(::lseek(fd, 0, SEEK_END) == 5);
    REQUIRE(::write(fd, "before ", 7) == 7);
    const std::string name = concat("/dev/fd/", fd);
    write_file(name, "data ");
    write_file(concat("/proc/self/fd/", fd), "more ");
    fs::create_symlink(name, link);
    write_file(link, "linked ");
    fs::remove(link);
    { OutputFile(fs::path(name)).write("uncommitted "); }
    REQUIRE(::write(fd, "after", 5) == 5);
    ::close(fd);
    CHECK(read_file(path) == "kept before data more linked uncommitted after");
    CHECK(folder.entries() == 1);
  }
  const int unwritable = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(unwritable >= 0);
  CHECK_THROWS_WITH_AS(write_file(concat("/dev/fd/", unwritable), "data"),
                       doctest::Contains("cannot be written"), Error);
  ::close(unwritable);
  const pid_t child = ::fork();
  if (child == 0) {
    const int out = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(out, 1);
    write_file("/dev/stdout", "one ");
    write_file("/dev/stdout", "two");
    ::_exit(0);
  }
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(read_file(path) == "one two");
}

TEST_CASE("a disk without room is seen beforehand") {
  const Folder folder;
  check_space(folder.path / "a", 1.0);
  CHECK_THROWS_WITH_AS(check_space(folder.path / "a", 1e24), doctest::Contains("GB free"), Error);
}

TEST_CASE("bytes can be replaced while writing goes on at the end") {
  const Folder folder;
  OutputFile file(folder.path / "a");
  file.write("0123456789");
  file.patch(2, "ab");
  file.write("end");
  file.commit();
  CHECK(read_file(folder.path / "a") == "01ab456789end");
}

TEST_CASE("a link is followed and permissions are kept") {
  const Folder folder;
  const fs::path real = folder.path / "real", link = folder.path / "link";
  write_file(real, "old");
  fs::permissions(real, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink(real, link);
  write_file(link, "new");
  CHECK(fs::is_symlink(link));
  CHECK(read_file(real) == "new");
  CHECK(fs::status(real).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("what cannot be written is named") {
  const Folder folder;
  const fs::path nowhere = folder.path / "no" / "such" / "folder";
  CHECK_THROWS_WITH_AS(
      write_file(nowhere, "x"),
      (nowhere.string() + ": cannot be written: No such file or directory").c_str(), Error);
  CHECK_THROWS_WITH_AS(write_file(folder.path, "x"),
                       (folder.path.string() + ": cannot be written: Is a directory").c_str(),
                       Error);
  if (fs::exists("/dev/full")) {
    CHECK_THROWS_WITH_AS(write_file("/dev/full", "x"),
                         "/dev/full: cannot be written: No space left on device", Error);
    CHECK_THROWS_AS(write_file("/dev/full", std::string(1 << 20, 'x')), Error);
    CHECK(fs::is_character_file("/dev/full"));
  }
}

TEST_CASE("the first interrupt is a request") {
  install_interrupt_handler();
  CHECK_FALSE(interrupted());
  std::raise(SIGINT);
  CHECK(interrupted());
  clear_interrupt();
  CHECK_FALSE(interrupted());
  std::raise(SIGTERM);
  CHECK(interrupted());
  clear_interrupt();
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

TEST_CASE("the second interrupt ends the process") {
  const pid_t child = ::fork();
  if (child == 0) {
    install_interrupt_handler();
    std::raise(SIGINT);
    std::raise(SIGINT);
    ::_exit(0);  // not reached
  }
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGINT);
}
