// Reports: whole, self-contained, nothing in them that could be taken for markup.

#include <cmath>

#include "fli/io_testing.h"
#include "report_testing.h"
#include "study/report.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

/// The bytes of the first picture in a page, decoded letter by letter.
std::string first_picture(const std::string& html) {
  const std::string start = "src=\"data:image/png;base64,";
  const std::size_t begin = html.find(start);
  REQUIRE(begin != std::string::npos);
  const std::string text = html.substr(begin + start.size(),
                                       html.find('"', begin + start.size()) - begin - start.size());
  return bytes_of(text);
}

}  // namespace

TEST_CASE("a report holds its pictures, in their order, and escapes every text") {
  const Folder folder;
  const auto path = folder.path / "r.html";
  for (const std::size_t size : {1u, 2u, 3u, 4u, 256u}) {
    std::string picture;
    for (std::size_t i = 0; i < size; ++i) picture += static_cast<char>(255 - i);
    Report report("a<b & \"c\"");
    report.key_metric("τ <ns>", "1 & 2");
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
    check_page(html);
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("sections become Markdown and parts of a report alike") {
  const Folder folder;
  const std::vector<ReportSection> sections{
      {"", {"first words, more <words>"}},
      {"Part", {}, {{"", {"a", "b b"}, {{"1", ""}, {"x y", "2 ± 3"}}}}},
      {"", {"after"}}};
  CHECK(to_markdown("title", sections) ==
        "# title\n\nfirst words, more <words>\n\n## Part\n\n| a | b b |\n|---|---|\n| 1 | |\n"
        "| x y | 2 ± 3 |\n\nafter\n");
  Report report("title");
  for (const ReportSection& section : sections) report.section(section);
  report.write(folder.path / "r.html");
  const std::string html = read_file(folder.path / "r.html");
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

TEST_CASE("back-ticks become code, and what is empty is left out") {
  const Folder folder;
  Report report("r");
  report.section("nothing");
  report.picture("none", [](const std::filesystem::path&) {});
  report.section("some");
  report.paragraph("by `taugate <x>`, yes");
  report.table({"no rows", {"a"}, {}});
  report.section(ReportSection{"`code`", {}, {{"", {"`a`"}, {{"b"}}}}});
  report.section("last");
  report.provenance("a", "b");
  report.write(folder.path / "r.html");
  const std::string html = read_file(folder.path / "r.html");
  check_page(html);
  CHECK(contains(html, "<p>by <code>taugate &lt;x&gt;</code>, yes</p>"));
  CHECK(contains(html, "<h2>some</h2>"));
  CHECK(contains(html, "<h2><code>code</code></h2>"));
  for (const char* empty : {"nothing", "no rows", "<h2>last"}) CHECK_FALSE(contains(html, empty));
}

TEST_CASE("a view of pixels holds every decay, or sums of neighbours, within its limit") {
  constexpr std::size_t W = 7, H = 5, T = 3, N = W * H;
  std::vector<float> tau(N);
  std::vector<std::uint8_t> hatched(N);
  for (std::size_t i = 0; i < N; ++i) {
    tau[i] = i % 5 == 0 ? NAN : 1.0f + 0.1f * static_cast<float>(i);
    hatched[i] = i % 3 == 0;
  }
  const auto value = [](std::size_t i, std::size_t t) {
    return static_cast<float>(3 * i + 10 * t);
  };
  PixelView view{W, H, T, 0.5, 2.0};
  view.maps = {{"lifetime", "ns", tau, Range{0.5, 4.0}}};
  view.hatched = hatched;
  view.hatch_means = "</script><b>";
  view.curves = {{"counts", CurveKind::counts, [&](std::size_t i, std::span<float> out) {
                    for (std::size_t t = 0; t < T; ++t) out[t] = value(i, t);
                  }}};
  const nlohmann::json data = view_in(pixel_view_html(view));
  CHECK(data["width"] == W);
  CHECK(data["height"] == H);
  CHECK(data["block"] == 1);
  CHECK(data["start_ns"] == 2.0);
  CHECK(data["maps"][0]["high"] == 4.0);
  const auto map = floats_of(data["maps"][0]["values"], N), mask = floats_of(data["hatched"], N);
  const auto blocks = floats_of(data["blocks"], N),
             counts = floats_of(data["curves"][0]["values"], N * T);
  for (std::size_t i = 0; i < N; ++i) {
    CHECK(std::isnan(map[i]) == std::isnan(tau[i]));
    if (!std::isnan(tau[i])) CHECK(std::abs(map[i] - tau[i]) <= tau[i] / 1024);
    CHECK(mask[i] == hatched[i]);
    CHECK(blocks[i] == static_cast<float>(i));
    for (std::size_t t = 0; t < T; ++t)
      CHECK(std::abs(counts[i * T + t] - value(i, t)) <= std::sqrt(value(i, t) + 1) / 60);
  }
  // All of them; those with a lifetime; sums over 2 x 2, of which the image has 4 x 3.
  CHECK(pixel_blocks(view, N * T).kept.size() == N);
  const PixelBlocks live = pixel_blocks(view, N * T - 1);
  CHECK(live.size == 1);
  CHECK(live.kept.size() == N - 7);
  const PixelBlocks sums = pixel_blocks(view, (N - 8) * T);
  CHECK(sums.size == 2);
  CHECK(sums.total == 12);
  CHECK(sums.kept.size() == 12);
  // Traces of a list are not summed.
  view.width = N;
  view.height = 1;
  const PixelBlocks list = pixel_blocks(view, 4 * T);
  CHECK(list.size == 1);
  CHECK(list.kept == std::vector<std::size_t>{1, 2, 3, 4});
}
