#include "taugate/fli/io/write_measurement.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <span>

#include "fli/formats/hdf5_output.h"
#include "fli/formats/npz.h"
#include "fli/formats/tiff.h"
#include "fli/io/ome.h"
#include "fli/physics/statistics.h"
#include "taugate/fli/io/rebin.h"
#include "taugate/fli/plot/plot_histograms.h"
#include "taugate/fli/plot/plot_maps.h"

namespace taugate {
namespace {

constexpr std::size_t kMostCurves = 8;  // of a picture

/// The smallest type that holds all counts as they are.
NpyType type_of(const Measurement& m) {
  float largest = 0.0f;
  for (const float count : m.counts) {
    if (count != std::floor(count)) return {'f', 4, false};
    largest = std::max(largest, count);
  }
  return largest <= 65535.0f ? NpyType{'u', 2, false} : NpyType{'f', 4, false};
}

std::vector<std::size_t> row_shape(const Measurement& m) {
  const auto bins = static_cast<std::size_t>(m.bins), width = static_cast<std::size_t>(m.width);
  return m.height > 1 ? std::vector{width, bins} : std::vector{bins};
}

void write_as_npz(const std::filesystem::path& path, const Measurement& m) {
  NpzWriter archive(path, true);
  archive.add("tpsf", type_of(m), row_shape(m)).append(m.counts);
  const auto add_time = [&](const char* name, const std::optional<double>& ns) {
    if (ns) archive.add(name, {'f', 8, false}, {}).append(std::span(&*ns, 1));
  };
  add_time("bin_ns", m.bin_ns);
  add_time("period_ns", m.period_ns);
  archive.finish();
}

/// Gate `gate` of all traces, [height][width], or with `columns` [width][height].
void take_gate(const Measurement& m, int gate, bool columns, std::vector<float>& page) {
  const auto width = static_cast<std::size_t>(m.width), height = static_cast<std::size_t>(m.height);
  for (std::size_t i = 0; i < page.size(); ++i)
    page[columns ? i % width * height + i / width : i] = m.trace(i)[static_cast<std::size_t>(gate)];
}

void write_as_hdf5(const std::filesystem::path& path, const Measurement& m, Hdf5Output::Kind kind) {
  const bool matlab = kind == Hdf5Output::Kind::matlab;
  Hdf5Output file(path, kind);
  std::vector<std::size_t> shape = row_shape(m);
  shape.insert(shape.begin(), static_cast<std::size_t>(m.height > 1 ? m.height : m.width));
  if (matlab) std::reverse(shape.begin(), shape.end());
  file.add("tpsf", type_of(m), shape);
  if (matlab) {
    std::vector<float> page(m.traces());
    for (int gate = 0; gate < m.bins; ++gate) {
      take_gate(m, gate, true, page);
      file.append<float>(page);
    }
  } else {
    file.append<float>(m.counts);
  }
  for (const auto& [name, ns] : {std::pair{"bin_ns", m.bin_ns}, {"period_ns", m.period_ns}}) {
    if (!ns) continue;
    file.add(name, {'f', 8, false},
             matlab ? std::vector<std::size_t>{1, 1} : std::vector<std::size_t>{1});
    file.append<double>(std::span(&*ns, 1));
  }
  file.finish();
}

void write_as_tiff(const std::filesystem::path& path, const Measurement& m) {
  const bool integers = type_of(m).kind == 'u';
  const OmeImage image{{}, m.width, m.height, m.bins, integers ? "uint16" : "float", m.bin_ns};
  TiffWriter writer(path, m.width, m.height, m.bins,
                    integers ? TiffType::uint16 : TiffType::float32,
                    ome_xml({&image, 1}, m.period_ns));
  std::vector<float> page(m.traces());
  for (int gate = 0; gate < m.bins; ++gate) {
    take_gate(m, gate, false, page);
    writer.page(page);
  }
  writer.finish();
}

void write_as_text(const std::filesystem::path& path, const Measurement& m) {
  OutputFile file(path);
  std::string line = "#";
  std::array<char, 32> text;
  const auto append = [&](auto value) {
    line.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
  };
  const auto note = [&](const char* name, double value) {
    line += concat(' ', name, '=');
    append(value);
  };
  if (m.bin_ns) note("bin_ns", *m.bin_ns);
  if (m.period_ns) note("period_ns", *m.period_ns);
  if (m.height > 1) note("width", m.width);
  file.write(line + '\n');
  for (std::size_t i = 0; i < m.traces(); ++i) {
    line.clear();
    for (const float count : m.trace(i)) {
      if (!line.empty()) line += ',';
      append(count);
    }
    file.write(line + '\n');
  }
  file.commit();
}

void write_as_picture(const std::filesystem::path& path, const Measurement& m) {
  const std::string name = m.path.filename().string();
  if (m.height > 1) {
    std::vector<float> intensity(m.traces());
    for (std::size_t i = 0; i < intensity.size(); ++i)
      intensity[i] = static_cast<float>(std::accumulate(m.trace(i).begin(), m.trace(i).end(), 0.0));
    // Few bright or hot pixels shall not darken the rest.
    std::vector<float> sorted = intensity;
    const double high = std::max<double>(percentile(sorted, 0.995), 1.0);
    const LifetimePanel panel{name, m.width, m.height, intensity};
    return draw_lifetime_maps(path, {&panel, 1}, Range{0.0, high}, "counts");
  }
  std::vector<DecayCurve> curves;
  std::vector<float> sum;
  if (m.traces() <= kMostCurves) {
    for (std::size_t i = 0; i < m.traces(); ++i)
      curves.push_back({m.traces() > 1 ? concat("trace ", i) : "", m.trace(i)});
  } else {
    const std::vector<double> total = summed_trace(m);
    sum.assign(total.begin(), total.end());
    curves.push_back({concat("sum of ", m.traces(), " traces"), sum});
  }
  draw_decays(path, name, m.bin_ns.value_or(0.0), curves);
}

}  // namespace

void write_measurement(const std::filesystem::path& path, const Measurement& m) {
  const std::string ending = path.extension().string();
  if (ending == ".npy")
    write_npy<float>(path, type_of(m), row_shape(m), m.counts);
  else if (ending == ".npz")
    write_as_npz(path, m);
  else if (ending == ".tif" || ending == ".tiff")
    write_as_tiff(path, m);
  else if (ending == ".mat" || ending == ".h5")
    write_as_hdf5(path, m, ending == ".h5" ? Hdf5Output::Kind::hdf5 : Hdf5Output::Kind::matlab);
  else if (ending == ".csv" || ending == ".txt")
    write_as_text(path, m);
  else if (ending == ".png")
    write_as_picture(path, m);
  else
    fail_usage(path.string(), ": found the ending '", ending,
               "', wanted .npy, .npz, .tif, .tiff, .mat, .h5, .csv, .txt or .png");
}

}  // namespace taugate
