#include "fli/io/hdf5_traces.h"

#include <algorithm>
#include <cmath>

#include "fli/formats/hdf5.h"
#include "fli/formats/mat.h"
#include "fli/io/measurement_fields.h"

namespace taugate {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;  // photons
constexpr std::size_t kMostBins = 65536;
constexpr int kMostChannels = 256;
// What compression can do; a file that claims more values of its bytes is damaged.
constexpr std::uint64_t kLargestRatio = 1032, kRatioSlack = std::uint64_t{1} << 20;

const Hdf5Dataset* find(const std::vector<Hdf5Dataset>& all, const std::string& path) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& d) { return d.path == path; });
  return found == all.end() || !found->numeric ? nullptr : &*found;
}

std::optional<double> number(const Hdf5File& file, const std::vector<Hdf5Dataset>& all,
                             const std::string& path) {
  const Hdf5Dataset* dataset = find(all, path);
  // Some are lists, of one laser.
  if (!dataset || dataset->count() != 1) return std::nullopt;
  return file.values<double>(path, 1).front();
}

/// Histograms of photons that carry their time since the laser pulse, one for each detector.
class PhotonHistograms {
 public:
  PhotonHistograms(const Hdf5File& file, const std::vector<Hdf5Dataset>& all, std::string group)
      : file_(file), group_(std::move(group)) {
    const Hdf5Dataset* times = find(all, group_ + "nanotimes");
    if (!times) fail(file.name(), ": is a Photon-HDF5 file without nanotimes: it holds no decays");
    if (times->shape.size() != 1) fail(file.name(), ": nanotimes are no list");
    count_ = times->count();
    const Hdf5Dataset* detectors = find(all, group_ + "detectors");
    detectors_ = detectors != nullptr;
    if (detectors && detectors->count() != count_)
      fail(file.name(), ": ", detectors->count(), " detectors of ", count_, " nanotimes");
    const auto unit = number(file, all, group_ + "nanotimes_specs/tcspc_unit");
    if (!unit || !(*unit > 0.0 && *unit < 1.0))
      fail(file.name(), ": does not tell the unit of its nanotimes (tcspc_unit)");
    bin_ns = *unit * 1e9;
    const auto announced = number(file, all, group_ + "nanotimes_specs/tcspc_num_bins");
    if (announced && *announced >= 1.0 && *announced <= kMostBins)
      bins_ = static_cast<std::size_t>(*announced);
    auto rate = number(file, all, group_ + "measurement_specs/laser_repetition_rate");
    if (!rate) rate = number(file, all, "setup/laser_repetition_rates");
    if (rate && *rate > 0.0 && std::isfinite(*rate)) period_ns = 1e9 / *rate;
    collect();
  }

  double bin_ns = 0.0;
  std::optional<double> period_ns;
  std::vector<std::vector<float>> histograms;  // [channel][bins]

 private:
  void collect() {
    for (std::size_t first = 0; first < count_; first += kPiece) {
      const std::size_t n = std::min(kPiece, count_ - first);
      const auto times = file_.rows<double>(group_ + "nanotimes", first, n, n);
      const auto channels = detectors_ ? file_.rows<double>(group_ + "detectors", first, n, n)
                                       : std::vector<double>(n);
      for (std::size_t i = 0; i < n; ++i) add(times[i], channels[i]);
    }
    for (auto& histogram : histograms) histogram.resize(bins_);
  }
  void add(double time, double channel) {
    if (!(time >= 0.0 && time < kMostBins) || !(channel >= 0.0 && channel < kMostChannels))
      fail(file_.name(), ": a nanotime of ", time, " at detector ", channel);
    const auto bin = static_cast<std::size_t>(time), c = static_cast<std::size_t>(channel);
    if (histograms.size() <= c) histograms.resize(c + 1);
    bins_ = std::max(bins_, bin + 1);
    if (histograms[c].size() <= bin) histograms[c].resize(bins_);
    histograms[c][bin] += 1.0f;
  }

  const Hdf5File& file_;
  std::string group_;
  std::size_t count_ = 0, bins_ = 1;
  bool detectors_ = false;
};

void read_photons(Measurement& m, const MeasurementOptions& options, const Hdf5File& file,
                  const std::vector<Hdf5Dataset>& all, const std::string& group) {
  m.format = "Photon-HDF5";
  PhotonHistograms photons(file, all, group);
  for (const auto& histogram : photons.histograms) {
    double sum = 0.0;
    for (const float count : histogram) sum += count;
    m.channel_photons.push_back(sum);
  }
  if (photons.histograms.empty()) fail(m.path.string(), ": holds no photons");
  const auto chosen = chosen_channel(m, options.channel);
  m.width = m.height = 1;
  m.bin_ns = photons.bin_ns;
  m.period_ns = photons.period_ns;
  m.counts = photons.histograms[chosen.value_or(0)];
  m.bins = static_cast<int>(m.counts.size());
  for (std::size_t c = 1; !chosen && c < photons.histograms.size(); ++c)
    std::transform(m.counts.begin(), m.counts.end(), photons.histograms[c].begin(),
                   m.counts.begin(), std::plus<>{});
}

/// How many values an array of the file may have.
std::size_t most_values(const Measurement& m, const MeasurementOptions& options) {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(options.largest_bytes / sizeof(float),
                              kLargestRatio * std::filesystem::file_size(m.path) + kRatioSlack));
}

/// Reads a dataset of at most one number; of a longer one, none.
std::function<std::vector<double>(const std::string&)> one_number(
    const Hdf5File& file, const std::vector<Hdf5Dataset>& all) {
  return [&](const std::string& name) {
    const auto value = number(file, all, name);
    return value ? std::vector{*value} : std::vector<double>{};
  };
}

}  // namespace

void read_hdf5_traces(Measurement& m, const MeasurementOptions& options) {
  const Hdf5File file(m.path);
  const std::vector<Hdf5Dataset> all = file.datasets();
  // A file of several spots numbers its groups; --member names one of them.
  const std::string group = options.member.empty() ? "photon_data/" : options.member + "/";
  if (find(all, group + "timestamps")) return read_photons(m, options, file, all, group);
  std::vector<std::string> names;
  for (const auto& dataset : all) {
    // A single number is no array of traces, but may be a time (h5py writes those without extents).
    const bool time = dataset.path == "bin_ns" || dataset.path == "period_ns";
    if (dataset.numeric && (time || !dataset.shape.empty())) names.push_back(dataset.path);
  }
  take_times(m, names, one_number(file, all));
  const std::string member = chosen_member(names, options.member, m.path.string());
  set_array(m, {find(all, member)->shape, file.values<float>(member, most_values(m, options))},
            options.time_first, concat(m.path.string(), ": dataset '", member, "'"));
}

void read_mat73(Measurement& m, const MeasurementOptions& options) {
  const Hdf5File file(m.path);
  const std::vector<Hdf5Dataset> all = file.datasets();
  std::vector<std::string> names;
  for (const auto& dataset : all) {
    // Cells lie in #refs#; text is stored as numbers.
    const auto kind = file.text_attribute(dataset.path, "MATLAB_class");
    if (dataset.numeric && dataset.path[0] != '#' && !dataset.shape.empty() && kind &&
        *kind != "char" && *kind != "cell")
      names.push_back(dataset.path);
  }
  take_times(m, names, one_number(file, all));
  const std::string member = chosen_member(names, options.member, m.path.string());
  // HDF5 lists the extents of MATLAB's columns in reverse.
  std::vector<std::size_t> shape = find(all, member)->shape;
  std::reverse(shape.begin(), shape.end());
  set_array(m, from_columns(std::move(shape), file.values<float>(member, most_values(m, options))),
            options.time_first, concat(m.path.string(), ": array '", member, "'"));
}

}  // namespace taugate
