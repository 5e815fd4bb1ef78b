// infer's flag of traces unlike a network's training, and the table of evaluate --unlike.

#include "fli/formats/npz.h"
#include "program.h"
#include "taugate/core/random.h"

using namespace taugate;
using namespace taugate::testing;

TEST_CASE("infer flags traces unlike the training") {
  Folder folder;
  // 100 traces of the model's prior, and 100 of a constant light.
  REQUIRE(run(folder, "simulate --samples 100 --counts 1000 -o like.npz").code == 0);
  std::vector<float> counts = NpzReader(folder / "like.npz").read<float>("tpsf").values;
  Random rng(2, 0);
  for (int i = 0; i < 7000; ++i) counts.push_back(static_cast<float>(rng.below(30)));
  write_npy<float>(folder / "t.npy", NpyType{'f', 4, false}, {200, 70}, counts);
  const Outcome o = run(folder, {"infer", trained_model(), "t.npy", "-o", "r", "--bin", "0.179",
                                 "--period", "12.53", "--no-pictures"});
  REQUIRE_MESSAGE(o.code == 0, o.err);
  std::istringstream table(read_all(folder / "r" / "lifetimes.csv"));
  std::string row;
  std::getline(table, row);
  std::size_t like = 0, unlike = 0;
  for (int i = 0; std::getline(table, row); ++i) (i < 100 ? like : unlike) += row.ends_with(",1");
  CHECK(like < 10);
  CHECK(unlike == 100);
  CHECK(nlohmann::json::parse(read_all(folder / "r" / "summary.json"))["unlike_training"] ==
        like + unlike);
  CHECK(contains(o.out, concat("unlike the training: ", like + unlike, " of 200 pixels")));
  CHECK(contains(o.err, "of the pixels are unlike what the network was trained on"));

  const Outcome e = run(
      folder, {"evaluate", trained_model(), "--unlike", "--samples", "100", "--json", "e.json"});
  REQUIRE_MESSAGE(e.code == 0, e.err);
  const auto json = nlohmann::json::parse(read_all(folder / "e.json"));
  CHECK(json["photons"] == nlohmann::json{100, 300, 1000, 10000});
  for (const auto& c : json["cases"]) {
    CHECK(c["flagged"].size() == 4);
    CHECK(contains(e.out, c["case"].get<std::string>()));
  }
}
