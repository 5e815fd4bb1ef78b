#pragma once
// The closed-form circular convolution of exponentials with an IRF, as response.h derives it, in
// any kind of number: doubles for the simulator, dual numbers for fits, which need its derivatives
// by the lifetime and by the IRF's place and width as well.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/physics/acquisition.h"
#include "taugate/fli/physics/dual.h"

namespace taugate {

/// An IRF whose place and width may be variables; see IrfCurve.
template <class Real>
struct IrfOf {
  Real start;
  Real bin;
  std::span<const double> density;

  Real length() const { return bin * static_cast<double>(density.size() - 1); }
};

/// Q exponentials, weight_q exp(-t/tau_q).
template <class Real, int Q>
struct Exponentials {
  std::array<Real, Q> weight{};
  std::array<Real, Q> tau{};
};

/// Working memory included, so one object serves one thread at a time.
template <class Real>
class Convolution {
 public:
  explicit Convolution(const Acquisition& acquisition, std::size_t largest_irf = 0)
      : acquisition_(acquisition), edges_(static_cast<std::size_t>(acquisition.gates) + 1) {
    nodes_.reserve(3 * largest_irf);
    cumulative_.reserve(largest_irf);
  }

  std::size_t gates() const { return edges_.size() - 1; }

  /// gates [T]: what each gate receives, as Response::operator() says. Throws Error where the IRF
  /// has no area.
  template <int Q>
  void operator()(const IrfOf<Real>& irf, const Exponentials<Real, Q>& decay,
                  std::span<Real> gates) {
    filter(irf, decay);
    const Real area = cumulative_.back();
    require(value_of(area) > 0.0, "IRF: found an area of ", value_of(area),
            ", wanted a positive one");
    const double width = acquisition_.gate_width_ns, step = acquisition_.gate_step_ns;
    const bool integrate = width > 0.0;
    Wanted<Q> wanted;
    for (int q = 0; q < Q; ++q) {
      wanted.gain[q] = decay.weight[q] / area * (integrate ? decay.tau[q] : Real(-1.0));
      if (integrate) wanted.level += wanted.gain[q];
    }
    const std::span<Real> edges(edges_);
    if (!integrate) {
      evaluate(irf, decay, wanted, 0.0, gates);
    } else if (std::abs(width - step) <= 1e-12 * step) {
      evaluate(irf, decay, wanted, 0.0, edges);
      for (std::size_t k = 0; k < gates.size(); ++k) gates[k] = edges[k + 1] - edges[k];
    } else {
      evaluate(irf, decay, wanted, width, gates);
      evaluate(irf, decay, wanted, 0.0, edges.first(gates.size()));
      for (std::size_t k = 0; k < gates.size(); ++k) gates[k] -= edges[k];
    }
  }

 private:
  /// The linear form  level*G - sum_q gain_q y_q  that is wanted at each gate edge.
  template <int Q>
  struct Wanted {
    std::array<Real, Q> gain{};
    Real level = 0.0;
  };

  /// Fills cumulative_ and nodes_, the earlier pulses included.
  template <int Q>
  void filter(const IrfOf<Real>& irf, const Exponentials<Real, Q>& decay) {
    using std::exp, std::expm1;
    const std::size_t n = irf.density.size();
    const double* g = irf.density.data();
    const Real d = irf.bin;
    std::array<Real, Q> a, c0, c1, z{};
    for (int q = 0; q < Q; ++q) {
      const Real tau = decay.tau[q];
      a[q] = exp(-d / tau);
      const Real mean = -expm1(-d / tau) * tau / d;  // of exp(-s/tau) over the interval
      c0[q] = tau * (mean - a[q]);
      c1[q] = tau * (1.0 - mean);
    }
    nodes_.resize(n * Q);
    cumulative_.resize(n);
    cumulative_[0] = 0.0;
    for (int q = 0; q < Q; ++q) nodes_[q] = 0.0;
    for (std::size_t j = 1; j < n; ++j) {
      cumulative_[j] = cumulative_[j - 1] + 0.5 * d * (g[j - 1] + g[j]);
      for (int q = 0; q < Q; ++q) {
        z[q] = a[q] * z[q] + (c0[q] * g[j - 1] + c1[q] * g[j]);
        nodes_[j * Q + q] = z[q];
      }
    }
    std::array<Real, Q> earlier;
    for (int q = 0; q < Q; ++q) {
      const Real tau = decay.tau[q];
      const double period = acquisition_.period_ns;
      earlier[q] = z[q] * exp((irf.length() - period) / tau) / -expm1(-period / tau);
    }
    for (std::size_t j = 0; j < n; ++j)
      for (int q = 0; q < Q; ++q) {
        nodes_[j * Q + q] += earlier[q];
        earlier[q] *= a[q];
      }
  }

  /// out[k] = level*G - sum_q gain_q y_q at the times first_edge + k*step, G growing by one IRF
  /// area a period.
  template <int Q>
  void evaluate(const IrfOf<Real>& irf, const Exponentials<Real, Q>& decay, const Wanted<Q>& wanted,
                double first_edge, std::span<Real> out) {
    using std::exp;
    const double step = acquisition_.gate_step_ns, period = acquisition_.period_ns;
    const Real length = irf.length(), d = irf.bin;
    const std::size_t last = irf.density.size() - 1;
    const Real area = cumulative_[last];
    std::array<Real, Q> ratio, y{};
    for (int q = 0; q < Q; ++q) ratio[q] = exp(-step / decay.tau[q]);

    double pulses = std::floor((first_edge - value_of(irf.start)) / period);
    bool decaying = false;  // y holds the response at the edge before, and the IRF had ended there
    for (std::size_t k = 0; k < out.size(); ++k) {
      Real u = first_edge + static_cast<double>(k) * step - irf.start - pulses * period;
      if (value_of(u) >= period) {
        u -= period;
        pulses += 1.0;
        decaying = false;
      }
      Real sum = wanted.level * area * pulses;
      if (value_of(u) >= value_of(length)) {
        if (decaying) {
          for (int q = 0; q < Q; ++q) y[q] *= ratio[q];
        } else {
          for (int q = 0; q < Q; ++q)
            y[q] = nodes_[last * Q + q] * exp((length - u) / decay.tau[q]);
          decaying = true;
        }
        sum += wanted.level * area;
      } else {
        const double at = value_of(u) / value_of(d);
        const std::size_t j = std::min(static_cast<std::size_t>(std::max(at, 0.0)), last - 1);
        const Real s = u - static_cast<double>(j) * d;
        const double g0 = irf.density[j];
        const Real slope = (irf.density[j + 1] - g0) / d, gs = g0 + slope * s;
        for (int q = 0; q < Q; ++q) {
          const Real tau = decay.tau[q], e = exp(-s / tau);
          y[q] = e * nodes_[j * Q + q] + tau * (gs - g0 * e - slope * tau * (1.0 - e));
        }
        sum += wanted.level * (cumulative_[j] + 0.5 * s * (g0 + gs));
      }
      for (int q = 0; q < Q; ++q) sum -= wanted.gain[q] * y[q];
      out[k] = sum;
    }
  }

  Acquisition acquisition_;
  std::vector<Real> nodes_;       // [IRF samples][Q] the response y_q at each sample of the IRF
  std::vector<Real> cumulative_;  // [IRF samples] G there
  std::vector<Real> edges_;       // [T+1]
};

}  // namespace taugate
