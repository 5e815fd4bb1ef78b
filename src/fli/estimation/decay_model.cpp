#include "taugate/fli/estimation/decay_model.h"

#include <algorithm>
#include <numeric>

#include "taugate/fli/physics/response.h"

namespace taugate {
namespace {

double centre_of_mass(const IrfCurve& irf) {
  double area = 0.0, moment = 0.0;
  for (std::size_t j = 0; j < irf.density.size(); ++j) {
    area += irf.density[j];
    moment += static_cast<double>(j) * irf.density[j];
  }
  require(area > 0.0, "IRF: found an area of ", area, ", wanted a positive one");
  return irf.start_ns + irf.bin_ns * moment / area;
}

/// Calls f(value in p) for each unknown in order.
template <class Parameters, class F>
void visit(Parameters& p, const Unknowns& u, F&& f) {
  for (int c = 0; c < u.components; ++c) {
    f(p.amplitude[static_cast<std::size_t>(c)]);
    if (u.lifetimes) f(p.tau_ns[static_cast<std::size_t>(c)]);
  }
  if (u.background) f(p.background);
  if (u.shift) f(p.shift_ns);
  if (u.stretch) f(p.stretch);
}

}  // namespace

Decay DecayParameters::decay() const {
  if (!(amplitude[1] > 0.0)) return Decay::mono(tau_ns[0]);
  if (!(amplitude[0] > 0.0)) return Decay::mono(tau_ns[1]);
  const double fraction = amplitude[0] / (amplitude[0] + amplitude[1]);
  if (tau_ns[0] <= tau_ns[1]) return {tau_ns[0], tau_ns[1], fraction};
  return {tau_ns[1], tau_ns[0], 1.0 - fraction};
}

void gather(const DecayParameters& p, const Unknowns& unknowns, std::span<double> values) {
  std::size_t i = 0;
  visit(p, unknowns, [&](double value) { values[i++] = value; });
}

void scatter(std::span<const double> values, const Unknowns& unknowns, DecayParameters& p) {
  std::size_t i = 0;
  visit(p, unknowns, [&](double& value) { value = values[i++]; });
}

DecayModel::AnyNumbers DecayModel::numbers_for(const Acquisition& acquisition,
                                               const Unknowns& unknowns) {
  if (unknowns.stretch) return Numbers<3>(acquisition);
  if (unknowns.shift) return Numbers<2>(acquisition);
  return Numbers<1>(acquisition);
}

DecayModel::DecayModel(const Acquisition& acquisition, const IrfCurve& irf,
                       const Unknowns& unknowns)
    : acquisition_(acquisition),
      unknowns_(unknowns),
      density_(irf.density.begin(), irf.density.end()),
      irf_(irf),
      numbers_(numbers_for(acquisition, unknowns)) {
  validate(acquisition);
  check_irf(irf, acquisition.period_ns);
  require(unknowns.components >= 1 && unknowns.components <= kMostComponents, "decay model: found ",
          unknowns.components, " components, wanted 1 or 2");
  irf_.density = density_;
  centre_ns_ = centre_of_mass(irf_);
}

template <int N>
void DecayModel::respond(Numbers<N>& numbers, const DecayParameters& p, double tau_ns) {
  using Real = Dual<N>;
  const Real stretch = Real::variable(p.stretch, 2);
  const IrfOf<Real> irf{
      centre_ns_ + Real::variable(p.shift_ns, 1) + (irf_.start_ns - centre_ns_) * stretch,
      irf_.bin_ns * stretch, density_};
  const Real tau = Real::variable(tau_ns, 0);
  if (!(irf_.tail_ns > 0.0))
    return numbers.convolution.template operator()<1>(irf, {{Real(1.0)}, {tau}}, numbers.gates);
  Real tail = irf_.tail_ns * stretch;
  while (std::abs(tail.v - tau_ns) < 1e-6 * tau_ns) tail.v *= 1.0 + 1e-6;
  const Real w = tau / (tau - tail);
  numbers.convolution.template operator()<2>(irf, {{w, -w}, {tau, tail}}, numbers.gates);
}

void DecayModel::operator()(const DecayParameters& p, std::span<double> mu,
                            std::span<double> jacobian) {
  const std::size_t T = static_cast<std::size_t>(gates());
  require(mu.size() == T && jacobian.size() == T * static_cast<std::size_t>(unknowns_.count()),
          "decay model: found room for ", mu.size(), " gates and ", jacobian.size(),
          " derivatives, wanted ", T, " and ", T * static_cast<std::size_t>(unknowns_.count()));
  const auto row = [&](std::size_t i) { return jacobian.data() + i * T; };
  std::fill(mu.begin(), mu.end(), p.background);
  std::size_t next = 0;
  const std::size_t shared =
      static_cast<std::size_t>(unknowns_.components * (unknowns_.lifetimes ? 2 : 1));
  const std::size_t shift_row = shared + unknowns_.background;
  const std::size_t stretch_row = shift_row + unknowns_.shift;
  std::fill(row(shared), jacobian.data() + jacobian.size(), 0.0);
  if (unknowns_.background) std::fill_n(row(shared), T, 1.0);
  for (int c = 0; c < unknowns_.components; ++c) {
    const double amplitude = p.amplitude[static_cast<std::size_t>(c)];
    std::visit(
        [&]<int N>(Numbers<N>& numbers) {
          respond(numbers, p, p.tau_ns[static_cast<std::size_t>(c)]);
          double* by_amplitude = row(next++);
          double* by_tau = unknowns_.lifetimes ? row(next++) : nullptr;
          double* by_shift = unknowns_.shift ? row(shift_row) : nullptr;
          double* by_stretch = unknowns_.stretch ? row(stretch_row) : nullptr;
          for (std::size_t k = 0; k < T; ++k) {
            const Dual<N>& r = numbers.gates[k];
            mu[k] += amplitude * r.v;
            by_amplitude[k] = r.v;
            if (by_tau) by_tau[k] = amplitude * r.d[0];
            if constexpr (N > 1)
              if (by_shift) by_shift[k] += amplitude * r.d[1];
            if constexpr (N > 2)
              if (by_stretch) by_stretch[k] += amplitude * r.d[2];
          }
        },
        numbers_);
  }
}

DecayParameters parameters_of(const Acquisition& acquisition, const IrfCurve& irf,
                              const Decay& decay, double photons, double background) {
  std::vector<double> gates(static_cast<std::size_t>(acquisition.gates));
  Response{acquisition}(irf, decay, gates);
  const double sum = std::accumulate(gates.begin(), gates.end(), 0.0);
  require(sum > 0.0, "decay model: no light of a lifetime of ", decay.tau1_ns,
          " ns reaches the gates");
  const double scale = photons / sum;
  return {{scale * decay.fraction, scale * (1.0 - decay.fraction)},
          {decay.tau1_ns, decay.tau2_ns},
          background};
}

}  // namespace taugate
