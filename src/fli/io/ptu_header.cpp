#include "fli/io/ptu_header.h"

#include <algorithm>
#include <cmath>

#include "fli/formats/binary_fields.h"

namespace taugate {
namespace {

constexpr std::size_t kTag = 48, kName = 32, kIndex = 32, kType = 36, kValue = 40;
constexpr std::uint64_t kLargestHeader = std::uint64_t{1} << 24;

enum TagType : std::uint32_t {
  kFloat = 0x20000008,
  kFloatArray = 0x2001FFFF,
  kText = 0x4001FFFF,
  kWideText = 0x4002FFFF,
  kBlob = 0xFFFFFFFF,
};

/// A marker's mask from its number in the header, 0 where there is none.
int marker(const PicoQuantTags& tags, const char* name) {
  const int number = tags.whole(name, 0, 4, 0);
  return number == 0 ? 0 : 1 << (number - 1);
}

void set_image(PtuHeader& h, const PicoQuantTags& tags, const std::string& where) {
  // Where the image's header is missing, the kind of the measurement tells.
  const int kind = tags.whole("Measurement_SubMode", 0, 1000, 1);
  h.dimensions = tags.whole("ImgHdr_Dimensions", 1, 3, kind == 3 || kind == 2 ? kind : 1);
  if (h.dimensions == 1) return;
  if (!tags.has("ImgHdr_PixX")) fail(where, ": is an image, but has no tag ImgHdr_PixX");
  h.width = tags.whole("ImgHdr_PixX", 1, 65536, 1);
  if (h.dimensions == 3) h.height = tags.whole("ImgHdr_PixY", 1, 65536, 1);
  h.line_start = marker(tags, "ImgHdr_LineStart");
  h.line_stop = marker(tags, "ImgHdr_LineStop");
  h.frame = marker(tags, "ImgHdr_Frame");
  if (h.line_start == 0) fail(where, ": is an image, but has no tag ImgHdr_LineStart");
  h.bidirectional = tags.get("ImgHdr_BiDirect", 0) != 0;
  h.sine_amplitude = tags.number("ImgHdr_SinCorrection", 0, 100, 0) / 100.0;
}

}  // namespace

PicoQuantTags::PicoQuantTags(const InputFile& file, const std::string& magic)
    : where_(file.path().string()) {
  if (file.size() < 16 + kTag) fail(where_, ": is cut short: ", file.size(), " bytes");
  std::string bytes(16, '\0');
  file.read_at(0, bytes.data(), bytes.size());
  if (!bytes.starts_with(magic)) fail(where_, ": does not begin with ", magic);
  std::uint64_t at = 16;
  for (bool end = false; !end;) {
    if (at + kTag > std::min(file.size(), kLargestHeader))
      fail(where_, ": its header does not end within ", at, " bytes");
    bytes.resize(kTag);
    file.read_at(at, bytes.data(), kTag);
    const BinaryFields tag(bytes, where_);
    const std::string name = tag.text(0, kName);
    const auto type = tag.at<std::uint32_t>(kType);
    at += kTag;
    end = name == "Header_End";
    if (type == kFloatArray || type == kText || type == kWideText || type == kBlob) {
      const auto size = tag.at<std::uint64_t>(kValue);
      if (size > kLargestHeader) fail(where_, ": tag ", name, " has ", size, " bytes");
      at += size;
    } else {
      const double value = type == kFloat ? tag.at<double>(kValue)
                                          : static_cast<double>(tag.at<std::int64_t>(kValue));
      const auto index = tag.at<std::int32_t>(kIndex);
      // Where a tag comes twice, the later one is the more exact.
      if (index <= 0) values_[name] = value;
      if (index >= 0) values_[concat(name, '[', index, ']')] = value;
    }
  }
  end_ = at;
}

double PicoQuantTags::get(const std::string& name, double otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : found->second;
}

double PicoQuantTags::number(const std::string& name, double low, double high,
                             double otherwise) const {
  const double value = get(name, otherwise);
  if (!(value >= low && value <= high))
    fail(where_, ": ", name, ": found ", value, ", wanted ", low, " to ", high);
  return value;
}

PtuHeader read_ptu_header(const InputFile& file) {
  const std::string where = file.path().string();
  const PicoQuantTags tags(file, "PQTTTR");
  PtuHeader h;
  h.first_record = tags.end();
  if (tags.get("TTResultFormat_BitsPerRecord", 32) != 32)
    fail(where, ": records of ", tags.get("TTResultFormat_BitsPerRecord", 0), " bits, wanted 32");
  h.record_type =
      static_cast<std::uint32_t>(tags.number("TTResultFormat_TTTRRecType", 65536, 4294967295.0, 0));
  const std::uint64_t held = file.size() > h.first_record ? (file.size() - h.first_record) / 4 : 0;
  // A recording that was not finished announces none.
  const auto announced =
      static_cast<std::uint64_t>(tags.number("TTResult_NumberOfRecords", 0, 1e15, 0));
  if (announced > held)
    fail(where, ": is cut short: ", held, " records, its header announces ", announced);
  h.records = announced > 0 ? announced : held;
  h.resolution_s = tags.number("MeasDesc_Resolution", 0, 1, 0);
  h.global_resolution_s = tags.number("MeasDesc_GlobalResolution", 0, 1, 0);
  h.sync_rate_hz = tags.number("TTResult_SyncRate", 0, 1e12, 0);
  h.acquisition_s = 1e-3 * tags.number("TTResult_StopAfter", 0, 1e12, 0);
  set_image(h, tags, where);
  return h;
}

}  // namespace taugate
