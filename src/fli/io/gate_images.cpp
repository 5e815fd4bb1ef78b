#include "fli/io/gate_images.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "core/natural_order.h"
#include "fli/formats/tiff.h"
#include "fli/io/measurement_fields.h"
#include "fli/io/ome.h"

namespace taugate {
namespace {

namespace fs = std::filesystem;

/// One page: an image of numbers is a list of traces.
void read_list(Measurement& m, TiffReader& file, const MeasurementOptions& options) {
  const auto rows = static_cast<std::size_t>(file.height()),
             columns = static_cast<std::size_t>(file.width());
  Array<float> array{{rows, columns}, std::vector<float>(rows * columns)};
  file.read_page(0, array.values.data());
  set_array(m, std::move(array), options.time_first, m.path.string());
}

/// "slices=60" and the like of ImageJ's description; 1 where it says nothing.
int imagej_extent(const std::string& description, const char* axis) {
  constexpr long most = 1 << 20;
  const std::string key = concat('\n', axis, '=');
  const auto at = description.find(key);
  const long extent =
      at == std::string::npos ? 1 : std::strtol(description.c_str() + at + key.size(), nullptr, 10);
  return static_cast<int>(std::clamp(extent, 1L, most));
}

/// How the pages of a TIFF file without OME-XML are gates. All are gates of one image, or, as the user says, frames of
/// so many gates follow each other. An ImageJ stack names its axes, of which channels turn fastest and frames
/// slowest: beside gates along one of the others, channels are detector channels, and where both slices and frames
/// are several, frames are a time series if the user says so.
OmeStack stack_of_pages(const TiffReader& file, int gates_per_frame, const std::string& where) {
  const int pages = file.pages();
  OmeStack stack;
  stack.gates = pages;
  int channels = 1, slices = 1, frames = 1;
  if (file.description().starts_with("ImageJ=")) {
    channels = imagej_extent(file.description(), "channels");
    slices = imagej_extent(file.description(), "slices");
    frames = imagej_extent(file.description(), "frames");
    const bool all = std::int64_t{channels} * slices * frames == pages;
    if (!all || std::max(slices, frames) == 1) channels = slices = frames = 1;
  }
  const std::string axes = concat("an ImageJ stack of ", channels, " channel(s), ", slices,
                                  " slices and ", frames, " frames");
  if (slices > 1 && frames > 1 && gates_per_frame != slices)
    fail_usage(where, ": found ", axes,
               ", wanted to be told which are the gates: --gates-per-frame ", slices,
               " where they lie along the slices, and frames are a time series");
  if (channels > 1) {
    stack.channels = channels;
    stack.gate_step = channels;
    stack.gates = pages / channels;
  }
  if (gates_per_frame == 0) return stack;
  if (gates_per_frame < 2 || stack.gates % gates_per_frame != 0)
    fail_usage("--gates-per-frame: found ", gates_per_frame, ", wanted 2 or more that divide the ",
               stack.gates, " images of ", where);
  stack.frames = stack.gates / gates_per_frame;
  stack.gates = gates_per_frame;
  stack.frame_step = gates_per_frame * stack.gate_step;
  return stack;
}

constexpr std::uint64_t kLargestXml = std::uint64_t{1} << 26;

/// The planes of an image, in whichever files of one folder they lie.
class ImagePlanes {
 public:
  /// Of an OME-TIFF file, as its XML says.
  ImagePlanes(const fs::path& path, TiffReader& own, int gates_per_frame) : path_(path), own_(own) {
    const std::string where = path.string();
    std::string xml = own.description(), described_in;
    if (const auto name = ome_metadata_file(xml, where)) {
      described_in = *name;
      const fs::path file = beside(*name);
      const bool tiff = read_prefix(file, 4).find_first_of("<") == std::string::npos;
      xml = tiff ? TiffReader(file).description() : read_file(file, kLargestXml);
    }
    stack = parse_ome(xml, where, gates_per_frame);
    // One name alone, of a file that was renamed since, does not matter.
    if (stack.files.size() == 1 && described_in.empty() &&
        !fs::exists(path.parent_path() / stack.files[0]))
      stack.files[0].clear();
    std::vector<int> pages;
    for (std::string& name : stack.files) {
      if (name.empty()) name = described_in;
      if (name == path.filename()) name.clear();
      pages.push_back(name.empty() ? own.pages() : TiffReader(beside(name)).pages());
    }
    // Not more than the files hold, before memory is asked for.
    if (stack.planes.size() > std::accumulate(pages.begin(), pages.end(), std::size_t{0}))
      refuse(pages);
    for (const OmeStack::Place& place : stack.planes)
      if (place.page >= pages[static_cast<std::size_t>(place.file)]) refuse(pages);
  }

  /// Of the pages of one file.
  ImagePlanes(TiffReader& own, const OmeStack& pages) : stack(pages), own_(own) {
    stack.files.resize(1);
    for (int page = 0; page < own.pages(); ++page) stack.planes.push_back({0, page});
  }

  OmeStack stack;

  /// out: [height][width], element i at out[i * stride].
  void read(int plane, float* out, std::size_t stride = 1) {
    const OmeStack::Place place = stack.planes[static_cast<std::size_t>(plane)];
    const std::string& name = stack.files[static_cast<std::size_t>(place.file)];
    if (!name.empty() && open_ != place.file) {
      other_.emplace(path_.parent_path() / name);
      open_ = place.file;
      if (other_->width() != own_.width() || other_->height() != own_.height())
        fail(path_.string(), ": has ", own_.width(), " x ", own_.height(), " pixels, ", name,
             " of its set has ", other_->width(), " x ", other_->height());
    }
    (name.empty() ? own_ : *other_).read_page(place.page, out, stride);
  }

 private:
  [[noreturn]] void refuse(const std::vector<int>& pages) const {
    fail(path_.string(), ": its OME-XML announces ", stack.gates, " gates of ", stack.channels,
         " channel(s) and ", stack.frames, " frame(s), the file has ",
         std::accumulate(pages.begin(), pages.end(), 0), " page(s)",
         pages.size() > 1 ? concat(" with the others of its set of ", pages.size()) : "");
  }
  fs::path beside(const std::string& name) const {
    const fs::path file = path_.parent_path() / name;
    if (!fs::exists(file))
      fail(path_.string(), ": is of a set of files, of which ", name, " is not in its folder");
    return file;
  }

  fs::path path_;
  TiffReader& own_;
  std::optional<TiffReader> other_;  // the latest
  int open_ = -1;
};

void choose_stack_channel(Measurement& m, ImagePlanes& planes) {
  const OmeStack& stack = planes.stack;
  std::vector<float> page(m.traces());
  for (int channel = 0; channel < stack.channels; ++channel) {
    double photons = 0.0;
    for (int frame = 0; frame < stack.frames; ++frame)
      for (int gate = 0; gate < stack.gates; ++gate) {
        planes.read(
            channel * stack.channel_step + frame * stack.frame_step + gate * stack.gate_step,
            page.data());
        photons = std::accumulate(page.begin(), page.end(), photons);
      }
    m.channel_photons.push_back(photons);
  }
}

}  // namespace

void read_tiff_stack(Measurement& m, const MeasurementOptions& options) {
  TiffReader file(m.path);
  m.width = file.width();
  m.height = file.height();
  const bool ome = file.description().find("<OME") != std::string::npos ||
                   file.description().find(":OME") != std::string::npos;
  if (!ome && file.pages() == 1) return read_list(m, file, options);
  if (ome) m.format = "OME-TIFF";
  ImagePlanes planes =
      ome ? ImagePlanes(m.path, file, options.gates_per_frame)
          : ImagePlanes(file, stack_of_pages(file, options.gates_per_frame, m.path.string()));
  const OmeStack& stack = planes.stack;
  m.bins = stack.gates;
  m.bin_ns = stack.bin_ns;
  m.period_ns = stack.period_ns;
  reserve_counts(m, options);
  std::optional<std::size_t> chosen = 0;
  if (stack.channels > 1) {
    choose_stack_channel(m, planes);
    chosen = chosen_channel(m, options.channel);
  }
  const auto [first_frame, end_frame] =
      chosen_frames(m, stack.frames > 1 ? stack.frames : 0, options.frame);
  std::vector<float> sum;
  for (int channel = 0; channel < stack.channels; ++channel)
    for (int frame = first_frame; frame < end_frame; ++frame) {
      if (chosen && static_cast<int>(*chosen) != channel) continue;
      m.counts.resize(m.traces() * static_cast<std::size_t>(m.bins));
      for (int gate = 0; gate < m.bins; ++gate)
        planes.read(
            channel * stack.channel_step + frame * stack.frame_step + gate * stack.gate_step,
            m.counts.data() + gate, static_cast<std::size_t>(m.bins));
      if (sum.empty())
        sum = std::move(m.counts);
      else
        std::transform(sum.begin(), sum.end(), m.counts.begin(), sum.begin(), std::plus<>{});
    }
  m.counts = std::move(sum);
}

void read_gate_folder(Measurement& m, const MeasurementOptions& options) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(m.path, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string ending = lower_ending(entry->path());
    if (ending == ".tif" || ending == ".tiff") files.push_back(entry->path());
  }
  if (error) fail(m.path.string(), ": cannot be read: ", error.message());
  if (files.size() < 2)
    fail(m.path.string(), ": is a folder with ", files.size(),
         " TIFF file(s), wanted one for each gate");
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return natural_less(a.filename().string(), b.filename().string());
  });
  m.bins = static_cast<int>(files.size());
  for (std::size_t gate = 0; gate < files.size(); ++gate) {
    TiffReader file(files[gate]);
    if (file.pages() != 1)
      fail(files[gate].string(), ": has ", file.pages(), " pages, wanted one gate a file");
    if (gate == 0) {
      m.width = file.width();
      m.height = file.height();
      reserve_counts(m, options);
      m.counts.resize(m.traces() * files.size());
    }
    if (file.width() != m.width || file.height() != m.height)
      fail(files[gate].string(), ": has ", file.width(), " x ", file.height(), " pixels, ",
           files[0].filename().string(), " has ", m.width, " x ", m.height);
    file.read_page(0, m.counts.data() + gate, files.size());
  }
  m.notes.push_back(concat(files.size(), " gates, from ", files.front().filename().string(), " to ",
                           files.back().filename().string()));
}

}  // namespace taugate
