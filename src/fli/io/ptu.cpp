#include "fli/io/ptu.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace taugate {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 14;  // records
constexpr int kMostBins = 65536;                      // of a curve
constexpr int kMostImageBins = 4096;
constexpr std::size_t kMostChannels = 64;
constexpr double kMostUnits = 1e9;  // of a laser period
constexpr double kMuchLater = 1.5;  // laser periods

// The steps of the overflow counters.
constexpr std::uint64_t kPicoT3 = 65536, kPicoT2 = 210698240, kHydraT3 = 1024, kHydraT2 = 33554432,
                        kHydra1T2 = 33552000, kTimeHarp200Clock = 65536, kBeckerHicklClock = 4096;

}  // namespace

PtuDecoder::PtuDecoder(std::uint32_t record_type, const std::string& where) : type_(record_type) {
  switch (record_type) {
    case kTimeHarp200:
    case kBeckerHickl:
      return;
    case 0x00010303:  // PicoHarp T3
    case 0x00010203:  // PicoHarp T2
      pico_ = true;
      break;
    case 0x00010304:  // HydraHarp 1 T3
    case 0x00010204:  // HydraHarp 1 T2
      counted_overflows_ = false;
      break;
    case 0x01010304:  // HydraHarp 2 T3
    case 0x01010204:  // HydraHarp 2 T2
    case 0x00010305:  // TimeHarp 260 N T3
    case 0x00010205:  // TimeHarp 260 N T2
    case 0x00010306:  // TimeHarp 260 P T3
    case 0x00010206:  // TimeHarp 260 P T2
    case 0x00010307:  // MultiHarp, PicoHarp 330 T3
    case 0x00010207:  // MultiHarp, PicoHarp 330 T2
      break;
    default:
      fail(where, ": records of type ", record_type, " are of no known instrument");
  }
  t3_ = (record_type & 0xf00) == 0x300;
}

PtuEvent PtuDecoder::decode(std::uint32_t record) {
  if (type_ == kTimeHarp200) return time_harp_200(record);
  if (type_ == kBeckerHickl) return becker_hickl(record);
  if (pico_) return t3_ ? pico_t3(record) : pico_t2(record);
  return t3_ ? hydra_t3(record) : hydra_t2(record);
}

/// channel 4 bits | dtime 12 | pulse 16; channel 15: an overflow (dtime 0), else markers in dtime.
PtuEvent PtuDecoder::pico_t3(std::uint32_t record) {
  const std::uint32_t channel = record >> 28, dtime = record >> 16 & 0xfff;
  PtuEvent event;
  event.time = overflow_ + (record & 0xffff);
  if (channel != 15) {
    event.kind = PtuEvent::photon;
    event.channel = static_cast<std::uint8_t>(channel > 0 ? channel - 1 : 0);
    event.dtime = static_cast<std::uint16_t>(dtime);
  } else if (dtime == 0) {
    overflow_ += kPicoT3;
  } else {
    event.kind = PtuEvent::marker;
    event.markers = static_cast<std::uint8_t>(dtime & 15);
  }
  return event;
}

/// channel 4 bits | time 28; channel 0: a laser pulse; 15: markers in the low 4 bits, or an
/// overflow where these are 0.
PtuEvent PtuDecoder::pico_t2(std::uint32_t record) {
  const std::uint32_t channel = record >> 28, time = record & 0xfffffff;
  PtuEvent event;
  event.time = overflow_ + time;
  if (channel == 0) {
    event.kind = PtuEvent::sync;
  } else if (channel != 15) {
    event.kind = PtuEvent::photon;
    event.channel = static_cast<std::uint8_t>(channel - 1);
  } else if ((time & 15) == 0) {
    overflow_ += kPicoT2;
  } else {
    event.kind = PtuEvent::marker;
    event.markers = static_cast<std::uint8_t>(time & 15);
  }
  return event;
}

/// special 1 bit | channel 6 | dtime 15 | pulse 10; special channel 63: overflows, 1..15: markers.
PtuEvent PtuDecoder::hydra_t3(std::uint32_t record) {
  const bool special = record >> 31 != 0;
  const std::uint32_t channel = record >> 25 & 63, pulse = record & 0x3ff;
  PtuEvent event;
  event.time = overflow_ + pulse;
  if (!special) {
    event.kind = PtuEvent::photon;
    event.channel = static_cast<std::uint8_t>(channel);
    event.dtime = static_cast<std::uint16_t>(record >> 10 & 0x7fff);
  } else if (channel == 63) {
    overflow_ += kHydraT3 * (counted_overflows_ ? std::max(pulse, 1u) : 1u);
  } else if (channel >= 1 && channel <= 15) {
    event.kind = PtuEvent::marker;
    event.markers = static_cast<std::uint8_t>(channel);
  }
  return event;
}

/// special 1 bit | channel 6 | time 25; special channel 63: overflows, 0: a laser pulse, 1..15:
/// markers.
PtuEvent PtuDecoder::hydra_t2(std::uint32_t record) {
  const bool special = record >> 31 != 0;
  const std::uint32_t channel = record >> 25 & 63, time = record & 0x1ffffff;
  PtuEvent event;
  event.time = overflow_ + time;
  if (!special) {
    event.kind = PtuEvent::photon;
    event.channel = static_cast<std::uint8_t>(channel);
  } else if (channel == 63) {
    overflow_ += counted_overflows_ ? kHydraT2 * std::max(time, 1u) : kHydra1T2;
  } else if (channel == 0) {
    event.kind = PtuEvent::sync;
  } else if (channel <= 15) {
    event.kind = PtuEvent::marker;
    event.markers = static_cast<std::uint8_t>(channel);
  }
  return event;
}

/// valid 2 bits (the low one) | detector 2 | dtime 12 | clock 16; not valid: an overflow (high bit of dtime), else markers. The
/// clock of 100 ns counts no pulses. The recorder starts with a photon and stops with the next pulse, so dtime runs backwards.
PtuEvent PtuDecoder::time_harp_200(std::uint32_t record) {
  const std::uint32_t dtime = record >> 16 & 0xfff;
  PtuEvent event;
  event.time = overflow_ + (record & 0xffff);
  if ((record >> 30 & 1) != 0) {
    event.kind = PtuEvent::photon;
    event.channel = static_cast<std::uint8_t>(record >> 28 & 3);
    event.dtime = static_cast<std::uint16_t>(4095 - dtime);
  } else if ((dtime & 0x800) != 0) {
    overflow_ += kTimeHarp200Clock;
  } else {
    event.kind = PtuEvent::marker;
    event.markers = static_cast<std::uint8_t>(dtime & 7);
  }
  return event;
}

/// invalid 1 bit | overflow 1 | gap 1 | marker 1 | dtime 12, backwards | detector or markers 4 | clock 12. Invalid with an overflow:
/// so many of them.
PtuEvent PtuDecoder::becker_hickl(std::uint32_t record) {
  const bool invalid = record >> 31 != 0, overflow = (record >> 30 & 1) != 0,
             marker = (record >> 28 & 1) != 0;
  PtuEvent event;
  if (invalid && overflow && !marker) {
    overflow_ += kBeckerHicklClock * (record & 0xfffffff);
    return event;
  }
  if (overflow) overflow_ += kBeckerHicklClock;
  event.time = overflow_ + (record & 0xfff);
  if (marker) {
    event.kind = PtuEvent::marker;
    event.markers = static_cast<std::uint8_t>(record >> 12 & 15);
  } else if (!invalid) {
    event.kind = PtuEvent::photon;
    event.channel = static_cast<std::uint8_t>(record >> 12 & 15);
    event.dtime = static_cast<std::uint16_t>(4095 - (record >> 16 & 0xfff));
  }
  return event;
}

PtuReader::PtuReader(const std::filesystem::path& path, std::uint64_t largest_bytes)
    : file_(path), header_(read_tttr_header(file_)) {
  image_.width = header_.width;
  image_.height = header_.height;
  if (header_.dimensions > 1) find_lines();
  choose_bins(largest_bytes);
}

template <class Each>
void PtuReader::each_event(Each&& each) const {
  PtuDecoder decoder(header_.record_type, file_.path().string());
  std::vector<std::uint32_t> piece(kPiece);
  for (std::uint64_t done = 0; done < header_.records; done += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, header_.records - done)));
    file_.read_at(header_.first_record + 4 * done, piece.data(), 4 * piece.size());
    for (const std::uint32_t record : piece) {
      const PtuEvent event = decoder.decode(record);
      if (event.kind != PtuEvent::none) each(event);
    }
  }
}

/// How long each line is, and whether the recording began in the middle of a frame.
void PtuReader::find_lines() {
  std::uint64_t start = 0, last = 0, frames = 0, lines_of_frame = 0, frames_with_lines = 0;
  bool open = false;
  const auto close = [&](std::uint64_t time) {
    if (open) lines_.lengths.push_back(time > start ? time - start : 0);
    open = false;
  };
  const auto end_frame = [&] {
    if (frames == 0) lines_.before_first_frame = lines_of_frame;
    if (frames == 1) lines_.of_first_frame = lines_of_frame;
    lines_of_frame = 0;
  };
  each_event([&](const PtuEvent& event) {
    last = event.time;
    if (event.kind != PtuEvent::marker) return;
    if (event.markers & header_.frame) {
      end_frame();
      ++frames;
    }
    if (event.markers & header_.line_stop) close(event.time);
    if (event.markers & header_.line_start) {
      close(event.time);
      open = true;
      start = event.time;
      frames_with_lines += lines_of_frame++ == 0;
    }
  });
  close(last);
  end_frame();
  const std::string where = file_.path().string();
  if (lines_.lengths.empty())
    fail(where, ": is an image of ", header_.width, " x ", header_.height,
         " pixels, but holds no marker that starts a line");
  // Lines ahead of the first frame marker are a frame, unless whole frames have more of them.
  if (header_.dimensions == 3 && lines_.before_first_frame < lines_.of_first_frame) {
    lines_.skipped = lines_.before_first_frame;
    if (lines_.skipped > 0)
      image_.notes.push_back(concat("left out the first ", lines_.skipped,
                                    " lines, of a frame that began before the recording"));
  }
  if (header_.dimensions < 3) return;
  const auto height = static_cast<std::uint64_t>(header_.height);
  image_.frames =
      static_cast<int>(header_.frame == 0 ? (lines_.lengths.size() + height - 1) / height
                                          : frames_with_lines - (lines_.skipped > 0));
}

/// Calls each(pixel, channel, time since the pulse, frame from 1) for the photons that belong to the image. The number of markers.
template <class Each>
std::uint64_t PtuReader::each_photon(Each&& each) const {
  const auto width = static_cast<std::uint64_t>(image_.width),
             height = static_cast<std::uint64_t>(image_.height);
  const bool t3 = PtuDecoder(header_.record_type, file_.path().string()).is_t3();
  const double half_swing = std::asin(header_.sine_amplitude);
  std::uint64_t start = 0, length = 0, row = 0, next_row = 0, lines = 0, pulse = 0, markers = 0;
  bool inside = header_.dimensions == 1, pulsed = false;
  int frame = 0;
  const auto column = [&](std::uint64_t time) {
    // In a damaged recording time runs backwards, too.
    double share = time > start && length > 0
                       ? static_cast<double>(time - start) / static_cast<double>(length)
                       : 0;
    if (header_.sine_amplitude > 0.0)
      share = 0.5 + 0.5 * std::sin(half_swing * (2.0 * share - 1.0)) / header_.sine_amplitude;
    const auto x = std::min(
        static_cast<std::uint64_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width)),
        width - 1);
    return header_.bidirectional && row % 2 == 1 ? width - 1 - x : x;
  };
  each_event([&](const PtuEvent& event) {
    if (event.kind == PtuEvent::photon) {
      if (!inside || (!t3 && !pulsed)) return;
      const std::uint64_t pixel = header_.dimensions == 1 ? 0 : row * width + column(event.time);
      each(pixel, event.channel, t3 ? event.dtime : event.time - pulse, frame);
      return;
    }
    if (event.kind == PtuEvent::sync) {
      pulse = event.time;
      pulsed = true;
      return;
    }
    ++markers;
    if (header_.dimensions == 1) return;
    if (event.markers & header_.frame) next_row = 0;
    if (event.markers & header_.line_stop) inside = false;
    if (event.markers & header_.line_start) {
      start = event.time;
      length = lines_.lengths[lines];
      // Without markers of frames they follow each other at the image's height.
      row = header_.dimensions == 2 ? 0 : header_.frame == 0 ? next_row % height : next_row;
      frame += lines >= lines_.skipped && next_row % (header_.frame == 0 ? height : ~0ull) == 0;
      ++next_row;
      inside = row < height && lines >= lines_.skipped;
      ++lines;
    }
  });
  return markers;
}

void PtuReader::choose_bins(std::uint64_t largest_bytes) {
  const std::string where = file_.path().string();
  const PtuDecoder decoder(header_.record_type, where);
  const double unit = decoder.is_t3() ? header_.resolution_s : header_.global_resolution_s;
  // In T3 the tags count laser pulses, so their unit is the period.
  const double period = header_.bins > 0             ? header_.bins * unit
                        : header_.sync_rate_hz > 0.0 ? 1.0 / header_.sync_rate_hz
                        : decoder.is_t3()            ? header_.global_resolution_s
                                                     : 0.0;
  if (!(unit > 0.0)) fail(where, ": does not tell the width of its bins");
  if (!(period >= unit && period <= kMostUnits * unit))
    fail(where, ": a laser period of ", period, " s and bins of ", unit, " s");
  const double units = period / unit;  // of a period
  std::vector<std::uint64_t> photons(kMostChannels);
  std::uint64_t latest = 0, total = 0;
  const std::uint64_t markers =
      each_photon([&](std::uint64_t, std::uint8_t channel, std::uint64_t time, int) {
        ++photons[channel];
        ++total;
        latest = std::max(latest, time);
      });
  if (total == 0)
    fail(where, ": holds no photons",
         header_.dimensions > 1 ? " inside the lines of its image" : "",
         decoder.is_t3() ? "" : " after a laser pulse");
  while (photons.back() == 0) photons.pop_back();
  image_.photons.assign(photons.begin(), photons.end());

  // A period and what came a little later. What came much later followed a pulse that was not
  // recorded (the sync may be divided), so times are folded at the period.
  const auto reach = static_cast<double>(latest + 1);
  const bool fold = !decoder.is_t3() || reach > kMuchLater * units ||
                    (header_.record_type == kTimeHarp200 && reach > units);
  if (fold && decoder.is_t3()) image_.notes.emplace_back("folded times beyond the laser period");
  const double wanted = fold ? std::ceil(units) : std::max(std::ceil(units), reach);
  const double most = header_.dimensions == 1 ? kMostBins : kMostImageBins;
  const double pixels = static_cast<double>(image_.width) * image_.height;
  int joined = 1;
  while (std::ceil(wanted / joined) > most ||
         pixels * std::ceil(wanted / joined) * sizeof(float) > static_cast<double>(largest_bytes)) {
    if (wanted / joined < 2.0)
      fail(where, ": an image of ", image_.width, " x ", image_.height, " pixels is too large");
    joined *= 2;
  }
  if (joined > 1) image_.notes.push_back(concat("joined ", joined, " bins of ", unit * 1e9, " ns"));
  image_.bins = static_cast<int>(std::ceil(wanted / joined));
  image_.bin_ns = 1e9 * unit * joined;
  if (header_.bins == 0) image_.period_ns = 1e9 * period;
  bins_per_unit_ = 1.0 / joined;
  // Of lines that a swinging mirror draws, pixels have different times.
  double seconds = header_.dimensions == 1 ? header_.acquisition_s : 0.0;
  if (header_.dimensions == 3 && header_.sine_amplitude == 0.0)
    for (std::size_t i = lines_.skipped; i < lines_.lengths.size(); ++i)
      seconds += static_cast<double>(lines_.lengths[i]) * header_.global_resolution_s / pixels;
  if (seconds > 0.0 && image_.period_ns) image_.pulses = seconds / period;
  if (header_.record_type == kBeckerHickl && markers > 0)
    image_.notes.push_back(
        concat("left out ", markers, " markers of an image: all photons are one trace"));
  period_units_ = fold ? units : 0.0;
}

void PtuReader::read(std::size_t wanted, std::vector<float>& counts, int wanted_frame) const {
  const auto bins = static_cast<std::uint64_t>(image_.bins);
  if (counts.size() != bins * image_.width * image_.height)
    fail("PTU: found room for ", counts.size(), " counts, wanted ",
         bins * image_.width * image_.height);
  each_photon([&](std::uint64_t pixel, std::uint8_t channel, std::uint64_t time, int frame) {
    if (channel != wanted || (wanted_frame != 0 && frame != wanted_frame)) return;
    auto since = static_cast<double>(time);
    if (period_units_ > 0.0) since = std::fmod(since, period_units_);
    const auto bin = static_cast<std::uint64_t>(since * bins_per_unit_);
    counts[pixel * bins + std::min(bin, bins - 1)] += 1.0f;
  });
}

void PtuReader::photons(
    std::size_t wanted,
    const std::function<void(std::uint64_t pixel, double since_ns)>& each) const {
  const double unit_ns = image_.bin_ns * bins_per_unit_;
  each_photon([&](std::uint64_t pixel, std::uint8_t channel, std::uint64_t time, int) {
    if (channel != wanted) return;
    double since = static_cast<double>(time) + 0.5;
    if (period_units_ > 0.0) since = std::fmod(since, period_units_);
    each(pixel, since * unit_ns);
  });
}

}  // namespace taugate
