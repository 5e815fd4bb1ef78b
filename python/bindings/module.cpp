#include <algorithm>
#include <atomic>
#include <cmath>
#include <regex>

#include "bindings.h"
#include "taugate/core/parallel.h"
#include "taugate/simd/arch.h"

namespace taugate::python {
namespace {

constexpr std::size_t kPart = std::size_t{1} << 18;  // counts that a thread looks at at a time

/// Messages name options as the program has them; in Python they are keywords.
std::string with_keywords(const std::string& message) {
  static const std::regex option("--([a-z]+(-[a-z]+)*)( NS)?");
  static constexpr const char* times[] = {"bin", "period",  "first",    "from",     "to",
                                          "tau", "irf_bin", "irf_fwhm", "irf_tail", "irf_delay"};
  std::string out;
  auto rest = message.cbegin();
  for (std::sregex_iterator at(message.begin(), message.end(), option), end; at != end; ++at) {
    std::string name = at->str(1);
    std::replace(name.begin(), name.end(), '-', '_');
    if (std::find(std::begin(times), std::end(times), name) != std::end(times)) name += "_ns";
    out.append(rest, message.cbegin() + at->position()) += name;
    rest = message.cbegin() + at->position() + at->length();
  }
  return out.append(rest, message.cend());
}

template <class S>
void check_all_finite(const char* name, std::span<const S> values, std::size_t columns) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      fail_usage(name, ": found ", values[i], " at [", i / columns, "][", i % columns,
                 "], wanted finite numbers");
}

/// Whether all are counts, by all threads; check_values() then tells which is not.
bool all_counts(const std::vector<float>& values) {
  std::atomic<bool> fine{true};
  parallel_for((values.size() + kPart - 1) / kPart, [&](std::size_t part, int) {
    const float *const begin = values.data() + part * kPart, *const end =
                                                                 values.data() +
                                                                 std::min(values.size(),
                                                                          (part + 1) * kPart);
    int wrong = 0;
    for (const float* c = begin; c != end; ++c) wrong += !(*c >= 0.0f && *c <= kLargestCount);
    if (wrong > 0) fine = false;
  });
  return fine;
}

}  // namespace

void check_finite(const char* name, std::span<const float> values, std::size_t columns) {
  check_all_finite(name, values, columns);
}
void check_finite(const char* name, std::span<const double> values, std::size_t columns) {
  check_all_finite(name, values, columns);
}

Measurement measurement_of(const In<float, 3>& counts, std::optional<double> bin_ns,
                           std::optional<double> period_ns, const std::string& name) {
  constexpr std::size_t most = 1u << 30;
  if (counts.size() == 0 || counts.shape(0) > most || counts.shape(1) > most ||
      counts.shape(2) > most)
    fail_usage(name, ": found an array of shape (", counts.shape(0), ", ", counts.shape(1), ", ",
               counts.shape(2), "), wanted some pixels of some bins");
  Measurement m;
  m.path = name;
  m.height = static_cast<int>(counts.shape(0));
  m.width = static_cast<int>(counts.shape(1));
  m.bins = static_cast<int>(counts.shape(2));
  m.bin_ns = bin_ns;
  m.period_ns = period_ns;
  const float* const from = counts.data();
  const nb::gil_scoped_release no_gil;
  try {
    check_values(m);  // the times
    m.counts.assign(from, from + counts.size());
    if (!all_counts(m.counts)) check_values(m);
  } catch (const Error& e) {
    throw UsageError(e.what());
  }
  return m;
}

nb::object from_json(const std::string& text) {
  return nb::module_::import_("json").attr("loads")(text);
}

bool Watch::operator()(double done) {
  constexpr std::chrono::milliseconds often(100);
  if (error_) return false;
  const auto now = Clock::now();
  if (now - last_ < often) return true;
  last_ = now;
  const nb::gil_scoped_acquire gil;
  try {
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    if (!progress_.is_none()) progress_(done, total_);
  } catch (...) {
    error_ = std::current_exception();
  }
  return !error_;
}

NB_MODULE(_taugate, m) {
  m.doc() = "The C++ library behind taugate, bound with nanobind. Use `import taugate`.";
  const nb::object error = nb::exception<Error>(m, "Error", PyExc_RuntimeError);
  error.doc() = "Something could not be done: a file is damaged, a model does not fit its data.";
  nb::register_exception_translator(
      [](const std::exception_ptr& p, void* type) {
        try {
          std::rethrow_exception(p);
        } catch (const UsageError& e) {
          PyErr_SetString(PyExc_ValueError, with_keywords(e.what()).c_str());
        } catch (const Error& e) {
          PyErr_SetString(static_cast<PyObject*>(type), with_keywords(e.what()).c_str());
        }
      },
      error.ptr());
  m.def("threads", &thread_count, "Threads that computations use.");
  m.def("set_threads", &set_thread_count, nb::arg("count"),
        "Sets the threads that computations use, 1 to 1024. No result depends on it.");
  m.def(
      "arch", [] { return std::string(simd::active_arch()); },
      "The instruction set of the kernels in use: 'scalar', 'sse4', 'avx2', 'avx512' or 'neon64'.");
  bind_files(m);
  bind_measurements(m);
  bind_models(m);
  bind_simulation(m);
  bind_training(m);
  bind_tape(m);
}

}  // namespace taugate::python
