#include "fli/io/tttr_header.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "fli/formats/binary_fields.h"

namespace taugate {
namespace {

// Layouts: PicoQuant's demos and libpicoquant, Becker & Hickl's TCSPC handbook.

constexpr std::size_t kHeader = 4096;  // bytes that hold any of these headers but its image's
constexpr std::uint64_t kLargestSet = std::uint64_t{1} << 26;
constexpr int kMostWords = 1 << 16, kMostInputs = 64, kMostBoards = 8;
constexpr int kT3 = 3;  // MeasurementMode

BinaryFields start_of(const InputFile& file) {
  std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(kHeader, file.size())), '\0');
  file.read_at(0, bytes.data(), bytes.size());
  return {std::move(bytes), file.path().string()};
}

/// The records behind `first`, of which the header announces `announced` (0: all that there are).
void set_records(PtuHeader& h, const InputFile& file, std::uint64_t first, std::int64_t announced) {
  const std::string where = file.path().string();
  const std::uint64_t held = file.size() > first ? (file.size() - first) / 4 : 0;
  if (announced < 0 || static_cast<std::uint64_t>(announced) > held)
    fail(where, ": is cut short: ", held, " records, its header announces ", announced);
  h.first_record = first;
  h.records = announced > 0 ? static_cast<std::uint64_t>(announced) : held;
}

void refuse_images(const std::string& where, int words) {
  if (words > 0)
    fail(where,
         ": is an image, wanted a point measurement: of this older format no image could be ",
         "tried; PicoQuant's software converts it to .ptu");
}

void want_t3(const BinaryFields& f, std::size_t at) {
  if (const auto mode = f.at<std::int32_t>(at); mode != kT3)
    fail(f.where(), ": measurement mode: found ", mode, ", wanted ", kT3, " (T3)");
}

void set_times(PtuHeader& h, const BinaryFields& f, double resolution_s, double sync_rate_hz) {
  if (!(resolution_s > 0.0 && resolution_s < 1.0) || !(sync_rate_hz >= 0.0))
    fail(f.where(), ": bins of ", resolution_s * 1e9, " ns, sync rate of ", sync_rate_hz, " Hz");
  h.resolution_s = resolution_s;
  h.sync_rate_hz = sync_rate_hz;
  h.global_resolution_s = sync_rate_hz > 0.0 ? 1.0 / sync_rate_hz : 0.0;
}

/// PicoHarp 300, .pt3: a header, boards of 156 bytes, then the recording's own.
PtuHeader read_pt3_header(const InputFile& file) {
  const BinaryFields f = start_of(file);
  want_t3(f, 348);
  const int boards = f.integer(340, 1, kMostBoards, "boards");
  const std::size_t own = 536 + 156 * static_cast<std::size_t>(boards);
  PtuHeader h;
  h.record_type = 0x00010303;
  // A float of 0.016 is 0.0160000008; hardware counts in whole picoseconds.
  set_times(h, f, 1e-12 * std::round(1e3 * double{f.at<float>(536 + 48)}),
            f.at<std::int32_t>(own + 12));
  if (f.at<std::int32_t>(own + 24) == 0) h.acquisition_s = 1e-3 * f.at<std::int32_t>(own + 20);
  const int words = f.integer(own + 32, 0, kMostWords, "words of an image header");
  refuse_images(f.where(), words);
  set_records(h, file, own + 36, f.at<std::int32_t>(own + 28));
  return h;
}

/// HydraHarp 400, .ht3 of versions 1.0 and 2.0: a header, settings and rate of each input, then the recording's own.
PtuHeader read_ht3_header(const InputFile& file) {
  const BinaryFields f = start_of(file);
  want_t3(f, 340);
  const std::string version = f.text(16, 6);
  if (version != "1.0" && version != "2.0")
    fail(f.where(), ": is of version '", version, "', wanted 1.0 or 2.0");
  const int inputs = f.integer(664, 1, kMostInputs, "inputs");
  const std::size_t own = 696 + 20 * static_cast<std::size_t>(inputs);
  PtuHeader h;
  h.record_type = version == "1.0" ? 0x00010304 : 0x01010304;
  set_times(h, f, 1e-12 * f.at<double>(352), f.at<std::int32_t>(own));
  if (f.at<std::int32_t>(own + 8) == 0) h.acquisition_s = 1e-3 * f.at<std::int32_t>(own + 4);
  const int words = f.integer(own + 12, 0, kMostWords, "words of an image header");
  refuse_images(f.where(), words);
  set_records(h, file, own + 24, f.at<std::int64_t>(own + 16));
  return h;
}

/// TimeHarp 200, .t3r of versions 5.0 and 6.0.
PtuHeader read_t3r_header(const InputFile& file) {
  const BinaryFields f = start_of(file);
  const std::string version = f.text(16, 6);
  if (version != "5.0" && version != "6.0")
    fail(f.where(), ": is of version '", version, "', wanted 5.0 or 6.0");
  f.integer(328, 2, 2, "measurement mode (TTTR)");
  const int boards = f.integer(320, 1, 1, "boards");
  const std::size_t own = 516 + 24 * static_cast<std::size_t>(boards);
  PtuHeader h;
  h.record_type = kTimeHarp200;
  set_times(h, f, 1e-9 * double{f.at<float>(516 + 20)}, f.at<std::int32_t>(own + 28));
  h.global_resolution_s = 1e-9 * f.integer(own, 1, 1000000, "ns of the clock");
  if (h.sync_rate_hz == 0.0) h.bins = 4096;
  const int words = f.integer(own + 48, 0, kMostWords, "words of a special header");
  refuse_images(f.where(), words);
  set_records(h, file, own + 52, f.at<std::int32_t>(own + 44));
  return h;
}

/// A number of the SETUP of a .set: "[SP_TAC_R,F,5.0e-08]".
double setup_number(const std::string& text, const std::string& name, const std::string& where) {
  const auto found = text.find("[" + name + ",");
  const auto at = found == text.npos ? found : text.find(',', found + name.size() + 2);
  double value = 0.0;
  if (at == text.npos ||
      std::from_chars(text.data() + at + 1, text.data() + text.size(), value).ec != std::errc())
    fail(where, ": does not tell ", name);
  return value;
}

/// Becker & Hickl's SPC-130 to 180 and 830: a word with the clock, then photons of 32 bits; the width of their bins is in the .set
/// that SPCM writes beside it.
PtuHeader read_spc_header(const InputFile& file) {
  const std::string where = file.path().string();
  std::filesystem::path set = file.path();
  set.replace_extension(".set");
  if (!std::filesystem::exists(set)) set.replace_extension(".SET");
  if (!std::filesystem::exists(set))
    fail(where, ": its ", file.path().stem().string(),
         ".set is not beside it, wanted it for the width of the bins");
  const BinaryFields settings(read_file(set, kLargestSet), set.string());
  if (settings.text(42, 15) != "*IDENTIFICATION")
    fail(set.string(), ": is no Becker & Hickl setup: does not hold *IDENTIFICATION");
  const int card = settings.at<std::uint16_t>(0) >> 4 & 0xff;
  constexpr int cards[] = {0x20, 0x25, 0x28, 0x2a, 0x2b, 0x2e};
  if (std::find(std::begin(cards), std::end(cards), card) == std::end(cards) &&
      !(card >= 0x80 && card <= 0x8a))
    fail(set.string(), ": card of code ", card,
         ", wanted an SPC-130, 150, 160, 180 or 830: others write other records");
  if (file.size() % 4 != 0)
    fail(where, ": is cut short: ", file.size(), " bytes, wanted words of 4");
  PtuHeader h;
  h.record_type = kBeckerHickl;
  h.bins = 4096;
  const double range = setup_number(settings.bytes(), "SP_TAC_R", set.string()),
               gain = setup_number(settings.bytes(), "SP_TAC_G", set.string());
  if (!(range > 0.0 && range < 1.0 && gain >= 1.0 && gain <= 100.0))
    fail(set.string(), ": a TAC range of ", range, " s and a gain of ", gain);
  h.resolution_s = range / gain / h.bins;
  std::uint32_t clock = 0;
  file.read_at(0, &clock, sizeof clock);
  h.global_resolution_s = 1e-10 * (clock & 0xffffff);
  set_records(h, file, 4, 0);
  return h;
}

}  // namespace

PtuHeader read_tttr_header(const InputFile& file) {
  const std::string start = read_prefix(file.path(), 16);
  if (start.starts_with("PQTTTR")) return read_ptu_header(file);
  if (start.starts_with("PicoHarp 300")) return read_pt3_header(file);
  if (start.starts_with("HydraHarp")) return read_ht3_header(file);
  if (start.starts_with("TimeHarp 200")) return read_t3r_header(file);
  return read_spc_header(file);
}

}  // namespace taugate
