#include "fli/io/phu.h"

#include <numeric>

#include "fli/io/ptu_header.h"

namespace taugate {
namespace {

constexpr int kMostCurves = 512, kMostBins = 1 << 22;

PhdCurve read_curve(const InputFile& file, const PicoQuantTags& tags, int number) {
  const auto tag = [number](const char* name) {
    return concat("HistResDscr_", name, '[', number, ']');
  };
  const std::string where = concat(file.path().string(), ": curve ", number + 1);
  PhdCurve curve;
  curve.resolution_ns = 1e9 * tags.number(tag("MDescResolution"), 1e-15, 1.0, 0.0);
  curve.sync_rate_hz = tags.number(tag("SyncRate"), 0.0, 1e12, 0.0);
  if (tags.get(tag("MDescStopReason"), 1.0) == 0.0)
    curve.acquisition_s = 1e-3 * tags.number(tag("MDescStopAfter"), 0.0, 1e12, 0.0);
  const int bins = tags.whole(tag("HistogramBins"), 1, kMostBins, 0);
  const auto offset = static_cast<std::uint64_t>(tags.number(tag("DataOffset"), 16.0, 1e15, 0.0));
  const std::uint64_t bytes = 4 * static_cast<std::uint64_t>(bins);
  if (offset > file.size() || bytes > file.size() - offset)
    fail(where, ": is cut short: its counts end at byte ", offset + bytes, ", the file at ",
         file.size());
  curve.counts.resize(static_cast<std::size_t>(bins));
  file.read_at(offset, curve.counts.data(), static_cast<std::size_t>(bytes));
  const auto sum = std::accumulate(curve.counts.begin(), curve.counts.end(), std::int64_t{0});
  curve.integral_count = static_cast<std::int64_t>(
      tags.number(tag("IntegralCount"), 0.0, 1e15, static_cast<double>(sum)));
  if (sum != curve.integral_count)
    fail(where, ": its counts sum to ", sum, ", its header says ", curve.integral_count);
  return curve;
}

}  // namespace

PhdFile read_phu(const std::filesystem::path& path) {
  const InputFile file(path);
  const PicoQuantTags tags(file, "PQHISTO");
  const int bits = tags.whole("HistoResult_BitsPerBin", 32, 32, 32);
  const int curves = tags.whole("HistoResult_NumberOfCurves", 1, kMostCurves, 0);
  PhdFile result;
  for (int i = 0; i < curves && bits == 32; ++i) {
    PhdCurve curve = read_curve(file, tags, i);
    if (curve.sync_rate_hz > 0.0) result.curves.push_back(std::move(curve));
  }
  if (result.curves.empty()) fail(path.string(), ": found no curve with a sync rate, wanted one");
  return result;
}

}  // namespace taugate
