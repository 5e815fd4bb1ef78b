#include "taugate/fli/io/photons.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fli/formats/npz.h"
#include "fli/io/phd.h"
#include "fli/io/ptu.h"
#include "taugate/fli/io/measurement.h"
#include "taugate/fli/io/pixel_groups.h"

namespace taugate {

/// A file of one of the kinds.
struct PhotonSource::Reader {
  using Put = std::function<void(std::uint64_t pixel, double since_ns)>;
  int width = 0, height = 1;
  std::optional<double> period_ns;
  std::vector<std::string> notes;

  virtual ~Reader() = default;
  virtual void read(const Put& put) const = 0;

  struct Ptu;
  struct Archive;
};

struct PhotonSource::Reader::Ptu : Reader {
  PtuReader file;
  std::size_t channel;

  Ptu(const std::filesystem::path& path, const std::optional<int>& wanted)
      : file(path, std::numeric_limits<std::uint64_t>::max()) {
    const std::vector<double>& photons = file.image().photons;
    const auto channels = static_cast<int>(photons.size());
    if (wanted && (*wanted < 1 || *wanted > channels))
      fail_usage("--channel: found ", *wanted, ", wanted 1 to ", channels, " of ", path.string());
    channel = wanted ? static_cast<std::size_t>(*wanted - 1)
                     : static_cast<std::size_t>(std::max_element(photons.begin(), photons.end()) -
                                                photons.begin());
    require(photons[channel] > 0.0, path.string(), ": found no photons in channel ", channel + 1);
    width = file.image().width;
    height = file.image().height;
    if (file.header().sync_rate_hz > 0.0) period_ns = 1e9 / file.header().sync_rate_hz;
    for (const std::string& note : file.image().notes)
      if (!note.starts_with("joined")) notes.push_back(note);  // bins, which nobody uses here
    if (!wanted && channels > 1)
      notes.push_back(concat("channel ", channel + 1, " of ", channels, ", the brightest"));
  }
  void read(const Put& put) const override { file.photons(channel, put); }
};

struct PhotonSource::Reader::Archive : Reader {
  std::vector<float> arrival;
  std::vector<double> offsets;
  double bin_ns = 0.0;

  Archive(const std::filesystem::path& path, const NpzReader& file) {
    const std::string where = path.string();
    arrival = file.read<float>("arrival").values;
    offsets = file.read<double>("offsets").values;
    if (file.has("bin_ns")) bin_ns = file.read<double>("bin_ns").values.at(0);
    if (file.has("period_ns")) period_ns = file.read<double>("period_ns").values.at(0);
    require(bin_ns > 0.0, where, ": found photons without the width of their bins (bin_ns)");
    require(offsets.size() >= 2 && offsets.front() == 0.0 &&
                offsets.back() == static_cast<double>(arrival.size()) &&
                std::is_sorted(offsets.begin(), offsets.end()) && offsets.size() < (1u << 31),
            where, ": found offsets that do not divide its ", arrival.size(),
            " photons, wanted them to rise from 0 to that");
    require(!arrival.empty(), where, ": found no photons");
    for (const float bin : arrival)
      require(bin >= 0.0f && std::isfinite(bin), where, ": found an arrival of ", bin,
              ", wanted the number of a bin");
    width = static_cast<int>(offsets.size() - 1);
  }
  void read(const Put& put) const override {
    for (std::size_t pixel = 0; pixel + 1 < offsets.size(); ++pixel)
      for (auto i = static_cast<std::size_t>(offsets[pixel]);
           i < static_cast<std::size_t>(offsets[pixel + 1]); ++i)
        put(pixel, (static_cast<double>(arrival[i]) + 0.5) * bin_ns);
  }
};

namespace {

/// For a file that holds no photons: what it does hold.
[[noreturn]] void refuse(const std::filesystem::path& path) {
  constexpr const char* wanted =
      "wanted single photons: a PTU, PT3, HT3, T3R or SPC file, or an archive of simulate "
      "--photons";
  std::string format;
  try {
    format = read_measurement(path).format;
  } catch (const Error&) {
    fail(path.string(), ": found no time-tagged photons, ", wanted);
  }
  fail(path.string(), ": found histograms (", format.empty() ? "arrays" : format, "), ", wanted);
}

}  // namespace

PhotonSource::PhotonSource(const std::filesystem::path& path, const PhotonOptions& options)
    : piece_(options.piece) {
  const std::string start = read_prefix(path, 512), where = path.string();
  if (start.starts_with("PQTTTR") || start.starts_with("HydraHarp") ||
      start.starts_with("TimeHarp 200") || (start.starts_with("PicoHarp 300") && !is_phd(start)) ||
      path.extension() == ".spc") {
    require(options.period_ns || read_tttr_header(InputFile(path)).sync_rate_hz > 0.0, where,
            ": found no sync rate (TTResult_SyncRate), so its laser period is not known; wanted "
            "one, or --period NS");
    reader_ = std::make_unique<Reader::Ptu>(path, options.channel);
  } else if (start.starts_with("PK")) {
    const NpzReader file(path);
    if (!file.has("arrival") || !file.has("offsets")) refuse(path);
    if (options.channel)
      fail_usage("--channel: found ", *options.channel, ", but ", where, " has no channels");
    reader_ = std::make_unique<Reader::Archive>(path, file);
  } else {
    refuse(path);
  }
  ImageSize size{reader_->width, reader_->height};
  if (options.binning) size = size_in_tiles(size, *options.binning, where);
  binning_ = options.binning.value_or(1);
  width_ = size.width;
  height_ = size.height;
  notes_ = reader_->notes;
  const std::optional<double>& told = reader_->period_ns;
  require(told || options.period_ns, where,
          ": found photons without the laser period (period_ns), wanted it, or --period NS");
  if (told && options.period_ns && std::abs(*options.period_ns / *told - 1.0) > 1e-3)
    fail_usage("--period: found ", *options.period_ns, " ns, ", where, " says ", *told, " ns");
  period_ns_ = told ? *told : *options.period_ns;
}
PhotonSource::~PhotonSource() = default;

void PhotonSource::read(const std::function<void(std::span<const PixelPhoton>)>& each) const {
  std::vector<PixelPhoton> piece;
  piece.reserve(piece_);
  const auto columns = static_cast<std::uint64_t>(reader_->width),
             across = static_cast<std::uint64_t>(width_),
             bin = static_cast<std::uint64_t>(binning_);
  reader_->read([&](std::uint64_t pixel, double since_ns) {
    if (bin > 1) pixel = pixel / columns / bin * across + pixel % columns / bin;
    piece.push_back({static_cast<std::uint32_t>(pixel), static_cast<float>(since_ns)});
    if (piece.size() < piece_) return;
    each(piece);
    piece.clear();
  });
  if (!piece.empty()) each(piece);
}

}  // namespace taugate
