#include "fli/plot/gnuplot.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/process.h"
#include "taugate/core/file.h"

namespace taugate {
namespace {

/// A file without a name, in the folder for temporary files, that goes with its owner.
class TemporaryFile {
 public:
  TemporaryFile() : file_(std::tmpfile(), std::fclose) {
    require(file_ != nullptr, "gnuplot wants a temporary file: ", std::strerror(errno));
  }
  int descriptor() const { return ::fileno(file_.get()); }
  void fill(std::string_view text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size();
    require(written && std::fflush(file_.get()) == 0,
            "gnuplot's script cannot be written: ", std::strerror(errno));
    std::rewind(file_.get());
  }
  std::string content() {
    std::string text;
    std::array<char, 65536> block;
    std::rewind(file_.get());
    while (const std::size_t got = std::fread(block.data(), 1, block.size(), file_.get()))
      text.append(block.data(), got);
    return text;
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

const char* program() {
  const char* const chosen = std::getenv("TAUGATE_GNUPLOT");
  return chosen && *chosen ? chosen : "gnuplot";
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
  TemporaryFile input, output, errors;
  input.fill(script);
  const int status = ChildProcess({program(), "-d"},
                                  {input.descriptor(), output.descriptor(), errors.descriptor()})
                         .wait();
  std::string picture = output.content();
  const bool complete =
      picture.starts_with("\x89PNG\r\n\x1a\n") &&
      picture.find("IEND", picture.size() - std::min<std::size_t>(picture.size(), 8)) !=
          std::string::npos;
  if (status != 0 || !complete) {
    const std::string reason = first_complaint(errors.content());
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
    list +=
        concat(i ? ", " : "", i, " '", hex(sequential_colour(double(i) / saturation_mask)), "'");
  line("set palette defined (", list, ")");
}

void GnuplotScript::write_png(const std::filesystem::path& path) const {
  // The target is opened first: an unwritable folder should not cost a drawing.
  OutputFile file(path);
  file.write(run_gnuplot(script_));
  file.commit();
}

}  // namespace taugate
