#include "taugate/fli/io/measurement.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/formatted.h"
#include "fli/formats/csv.h"
#include "fli/formats/hdf5.h"
#include "fli/formats/mat.h"
#include "fli/formats/npz.h"
#include "fli/io/flim_labs.h"
#include "fli/io/gate_images.h"
#include "fli/io/hdf5_traces.h"
#include "fli/io/measurement_fields.h"
#include "fli/io/phd.h"
#include "fli/io/phu.h"
#include "fli/io/ptu.h"
#include "fli/io/sdt.h"
#include "fli/io/simfcs.h"

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

}  // namespace

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
  m.either_way |= shape.size() > 1;
  if (time_first && shape.size() > 1) {
    array.values = transposed(array.values, shape[0], array.values.size() / shape[0]);
    std::rotate(shape.begin(), shape.begin() + 1, shape.end());
  }
  shape.insert(shape.begin(), 3 - shape.size(), 1);
  m.height = static_cast<int>(shape[0]);
  m.width = static_cast<int>(shape[1]);
  m.bins = static_cast<int>(shape[2]);
  if (m.bins == 1)
    fail(where, ": found ", m.traces(), " traces of one bin in an array ", shown,
         time_first
             ? "; is time its first axis, as --time-first says?"
             : "; if time is its first axis, give --time-first (of an IRF --irf-time-first)");
  // Pixels are counted in an int in many places.
  if (m.traces() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    fail(where, ": ", m.traces(), " traces are too many");
  m.counts = std::move(array.values);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::optional<std::size_t> chosen_channel(Measurement& m, int wanted) {
  const auto& photons = m.channel_photons;
  const auto count = static_cast<int>(photons.size());
  m.many_channels = count > 1;
  if (wanted > count || wanted < MeasurementOptions::kSum)
    fail_usage("channel: found ", wanted, ", wanted 1 to ", count, " (", m.path.string(), ")");
  if (wanted == MeasurementOptions::kSum) return std::nullopt;
  const auto brightest = std::max_element(photons.begin(), photons.end()) - photons.begin();
  m.channel = wanted == MeasurementOptions::kBrightest ? static_cast<int>(brightest) + 1 : wanted;
  if (wanted == MeasurementOptions::kBrightest && count > 1)
    m.notes.push_back(concat("channel ", m.channel, " of ", count, ", the brightest"));
  return static_cast<std::size_t>(m.channel) - 1;
}

std::pair<int, int> chosen_frames(Measurement& m, int frames, int wanted) {
  m.frames = frames;
  if (frames == 0 || wanted == 0) return {0, std::max(frames, 1)};
  if (wanted < 0 || wanted > frames)
    fail_usage("frame: found ", wanted, ", wanted 1 to ", frames, " (", m.path.string(), ")");
  return {wanted - 1, wanted};
}

void reserve_counts(Measurement& m, const MeasurementOptions& options) {
  const std::uint64_t values = std::uint64_t{m.traces()} * static_cast<std::uint64_t>(m.bins);
  if (values > options.largest_bytes / sizeof(float))
    fail(m.path.string(), ": ", m.width, " x ", m.height, " pixels of ", m.bins,
         " bins are too many to be read at once");
  m.counts.reserve(static_cast<std::size_t>(values));
}

std::string chosen_member(const std::vector<std::string>& names, const std::string& wanted,
                          const std::string& where) {
  std::string name = !wanted.empty() ? wanted : names.size() == 1 ? names.front() : "tpsf";
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  constexpr std::size_t most = 20;  // in a message
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
    list += (list.empty() ? "" : ", ") + names[i];
  if (names.size() > most) list += ", ...";
  fail(where, ": holds ", names.size(), " arrays of numbers and none is called '", name,
       names.empty() ? "'" : "'; name one (--member NAME, of an IRF --irf-member NAME): ", list);
}

void take_times(Measurement& m, std::vector<std::string>& names,
                const std::function<std::vector<double>(const std::string& name)>& read) {
  for (const auto& [name, value] :
       {std::pair{"bin_ns", &m.bin_ns}, std::pair{"period_ns", &m.period_ns}}) {
    if (std::erase(names, name) == 0) continue;
    const std::vector<double> number = read(name);
    if (number.size() != 1) fail(m.path.string(), ": member '", name, "' is no time");
    *value = number[0];
  }
}

namespace {

void read_plain_npy(Measurement& m, const MeasurementOptions& options) {
  set_array(m, read_npy<float>(m.path), options.time_first, m.path.string());
}

void read_npz(Measurement& m, const MeasurementOptions& options) {
  const NpzReader archive(m.path);
  const std::string where = m.path.string();
  std::vector<std::string> names = archive.names();
  take_times(m, names, [&](const std::string& name) { return archive.read<double>(name).values; });
  const std::string member = chosen_member(names, options.member, where);
  set_array(m, archive.read<float>(member), options.time_first,
            concat(where, ": member '", member, "'"));
}

void read_mat(Measurement& m, const MeasurementOptions& options) {
  const MatReader file(m.path);
  std::vector<std::string> names = file.names();
  take_times(m, names, [&](const std::string& name) {
    const Array<float> number = file.read(name);
    return std::vector<double>(number.values.begin(), number.values.end());
  });
  const std::string member = chosen_member(names, options.member, m.path.string());
  set_array(m, file.read(member), options.time_first,
            concat(m.path.string(), ": array '", member, "'"));
}

/// A record that begins `start_ns` after the laser pulse, on the clock that began with the pulse:
/// bins before it are empty.
void begin_at(Measurement& m, double start_ns) {
  constexpr double most_bins = 65536.0;
  const std::string where = m.path.string();
  // A time may be that of a bin's start, middle or end.
  const double bins = std::floor(start_ns / *m.bin_ns + 1e-6);
  if (bins == 1.0 || bins == 0.0) return;
  if (!(bins > 0.0 && bins + m.bins <= most_bins))
    fail(where, ": its times begin at ", start_ns,
         " ns, wanted times since the laser pulse, from 0 up and below 65,536 bins");
  const auto before = static_cast<std::size_t>(bins), own = static_cast<std::size_t>(m.bins);
  std::vector<float> counts(m.traces() * (before + own));
  for (std::size_t i = 0; i < m.traces(); ++i)
    std::copy_n(m.trace(i).begin(), own, &counts[i * (before + own) + before]);
  m.counts = std::move(counts);
  m.bins += static_cast<int>(before);
  m.notes.push_back(concat("its times begin at ", start_ns, " ns: ", before,
                           " empty bins stand for the time before"));
}

void read_text(Measurement& m, const MeasurementOptions& options) {
  TextTraces text = read_text_file(m.path, {options.time_first});
  m.bin_ns = text.bin_ns;
  m.period_ns = text.period_ns;
  if (text.horiba) m.format = "Horiba text";
  set_array(m, std::move(text.traces), false, m.path.string());
  m.either_way = text.either_way;
  if (text.start_ns != 0.0) begin_at(m, text.start_ns);
  if (text.width > 0 && m.height == 1 && m.width % text.width == 0) {
    m.height = m.width / text.width;
    m.width = text.width;
  }
}

/// All curves, or the one that is chosen.
void read_curves(Measurement& m, const MeasurementOptions& options, const PhdFile& file) {
  const int curves = static_cast<int>(file.curves.size());
  m.many_channels = curves > 1;
  if (m.many_channels)
    for (const PhdCurve& curve : file.curves)
      m.channel_photons.push_back(static_cast<double>(curve.integral_count));
  const bool all = options.channel == MeasurementOptions::kBrightest;
  if (!all && (options.channel < 1 || options.channel > curves))
    fail_usage("channel: found ",
               options.channel == MeasurementOptions::kSum ? "sum" : concat(options.channel),
               ", wanted a curve, 1 to ", curves, " (", m.path.string(), ")");
  const PhdCurve& first = file.curves[all ? 0 : static_cast<std::size_t>(options.channel) - 1];
  m.width = all ? curves : 1;
  m.height = 1;
  m.channel = all ? 0 : options.channel;
  m.bins = static_cast<int>(first.counts.size());
  m.bin_ns = first.resolution_ns;
  m.period_ns = first.period_ns();
  if (first.acquisition_s > 0.0) m.pulses = first.acquisition_s * first.sync_rate_hz;
  if (!all) {
    m.counts.assign(first.counts.begin(), first.counts.end());
    return;
  }
  for (const PhdCurve& curve : file.curves) {
    if (!same_settings(first, curve))
      fail(m.path.string(), ": its curves differ in channels, resolution, offset or sync rate; ",
           "choose one with --channel 1 to ", curves, " (taugate info lists them)");
    m.counts.insert(m.counts.end(), curve.counts.begin(), curve.counts.end());
  }
}

void read_phd_curves(Measurement& m, const MeasurementOptions& options) {
  read_curves(m, options, read_phd(m.path));
}
void read_phu_curves(Measurement& m, const MeasurementOptions& options) {
  read_curves(m, options, read_phu(m.path));
}

void read_sdt(Measurement& m, const MeasurementOptions& options) {
  const SdtReader file(m.path);
  const auto& channels = file.channels();
  // One channel needs no second reading for a choice.
  for (std::size_t i = 0; i < channels.size(); ++i) {
    double photons = 0.0;
    if (channels.size() > 1)
      file.read(i, [&](std::span<const float> counts) {
        photons = std::accumulate(counts.begin(), counts.end(), photons);
      });
    m.channel_photons.push_back(photons);
  }
  const auto chosen = chosen_channel(m, options.channel);
  const SdtChannel& first = channels[chosen.value_or(0)];
  m.width = first.width;
  m.height = first.height;
  m.bins = first.bins;
  m.bin_ns = first.bin_ns;
  m.period_ns = first.period_ns;
  reserve_counts(m, options);
  file.read(chosen.value_or(0), [&](std::span<const float> counts) {
    m.counts.insert(m.counts.end(), counts.begin(), counts.end());
  });
  if (channels.size() == 1)
    m.channel_photons[0] = std::accumulate(m.counts.begin(), m.counts.end(), 0.0);
  if (chosen) return;
  for (std::size_t i = 1; i < channels.size(); ++i) {
    if (channels[i].width != m.width || channels[i].height != m.height ||
        channels[i].bins != m.bins || channels[i].bin_ns != *m.bin_ns)
      fail(m.path.string(), ": channels 1 and ", i + 1,
           " differ in pixels or bins and cannot be added up");
    auto sum = m.counts.begin();
    file.read(i, [&](std::span<const float> counts) {
      for (const float count : counts) *sum++ += count;
    });
  }
}

void read_ptu(Measurement& m, const MeasurementOptions& options) {
  const PtuReader file(m.path, options.largest_bytes);
  const PtuImage& image = file.image();
  m.notes = image.notes;
  m.channel_photons = image.photons;
  m.width = image.width;
  m.height = image.height;
  m.bins = image.bins;
  m.bin_ns = image.bin_ns;
  m.period_ns = image.period_ns;
  m.pulses = image.pulses;
  const auto chosen = chosen_channel(m, options.channel);
  chosen_frames(m, image.frames, options.frame);
  if (options.frame != 0 && m.pulses) *m.pulses /= image.frames;
  m.counts.resize(m.traces() * static_cast<std::size_t>(m.bins));
  for (std::size_t i = 0; i < image.photons.size(); ++i)
    if (!chosen || *chosen == i) file.read(i, m.counts, options.frame);
}

bool is_sdt(const std::string& start) {
  // Its first block of text follows the header of 42 bytes.
  return start.size() >= 57 && start.substr(42, 15) == "*IDENTIFICATION";
}

bool is_tiff(const std::string& start) {
  // Byte order, then 42 or, for BigTIFF, 43 in it.
  return start.starts_with(std::string_view("II\x2A\0", 4)) ||
         start.starts_with(std::string_view("MM\0\x2A", 4)) ||
         start.starts_with(std::string_view("II\x2B\0", 4)) ||
         start.starts_with(std::string_view("MM\0\x2B", 4));
}

/// A format: how its files begin, and who reads them.
struct Format {
  const char* name;
  bool (*begins)(const std::string& start);
  void (*read)(Measurement&, const MeasurementOptions&);
  bool archive = false;          ///< holds arrays by name
  const char* ending = nullptr;  ///< of its name, where the content does not tell
};

/// No bytes that text does not have, and few beyond ASCII.
bool is_text(const std::string& start) {
  const auto foreign = [](unsigned char c) { return (c < 32 && (c < 8 || c > 13)) || c == 127; };
  const auto beyond =
      std::count_if(start.begin(), start.end(), [](unsigned char c) { return c > 127; });
  return std::none_of(start.begin(), start.end(), foreign) &&
         static_cast<std::size_t>(beyond) <= start.size() / 8 + 4;
}

bool any_content(const std::string&) { return true; }

constexpr Format kFormats[] = {
    {"NPY", [](const std::string& s) { return s.starts_with("\x93NUMPY"); }, read_plain_npy},
    {"SimFCS BHZ", [](const std::string& s) { return s.starts_with("PK"); }, read_simfcs, false,
     ".bhz"},
    {"NPZ", [](const std::string& s) { return s.starts_with("PK"); }, read_npz, true},
    {"PicoHarp PHD", [](const std::string& s) { return is_phd(s); }, read_phd_curves},
    {"PicoHarp PT3", [](const std::string& s) { return s.starts_with("PicoHarp 300"); }, read_ptu},
    {"PicoQuant PHU", [](const std::string& s) { return s.starts_with("PQHISTO"); },
     read_phu_curves},
    {"HydraHarp HT3", [](const std::string& s) { return s.starts_with("HydraHarp"); }, read_ptu},
    {"TimeHarp T3R", [](const std::string& s) { return s.starts_with("TimeHarp 200"); }, read_ptu},
    {"Becker & Hickl SDT", is_sdt, read_sdt},
    {"PicoQuant PTU", [](const std::string& s) { return s.starts_with("PQTTTR"); }, read_ptu},
    {"TIFF", is_tiff, read_tiff_stack},
    {"MATLAB 7.3", [](const std::string& s) { return s.starts_with("MATLAB 7.3 "); }, read_mat73,
     true},
    {"MATLAB", [](const std::string& s) { return s.starts_with("MATLAB "); }, read_mat, true},
    {"HDF5", [](const std::string& s) { return looks_like_hdf5(s); }, read_hdf5_traces, true},
    {"FLIM LABS JSON", [](const std::string& s) { return looks_like_flim_labs(s); },
     read_flim_labs},
    // What has no mark of its own comes last. The first word of a .spc has its high bit set.
    {"Becker & Hickl SPC", [](const std::string& s) { return s.size() > 4 && (s[3] & 0x80) != 0; },
     read_ptu, false, ".spc"},
    {"SimFCS Z64", any_content, read_simfcs, false, ".z64"},
    {"SimFCS B64", any_content, read_simfcs, false, ".b64"},
    {"SimFCS B&H", any_content, read_simfcs, false, ".b&h"},
    {"text", is_text, read_text},
};
constexpr std::size_t kStart = 4096;  // bytes that tell the format

void refuse_idle_options(const Measurement& m, bool archive, const MeasurementOptions& o) {
  const auto refuse = [&](const char* option, const char* why) {
    fail_usage(o.prefix, option, ": does nothing for ", m.path.string(), " (", m.format, "), ",
               why);
  };
  if (o.time_first && !m.either_way) refuse("time-first", "which tells its axis of time itself");
  if (!o.member.empty() && !archive) refuse("member", "which holds no named arrays");
  if (o.channel != o.kBrightest && !m.many_channels)
    refuse("channel", "which has no detector channels to choose from");
  if (o.frame != 0 && m.frames == 0) refuse("frames", "which keeps no frames apart");
  if (o.gates_per_frame != 0 && !m.format.ends_with("TIFF"))
    refuse("gates-per-frame", "whose pages are not for it to tell");
}

[[noreturn]] void fail_unknown(const std::filesystem::path& path, const std::string& start) {
  const std::string ending = lower_ending(path);
  if (ending == ".r64" || ending == ".ref")
    fail(path.string(), ": a SimFCS ", ending, " holds phases and modulations, no counts; wanted ",
         "the counts that they were made of, as .z64, .b64, .bhz or .b&h");
  if (ending == ".bin")
    fail(path.string(), ": a .bin tells neither the size of its images nor the type of its counts;",
         " wanted them as .npy of [T][H][W], with --time-first");
  std::string bytes, known;
  for (std::size_t i = 0; i < std::min<std::size_t>(start.size(), 8); ++i)
    bytes += formatted(" %02x", static_cast<unsigned>(static_cast<unsigned char>(start[i])));
  for (const Format& format : kFormats)
    known += (known.empty() ? "" : ", ") + std::string(format.name);
  fail(path.string(), ": is of no known format: found the first bytes", bytes, ", wanted ", known);
}

}  // namespace

void check_values(const Measurement& m) {
  constexpr double longest_ns = 1e9;
  for (const auto& [what, ns] :
       {std::pair{"bin width", m.bin_ns}, std::pair{"laser period", m.period_ns}})
    require(!ns || (*ns > 0.0 && *ns <= longest_ns), m.path.string(), ": found a ", what, " of ",
            ns.value_or(0.0), " ns, wanted more than 0 and at most ", longest_ns);
  for (std::size_t i = 0; i < m.counts.size(); ++i) {
    const float count = m.counts[i];
    if (count >= 0.0f && count <= kLargestCount) continue;
    fail(m.path.string(), ": trace ", i / m.bins, ", gate ", i % m.bins, ": found ", count,
         std::isfinite(count) && count > 0.0f ? concat(", wanted at most ", kLargestCount)
                                              : ", wanted a count (a number from 0 up)");
  }
}

Measurement read_measurement(const std::filesystem::path& path, const MeasurementOptions& options) {
  if (std::filesystem::is_directory(path)) {
    Measurement m;
    m.path = path;
    m.format = "a folder of TIFF images";
    read_gate_folder(m, options);
    refuse_idle_options(m, false, options);
    check_values(m);
    return m;
  }
  const std::string start = read_prefix(path, kStart);
  if (start.empty()) fail(path.string(), ": is empty");
  for (const Format& format : kFormats) {
    if (!format.begins(start)) continue;
    if (format.ending && lower_ending(path) != format.ending) continue;
    Measurement m;
    m.path = path;
    m.format = format.name;
    format.read(m, options);
    refuse_idle_options(m, format.archive, options);
    check_values(m);
    return m;
  }
  fail_unknown(path, start);
}

void set_time_axis(Measurement& m, std::optional<double> bin_ns, std::optional<double> period_ns,
                   const std::string& prefix) {
  const auto set = [&](const char* what, std::optional<double>& own, std::optional<double> given) {
    if (!given) return;
    if (!(*given > 0.0 && std::isfinite(*given)))
      fail_usage(prefix, what, ": found ", *given, ", wanted more than 0 ns");
    if (own && std::abs(*given / *own - 1.0) > 1e-3)
      fail_usage(prefix, what, ": found ", *given, " ns, but ", m.path.string(), " itself says ",
                 *own, " ns");
    if (!own) own = given;
  };
  set("bin", m.bin_ns, bin_ns);
  set("period", m.period_ns, period_ns);
  if (m.bins_span_period && m.period_ns && !m.bin_ns) m.bin_ns = *m.period_ns / m.bins;
}

void require_counts(const Measurement& m) {
  require(std::any_of(m.counts.begin(), m.counts.end(), [](float c) { return c > 0.0f; }),
          m.path.string(), ": found no count in ", m.traces(), " trace(s) of ", m.bins,
          " bins, wanted some");
}

}  // namespace taugate
