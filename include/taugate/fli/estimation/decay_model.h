#pragma once
// What a pixel is expected to record, as a function of everything that may be unknown about it,
// with its derivatives: the one model behind the least-squares fit, the maximum-likelihood fit and
// the Cramer-Rao bound.
//
//     mu_k = background + sum_i amplitude_i R_k(tau_i, shift, stretch)
//
// R_k is the response of gate k to exp(-t/tau) (response.h), the IRF being moved later by `shift`
// and stretched in time by `stretch` about its centre of mass. Derivatives are exact: the same
// lines run in dual numbers.

#include <array>
#include <span>
#include <variant>
#include <vector>

#include "taugate/fli/physics/acquisition.h"
#include "taugate/fli/physics/convolution.h"
#include "taugate/fli/physics/decay.h"
#include "taugate/fli/physics/irf.h"

namespace taugate {

inline constexpr int kMostComponents = 2;
inline constexpr int kMostUnknowns = 2 * kMostComponents + 3;

/// A value for everything in the model.
struct DecayParameters {
  /// Of each component at t = 0, in counts per ns (counts per gate where the gate width is 0).
  std::array<double, kMostComponents> amplitude{};
  std::array<double, kMostComponents> tau_ns{1.0, 1.0};
  double background = 0.0;  ///< counts per gate
  double shift_ns = 0.0;
  double stretch = 1.0;

  /// Its decay; of one component where the second has no amplitude.
  Decay decay() const;
};

/// What is unknown, in this order: amplitude_0, tau_0, amplitude_1, tau_1, background, shift,
/// stretch. The amplitudes always are.
struct Unknowns {
  int components = 1;  ///< 1 or 2
  bool lifetimes = true;
  bool background = true;
  bool shift = false;
  bool stretch = false;

  int count() const { return components * (lifetimes ? 2 : 1) + background + shift + stretch; }
  bool operator==(const Unknowns&) const = default;
};

/// The values of the unknowns, in their order, out of `p` or into it.
void gather(const DecayParameters& p, const Unknowns& unknowns, std::span<double> values);
void scatter(std::span<const double> values, const Unknowns& unknowns, DecayParameters& p);

/// Working memory included, so one object serves one thread at a time.
class DecayModel {
 public:
  /// The IRF's samples are copied. Throws Error where it is longer than the period.
  DecayModel(const Acquisition& acquisition, const IrfCurve& irf, const Unknowns& unknowns);

  int gates() const { return acquisition_.gates; }
  const Unknowns& unknowns() const { return unknowns_; }

  /// mu [T] and jacobian [P][T], row-major, d mu_k / d unknown_p.
  void operator()(const DecayParameters& p, std::span<double> mu, std::span<double> jacobian);

 private:
  template <int N>
  struct Numbers {
    explicit Numbers(const Acquisition& a)
        : convolution(a), gates(static_cast<std::size_t>(a.gates)) {}
    Convolution<Dual<N>> convolution;
    std::vector<Dual<N>> gates;  // R_k
  };
  /// d/d tau is variable 0, d/d shift 1, d/d stretch 2; what nobody asks for is not carried along.
  using AnyNumbers = std::variant<Numbers<1>, Numbers<2>, Numbers<3>>;
  static AnyNumbers numbers_for(const Acquisition& acquisition, const Unknowns& unknowns);
  template <int N>
  void respond(Numbers<N>& numbers, const DecayParameters& p, double tau_ns);

  Acquisition acquisition_;
  Unknowns unknowns_;
  std::vector<double> density_;
  IrfCurve irf_;      // its samples are density_
  double centre_ns_;  // centre of mass
  AnyNumbers numbers_;
};

/// The amplitude at which a mono- or bi-exponential decay gives `photons` in all gates together.
DecayParameters parameters_of(const Acquisition& acquisition, const IrfCurve& irf,
                              const Decay& decay, double photons, double background = 0.0);

}  // namespace taugate
