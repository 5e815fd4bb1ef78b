#pragma once
// Writes small PTU files. Records are put together by shifts, as PicoQuant's description draws
// them.

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "fli/io_testing.h"

namespace ptu {

constexpr std::uint32_t kInteger = 0x10000008, kFloat = 0x20000008, kText = 0x4001FFFF;

inline std::string tag(std::string name, std::uint32_t type, const std::string& value,
                       std::int32_t index = -1) {
  name.resize(32, '\0');
  return name + bytes_of(index) + bytes_of(type) + value;
}
inline std::string tag(const std::string& name, std::int64_t value) {
  return tag(name, kInteger, bytes_of(value));
}
inline std::string tag(const std::string& name, double value) {
  return tag(name, kFloat, bytes_of(value));
}
inline std::string text(const std::string& name, std::string value) {
  value.resize((value.size() + 8) / 8 * 8, '\0');
  return tag(name, kText, bytes_of<std::uint64_t>(value.size())) + value;
}

struct Header {
  std::uint32_t type = 0x00010303;
  double resolution_s = 1e-9, global_resolution_s = 25e-9;
  std::int64_t sync_rate = 40'000'000, records = -1;  // -1: as many as there are
  std::int64_t dimensions = 1, width = 0, height = 0, bidirectional = 0, sine = 0;
  std::int64_t line_start = 1, line_stop = 2, frame = 3;
};

inline std::string file(const Header& h, const std::vector<std::uint32_t>& records) {
  std::string s = std::string("PQTTTR\0\0", 8) + std::string("1.0.00\0\0", 8);
  s += text("CreatorSW_Name", "a test");
  s += tag("Measurement_SubMode", h.dimensions);
  if (h.dimensions > 1) {
    s += tag("ImgHdr_Dimensions", h.dimensions) + tag("ImgHdr_PixX", h.width) +
         tag("ImgHdr_PixY", h.height) + tag("ImgHdr_LineStart", h.line_start) +
         tag("ImgHdr_LineStop", h.line_stop) + tag("ImgHdr_Frame", h.frame) +
         tag("ImgHdr_BiDirect", h.bidirectional) + tag("ImgHdr_SinCorrection", h.sine);
  }
  s += tag("MeasDesc_Resolution", h.resolution_s);
  s += tag("MeasDesc_GlobalResolution", h.global_resolution_s);
  s += tag("TTResult_SyncRate", h.sync_rate);
  s += tag("TTResultFormat_TTTRRecType", std::int64_t{h.type});
  s += tag("TTResultFormat_BitsPerRecord", std::int64_t{32});
  s += tag("TTResult_NumberOfRecords",
           h.records < 0 ? static_cast<std::int64_t>(records.size()) : h.records);
  s += tag("Header_End", 0xFFFF0008, std::string(8, '\0'));
  for (const auto record : records) s += bytes_of(record);
  return s;
}

// PicoHarp
constexpr std::uint32_t pico_t3(std::uint32_t channel, std::uint32_t dtime, std::uint32_t pulse) {
  return channel << 28 | dtime << 16 | pulse;
}
constexpr std::uint32_t pico_t3_marker(std::uint32_t bits, std::uint32_t pulse) {
  return 15u << 28 | bits << 16 | pulse;
}
constexpr std::uint32_t kPicoT3Overflow = 15u << 28;
constexpr std::uint32_t pico_t2(std::uint32_t channel, std::uint32_t time) {
  return channel << 28 | time;
}
constexpr std::uint32_t kPicoT2Overflow = 15u << 28;

// HydraHarp and all later instruments
constexpr std::uint32_t hydra_t3(std::uint32_t channel, std::uint32_t dtime, std::uint32_t pulse) {
  return channel << 25 | dtime << 10 | pulse;
}
constexpr std::uint32_t hydra_t3_special(std::uint32_t channel, std::uint32_t pulse) {
  return 1u << 31 | channel << 25 | pulse;
}
constexpr std::uint32_t hydra_t2(std::uint32_t channel, std::uint32_t time) {
  return channel << 25 | time;
}
constexpr std::uint32_t hydra_t2_special(std::uint32_t channel, std::uint32_t time) {
  return 1u << 31 | channel << 25 | time;
}

}  // namespace ptu
