#include "fli/io/flim_labs.h"

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "fli/io/measurement_fields.h"
#include "taugate/core/file.h"

namespace taugate {
namespace {

constexpr int kBins = 256;
constexpr double kLargestSide = 65536.0;

/// Goes through a file without keeping it: `each` gets every count.
class Walker : public nlohmann::json_sax<nlohmann::json> {
 public:
  using Each =
      std::function<void(std::size_t channel, std::size_t pixel, std::size_t bin, double count)>;

  double period_ns = 0.0, width = 0.0, height = 0.0;
  Each each;                         ///< may be empty
  std::function<void()> begin_data;  ///< behind the header
  std::size_t channels = 0;          ///< that "data" has
  std::string error;

  bool null() override { return number(0.0); }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t value) override { return number(static_cast<double>(value)); }
  bool number_unsigned(std::uint64_t value) override { return number(static_cast<double>(value)); }
  bool number_float(double value, const std::string&) override { return number(value); }
  bool string(std::string&) override { return true; }
  bool binary(nlohmann::json::binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    if (in_data_) return refuse("found an object, wanted lists of [bin, count]");
    ++objects_;
    return true;
  }
  bool end_object() override {
    --objects_;
    return true;
  }
  bool key(std::string& name) override {
    key_ = name;
    if (objects_ == 1) top_ = name;
    return true;
  }
  bool start_array(std::size_t) override {
    if (!in_data_ && objects_ == 1 && (top_ == "data" || top_ == "intensities_data")) {
      if (!(width >= 1.0 && width <= kLargestSide && height >= 1.0 && height <= kLargestSide &&
            width == std::floor(width) && height == std::floor(height)))
        return refuse(
            concat("found ", width, " x ", height,
                   " pixels in a header before the counts, wanted whole numbers from 1 to 65536"));
      in_data_ = true;
      begin_data();
    }
    if (!in_data_) return true;
    ++depth_;
    if (depth_ == 2) pixel_ = 0;
    if (depth_ == 3 && static_cast<double>(pixel_) >= width * height)
      return refuse(concat("found more than ", width, " x ", height, " pixels"));
    if (depth_ == 4) values_ = 0;
    return depth_ <= 4 || refuse("found lists too deep");
  }
  bool end_array() override {
    if (!in_data_) return true;
    if (depth_ == 4 && values_ != 2)
      return refuse(concat("found ", values_, " numbers, wanted [bin, count]"));
    if (depth_ == 3) ++pixel_;
    if (depth_ == 2) {
      if (static_cast<double>(pixel_) != width * height)
        return refuse(concat("found ", pixel_, " pixels, wanted ", width, " x ", height));
      ++channels;
    }
    in_data_ = --depth_ > 0;
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) override {
    return refuse(concat("is damaged or cut short at byte ", at));
  }

 private:
  bool refuse(const std::string& what) {
    error = what;
    return false;
  }
  bool number(double value) {
    if (!in_data_) {
      if (objects_ == 2 && top_ == "header") {
        if (key_ == "laser_period_ns") period_ns = value;
        if (key_ == "image_width") width = value;
        if (key_ == "image_height") height = value;
      }
      return true;
    }
    if (depth_ != 4) return refuse("found a number, wanted lists of [bin, count]");
    if (values_++ == 0) {
      if (!(value >= 0.0 && value < kBins && value == std::floor(value)))
        return refuse(concat("found a bin ", value, ", wanted 0 to ", kBins - 1));
      bin_ = static_cast<std::size_t>(value);
    } else if (values_ == 2 && each) {
      each(channels, pixel_, bin_, value);
    }
    return true;
  }

  std::string key_, top_;
  int objects_ = 0, depth_ = 0, values_ = 0;
  bool in_data_ = false;
  std::size_t pixel_ = 0, bin_ = 0;
};

}  // namespace

bool looks_like_flim_labs(std::string_view start) {
  return start.starts_with("{") && start.find("\"laser_period_ns\"") != start.npos &&
         start.find("\"image_width\"") != start.npos;
}

void read_flim_labs(Measurement& m, const MeasurementOptions& options) {
  const std::string text = read_file(m.path), where = m.path.string();
  const auto walk = [&](Walker& walker) {
    if (!nlohmann::json::sax_parse(text, &walker)) fail(where, ": ", walker.error);
  };
  Walker sums;
  sums.begin_data = [&] {
    // A pixel without counts still takes two bytes.
    if (sums.width * sums.height > static_cast<double>(text.size()) / 2.0)
      fail(where, ": ", sums.width, " x ", sums.height, " pixels in a file of ", text.size(),
           " bytes");
  };
  sums.each = [&](std::size_t channel, std::size_t, std::size_t, double count) {
    if (m.channel_photons.size() <= channel) m.channel_photons.resize(channel + 1);
    m.channel_photons[channel] += count;
  };
  walk(sums);
  if (sums.channels == 0)
    fail(where, ": holds no counts, wanted a list 'data' or 'intensities_data'");
  m.channel_photons.resize(sums.channels);
  m.width = static_cast<int>(sums.width);
  m.height = static_cast<int>(sums.height);
  m.bins = kBins;
  if (sums.period_ns > 0.0) {
    m.period_ns = sums.period_ns;
    m.bin_ns = sums.period_ns / kBins;
  }
  const auto chosen = chosen_channel(m, options.channel);
  reserve_counts(m, options);
  m.counts.resize(m.traces() * kBins);
  Walker counts;
  counts.begin_data = [] {};
  counts.each = [&](std::size_t channel, std::size_t pixel, std::size_t bin, double count) {
    if (!chosen || *chosen == channel) m.counts[pixel * kBins + bin] += static_cast<float>(count);
  };
  walk(counts);
}

}  // namespace taugate
