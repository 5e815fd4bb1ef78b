#include "taugate/fli/response.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "taugate/core/error.h"

namespace taugate {

/// Q exponentials, and the linear form  level*G - sum_q gain_q y_q  that is wanted at each gate
/// edge.
template <int Q>
struct Response::Terms {
  std::array<double, Q> weight{};
  std::array<double, Q> tau{};
  std::array<double, Q> gain{};
  double level = 0.0;
};

Response::Response(const Acquisition& acquisition, std::size_t largest_irf)
    : acquisition_(acquisition), edges_(static_cast<std::size_t>(acquisition.gates) + 1) {
  nodes_.reserve(3 * largest_irf);
  cumulative_.reserve(largest_irf);
}

/// Fills cumulative_ and nodes_, the earlier pulses included.
template <int Q>
void Response::filter(const IrfCurve& irf, const Terms<Q>& terms) {
  const std::size_t n = irf.density.size();
  const double* g = irf.density.data();
  const double d = irf.bin_ns;
  std::array<double, Q> a, c0, c1, z{};
  for (int q = 0; q < Q; ++q) {
    const double tau = terms.tau[q];
    a[q] = std::exp(-d / tau);
    const double mean = -std::expm1(-d / tau) * tau / d;  // of exp(-s/tau) over the interval
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
  std::array<double, Q> earlier;
  for (int q = 0; q < Q; ++q) {
    const double tau = terms.tau[q], period = acquisition_.period_ns;
    earlier[q] = z[q] * std::exp((irf.length_ns() - period) / tau) / -std::expm1(-period / tau);
  }
  for (std::size_t j = 0; j < n; ++j)
    for (int q = 0; q < Q; ++q) {
      nodes_[j * Q + q] += earlier[q];
      earlier[q] *= a[q];
    }
}

/// out[k] = level*G - sum_q gain_q y_q at the times first_edge + k*step, G growing by one IRF area
/// a period.
template <int Q>
void Response::evaluate(const IrfCurve& irf, const Terms<Q>& terms, double first_edge,
                        std::span<double> out) {
  const double step = acquisition_.gate_step_ns, period = acquisition_.period_ns;
  const double length = irf.length_ns(), d = irf.bin_ns;
  const std::size_t last = irf.density.size() - 1;
  const double area = cumulative_[last];
  std::array<double, Q> ratio, y{};
  for (int q = 0; q < Q; ++q) ratio[q] = std::exp(-step / terms.tau[q]);

  double pulses = std::floor((first_edge - irf.start_ns) / period);
  bool decaying = false;  // y holds the response at the edge before, and the IRF had ended there
  for (std::size_t k = 0; k < out.size(); ++k) {
    double u = first_edge + static_cast<double>(k) * step - irf.start_ns - pulses * period;
    if (u >= period) {
      u -= period;
      pulses += 1.0;
      decaying = false;
    }
    double value = terms.level * area * pulses;
    if (u >= length) {
      if (decaying) {
        for (int q = 0; q < Q; ++q) y[q] *= ratio[q];
      } else {
        for (int q = 0; q < Q; ++q)
          y[q] = nodes_[last * Q + q] * std::exp((length - u) / terms.tau[q]);
        decaying = true;
      }
      value += terms.level * area;
    } else {
      const std::size_t j = std::min(static_cast<std::size_t>(std::max(u / d, 0.0)), last - 1);
      const double s = u - static_cast<double>(j) * d;
      const double g0 = irf.density[j], slope = (irf.density[j + 1] - g0) / d, gs = g0 + slope * s;
      for (int q = 0; q < Q; ++q) {
        const double tau = terms.tau[q], e = std::exp(-s / tau);
        y[q] = e * nodes_[j * Q + q] + tau * (gs - g0 * e - slope * tau * (1.0 - e));
      }
      value += terms.level * (cumulative_[j] + 0.5 * s * (g0 + gs));
    }
    for (int q = 0; q < Q; ++q) value -= terms.gain[q] * y[q];
    out[k] = value;
  }
}

template <int Q>
void Response::respond(const IrfCurve& irf, Terms<Q> terms, std::span<double> gates) {
  filter(irf, terms);
  const double area = cumulative_.back();
  require(area > 0.0, "IRF: found an area of ", area, ", wanted a positive one");
  const double width = acquisition_.gate_width_ns, step = acquisition_.gate_step_ns;
  const bool integrate = width > 0.0;
  for (int q = 0; q < Q; ++q) {
    terms.gain[q] = terms.weight[q] / area * (integrate ? terms.tau[q] : -1.0);
    if (integrate) terms.level += terms.gain[q];
  }
  const std::span<double> edges(edges_);
  if (!integrate) {
    evaluate(irf, terms, 0.0, gates);
  } else if (std::abs(width - step) <= 1e-12 * step) {
    evaluate(irf, terms, 0.0, edges);
    for (std::size_t k = 0; k < gates.size(); ++k) gates[k] = edges[k + 1] - edges[k];
  } else {
    evaluate(irf, terms, width, gates);
    evaluate(irf, terms, 0.0, edges.first(gates.size()));
    for (std::size_t k = 0; k < gates.size(); ++k) gates[k] -= edges[k];
  }
}

void Response::operator()(const IrfCurve& irf, const Decay& decay, std::span<double> gates) {
  require(gates.size() + 1 == edges_.size(), "response: found room for ", gates.size(),
          " gates, wanted ", edges_.size() - 1);
  require(irf.density.size() >= 2 && irf.bin_ns > 0.0 &&
              irf.length_ns() <= acquisition_.period_ns * (1.0 + 1e-12),
          "IRF: found ", irf.density.size(), " samples of ", irf.bin_ns,
          " ns, wanted at least two that span no more than the laser period of ",
          acquisition_.period_ns, " ns");
  const double a1 = decay.fraction, a2 = 1.0 - decay.fraction;
  const double tau1 = decay.tau1_ns, tau2 = decay.tau2_ns;
  const bool mono = a2 == 0.0 || tau1 == tau2;
  double tail = irf.tail_ns;
  if (!(tail > 0.0)) {
    if (mono) return respond<1>(irf, {{1.0}, {tau1}, {}, 0.0}, gates);
    return respond<2>(irf, {{a1, a2}, {tau1, tau2}, {}, 0.0}, gates);
  }
  const auto coincides = [&](double tau) { return std::abs(tau - tail) < 1e-6 * tail; };
  while (coincides(tau1) || coincides(tau2)) tail *= 1.0 + 1e-6;
  const double w1 = a1 * tau1 / (tau1 - tail), w2 = a2 * tau2 / (tau2 - tail);
  if (mono) {
    const double w = tau1 / (tau1 - tail);
    return respond<2>(irf, {{w, -w}, {tau1, tail}, {}, 0.0}, gates);
  }
  respond<3>(irf, {{w1, w2, -w1 - w2}, {tau1, tau2, tail}, {}, 0.0}, gates);
}

}  // namespace taugate
