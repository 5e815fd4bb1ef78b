#pragma once
// The parts of the extension, and what they share: arrays in and out, and long work that Python can watch and stop.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/io/measurement.h"
#include "taugate/fli/physics/acquisition.h"

namespace taugate::python {

namespace nb = nanobind;

void bind_files(nb::module_& m);
void bind_measurements(nb::module_& m);
void bind_models(nb::module_& m);
void bind_simulation(nb::module_& m);
void bind_training(nb::module_& m);
void bind_tape(nb::module_& m);

/// NumPy arrays that are read; of another type or order they are converted first.
template <class S, int N>
using In = nb::ndarray<const S, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class S>
using Out = nb::ndarray<nb::numpy, S>;

/// The values as an array, which owns them: nothing is copied.
template <class S>
Out<S> to_numpy(std::vector<S> values, const std::vector<std::size_t>& shape) {
  auto kept = std::make_unique<std::vector<S>>(std::move(values));
  S* const data = kept->data();
  nb::capsule owner(kept.get(), [](void* p) noexcept { delete static_cast<std::vector<S>*>(p); });
  kept.release();
  return Out<S>(data, shape.size(), shape.data(), owner);
}

template <class Array>
auto span_of(const Array& a) {
  return std::span<const typename Array::Scalar>(a.data(), a.size());
}

/// ValueError where a value is not finite: "name: found nan at [2][7], ...".
void check_finite(const char* name, std::span<const float> values, std::size_t columns);
void check_finite(const char* name, std::span<const double> values, std::size_t columns);

/// counts [H][W][T], copied by all threads; ValueError for what is no count.
Measurement measurement_of(const In<float, 3>& counts, std::optional<double> bin_ns,
                           std::optional<double> period_ns, const std::string& name);

/// An IRF's record: counts [H][W][bins], bin width, laser period, name.
using Record = std::tuple<In<float, 3>, std::optional<double>, std::optional<double>, std::string>;
/// With as many bins as the measurement it has its bins' width, where it does not tell another.
Measurement irf_record(const Record& record, std::size_t bins, std::optional<double> bin_ns);

/// JSON text as Python's objects.
nb::object from_json(const std::string& text);

/// Work that Python watches: progress(done, total), at most ten times a second, and signals such as Ctrl-C. What
/// either raises ends the work, and is raised again by finish().
class Watch {
 public:
  Watch(nb::object progress, double total) : progress_(std::move(progress)), total_(total) {}
  /// Called without the GIL, on the thread that waits for the work. False: stop.
  bool operator()(double done);
  void set_total(double total) { total_ = total; }
  bool stopped() const { return error_ != nullptr; }
  /// With the GIL.
  void finish(bool ended) {
    if (ended && !error_ && !progress_.is_none()) progress_(total_, total_);
    if (error_) std::rethrow_exception(error_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  nb::object progress_;
  double total_;
  Clock::time_point last_ = Clock::now();
  std::exception_ptr error_;
};

}  // namespace taugate::python
