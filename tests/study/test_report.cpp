// Reports: whole, self-contained, nothing in them that could be taken for markup.

#include "fli/io_testing.h"
#include "taugate/study/report.h"
#include "testing.h"

using namespace taugate;

namespace {

/// The bytes of the first picture in a page, decoded letter by letter.
std::string first_picture(const std::string& html) {
  const std::string start = "src=\"data:image/png;base64,";
  const std::size_t begin = html.find(start);
  REQUIRE(begin != std::string::npos);
  const std::string text = html.substr(begin + start.size(),
                                       html.find('"', begin + start.size()) - begin - start.size());
  std::string bytes;
  unsigned bits = 0;
  int have = 0;
  for (char c : text) {
    if (c == '=') break;
    const int value = c >= 'a'   ? c - 'a' + 26
                      : c >= 'A' ? c - 'A'
                      : c >= '0' ? c - '0' + 52
                      : c == '+' ? 62
                                 : 63;
    bits = bits << 6 | static_cast<unsigned>(value);
    have += 6;
    if (have >= 8) bytes += static_cast<char>(bits >> (have -= 8) & 255);
  }
  return bytes;
}

}  // namespace

TEST_CASE("a report holds its pictures, in their order, and escapes every text") {
  const Folder folder;
  const auto path = folder.path / "r.html";
  for (const std::size_t size : {1u, 2u, 3u, 4u, 256u}) {
    std::string picture;
    for (std::size_t i = 0; i < size; ++i) picture += static_cast<char>(255 - i);
    Report report("a<b & \"c\"");
    report.figure("τ <ns>", "1 & 2");
    report.section("<script>");
    report.picture("first", [&](const std::filesystem::path& to) { write_file(to, picture); });
    report.picture("left out", [](const std::filesystem::path&) {});
    report.paragraph("between <them>");
    report.picture("second", [](const std::filesystem::path& to) { write_file(to, "2"); });
    report.table({"<t>", {"a", "b"}, {{"1", "<2>"}}});
    report.provenance("command", "taugate infer '<x>'");
    report.write(path);
    const std::string html = read_file(path);
    CAPTURE(size);
    CHECK(first_picture(html) == picture);
    CHECK(html.starts_with("<!DOCTYPE html>"));
    CHECK(html.ends_with("</html>\n"));
    CHECK(contains(html, "<title>a&lt;b &amp; &quot;c&quot;</title>"));
    CHECK(contains(html, "<td>&lt;2&gt;</td>"));
    for (const char* markup : {"<script", "<them", "<ns", "<2>", "<x>", "<t>"})
      CHECK_FALSE(contains(html, markup));
    CHECK_FALSE(contains(html, "left out"));
    CHECK(html.find("first") < html.find("between"));
    CHECK(html.find("between") < html.find("second"));
    CHECK(html.find("second") < html.find("taugate infer"));
    // Nothing is fetched.
    for (const char* fetched : {"http", "url(", "@import", "<link"})
      CHECK_FALSE(contains(html, fetched));
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("the Markdown of our tables becomes sections, paragraphs and tables") {
  const Folder folder;
  Report report("title");
  report.markdown(
      "# left out\n\nfirst words,\nmore <words>\n\n## Part\n\n| a | b b |\n|---|---|\n| 1 | |\n"
      "| x y | 2 ± 3 |\nafter\n");
  report.write(folder.path / "r.html");
  const std::string html = read_file(folder.path / "r.html");
  CHECK_FALSE(contains(html, "left out"));
  CHECK(contains(html, "<p>first words, more &lt;words&gt;</p>\n<h2>Part</h2>"));
  CHECK(contains(html,
                 "<tr><th>a</th><th>b b</th></tr>\n<tr><td>1</td><td></td></tr>\n"
                 "<tr><td>x y</td><td>2 ± 3</td></tr>"));
  CHECK(contains(html, "</table></div>\n<p>after</p>"));
}

TEST_CASE("a report that cannot be made leaves nothing") {
  const Folder folder;
  const auto path = folder.path / "r.html";
  Report report("r");
  report.picture("none", [](const std::filesystem::path&) { fail("no picture today"); });
  CHECK(error_of([&] { report.write(path); }) == "no picture today");
  CHECK(folder.entries() == 0);
  CHECK(contains(error_of([&] { Report("r").write(folder.path / "no" / "r.html"); }),
                 "No such file"));
  CHECK(contains(error_of([&] {
                   report.table({"", {"a", "b"}, {{"1"}}});
                 }),
                 "a row of 1 cells, wanted the 2"));
}
