#include "fli/plot/gnuplot.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "taugate/core/file.h"
#include "core/process.h"

namespace taugate {
namespace {

class Descriptor {
 public:
  Descriptor() = default;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  void set(int fd) { fd_ = fd; }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

/// Two connected ends. Sockets and not a pipe: writing to one whose reader has gone can then be
/// told to return an error instead of a SIGPIPE, without touching the signals of the program we
/// live in.
struct Channel {
  Descriptor ours, theirs;
  Channel() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      fail("gnuplot cannot be started: ", std::strerror(errno));
    ours.set(ends[0]);
    theirs.set(ends[1]);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
};

const char* program() {
  const char* const chosen = std::getenv("TAUGATE_GNUPLOT");
  return chosen && *chosen ? chosen : "gnuplot";
}

void drain(Descriptor& from, std::string& to) {
  std::array<char, 65536> block;
  const ssize_t got = ::read(from.get(), block.data(), block.size());
  if (got > 0) to.append(block.data(), static_cast<std::size_t>(got));
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) from.close();
}

/// Feeds the script and collects what comes back, all at once, so that no side waits for the other.
void converse(std::string_view script, Channel& input, Channel& output, Channel& errors,
              std::string& picture, std::string& complaints) {
  while (output.ours.open() || errors.ours.open()) {
    std::array<pollfd, 3> waits{{{input.ours.get(), POLLOUT, 0},
                                 {output.ours.get(), POLLIN, 0},
                                 {errors.ours.get(), POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR)
      fail("gnuplot cannot be heard: ", std::strerror(errno));
    if (waits[0].revents != 0) {
      const ssize_t sent = ::send(input.ours.get(), script.data(), script.size(), MSG_NOSIGNAL);
      if (sent > 0) script.remove_prefix(static_cast<std::size_t>(sent));
      const bool gone = sent < 0 && errno != EAGAIN && errno != EINTR;
      if (gone || script.empty()) input.ours.close();
    }
    if (waits[1].revents != 0) drain(output.ours, picture);
    if (waits[2].revents != 0) drain(errors.ours, complaints);
  }
}

/// The line that says what is wrong, of the several with which gnuplot says it.
std::string first_complaint(const std::string& text) {
  std::string best;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(" \t^") == std::string::npos) continue;
    const std::size_t at = line.find("line ");
    if (at != std::string::npos && line.find(':', at) != std::string::npos) return line;
    if (best.empty()) best = line;
  }
  return best;
}

}  // namespace

void require_gnuplot(const std::string& otherwise) {
  require_program(program(), "pictures want gnuplot (Debian: apt install gnuplot-nox)" + otherwise);
}

std::string run_gnuplot(std::string_view script) {
  require_gnuplot();
  std::string picture, complaints;
  int status = 0;
  {
    Channel input, output, errors;
    ChildProcess gnuplot({program(), "-d"},
                         {input.theirs.get(), output.theirs.get(), errors.theirs.get()});
    for (Channel* channel : {&input, &output, &errors}) channel->theirs.close();
    converse(script, input, output, errors, picture, complaints);
    status = gnuplot.wait();
  }
  const bool whole =
      picture.starts_with("\x89PNG\r\n\x1a\n") &&
      picture.find("IEND", picture.size() - std::min<std::size_t>(picture.size(), 8)) !=
          std::string::npos;
  if (status != 0 || !whole) {
    const std::string reason = first_complaint(complaints);
    fail(program(),
         " made no picture: ", reason.empty() ? "it says nothing of the reason" : reason);
  }
  return picture;
}

namespace {

struct Look {
  bool dark = false;
  int scale = 1;
};
thread_local Look look_now;

// What lines, texts and surfaces become on a dark page (report.css has its ends).
constexpr std::pair<const char*, const char*> kDarkColours[] = {
    {"#ffffff", "#1d232a"}, {"#d8d8d8", "#3a424c"}, {"#e6e6e6", "#343d48"}, {"#202020", "#e6eaf0"},
    {"#303030", "#d5dbe3"}, {"#404040", "#c2cad4"}, {"#606060", "#9aa7b6"}, {"#7a7a7a", "#9aa7b6"},
    {"#c8c8c8", "#56616e"}, {"#111111", "#e6eaf0"}, {"#5c5f66", "#a9b0ba"}, {"#1f5fa8", "#7fb4ec"},
    {"#1b5ea6", "#7fb4ec"}, {"#8e3fa8", "#c58bdb"}, {"#7a4a1e", "#c9935f"}, {"#2b8a3e", "#5fc274"}};

}  // namespace

PictureLook::PictureLook(bool dark, int scale) { look_now = {dark, scale}; }
PictureLook::~PictureLook() { look_now = {}; }

GnuplotScript::GnuplotScript(int width, int height) : dark_(look_now.dark) {
  const int scale = look_now.scale;
  line("set encoding utf8");
  line("set terminal pngcairo size ", width * scale, ",", height * scale,
       " font 'sans,12' fontscale ", scale, " linewidth ", scale, " pointscale ", scale,
       " enhanced background rgb '#ffffff'");
  line("set border lw 1 lc rgb '#606060'");
  for (const char* axis : {"x", "y", "y2", "cb"}) {
    line("set ", axis, "tics textcolor rgb '#202020'");
    line("set ", axis, "label textcolor rgb '#202020'");
  }
  line("unset y2tics");
  line("set title textcolor rgb '#202020'");
  line("set grid lt 1 lw 1 lc rgb '#e6e6e6'");
  line("set key samplen 2 spacing 1.2 textcolor rgb '#202020'");
  line("set minussign");
}

void GnuplotScript::add(std::string line) {
  static constexpr std::string_view before = "rgb '";
  for (std::size_t at = 0; dark_ && (at = line.find(before, at)) != std::string::npos;) {
    at += before.size();
    for (const auto& [light, dark] : kDarkColours)
      if (line.compare(at, 7, light) == 0) {
        line.replace(at, 7, dark);
        break;
      }
  }
  script_ += line + '\n';
}

std::string GnuplotScript::in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result += '\'';
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result + '\'';
}

std::string GnuplotScript::quoted(std::string_view text) { return in_quotes(text) + " noenhanced"; }

void GnuplotScript::data(std::string_view name,
                         std::initializer_list<std::span<const double>> columns) {
  line("$", name, " << EOD");
  std::array<char, 32> text;
  for (std::size_t i = 0; i < columns.begin()->size(); ++i) {
    for (const auto& column : columns) {
      std::snprintf(text.data(), text.size(), "%.9g ", column[i]);
      script_ += text.data();
    }
    script_ += '\n';
  }
  line("EOD");
}

void GnuplotScript::binary(std::span<const std::byte> pixels) {
  script_.append(reinterpret_cast<const char*>(pixels.data()), pixels.size());
}

void GnuplotScript::palette() {
  constexpr int saturation_mask = 64;
  std::string list;
  for (int i = 0; i <= saturation_mask; ++i)
    list += concat(i ? ", " : "", i, " '", hex(sequential_colour(double(i) / saturation_mask)), "'");
  line("set palette defined (", list, ")");
}

void GnuplotScript::write_png(const std::filesystem::path& path) const {
  // The target is opened first: an unwritable folder should not cost a drawing.
  OutputFile file(path);
  file.write(run_gnuplot(script_));
  file.commit();
}

}  // namespace taugate
