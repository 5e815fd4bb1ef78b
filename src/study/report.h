#pragma once
// A report: one HTML file that shows what a command found, with its pictures inside, so that a
// browser opens it anywhere and without a network. Light or dark as the reader's system is.

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "study/pixel_view.h"

namespace taugate {

struct ReportTable {
  std::string caption;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;  ///< each as long as the head
};

/// What a report shows under one heading, and Markdown says as well.
struct ReportSection {
  std::string heading;  ///< empty: none
  std::vector<std::string> paragraphs;
  std::vector<ReportTable> tables = {};  ///< their captions stand in reports only
};
/// The sections as Markdown under a title. Cells must not hold a bar.
std::string to_markdown(const std::string& title, const std::vector<ReportSection>& sections);

/// Texts are plain: whatever HTML would take for markup is escaped; what stands between back-ticks
/// is shown as code. A section with nothing in it is left out.
class Report {
 public:
  /// Draws one picture as a PNG file at the path that it is given, as the draw_... functions do.
  /// Called twice, for light and dark. One that makes no file leaves its picture out.
  using Draw = std::function<void(const std::filesystem::path&)>;

  explicit Report(std::string title);

  /// One of the few figures that stand at the top.
  void key_metric(std::string label, std::string value);
  void section(const std::string& heading);
  void paragraph(const std::string& text);
  /// Error for a row that is not as long as the head. Nothing for a table without rows.
  void table(ReportTable table);
  void section(const ReportSection& section);
  /// Drawn by write(), side by side with the others, so what it refers to must live until then.
  void picture(std::string caption, Draw draw);
  /// A map whose pixels show their decays.
  void pixels(const PixelView& view);
  /// A line of the table at the end that says how all this came about.
  void provenance(std::string what, std::string value);

  /// Draws the pictures and writes the file, whole or not at all. Error where either fails.
  void write(const std::filesystem::path& path) const;

 private:
  struct Part {
    std::string text;  // HTML, or the caption of a picture
    Draw draw;         // of a picture
    bool heading = false;
  };
  std::vector<std::string> drawn(
      const std::filesystem::path& folder) const;  // HTML of each part; empty for no picture

  std::string title_;
  std::vector<std::pair<std::string, std::string>> figures_, provenance_;
  std::vector<Part> parts_;
  bool script_ = false;
};

}  // namespace taugate
