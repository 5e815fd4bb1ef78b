#include "study/report.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <utility>

#include "fli/plot/gnuplot.h"
#include "study/embedded_files.h"
#include "study/report_fields.h"
#include "taugate/core/error.h"
#include "taugate/core/file.h"
#include "taugate/core/parallel.h"

namespace taugate {

std::string escaped(const std::string& text) {
  std::string html;
  for (const char c : text) switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      default:
        html += c;
    }
  return html;
}

/// Three bytes become four letters, the last ones filled up with '='.
std::string base64(const std::string& bytes) {
  static constexpr char kLetters[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    for (int i = 0; i < 4; ++i) text += kLetters[group >> (18 - 6 * i) & 63];
  }
  for (std::size_t i = 0; i < (3 - bytes.size() % 3) % 3; ++i) text[text.size() - 1 - i] = '=';
  return text;
}

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string figures_html(const Pairs& figures) {
  std::string html;
  for (const auto& [label, value] : figures)
    html += concat("<div><dt>", escaped(label), "</dt><dd>", escaped(value), "</dd></div>\n");
  return html.empty() ? html : "<dl class=\"figures\">\n" + html + "</dl>\n";
}

std::string provenance_html(const Pairs& lines) {
  if (lines.empty()) return {};
  std::string html =
      "<h2>How this was made</h2>\n<div class=\"wide\"><table class=\"provenance\">\n";
  for (const auto& [what, value] : lines)
    html += concat("<tr><td>", escaped(what), "</td><td>", escaped(value), "</td></tr>\n");
  return html + "</table></div>\n";
}

constexpr int kSharpness = 2;  // pixels of a picture for one of the page

std::string data_url(const std::string& png) { return "data:image/png;base64," + base64(png); }

/// A picture in both looks; the page takes the one of the reader's system.
std::string picture_html(const std::string& caption, const std::string& light,
                         const std::string& dark) {
  int width = 0;  // from the PNG's header
  for (std::size_t i = 16; i < std::min<std::size_t>(light.size(), 20); ++i)
    width = width << 8 | static_cast<unsigned char>(light[i]);
  return concat("<figure><picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"",
                data_url(dark), "\"><img alt=\"", escaped(caption), "\" width=\"",
                width / kSharpness, "\" src=\"", data_url(light), "\"></picture><figcaption>",
                escaped(caption), "</figcaption></figure>\n");
}

/// What stands between back-ticks is code.
std::string with_code(const std::string& text) {
  std::string html;
  bool code = false;
  for (const char c : escaped(text)) {
    if (c == '`')
      html += (code = !code) ? "<code>" : "</code>";
    else
      html += c;
  }
  return code ? html + "</code>" : html;
}

/// "| a | b |"
std::string markdown_row(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const auto& cell : cells) line += concat(' ', cell, cell.empty() ? "|" : " |");
  return line + '\n';
}

}  // namespace

std::string to_markdown(const std::string& title, const std::vector<ReportSection>& sections) {
  std::string text = concat("# ", title, '\n');
  for (const auto& section : sections) {
    if (!section.heading.empty()) text += concat("\n## ", section.heading, '\n');
    for (const auto& paragraph : section.paragraphs) text += concat('\n', paragraph, '\n');
    for (const auto& table : section.tables) {
      text += '\n' + markdown_row(table.head) + '|';
      for (std::size_t i = 0; i < table.head.size(); ++i) text += "---|";
      text += '\n';
      for (const auto& row : table.rows) text += markdown_row(row);
    }
  }
  return text;
}

Report::Report(std::string title) : title_(std::move(title)) {}

void Report::key_metric(std::string label, std::string value) {
  figures_.emplace_back(std::move(label), std::move(value));
}

void Report::section(const std::string& heading) {
  parts_.push_back({concat("<h2>", with_code(heading), "</h2>\n"), {}, true});
}

void Report::paragraph(const std::string& text) {
  parts_.push_back({concat("<p>", with_code(text), "</p>\n"), {}, false});
}

void Report::table(ReportTable table) {
  if (table.rows.empty()) return;
  const auto line = [&](const std::vector<std::string>& cells, const char* tag) {
    require(cells.size() == table.head.size(), "report: found a row of ", cells.size(),
            " cells, wanted the ", table.head.size(), " of its head");
    std::string html = "<tr>";
    for (const auto& cell : cells) html += concat('<', tag, '>', with_code(cell), "</", tag, '>');
    return html + "</tr>\n";
  };
  std::string html = "<div class=\"wide\"><table>\n";
  if (!table.caption.empty()) html += concat("<caption>", with_code(table.caption), "</caption>\n");
  html += line(table.head, "th");
  for (const auto& row : table.rows) html += line(row, "td");
  parts_.push_back({html + "</table></div>\n", {}, false});
}

void Report::section(const ReportSection& part) {
  if (!part.heading.empty()) section(part.heading);
  for (const auto& text : part.paragraphs) paragraph(text);
  for (const auto& rows : part.tables) table(rows);
}

void Report::picture(std::string caption, Draw draw) {
  parts_.push_back({std::move(caption), std::move(draw), false});
}

void Report::pixels(const PixelView& view) {
  parts_.push_back({pixel_view_html(view), {}, false});
  script_ = true;
}

void Report::provenance(std::string what, std::string value) {
  provenance_.emplace_back(std::move(what), std::move(value));
}

std::vector<std::string> Report::drawn(const std::filesystem::path& folder) const {
  std::vector<std::string> html(parts_.size());
  parallel_for(parts_.size(), [&](std::size_t i, int) {
    const Part& part = parts_[i];
    if (!part.draw) {
      html[i] = part.text;
      return;
    }
    std::string pngs[2];
    for (const bool dark : {false, true}) {
      const std::filesystem::path path = folder / concat(i, dark ? "-dark.png" : ".png");
      const PictureLook look(dark, kSharpness);
      part.draw(path);
      if (!std::filesystem::exists(path)) return;
      pngs[dark] = read_file(path);
    }
    html[i] = picture_html(part.text, pngs[0], pngs[1]);
  });
  return html;
}

void Report::write(const std::filesystem::path& path) const {
  // The target is opened first: an unwritable folder should not cost the drawings.
  OutputFile file(path);
  const std::vector<std::string> html = drawn(file.folder());
  file.write(concat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>",
      escaped(title_), "</title>\n<style>\n", kReportStyle, "</style>\n</head>\n<body>\n<h1>",
      escaped(title_), "</h1>\n", figures_html(figures_)));
  std::string heading;  // waits for something that stands below it
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i].heading)
      heading = html[i];
    else if (!html[i].empty())
      file.write(std::exchange(heading, {}) + html[i]);
  }
  file.write(provenance_html(provenance_));
  if (script_) file.write(concat("<script>\n", kReportScript, "</script>\n"));
  file.write("</body>\n</html>\n");
  file.commit();
}

}  // namespace taugate
