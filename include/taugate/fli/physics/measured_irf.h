#pragma once
// Measured IRFs: from recorded counts to curves on one time axis.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace taugate {

/// One IRF: a density in time, linear between its samples and zero before the first and after the
/// last; its area counts as 1 whatever the scale of the samples.
struct IrfCurve {
  double start_ns = 0.0;            ///< time of density[0]; may be negative
  double bin_ns = 0.0;              ///< between samples
  std::span<const double> density;  ///< two samples at least
  double tail_ns = 0.0;             ///< mean of the exponential that blurs it further; 0: none

  double length_ns() const { return bin_ns * static_cast<double>(density.size() - 1); }
};

/// A library of measured IRFs, ready for use: background subtracted, cut to where the signal is,
/// and nowhere negative. Between the samples of a narrow IRF it goes on as a parabola in every bin,
/// which keeps the counts of the bins and the centre of mass.
class MeasuredIrfs {
 public:
  /// counts [curves][bins] row-major, bin j covering [j*bin_ns, (j+1)*bin_ns). A record may start
  /// anywhere in the laser period (IrfPrior::delay_ns moves it onto the acquisition's clock), but
  /// its peak must not be cut in two by the record's ends. The background of a curve is the mean of
  /// its first `background_bins` bins; with background_bins = 0 it is the mean of the quietest
  /// tenth of the curve. Throws Error on shapes that do not fit, on a count that is not a number,
  /// and on a curve without a signal.
  MeasuredIrfs(std::span<const double> counts, int bins, double bin_ns, int background_bins = 0);

  /// Reads what to_json wrote: every later use is the same, bit for bit. Throws Error.
  static MeasuredIrfs from_json(std::string_view text);
  std::string to_json() const;

  int size() const { return static_cast<int>(curves_.size()); }
  double bin_ns() const { return bin_ns_; }  ///< between samples: a half of a record's bin or less
  double longest_ns() const;                 ///< of the curves after cutting
  IrfCurve curve(int index) const;
  /// The curve of a pixel: its own, or the only one.
  IrfCurve of_pixel(std::size_t pixel) const {
    return curve(size() == 1 ? 0 : static_cast<int>(pixel));
  }
  double peak_ns(int index) const;  ///< time of the largest sample

  /// Moves the curves onto one time, that of their mean, and returns by how much each lay later
  /// before [size()], in ns. Fractions of a bin count: the time axes move, no sample changes.
  std::vector<double> align();
  /// Moves all curves later.
  void move(double ns) {
    for (Curve& curve : curves_) curve.moved_ns += ns;
  }
  /// The mean of the curves, of equal areas, as a library of one with twice as many samples.
  MeasuredIrfs mean() const;

 private:
  // Samples are kept as whole millionths of the peak, so that a library written as JSON is read
  // back bit for bit, and is short.
  static constexpr double kPeak = 1e6;
  struct Curve {
    int first_bin;  // its centre is the time of samples[0]
    int peak;       // of samples
    std::vector<double> samples;
    double moved_ns;  // added to its times
  };
  MeasuredIrfs() = default;
  void add(int first_bin, std::vector<double> samples, double moved_ns);
  double bin_ns_ = 0.0;
  std::vector<Curve> curves_;
};

}  // namespace taugate
