#include "fli/io/sdt.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include "fli/formats/binary_fields.h"
#include "fli/formats/zip.h"

namespace taugate {
namespace {

// Bytes of the file header and from its start.
constexpr std::size_t kFileHeader = 42, kRevision = 0, kDataOffset = 14, kDataBlocks = 18,
                      kDescriptionOffset = 24, kDescriptions = 28, kDescriptionLength = 30,
                      kValid = 32, kMoreBlocks = 34;
// Of a block header; before software revision 15 its first two bytes number the block.
constexpr std::size_t kBlockHeader = 22, kHighOffset = 0, kHighNextOffset = 1, kBlockOffset = 2,
                      kNextOffset = 6, kBlockType = 10, kBlockDescription = 12, kBlockLength = 18;
constexpr int kLongOffsetsSince = 15;
// Of a measurement description, which older programs wrote shorter.
constexpr std::size_t kSyncDivider = 58, kTacRange = 64, kTacGain = 68, kAdcResolution = 82,
                      kScan = 173, kLeastSync = 231, kMostSync = 247, kImage = 309;
constexpr std::size_t kLongestDescription = 4096;

constexpr std::uint16_t kValidMark = 0x5555;
constexpr int kManyBlocks = 0x7fff;  // the number stands elsewhere
constexpr int kMostChannels = 65536;

// Block types: how it came about, what it holds, its number type, whether it is zipped.
constexpr int kContentMask = 0xf0, kDecays = 0x00, kPage = 0x10, kImages = 0x60;
constexpr const char* kContents[] = {"decays",
                                     "pages of decays",
                                     "FCS",
                                     "FIDA",
                                     "FILDA",
                                     "MCS",
                                     "images of decays",
                                     "triggered MCS",
                                     "images of MCS",
                                     "images of moments",
                                     "images of intensities",
                                     "wide-field images",
                                     "images of lifetimes"};
constexpr int kTypeMask = 0xf00, kUint16 = 0x000, kUint32 = 0x100, kFloat64 = 0x200;
constexpr int kZipped = 0x1000;

constexpr double kLeastSyncHz = 1e3, kMostSyncHz = 1e11;
constexpr double kSteadySync = 0.01;  // relative difference of its extremes

std::string content_name(int content) {
  const auto i = static_cast<std::size_t>(content >> 4);
  return i < std::size(kContents) ? kContents[i] : concat("type ", content);
}

std::optional<double> period_of(const BinaryFields& description) {
  if (description.bytes().size() < kMostSync + sizeof(float)) return std::nullopt;
  // A divided sync shows a rate of which the files do not tell whether it was divided too.
  if (description.at<std::int16_t>(kSyncDivider) > 1) return std::nullopt;
  const double least = description.at<float>(kLeastSync), most = description.at<float>(kMostSync);
  if (!(least >= kLeastSyncHz && most <= kMostSyncHz && most >= least &&
        most - least <= kSteadySync * most))
    return std::nullopt;
  return 2e9 / (least + most);
}

/// An image's pixels and how many such planes follow each other, as fields of a description say.
struct Layout {
  std::uint64_t width = 0, height = 0, pitch = 0, rows = 0, planes = 0;
};

/// Width, height, routing channels in x and y at `offset`, where they explain `pixels` pixels.
std::optional<Layout> layout_at(const BinaryFields& description, std::size_t offset,
                                std::uint64_t pixels) {
  if (description.bytes().size() < offset + 16) return std::nullopt;
  std::array<std::uint64_t, 4> n{};
  for (std::size_t i = 0; i < n.size(); ++i) {
    const auto value = description.at<std::int32_t>(offset + 4 * i);
    if (value < 0 || value > 65536) return std::nullopt;
    n[i] = static_cast<std::uint64_t>(value);
  }
  const auto [width, height, planes_x, planes_y] = n;
  if (width == 0 || height == 0) return std::nullopt;
  const std::uint64_t planes =
      std::max<std::uint64_t>(planes_x, 1) * std::max<std::uint64_t>(planes_y, 1);
  if (pixels == width * height) return Layout{width, height, width, height, 1};
  if (planes <= kMostChannels && pixels == width * height * planes)
    return Layout{width, height, width, height, planes};
  // Some images are stored in a frame whose sides are powers of two.
  const std::uint64_t pitch = std::bit_ceil(width), rows = std::bit_ceil(height);
  if (pixels == pitch * rows) return Layout{width, height, pitch, rows, 1};
  return std::nullopt;
}

template <class T>
void convert(std::span<const char> bytes, std::vector<float>& out) {
  out.resize(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<float>(value);
  }
}

}  // namespace

struct SdtReader::Block {
  std::uint64_t offset = 0, next = 0, length = 0;
  int type = 0, description = 0;
};

SdtReader::SdtReader(const std::filesystem::path& path) : file_(path) {
  const std::string where = path.string();
  const auto read = [&](std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    file_.read_at(offset, bytes.data(), size);
    return bytes;
  };
  if (file_.size() < kFileHeader) fail(where, ": is no SDT file: ", file_.size(), " bytes");
  const BinaryFields header(read(0, kFileHeader), where);
  if (header.at<std::uint16_t>(kValid) != kValidMark)
    fail(where,
         ": is no SDT file, or its recording was not finished: its header is not marked "
         "as valid");

  const std::size_t length = header.at<std::uint16_t>(kDescriptionLength);
  const int descriptions = header.at<std::int16_t>(kDescriptions);
  if (descriptions < 1 || length < kAdcResolution + 2 || length > kLongestDescription)
    fail(where, ": has ", descriptions, " descriptions of ", length,
         " bytes, wanted at least 1 of ", kAdcResolution + 2, " to ", kLongestDescription);
  const std::uint64_t described = header.at<std::uint32_t>(kDescriptionOffset);

  std::uint64_t blocks = header.at<std::uint16_t>(kDataBlocks);
  if (blocks == kManyBlocks) blocks = header.at<std::uint32_t>(kMoreBlocks);
  const bool long_offsets = (header.at<std::uint16_t>(kRevision) & 15) >= kLongOffsetsSince;
  std::uint64_t offset = header.at<std::uint32_t>(kDataOffset);
  std::set<std::string> left_out;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const Block block = read_block_header(offset, long_offsets);
    const int content = block.type & kContentMask;
    if (content == kDecays || content == kPage || content == kImages) {
      if (block.description < 0 || block.description >= descriptions)
        fail(where, ": data block ", i + 1, " names description ", block.description, " of ",
             descriptions);
      const auto place = described + static_cast<std::uint64_t>(block.description) * length;
      add_channels(block, BinaryFields(read(place, length), where));
    } else {
      left_out.insert(content_name(content));
    }
    // Blocks follow each other, so a chain that turns back would never end.
    if (i + 1 < blocks && block.next < offset + kBlockHeader)
      fail(where, ": data block ", i + 1, " is followed by byte ", block.next, ", before itself");
    offset = block.next;
  }
  if (!channels_.empty()) return;
  std::string list;
  for (const std::string& name : left_out) list += (list.empty() ? ", found " : ", ") + name;
  fail(where, ": holds ", blocks, " data block(s), none of them decays or images of decays", list);
}

SdtReader::Block SdtReader::read_block_header(std::uint64_t offset, bool long_offsets) const {
  std::string bytes(kBlockHeader, '\0');
  file_.read_at(offset, bytes.data(), bytes.size());
  const BinaryFields header(std::move(bytes), file_.path().string());
  Block block;
  block.offset = header.at<std::uint32_t>(kBlockOffset);
  block.next = header.at<std::uint32_t>(kNextOffset);
  if (long_offsets) {
    block.offset |= std::uint64_t{header.at<std::uint8_t>(kHighOffset)} << 32;
    block.next |= std::uint64_t{header.at<std::uint8_t>(kHighNextOffset)} << 32;
  }
  block.type = header.at<std::uint16_t>(kBlockType);
  block.description = header.at<std::int16_t>(kBlockDescription);
  block.length = header.at<std::uint32_t>(kBlockLength);
  return block;
}

void SdtReader::add_channels(const Block& block, const BinaryFields& description) {
  const std::string where = concat(file_.path().string(), ": channel ", channels_.size() + 1);
  SdtChannel channel;
  channel.bins = description.at<std::uint16_t>(kAdcResolution);
  if (channel.bins == 0) channel.bins = 65536;
  const double range = description.at<float>(kTacRange);
  const int gain = description.at<std::int16_t>(kTacGain);
  if (!(range > 0.0 && range < 1.0) || gain < 1)
    fail(where, ": a TAC range of ", range, " s at a gain of ", gain);
  channel.bin_ns = 1e9 * range / (static_cast<double>(gain) * channel.bins);
  channel.period_ns = period_of(description);

  Place place;
  place.zipped = (block.type & kZipped) != 0;
  const int type = block.type & kTypeMask;
  if (type != kUint16 && type != kUint32 && type != kFloat64)
    fail(where, ": counts of an unknown type (block type ", block.type, ")");
  place.element_bytes = type == kUint16 ? 2 : type == kUint32 ? 4 : 8;
  place.offset = block.offset;
  place.decoded_bytes = block.length;
  const std::uint64_t end =
      block.next > block.offset ? std::min(block.next, file_.size()) : file_.size();
  place.stored_bytes = end > block.offset ? end - block.offset : 0;
  const auto curve = static_cast<std::uint64_t>(channel.bins) * place.element_bytes;
  if (block.length == 0 || block.length % curve != 0)
    fail(where, ": holds ", block.length, " bytes, wanted a multiple of ", curve, " (",
         channel.bins, " bins)");
  if (!place.zipped && place.stored_bytes < block.length)
    fail(where, ": is cut short: ", place.stored_bytes, " bytes, wanted ", block.length);

  const std::uint64_t pixels = block.length / curve;
  const bool image = (block.type & kContentMask) == kImages;
  auto layout = layout_at(description, image ? kImage : kScan, pixels);
  if (!layout) layout = layout_at(description, image ? kScan : kImage, pixels);
  if (!layout) {
    if (image) fail(where, ": an image of ", pixels, " pixels in all, of unknown width");
    layout = Layout{pixels, 1, pixels, 1, 1};
  }
  if (channels_.size() + layout->planes > kMostChannels) fail(where, ": there are too many");
  channel.width = static_cast<int>(layout->width);
  channel.height = static_cast<int>(layout->height);
  place.pitch = static_cast<int>(layout->pitch);
  for (std::uint64_t plane = 0; plane < layout->planes; ++plane) {
    place.first = plane * layout->pitch * layout->rows * static_cast<std::uint64_t>(channel.bins);
    channels_.push_back(channel);
    places_.push_back(place);
  }
}

void SdtReader::read(std::size_t index, const TakeCounts& take) const {
  const SdtChannel& channel = channels_.at(index);
  const Place& place = places_.at(index);
  const std::string where = concat(file_.path().string(), ": channel ", index + 1);
  const auto bins = static_cast<std::uint64_t>(channel.bins);
  const std::uint64_t row = bins * place.pitch, wanted = bins * channel.width;
  std::uint64_t position = 0;  // of the next element in the block
  std::vector<float> counts;
  const auto pass = [&](std::span<const char> bytes) {
    if (place.element_bytes == 2) convert<std::uint16_t>(bytes, counts);
    if (place.element_bytes == 4) convert<std::uint32_t>(bytes, counts);
    if (place.element_bytes == 8) convert<double>(bytes, counts);
    const std::uint64_t end = position + counts.size();
    const std::uint64_t first_row = position > place.first ? (position - place.first) / row : 0;
    for (auto y = first_row; y < static_cast<std::uint64_t>(channel.height); ++y) {
      const std::uint64_t begin = std::max(place.first + y * row, position);
      const std::uint64_t stop = std::min(place.first + y * row + wanted, end);
      if (place.first + y * row >= end) break;
      if (begin < stop) take(std::span(counts).subspan(begin - position, stop - begin));
    }
    position = end;
  };
  std::optional<ZipReader> archive;
  std::optional<ZipMember> member;
  if (place.zipped) {
    archive.emplace(file_.path(), "zip archive", "",
                    ZipWindow{place.offset, static_cast<std::int64_t>(place.stored_bytes), where});
    require(!archive->names().empty(), where, ": its zip archive is empty");
    member.emplace(archive->open(archive->names().front()));
    require(member->size() == place.decoded_bytes, where, ": unpacks to ", member->size(),
            " bytes, wanted ", place.decoded_bytes);
  }
  std::string piece(std::size_t{1} << 16, '\0');
  for (std::uint64_t done = 0; done < place.decoded_bytes; done += piece.size()) {
    piece.resize(static_cast<std::size_t>(
        std::min<std::uint64_t>(piece.size(), place.decoded_bytes - done)));
    if (member)
      member->read(piece.data(), piece.size());
    else
      file_.read_at(place.offset + done, piece.data(), piece.size());
    pass(piece);
  }
  if (member) member->finish();
}

}  // namespace taugate
