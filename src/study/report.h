#pragma once
// A report: one HTML file that shows what a command found, with its pictures inside, so that a
// browser opens it anywhere and without a network. Light or dark as the reader's system is.

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace taugate {

struct ReportTable {
  std::string caption;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;  ///< each as long as the head
};

/// Texts are plain: whatever HTML would take for markup is escaped.
class Report {
 public:
  /// Draws one picture as a PNG file at the path that it is given, as the draw_... functions do.
  /// One that makes no file leaves its picture out.
  using Draw = std::function<void(const std::filesystem::path&)>;

  explicit Report(std::string title);

  /// One of the few figures that stand at the top.
  void figure(std::string label, std::string value);
  void section(std::string heading);
  void paragraph(std::string text);
  /// Error for a row that is not as long as the head.
  void table(ReportTable table);
  /// Sections, paragraphs and tables of the little Markdown that our own tables are written in:
  /// "## ", "| a | b |"; the line of dashes and a title "# " are left out.
  void markdown(const std::string& text);
  /// Drawn by write(), side by side with the others, so what it refers to must live until then.
  void picture(std::string caption, Draw draw);
  /// A line of the table at the end that says how all this came about.
  void provenance(std::string what, std::string value);

  /// Draws the pictures and writes the file, whole or not at all. Error where either fails.
  void write(const std::filesystem::path& path) const;

 private:
  struct Picture {
    std::string caption;
    Draw draw;
  };
  std::vector<std::string> drawn(const std::filesystem::path& folder) const;  // PNG files

  std::string title_;
  std::vector<std::pair<std::string, std::string>> figures_, provenance_;
  std::vector<std::string> parts_;  // HTML; pictures_[i] comes after parts_[i]
  std::vector<Picture> pictures_;
};

}  // namespace taugate
