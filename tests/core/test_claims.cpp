#include "core/claims.h"

#include "taugate/core/error.h"
#include "temporary_folder.h"

using namespace taugate;

TEST_CASE("a piece of work is claimed once, until it is released or its claimant has gone") {
  const testing::TemporaryFolder folder;
  const auto file = folder.path / "claims";
  Claims first(file), second(file);
  CHECK(first.take(17));
  CHECK_FALSE(second.take(17));
  CHECK(second.take(1'000));
  CHECK_FALSE(first.take(1'000));
  first.release(17);
  CHECK(second.take(17));
  {
    Claims third(file);
    CHECK(third.take(~std::uint64_t{0}));
    CHECK_FALSE(first.take(~std::uint64_t{0}));
  }
  CHECK(first.take(~std::uint64_t{0}));
  CHECK_THROWS_AS(Claims(folder.path / "nowhere" / "claims"), Error);
}
