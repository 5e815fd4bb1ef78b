#include "taugate/study/report.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <utility>

#include "taugate/core/error.h"
#include "taugate/core/file.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

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

/// RFC 4648: three bytes become four letters, the last ones filled up with '='.
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

// Pictures are drawn on white, and stay so in the dark.
constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5a6675; --page: #fbfcfd; --card: #ffffff;
  --line: #d9dfe6; --accent: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa7b6; --page: #14181d;
  --card: #1d232a; --line: #343d48; --accent: #7fb4ec; } }
body { margin: 0 auto; padding: 2rem 1.2rem 4rem; max-width: 76rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1.2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .8rem; padding-bottom: .3rem;
  border-bottom: 1px solid var(--line); }
p { max-width: 46rem; }
.figures { display: flex; flex-wrap: wrap; gap: .8rem; margin: 0; }
.figures div { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .7rem 1rem; min-width: 8.5rem; }
.figures dt { color: var(--soft); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.35rem; font-weight: 600; color: var(--accent); }
figure { margin: 1rem 0; display: inline-block; vertical-align: top; margin-right: 1rem;
  max-width: 100%; }
img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: 8px;
  border: 1px solid var(--line); }
figcaption { color: var(--soft); font-size: .9rem; margin-top: .4rem; max-width: 46rem; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; white-space: nowrap; color: var(--soft); padding-bottom: .4rem; }
th, td { padding: .35rem .8rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
.provenance td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.provenance td:first-child { color: var(--soft); white-space: nowrap; vertical-align: top; }
@media print { body { max-width: none; } figure, table { break-inside: avoid; } }
)";

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

std::string picture_html(const std::string& caption, const std::string& png) {
  return concat("<figure><img alt=\"", escaped(caption), "\" src=\"data:image/png;base64,",
                base64(png), "\"><figcaption>", escaped(caption), "</figcaption></figure>\n");
}

/// "| a | b |" without its bars and blanks.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  for (std::size_t at = 1; at < line.size();) {
    const std::size_t end = std::min(line.find('|', at), line.size());
    std::string cell = line.substr(at, end - at);
    cell.erase(0, std::min(cell.find_first_not_of(' '), cell.size()));
    cell.resize(cell.find_last_not_of(' ') + 1);
    cells.push_back(std::move(cell));
    at = end + 1;
  }
  return cells;
}

}  // namespace

Report::Report(std::string title) : title_(std::move(title)), parts_(1) {}

void Report::figure(std::string label, std::string value) {
  figures_.emplace_back(std::move(label), std::move(value));
}

void Report::section(std::string heading) {
  parts_.back() += concat("<h2>", escaped(heading), "</h2>\n");
}

void Report::paragraph(std::string text) {
  parts_.back() += concat("<p>", escaped(text), "</p>\n");
}

void Report::table(ReportTable table) {
  const auto line = [&](const std::vector<std::string>& cells, const char* tag) {
    require(cells.size() == table.head.size(), "report: found a row of ", cells.size(),
            " cells, wanted the ", table.head.size(), " of its head");
    std::string html = "<tr>";
    for (const auto& cell : cells) html += concat('<', tag, '>', escaped(cell), "</", tag, '>');
    return html + "</tr>\n";
  };
  std::string html = "<div class=\"wide\"><table>\n";
  if (!table.caption.empty()) html += concat("<caption>", escaped(table.caption), "</caption>\n");
  html += line(table.head, "th");
  for (const auto& row : table.rows) html += line(row, "td");
  parts_.back() += html + "</table></div>\n";
}

void Report::markdown(const std::string& text) {
  ReportTable rows;
  std::string words;
  const auto finish = [&] {
    if (!words.empty()) paragraph(std::exchange(words, {}));
    if (!rows.head.empty()) table(std::exchange(rows, {}));
  };
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("|-")) continue;
    if (line.starts_with("|")) {
      if (!words.empty()) finish();
      std::vector<std::string> cells = cells_of(line);
      if (!rows.head.empty()) cells.resize(rows.head.size());  // as Markdown does
      if (rows.head.empty())
        rows.head = std::move(cells);
      else
        rows.rows.push_back(std::move(cells));
      continue;
    }
    if (line.empty() || line.starts_with("#") || !rows.head.empty()) finish();
    if (line.starts_with("## "))
      section(line.substr(3));
    else if (!line.starts_with("#") && !line.empty())
      words += (words.empty() ? "" : " ") + line;
  }
  finish();
}

void Report::picture(std::string caption, Draw draw) {
  pictures_.push_back({std::move(caption), std::move(draw)});
  parts_.emplace_back();
}

void Report::provenance(std::string what, std::string value) {
  provenance_.emplace_back(std::move(what), std::move(value));
}

std::vector<std::string> Report::drawn(const std::filesystem::path& folder) const {
  std::vector<std::string> pngs(pictures_.size());
  parallel_for(pictures_.size(), [&](std::size_t i, int) {
    const std::filesystem::path path = folder / concat(i, ".png");
    pictures_[i].draw(path);
    if (std::filesystem::exists(path)) pngs[i] = read_file(path);
  });
  return pngs;
}

void Report::write(const std::filesystem::path& path) const {
  // The target is opened first: an unwritable folder should not cost the drawings.
  OutputFile file(path);
  const std::vector<std::string> pngs = drawn(file.folder());
  file.write(
      concat("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<title>",
             escaped(title_), "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n<h1>",
             escaped(title_), "</h1>\n", figures_html(figures_)));
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    file.write(parts_[i]);
    if (i < pngs.size() && !pngs[i].empty())
      file.write(picture_html(pictures_[i].caption, pngs[i]));
  }
  file.write(provenance_html(provenance_) + "</body>\n</html>\n");
  file.commit();
}

}  // namespace taugate
