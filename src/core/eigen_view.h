#pragma once
// Our tensors as Eigen sees them, without a copy: for algebra away from the fast paths. No header of
// the library's own includes it, so that nobody needs Eigen to use the library.

#include <Eigen/Core>
#include <type_traits>

#include "taugate/core/tensor.h"

namespace taugate {

/// A matrix of Eigen's over values of type S, which may be const.
template <class S, int kOrder>
using EigenValues = std::conditional_t<
    std::is_const_v<S>,
    const Eigen::Matrix<std::remove_const_t<S>, Eigen::Dynamic, Eigen::Dynamic, kOrder>,
    Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, kOrder>>;

/// [rows][cols].
template <class S>
Eigen::Map<EigenValues<S, Eigen::RowMajor>> as_eigen(const Matrix<S>& m) {
  return {m.data, m.rows, m.cols};
}

/// One trace of a batch, [features][steps]: columns are steps.
template <class S>
auto as_eigen(const Sequence<S>& s, int trace) {
  using Stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  return Eigen::Map<EigenValues<S, Eigen::ColMajor>, Eigen::Unaligned, Stride>(
      s.data + trace, s.features, s.steps,
      Stride(static_cast<Eigen::Index>(s.step_size()), s.lanes()));
}

}  // namespace taugate
