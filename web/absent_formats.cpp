// What reads the formats of libraries that the page does not have.

#include "fli/formats/csv.h"
#include "fli/formats/hdf5.h"
#include "fli/formats/mat.h"
#include "fli/formats/tiff.h"
#include "fli/io/gate_images.h"
#include "fli/io/hdf5_traces.h"
#include "fli/io/simfcs.h"
#include "taugate/core/error.h"

namespace taugate {
namespace {

[[noreturn]] void not_here(const std::filesystem::path& path, const char* found) {
  fail(path.string(), ": found ", found,
       ", which this page does not read; wanted SDT, PTU, PHD, NPY or NPZ ",
       "(taugate convert writes NPZ)");
}

}  // namespace

void read_tiff_stack(Measurement& m, const MeasurementOptions&) { not_here(m.path, "TIFF"); }
void read_gate_folder(Measurement& m, const MeasurementOptions&) { not_here(m.path, "a folder"); }
void read_hdf5_traces(Measurement& m, const MeasurementOptions&) { not_here(m.path, "HDF5"); }
void read_mat73(Measurement& m, const MeasurementOptions&) { not_here(m.path, "MATLAB 7.3"); }
void read_simfcs(Measurement& m, const MeasurementOptions&) { not_here(m.path, "SimFCS"); }
bool looks_like_hdf5(std::string_view start) { return start.starts_with("\x89HDF"); }
TextTraces read_text_file(const std::filesystem::path& path, const TextOptions&) {
  not_here(path, "text");
}

MatReader::MatReader(const std::filesystem::path& path) : file_(path) { not_here(path, "MATLAB"); }
std::vector<std::string> MatReader::names() const { return {}; }
Array<float> MatReader::read(const std::string&) const { return {}; }

struct TiffReader::Input {};
void TiffReader::Close::operator()(tiff*) const {}
TiffReader::TiffReader(const std::filesystem::path& path) { not_here(path, "TIFF"); }
TiffReader::~TiffReader() = default;
void TiffReader::read_page(int, float*, std::size_t) {}

}  // namespace taugate
