// --report: one HTML file that stands alone.

#include <numeric>

#include "cli/program.h"
#include "fli/formats/npz.h"
#include "report_testing.h"

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
  check_page(html);
  CHECK(count(html, "<img ") == pictures);
  for (const char* look : {"src=\"data:image/png;base64,iVBORw0KGgo",
                           "dark)\" srcset=\"data:image/png;base64,iVBORw0KGgo"})
    CHECK(count(html, look) == pictures);
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
  const std::string inferred = page(folder / "infer.html", 5);
  CHECK(contains(inferred, "'it'\\''s.npz'"));  // the command, as a shell takes it
  CHECK(contains(inferred, "seed 1"));
  CHECK(contains(inferred, trained_model()));

  const Outcome fit =
      run(folder, {"fit", "it's.npz", "--bin", "0.179", "--period", "12.53", "--irf-fwhm", "0.3",
                   "--irf-delay", "1.5", "--report", "fit.html"});
  REQUIRE_MESSAGE(fit.code == 0, fit.err);
  const std::string fitted = page(folder / "fit.html", 5);
  CHECK(contains(fitted, "reduced chi-square"));
  CHECK(contains(fitted, "Summed decay: "));

  // Both hold every pixel's decay: the archive's counts.
  const auto tpsf = NpzReader(folder / "it's.npz").read<float>("tpsf").values;
  for (const auto* html : {&inferred, &fitted}) {
    const nlohmann::json view = view_in(*html);
    CHECK(view["width"] == 28);
    CHECK(view["curves"][1]["kind"] == (html == &inferred ? "scaled" : "fit"));
    const auto counts = floats_of(view["curves"][0]["values"], 784 * 70);
    const double all = std::accumulate(tpsf.begin(), tpsf.end(), 0.0);
    CHECK(std::abs(std::accumulate(counts.begin(), counts.end(), 0.0) - all) < 1e-3 * all);
    floats_of(view["maps"][0]["values"], 784);
  }

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
