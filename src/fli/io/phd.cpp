#include "fli/io/phd.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <numeric>

#include "fli/formats/binary_fields.h"
#include "taugate/core/file.h"

namespace taugate {
namespace {

// Bytes from the start of the file, and from the start of a curve header.
constexpr std::size_t kFormatVersion = 16, kComment = 72, kBinaryHeader = 328;
constexpr std::size_t kBitsPerChannel = kBinaryHeader + 4, kBoards = kBinaryHeader + 12;
constexpr std::size_t kBoardHeaders = kBinaryHeader + 208, kBoardHeaderSize = 156;
constexpr std::size_t kCurveHeaderSize = 172;
constexpr std::size_t kOffset = 56, kResolution = 92, kChannels = 96, kAcquisitionTime = 100,
                      kStopReason = 108, kSyncRate = 112, kIntegralCount = 124, kDataOffset = 136;
constexpr int kMostCurves = 512, kMostBoards = 8, kMostChannels = 65536;

PhdCurve read_curve(const BinaryFields& file, std::size_t header, int number) {
  const std::string where = concat(file.where(), ": curve ", number);
  PhdCurve curve;
  curve.resolution_ns = file.at<float>(header + kResolution);
  if (!(curve.resolution_ns > 0.0 && curve.resolution_ns < 1e6))
    fail(where, ": channels of ", curve.resolution_ns, " ns");
  // A float of 0.004 is 0.00400000019; hardware counts in whole femtoseconds at the finest.
  curve.resolution_ns = std::round(curve.resolution_ns * 1e6) / 1e6;
  curve.sync_rate_hz = file.at<std::int32_t>(header + kSyncRate);
  if (!(curve.sync_rate_hz > 0.0))
    fail(where, ": sync rate of ", curve.sync_rate_hz, " Hz, wanted more than 0");
  curve.offset_ns = 1e-3 * file.at<std::int32_t>(header + kOffset);
  if (file.at<std::int32_t>(header + kStopReason) == 0)
    curve.acquisition_s = 1e-3 * std::max(0, file.at<std::int32_t>(header + kAcquisitionTime));
  curve.integral_count = file.at<std::int64_t>(header + kIntegralCount);

  const auto channels = static_cast<std::size_t>(
      file.integer(header + kChannels, 1, kMostChannels, "channels of a curve"));
  const auto offset = file.at<std::int32_t>(header + kDataOffset);
  if (offset < 0) fail(where, ": data at byte ", offset);
  const auto begin = static_cast<std::size_t>(offset);
  file.need(begin, channels * sizeof(std::uint32_t));
  curve.counts.resize(channels);
  std::memcpy(curve.counts.data(), file.bytes().data() + begin, channels * sizeof(std::uint32_t));

  const auto sum = std::accumulate(curve.counts.begin(), curve.counts.end(), std::int64_t{0});
  if (sum != curve.integral_count)
    fail(where, ": its counts sum to ", sum, ", its header says ", curve.integral_count);
  return curve;
}

}  // namespace

bool same_settings(const PhdCurve& a, const PhdCurve& b) {
  // The sync rate is a counter reading, so it wanders a little from curve to curve.
  return a.counts.size() == b.counts.size() && a.resolution_ns == b.resolution_ns &&
         a.offset_ns == b.offset_ns && std::abs(a.sync_rate_hz / b.sync_rate_hz - 1.0) <= 0.01;
}

bool is_phd(std::string_view start) {
  constexpr std::size_t mode = 348;  // 2 and 3: T2 and T3
  return start.starts_with("PicoHarp 300") && (start.size() <= mode || start[mode] < 2);
}

PhdFile read_phd(const std::filesystem::path& path) {
  constexpr std::uint64_t largest =
      (std::uint64_t{kMostChannels} * sizeof(std::uint32_t) + kCurveHeaderSize) * kMostCurves +
      kBoardHeaders + kBoardHeaderSize * kMostBoards;
  const BinaryFields file(read_file(path, largest), path.string());
  if (!file.bytes().starts_with("PicoHarp 300"))
    fail(path.string(), ": is no PHD file: does not begin with 'PicoHarp 300'");
  const std::string version = file.text(kFormatVersion, 6);
  if (version != "2.0") fail(path.string(), ": is of PHD format '", version, "', wanted '2.0'");

  const int curves = file.integer(kBinaryHeader, 1, kMostCurves, "curves");
  file.integer(kBitsPerChannel, 32, 32, "bits per channel");
  const int boards = file.integer(kBoards, 1, kMostBoards, "boards");
  const std::size_t headers = kBoardHeaders + kBoardHeaderSize * static_cast<std::size_t>(boards);

  PhdFile result;
  result.comment = file.text(kComment, 256);
  for (int i = 0; i < curves; ++i)
    result.curves.push_back(
        read_curve(file, headers + kCurveHeaderSize * static_cast<std::size_t>(i), i + 1));
  return result;
}

}  // namespace taugate
