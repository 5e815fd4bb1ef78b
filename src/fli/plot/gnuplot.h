#pragma once
// A script for gnuplot, grown line by line, and the program's run: no shell, a PNG in memory.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fli/plot/palette.h"
#include "taugate/core/error.h"

namespace taugate {

/// Error where the program that run_gnuplot() runs is not there. It ends with `otherwise`.
void require_gnuplot(const std::string& otherwise = {});

/// The PNG that gnuplot makes of a script. The program is the one that TAUGATE_GNUPLOT names, or
/// `gnuplot` on the PATH; Error when there is none, or with what it complained of.
std::string run_gnuplot(std::string_view script);

/// While it lives, scripts of this thread draw for a dark page, or with `scale` pixels for one, or
/// both.
class PictureLook {
 public:
  PictureLook(bool dark, int scale);
  ~PictureLook();
  PictureLook(const PictureLook&) = delete;
  PictureLook& operator=(const PictureLook&) = delete;
};

class GnuplotScript {
 public:
  /// Begins with our terminal (pngcairo of this many pixels), fonts and line styles. Colours of
  /// lines that read rgb '#...' turn where a PictureLook wants dark ones: write greys and kBlue of
  /// plots so.
  GnuplotScript(int width, int height);

  template <class... Parts>
  void line(const Parts&... parts) {
    add(concat(parts...));
  }
  /// A text in gnuplot's quotes, for where it takes no word behind them.
  static std::string in_quotes(std::string_view text);
  /// The same, without any special meaning of its characters.
  static std::string quoted(std::string_view text);
  /// Defines $name, one row for each element of the columns, which are of equal length. NaN is a
  /// gap.
  void data(std::string_view name, std::initializer_list<std::span<const double>> columns);
  /// The pixels that an earlier `plot '-' binary ...` line reads: floats, colours.
  void binary(std::span<const std::byte> pixels);
  /// Makes the sequential scale the palette.
  void palette();

  /// Runs gnuplot and writes the picture, whole or not at all.
  void write_png(const std::filesystem::path& path) const;

 private:
  void add(std::string line);  // with our colours, where the page is dark

  std::string script_;
  bool dark_ = false;
};

}  // namespace taugate
