#include "fli/io/simfcs.h"

#include <array>

#include "fli/formats/inflate.h"
#include "fli/formats/zip.h"
#include "fli/io/measurement_fields.h"
#include "taugate/core/file.h"

namespace taugate {
namespace {

constexpr int kLargestSide = 4096, kMostImages = 65536, kSideOfBh = 256;

/// m's size, from what a file claims or from its length.
void set_size(Measurement& m, std::int64_t side, std::int64_t images) {
  if (side < 1 || side > kLargestSide || images < 2 || images > kMostImages)
    fail(m.path.string(), ": found ", images, " image(s) of ", side, " x ", side,
         " pixels, wanted 2 to ", kMostImages, " of 1 to ", kLargestSide, " pixels a side");
  m.width = m.height = static_cast<int>(side);
  m.bins = static_cast<int>(images);
}

/// The images, one after the other, of numbers of type T. `read` gives the next bytes.
template <class T, class Read>
void read_images(Measurement& m, const MeasurementOptions& options, const Read& read) {
  reserve_counts(m, options);
  const auto bins = static_cast<std::size_t>(m.bins);
  m.counts.resize(m.traces() * bins);
  std::vector<T> image(m.traces());
  for (std::size_t bin = 0; bin < bins; ++bin) {
    read(image.data(), image.size() * sizeof(T));
    for (std::size_t i = 0; i < image.size(); ++i)
      m.counts[i * bins + bin] = static_cast<float>(image[i]);
  }
}

/// Of `bytes` bytes of images, all of `bytes_of_image`.
std::int64_t whole_images(const Measurement& m, std::uint64_t bytes, std::uint64_t bytes_of_image,
                          std::int64_t side) {
  if (bytes % bytes_of_image != 0)
    fail(m.path.string(), ": found ", bytes, " bytes of counts, wanted whole images of ", side,
         " x ", side, " pixels, ", bytes_of_image, " bytes each");
  return static_cast<std::int64_t>(bytes / bytes_of_image);
}

/// Images that fill the file from `at` on.
template <class T>
void read_plain(Measurement& m, const MeasurementOptions& options, const InputFile& file,
                std::uint64_t at, std::int64_t side) {
  const auto pixels = static_cast<std::uint64_t>(side * side);
  set_size(m, side, whole_images(m, file.size() - at, pixels * sizeof(T), side));
  read_images<T>(m, options, [&](void* to, std::size_t bytes) {
    file.read_at(at, to, bytes);
    at += bytes;
  });
}

void read_b64(Measurement& m, const MeasurementOptions& options) {
  const InputFile file(m.path);
  std::int32_t side = 0;
  file.read_at(0, &side, sizeof side);
  if (side < 1 || side > kLargestSide)
    fail(m.path.string(), ": found a side of ", side, " pixels, wanted 1 to ", kLargestSide);
  // Lines of a scan look like images where their number allows.
  if (lower(m.path.filename().string()).find("carpet") != std::string::npos)
    fail(m.path.string(), ": is named a carpet, lines of a scan, wanted images");
  read_plain<std::int16_t>(m, options, file, sizeof side, side);
}

void read_z64(Measurement& m, const MeasurementOptions& options) {
  const InputFile file(m.path);
  ZlibStream stream(file, 0, file.size(), m.path.string());
  std::array<std::int32_t, 2> header{};  // side, images
  stream.read(header.data(), sizeof header);
  set_size(m, header[0], header[1]);
  const std::uint64_t bytes = m.traces() * static_cast<std::uint64_t>(m.bins) * sizeof(float);
  if (bytes > file.size() * kLargestRatio + kRatioSlack)
    fail(m.path.string(), ": claims ", m.bins, " images of ", m.width, " x ", m.height,
         " pixels in ", file.size(), " packed bytes");
  read_images<float>(m, options, [&](void* to, std::size_t n) { stream.read(to, n); });
  stream.finish();
}

void read_bhz(Measurement& m, const MeasurementOptions& options) {
  const ZipReader archive(m.path, "SimFCS .bhz (zip) archive");
  if (archive.names().size() != 1)
    fail(m.path.string(), ": holds ", archive.names().size(), " files, wanted one, a .b&h");
  ZipMember member = archive.open(archive.names()[0]);
  set_size(m, kSideOfBh,
           whole_images(m, member.size(), sizeof(float) * kSideOfBh * kSideOfBh, kSideOfBh));
  read_images<float>(m, options, [&](void* to, std::size_t bytes) { member.read(to, bytes); });
  member.finish();
}

}  // namespace

void read_simfcs(Measurement& m, const MeasurementOptions& options) {
  const std::string ending = lower_ending(m.path);
  if (ending == ".b64") read_b64(m, options);
  if (ending == ".z64") read_z64(m, options);
  if (ending == ".bhz") read_bhz(m, options);
  if (ending == ".b&h") read_plain<float>(m, options, InputFile(m.path), 0, kSideOfBh);
  m.bins_span_period = true;
  m.notes.push_back(concat("its ", m.bins,
                           " images are taken as bins, with --period alone as bins ",
                           "that span one laser period"));
}

}  // namespace taugate
