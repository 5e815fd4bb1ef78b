#include <doctest/doctest.h>

#include <vector>

#include "core/eigen_view.h"

using namespace taugate;

TEST_CASE("Eigen sees matrices and traces in place") {
  std::vector<float> values(3 * 4);
  const Matrix<float> m{values.data(), 3, 4};
  as_eigen(m)(2, 1) = 5.0f;
  CHECK(m.at(2, 1) == 5.0f);
  const Matrix<const float> fixed{values.data(), 3, 4};
  CHECK(as_eigen(fixed).row(2).sum() == 5.0f);
  CHECK(as_eigen(fixed).data() == values.data());

  Sequence<double> s{nullptr, 5, 3, 2};
  std::vector<double> block(s.size());
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<double>(i);
  s.data = block.data();
  const auto trace = as_eigen(s, 1);
  REQUIRE(trace.rows() == 3);
  REQUIRE(trace.cols() == 5);
  for (int t = 0; t < 5; ++t)
    for (int f = 0; f < 3; ++f) CHECK(trace(f, t) == s.at(t, f, 1));
}
