// Regions, binned pixels and masks in fit and infer: the figures of a group are those of the same
// group summed by hand.

#include <cmath>

#include "fli/formats/npz.h"
#include "program.h"
#include "taugate/fli/formats/npy.h"
#include "taugate/fli/io/measurement.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

constexpr std::size_t kSide = 56;
const std::string kAxis = " --bin 0.179 --period 12.53 ";
const std::string kIrf = "--irf-fwhm 0.3 --irf-delay 1.5 --shift known ";

void make_image(const Folder& folder) {
  REQUIRE(run(folder, "simulate --images 4 --irf-fwhm 0.3 --irf-delay 1.5 -o image.npz").code == 0);
}

/// Two cells, 3 and 7, of a few rows each.
void make_mask(const Folder& folder) {
  std::vector<float> labels(kSide * kSide);
  for (std::size_t i = 4 * kSide; i < 12 * kSide; ++i) labels[i] = 7.0f;
  for (std::size_t i = 35 * kSide; i < 36 * kSide; ++i) labels[i] = 3.0f;
  write_npy<float>(folder / "cells.npy", {'f', 4, false}, {kSide}, labels);
}

std::vector<float> read_maps(const Folder& folder, const char* file, const char* map) {
  return NpzReader(folder / file).read<float>(map).values;
}

/// The trace of all pixels in these rows, as a file of its own.
void write_sum(const Folder& folder, const char* name, std::size_t first_row, std::size_t end_row) {
  const Measurement m = read_measurement(folder / "image.npz");
  std::vector<float> sum(static_cast<std::size_t>(m.bins));
  for (std::size_t i = first_row * kSide; i < end_row * kSide; ++i)
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += m.trace(i)[k];
  write_npy<float>(folder / name, {'f', 4, false}, {}, sum);
}

}  // namespace

TEST_CASE("pixels: a label's fit is that of its summed decay") {
  Folder folder;
  make_image(folder);
  make_mask(folder);
  const Outcome o =
      run(folder, "fit image.npz --mask cells.npy -o out --no-pictures" + kAxis + kIrf);
  REQUIRE_MESSAGE(o.code == 0, o.err);
  CHECK(contains(o.out, "label 3: "));
  CHECK(read_maps(folder, "out/fit.npz", "label") == std::vector<float>{3.0f, 7.0f});
  write_sum(folder, "seven.npy", 4, 12);
  REQUIRE(run(folder, "fit seven.npy -o seven --no-pictures" + kAxis + kIrf).code == 0);
  for (const char* map : {"amplitude_weighted_ns", "counts", "chi2_reduced"}) {
    CAPTURE(std::string(map));
    const float alone = read_maps(folder, "seven/fit.npz", map)[0];
    CHECK(read_maps(folder, "out/fit.npz", map)[1] == doctest::Approx(alone).epsilon(1e-5));
  }
}

TEST_CASE("pixels: those of a mask, of a region, and of sliding neighbourhoods") {
  Folder folder;
  make_image(folder);
  make_mask(folder);
  const auto fit = [&](const std::string& options, const char* map) {
    const Outcome o = run(folder, "fit image.npz -o out --no-pictures" + kAxis + kIrf + options);
    REQUIRE_MESSAGE(o.code == 0, o.err);
    return read_maps(folder, "out/fit.npz", map);
  };
  const auto all = fit("", "amplitude_weighted_ns"), counts = fit("", "counts");
  const auto masked = fit("--mask cells.npy --mask-pixels", "amplitude_weighted_ns"),
             labels = read_maps(folder, "out/fit.npz", "label");
  REQUIRE(labels.size() == kSide * kSide);
  for (std::size_t i = 0; i < masked.size(); ++i)
    if (labels[i] > 0.0f && !std::isnan(all[i]))
      CHECK(masked[i] == all[i]);
    else
      CHECK(std::isnan(masked[i]));
  const auto region = fit("--roi 5:40,10:41", "amplitude_weighted_ns");
  REQUIRE(region.size() == 35 * 31);
  for (std::size_t row = 0; row < 35; ++row)
    for (std::size_t column = 0; column < 31; ++column) {
      const float here = all[(row + 5) * kSide + column + 10], got = region[row * 31 + column];
      CHECK((got == here || (std::isnan(here) && std::isnan(got))));
    }
  const auto summed = fit("--bin-pixels 3 --sliding", "counts");
  float sum = 0.0f;
  for (std::size_t row = 9; row < 12; ++row)
    for (std::size_t column = 19; column < 22; ++column) sum += counts[row * kSide + column];
  CHECK(summed[10 * kSide + 20] == sum);
  CHECK(fit("--bin-pixels 4", "counts").size() == 14 * 14);
  // The summed decay counts each photon once, in sliding sums, too.
  const auto deviation = [&](const std::string& options) {
    REQUIRE(run(folder, "fit image.npz --json s.json" + kAxis + kIrf + options).code == 0);
    const auto whole = nlohmann::json::parse(read_all(folder / "s.json"))["whole"];
    return whole["amplitude_weighted_sd_ns"].get<double>();
  };
  CHECK(deviation("--bin-pixels 3 --sliding") == doctest::Approx(deviation("")).epsilon(0.1));
  // Each label has its own place of the IRF.
  const auto places = [&](const std::string& options) {
    REQUIRE(
        run(folder,
            "fit image.npz --mask cells.npy --irf-fwhm 0.3 --irf-delay 1.5 -o out --no-pictures" +
                kAxis + options)
            .code == 0);
    return read_maps(folder, "out/fit.npz", "shift_ns");
  };
  const auto found = places("");
  REQUIRE(found.size() == 2);
  CHECK(found[0] != found[1]);
  CHECK(places("--shift pixel") == found);
  CHECK(places("--shift global") != found);
}

TEST_CASE("pixels: infer groups them in the same way") {
  Folder folder;
  make_image(folder);
  make_mask(folder);
  REQUIRE(run(folder,
              "train --model lifetime --samples 2k --hidden 6 --validation 64 --no-pictures -o "
              "m.safetensors")
              .code == 0);
  const Outcome o =
      run(folder, "infer m.safetensors image.npz --mask cells.npy -o out --no-pictures" + kAxis);
  REQUIRE_MESSAGE(o.code == 0, o.err);
  write_sum(folder, "three.npy", 35, 36);
  REQUIRE(run(folder, "infer m.safetensors three.npy -o three --no-pictures" + kAxis).code == 0);
  const auto of = [&](const char* name) { return read_npy<float>(folder / name).values; };
  CHECK(of("out/lifetimes.npy")[0] == of("three/lifetimes.npy")[0]);
  CHECK(contains(read_all(folder / "out/lifetimes.csv"), ",label\n"));
  CHECK(contains(o.out, "label 3: "));
}

TEST_CASE("pixels: pile-up is corrected in every pixel before they are summed") {
  Folder folder;
  // Two pixels of three bins, of which one is bright: by hand, 100 pulses each.
  write_npy<float>(folder / "two.npy", {'f', 4, false}, {1, 3},
                   std::vector<float>{50.0f, 25.0f, 5.0f, 1.0f, 0.0f, 0.0f});
  const auto counts = [&](const std::string& options) {
    REQUIRE(run(folder,
                "fit two.npy --bin 4 --period 12 --from 0 --no-background --no-pictures "
                "-o out --components 1 " +
                    options)
                .code == 0);
    return read_maps(folder, "out/fit.npz", "counts");
  };
  CHECK(counts("") == std::vector<float>{80.0f, 1.0f});
  const double bright = -100.0 *
                        (std::log(0.5) + std::log(1.0 - 25.0 / 50.0) + std::log(1.0 - 5.0 / 25.0)),
               dim = -100.0 * std::log(0.99);
  const auto corrected = counts("--pile-up --pulses 100");
  CHECK(corrected[0] == doctest::Approx(bright).epsilon(1e-5));
  CHECK(corrected[1] == doctest::Approx(dim).epsilon(1e-5));
  CHECK(counts("--pile-up --pulses 100 --bin-pixels 2")[0] ==
        doctest::Approx(bright + dim).epsilon(1e-5));
  for (const auto& [options, found] :
       {std::pair{"--pile-up", "does not tell of how many laser pulses"},
        {"--pile-up --pulses 80", "wanted fewer than the "},
        {"--pulses 80", "--pulses: does nothing without --pile-up"},
        {"--pile-up --pulses 0", "--pulses: found 0, wanted 1 or more"},
        {"--pile-up --pulses 100 --dead-time -1", "--dead-time: found -1"}}) {
    const Outcome o = run(folder, concat("fit two.npy --bin 4 --period 12 --from 0 ", options));
    CHECK(o.code != 0);
    CHECK_MESSAGE(contains(o.err, found), o.err);
  }
}

TEST_CASE("pixels: what cannot be grouped is refused in one line") {
  Folder folder;
  make_image(folder);
  make_mask(folder);
  write_sum(folder, "one.npy", 0, 1);
  write_npy<float>(folder / "small.npy", {'f', 4, false}, {3}, std::vector<float>(6, 1.0f));
  struct Case {
    std::string command;
    int code;
    const char* found;
  };
  const std::string fit = "fit image.npz" + kAxis + kIrf;
  for (const Case& c : {
           Case{fit + "--mask small.npy", 1,
                "small.npy: found 3 x 2 labels, wanted 56 x 56, as many as image.npz has pixels"},
           {fit + "--mask cells.npy --roi 0:3,0:56", 1, "cells.npy: found no label but 0"},
           {fit + "--roi 0:60,0:10", 2, "image.npz: found a region of rows 0:60"},
           {fit + "--roi 5", 2, "--roi: found '5', wanted ROW:ROW,COLUMN:COLUMN"},
           {fit + "--bin-pixels 2 --sliding", 2, "found 2, wanted an odd number"},
           {fit + "--bin-pixels 2 --mask cells.npy", 2, "--bin-pixels: found --mask"},
           {fit + "--sliding", 2, "--sliding: does nothing without --bin-pixels"},
           {fit + "--bin-pixels 3 --sliding --share-lifetimes pixels", 2,
            "whose sums share photons"},
           {fit + "--mask-pixels", 2, "--mask-pixels: does nothing without --mask"},
           {"fit one.npy --bin-pixels 2" + kAxis + kIrf, 2, "found a list of 1 trace(s)"},
           {fit + "--mask cells.npy --json cells.npy", 2, "--json: found cells.npy, the same file"},
       }) {
    CAPTURE(c.command);
    const Outcome o = run(folder, c.command);
    CHECK(o.code == c.code);
    CHECK_MESSAGE(contains(o.err, c.found), o.err);
    CHECK(std::count(o.err.begin(), o.err.end(), '\n') == 1);
  }
}
