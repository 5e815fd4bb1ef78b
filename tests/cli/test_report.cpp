// --report: one HTML file that stands alone.

#include "cli/program.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

/// The page, after the checks that every report must pass.
std::string page(const fs::path& path, std::size_t pictures) {
  const std::string html = read_all(path);
  CHECK(html.starts_with("<!DOCTYPE html>"));
  CHECK(html.ends_with("</html>\n"));
  CHECK(count(html, "<img ") == pictures);
  CHECK(count(html, "src=\"data:image/png;base64,iVBORw0KGgo") == pictures);
  for (const char* fetched : {"http://", "https://", "url(", "<link", "<script"})
    CHECK_FALSE(contains(html, fetched));
  CHECK(contains(html, " kernels, "));
  return html;
}

}  // namespace

TEST_CASE("infer and fit write reports that need nothing else") {
  const Folder folder;
  REQUIRE(run(folder, "simulate --images 1 --seed 4 -o it's.npz").code == 0);
  const Outcome network =
      run(folder, {"infer", trained_model(), "it's.npz", "-o", "result", "--report", "infer.html"});
  REQUIRE_MESSAGE(network.code == 0, network.err);
  const std::string inferred = page(folder / "infer.html", 6);
  CHECK(contains(inferred, "'it'\\''s.npz'"));  // the command, as a shell takes it
  CHECK(contains(inferred, "&quot;seed&quot;:1"));
  CHECK(contains(inferred, trained_model()));

  const Outcome fit =
      run(folder, {"fit", "it's.npz", "--bin", "0.179", "--period", "12.53", "--irf-fwhm", "0.3",
                   "--irf-delay", "1.5", "--report", "fit.html"});
  REQUIRE_MESSAGE(fit.code == 0, fit.err);
  const std::string fitted = page(folder / "fit.html", 7);
  CHECK(contains(fitted, "reduced chi-square"));
  CHECK(contains(fitted, "All light together: "));

  const Outcome bare =
      run(folder, {"fit", "it's.npz", "--bin", "0.179", "--period", "12.53", "--irf-fwhm", "0.3",
                   "--irf-delay", "1.5", "--report", "bare.html", "--no-pictures"});
  REQUIRE_MESSAGE(bare.code == 0, bare.err);
  page(folder / "bare.html", 0);
}

TEST_CASE("a report that cannot be written is said before any work") {
  const Folder folder;
  REQUIRE(run(folder, "simulate --samples 20 -o x.npz").code == 0);
  const Outcome outcome =
      run(folder, {"infer", trained_model(), "x.npz", "-o", "result", "--report", "none/r.html"});
  CHECK(outcome.code == 1);
  CHECK(one_line(outcome.err));
  CHECK(contains(outcome.err, "none/r.html"));
  CHECK_FALSE(fs::exists(folder / "result"));
}
