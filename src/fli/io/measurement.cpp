#include "taugate/fli/io/measurement.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "taugate/fli/io/csv.h"
#include "taugate/fli/io/npz.h"
#include "taugate/fli/io/phd.h"

namespace taugate {
namespace {

/// [outer][inner] to [inner][outer].
std::vector<float> transposed(const std::vector<float>& values, std::size_t outer,
                              std::size_t inner) {
  std::vector<float> result(values.size());
  for (std::size_t i = 0; i < outer; ++i)
    for (std::size_t j = 0; j < inner; ++j) result[j * outer + i] = values[i * inner + j];
  return result;
}

/// Height, width and bins from the shape of an array.
void set_array(Measurement& m, Array<float> array, bool time_first, const std::string& where) {
  auto shape = array.shape;
  std::string shown;
  for (const std::size_t extent : shape) {
    shown += concat("[", extent, "]");
    if (extent > static_cast<std::size_t>(std::numeric_limits<int>::max()))
      fail(where, ": an extent of ", extent, " is too large");
  }
  if (shape.empty() || shape.size() > 3)
    fail(where, ": an array of shape ", shown.empty() ? "()" : shown,
         ", wanted [T], [N][T] or [H][W][T]");
  if (array.values.empty()) fail(where, ": an array of shape ", shown, " holds no counts");
  if (time_first && shape.size() > 1) {
    array.values = transposed(array.values, shape[0], array.values.size() / shape[0]);
    std::rotate(shape.begin(), shape.begin() + 1, shape.end());
  }
  shape.insert(shape.begin(), 3 - shape.size(), 1);
  m.height = static_cast<int>(shape[0]);
  m.width = static_cast<int>(shape[1]);
  m.bins = static_cast<int>(shape[2]);
  // Pixels are counted in an int in many places.
  if (m.traces() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    fail(where, ": ", m.traces(), " traces are too many");
  m.counts = std::move(array.values);
}

void read_npz(Measurement& m, const MeasurementOptions& options) {
  const NpzReader archive(m.path);
  std::string member = options.member;
  if (member.empty()) {
    if (archive.names().size() == 1)
      member = archive.names().front();
    else
      member = "tpsf";  // where it is missing, read() lists what there is
  }
  set_array(m, archive.read<float>(member), options.time_first,
            concat(m.path.string(), ": member '", member, "'"));
}

void read_curves(Measurement& m) {
  const PhdFile file = read_phd(m.path);
  const PhdCurve& first = file.curves.front();
  m.width = static_cast<int>(file.curves.size());
  m.height = 1;
  m.bins = static_cast<int>(first.counts.size());
  m.bin_ns = first.resolution_ns;
  m.period_ns = first.period_ns();
  for (const PhdCurve& curve : file.curves) {
    // The sync rate is a counter reading, so it wanders a little from curve to curve.
    if (curve.counts.size() != first.counts.size() || curve.resolution_ns != first.resolution_ns ||
        std::abs(curve.sync_rate_hz / first.sync_rate_hz - 1.0) > 0.01)
      fail(m.path.string(), ": its curves differ in channels, resolution or sync rate");
    m.counts.insert(m.counts.end(), curve.counts.begin(), curve.counts.end());
  }
}

void check_counts(const Measurement& m) {
  for (std::size_t i = 0; i < m.counts.size(); ++i) {
    const float count = m.counts[i];
    if (count >= 0.0f && std::isfinite(count)) continue;
    fail(m.path.string(), ": trace ", i / m.bins, ", gate ", i % m.bins, ": found ", count,
         ", wanted a count (a number from 0 up)");
  }
}

}  // namespace

Measurement read_measurement(const std::filesystem::path& path, const MeasurementOptions& options) {
  const std::string start = read_prefix(path, 16);
  const std::string where = path.string();
  if (start.empty()) fail(where, ": is empty");

  Measurement m;
  m.path = path;
  if (start.starts_with("\x93NUMPY"))
    set_array(m, read_npy<float>(path), options.time_first, where);
  else if (start.starts_with("PK"))
    read_npz(m, options);
  else if (start.starts_with("PicoHarp 300"))
    read_curves(m);
  else if (start.find('\0') != std::string::npos)
    fail(where, ": is neither NPY, NPZ, PHD nor text");
  else
    set_array(m, read_text_traces(path, {options.time_first}), false, where);
  check_counts(m);
  return m;
}

}  // namespace taugate
