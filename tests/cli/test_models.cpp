// Models that come with the program: listed, and taken by infer.

#include "program.h"

using namespace taugate;
using namespace taugate::testing;

TEST_CASE("models are listed, and one is told whole") {
  Folder folder;
  const Outcome all = run(folder, "models");
  CHECK(all.code == 0);
  for (const char* name :
       {"ss2-70", "ss3-135", "iccd-176", "tcspc-80mhz", "tcspc-40mhz", "tcspc-20mhz"})
    CHECK(contains(all.out, std::string("\n") + name + ' '));
  const Outcome one = run(folder, "models ss2-70");
  CHECK(one.code == 0);
  CHECK(contains(one.out, "70 gates of 0.179 ns"));
  CHECK(contains(one.out, "taugate train --model lifetime"));
  CHECK(contains(one.out, "sigma/bound"));
  check_refused(folder, {"models", "ss2"}, 2, {"found the name 'ss2'"});
  check_refused(folder, {"models", "--describe", "m.safetensors"}, 2, {"wanted --about"});
}

TEST_CASE("infer takes a model by name, or the one that fits") {
  Folder folder;
  REQUIRE(run(folder, "simulate --samples 40 --prior general --mono 1 -o t.npz").code == 0);
  REQUIRE(run(folder, "simulate --samples 4 --gates 100 --gate-step 0.1 --period 30 -o other.npz")
              .code == 0);
  for (const char* command :
       {"infer --model auto t.npz -o a", "infer t.npz --model auto -o a", "infer auto t.npz -o a",
        "infer ss2-70 t.npz -o a", "infer --model ss2-70 t.npz -o a"}) {
    const Outcome o = run(folder, std::string(command) + " --no-pictures");
    CAPTURE(o.err);
    CAPTURE(command);
    REQUIRE(o.code == 0);
    CHECK(contains(o.out, "model: ss2-70 (SwissSPAD2"));
    CHECK(contains(o.out, "40 of 40 pixels have a lifetime"));
    fs::remove_all(folder / "a");
  }
  check_refused(folder, words("infer --model auto other.npz -o a"), 1,
                {"other.npz: found 100 bins of 0.1 ns, period 30 ns", "no model fits, wanted"});
  check_refused(folder, words("infer ss3-135 t.npz -o a"), 1,
                {"t.npz: found 70 bins", "model ss3-135 wants 135 bins of 0.09 ns"});
  check_refused(folder, words("infer ss2 t.npz -o a"), 2, {"found the model 'ss2'"});
}
