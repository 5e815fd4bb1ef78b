// Files for other programs.

#include <nanobind/stl/filesystem.h>

#include "bindings.h"
#include "taugate/fli/io/phasor_file.h"

namespace taugate::python {
namespace {

void write_phasors(const std::filesystem::path& path, const In<float, 3>& counts,
                   std::optional<double> bin_ns, std::optional<double> period_ns,
                   const std::string& name, const std::vector<int>& harmonics) {
  const Measurement m = measurement_of(counts, bin_ns, period_ns, name);
  const nb::gil_scoped_release no_gil;
  taugate::write_phasors(path, phasor_images(m, harmonics));
}

}  // namespace

void bind_files(nb::module_& m) {
  m.def("write_phasors", &write_phasors, nb::arg("path"), nb::arg("counts"),
        nb::arg("bin_ns").none(), nb::arg("period_ns").none(), nb::arg("name"),
        nb::arg("harmonics"), "The phasors of counts [H][W][bins] as an OME-TIFF file.");
}

}  // namespace taugate::python
