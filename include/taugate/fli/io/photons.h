#pragma once
// Single photons of a recording, in the order in which they came: nothing is sorted into histograms.
//
//   PTU   time-tagged photons of T3 or T2, of an image (each in the pixel where its line's markers put it) or of a point;
//         the same of a point in the older PT3, HT3, T3R and SPC
//   NPZ   what `taugate simulate --photons` writes: `arrival` [photons], the number of the bin of `bin_ns`, pixel after
//         pixel; `offsets` [pixels + 1], where in it a pixel begins; `period_ns`

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace taugate {

struct PixelPhoton {
  std::uint32_t pixel = 0;  ///< row * width + column
  float since_ns = 0.0f;    ///< since the laser pulse, on the recorder's clock
};

struct PhotonOptions {
  std::optional<int> channel = {};       ///< detector channel, from 1; none: the brightest
  std::optional<double> period_ns = {};  ///< where the file tells no sync rate
  std::optional<int> binning =
      {};                       ///< so many x so many pixels of an image count as one (2 or more)
  std::size_t piece = 1 << 20;  ///< photons handed out at once, at most
};

class PhotonSource {
 public:
  /// Error for a file that holds no single photons (a histogram), that has no photons, or tells no laser period where the
  /// options do not either; UsageError for a channel, a period or a binning that the file does not go with.
  explicit PhotonSource(const std::filesystem::path& path, const PhotonOptions& options = {});
  ~PhotonSource();

  int width() const { return width_; }
  int height() const { return height_; }
  std::size_t pixels() const {
    return static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
  }
  double period_ns() const { return period_ns_; }
  const std::vector<std::string>& notes() const { return notes_; }  ///< what a user should know
  /// Calls each(photons) for all of them, in their order, piece by piece.
  void read(const std::function<void(std::span<const PixelPhoton>)>& each) const;

 private:
  struct Reader;
  std::unique_ptr<Reader> reader_;
  int width_ = 0, height_ = 1, binning_ = 1;
  double period_ns_ = 0.0;
  std::size_t piece_;
  std::vector<std::string> notes_;
};

}  // namespace taugate
