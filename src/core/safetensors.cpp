#include "taugate/core/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/formatted.h"
#include "core/half.h"
#include "taugate/core/error.h"
#include "taugate/core/file.h"

static_assert(std::endian::native == std::endian::little,
              "tensors are stored as they lie in memory");

namespace taugate {
namespace {

using Json = nlohmann::json;

std::size_t bytes_per_value(const std::string& dtype) {
  static const std::map<std::string, std::size_t> sizes{
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"I16", 2}, {"U16", 2}, {"F16", 2}, {"BF16", 2},
      {"I32", 4},  {"U32", 4}, {"F32", 4}, {"I64", 8}, {"U64", 8}, {"F64", 8}};
  const auto it = sizes.find(dtype);
  return it == sizes.end() ? 0 : it->second;
}

constexpr const char* kMetadata = "__metadata__";
constexpr const char* kChecksum = "taugate.crc32";

/// The CRC-32 of zlib, PNG and Ethernet: the remainder of the bytes, lowest bit first, divided by the
/// polynomial 0xedb88320; `kRemainders` holds that of every byte.
class Checksum {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes)
      rest_ = rest_ >> 8 ^ kRemainders[(rest_ ^ static_cast<unsigned char>(c)) & 255];
  }
  std::string text() const { return formatted("%08x", ~rest_); }

 private:
  static constexpr auto kRemainders = [] {
    std::array<std::uint32_t, 256> all{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      all[byte] = byte;
      for (int bit = 0; bit < 8; ++bit)
        all[byte] = all[byte] >> 1 ^ (all[byte] & 1 ? 0xedb88320u : 0u);
    }
    return all;
  }();
  std::uint32_t rest_ = 0xffffffffu;
};

/// Where the file tells a checksum: it is taken out of the header and compared.
void check_checksum(const std::string& file, Json& header, std::string_view data) {
  const auto metadata = header.find(kMetadata);
  if (metadata == header.end()) return;
  const std::string_view name = kChecksum;
  for (const auto& [key, value] : metadata->items())  // a name of which one character is another
    require(key.size() != name.size() || key == name ||
                std::inner_product(key.begin(), key.end(), name.begin(), 0, std::plus<>(),
                                   std::not_equal_to<>()) > 1,
            file, ": is damaged: found an entry '", key, "', wanted ", kChecksum);
  if (!metadata->contains(kChecksum)) return;
  const auto found = metadata->at(kChecksum).get<std::string>();
  metadata->erase(kChecksum);
  Checksum checksum;
  checksum.add(header.dump());
  checksum.add(data);
  require(found == checksum.text(), file, ": is damaged: its content has the checksum ",
          checksum.text(), ", wanted ", found, " (", kChecksum,
          "; whoever has changed it on purpose takes that entry out)");
}

/// One tensor's entry of the header, checked against the `data` that follows it.
StoredTensor parse_tensor(const std::string& file, const std::string& name, const Json& entry,
                          std::string_view data, std::size_t& begin) {
  StoredTensor t;
  t.name = name;
  t.dtype = entry.at("dtype").get<std::string>();
  const std::size_t width = bytes_per_value(t.dtype);
  require(width > 0, file, ": tensor '", name, "': found dtype '", t.dtype,
          "', wanted one of safetensors'");
  std::size_t bytes = width;
  const auto& shape = entry.at("shape");
  require(shape.is_array(), file, ": tensor '", name, "': its shape is not a list of sizes");
  for (const auto& extent : shape) {
    require(extent.is_number_unsigned(), file, ": tensor '", name,
            "': its shape is not a list of sizes");
    t.shape.push_back(extent.get<std::size_t>());
    require(t.shape.back() == 0 || bytes <= data.size() / t.shape.back(), file, ": tensor '", name,
            "': its shape needs more bytes than the file has");
    bytes *= t.shape.back();
  }
  const auto& offsets = entry.at("data_offsets");
  require(offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() &&
              offsets[1].is_number_unsigned(),
          file, ": tensor '", name, "': data_offsets is not a pair of sizes");
  begin = offsets[0].get<std::size_t>();
  const auto end = offsets[1].get<std::size_t>();
  require(begin <= end && end <= data.size() && end - begin == bytes, file, ": tensor '", name,
          "': found bytes ", begin, "..", end, " of ", data.size(), ", wanted ", bytes,
          " bytes for its shape");
  t.bytes = std::string(data.substr(begin, bytes));
  return t;
}

}  // namespace

std::size_t StoredTensor::count() const {
  std::size_t n = 1;
  for (std::size_t extent : shape) n *= extent;
  return n;
}

const StoredTensor* Safetensors::find(const std::string& name) const {
  for (const auto& tensor : tensors)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

void Safetensors::add(std::string name, const char* dtype, std::vector<std::size_t> shape,
                      const void* values, std::size_t value_bytes) {
  StoredTensor t{std::move(name), dtype, std::move(shape), {}};
  t.bytes.assign(static_cast<const char*>(values), t.count() * value_bytes);
  tensors.push_back(std::move(t));
}

void Safetensors::add_floats(std::string name, std::vector<std::size_t> shape,
                             const float* values) {
  add(std::move(name), "F32", std::move(shape), values, sizeof *values);
}

void Safetensors::add_halves(std::string name, std::vector<std::size_t> shape,
                             const float* values) {
  StoredTensor t{std::move(name), "F16", std::move(shape), {}};
  for (std::size_t i = 0; i < t.count(); ++i) {
    const std::uint16_t half = to_half(values[i]);
    t.bytes.append(reinterpret_cast<const char*>(&half), sizeof half);
  }
  tensors.push_back(std::move(t));
}

Safetensors read_safetensors(const std::filesystem::path& path) {
  const std::string file = path.string();
  const std::string content = read_file(path);
  std::uint64_t header_size = 0;
  require(content.size() >= 8, file, ": found ", content.size(),
          " bytes, wanted a safetensors file");
  std::memcpy(&header_size, content.data(), 8);
  require(header_size <= content.size() - 8, file, ": its header claims ", header_size,
          " bytes, but only ", content.size() - 8, " follow: not a safetensors file, or truncated");
  const std::string_view data = std::string_view(content).substr(8 + header_size);

  Safetensors result;
  std::vector<std::pair<std::size_t, std::size_t>> spans;
  try {
    Json header =
        Json::parse(content.begin() + 8, content.begin() + 8 + static_cast<long>(header_size));
    require(header.is_object(), file, ": its header is not a JSON object");
    check_checksum(file, header, data);
    for (const auto& [name, entry] : header.items()) {
      if (name == kMetadata) {
        for (const auto& [key, value] : entry.items())
          result.metadata[key] = value.get<std::string>();
        continue;
      }
      std::size_t begin = 0;
      result.tensors.push_back(parse_tensor(file, name, entry, data, begin));
      spans.emplace_back(begin, result.tensors.back().bytes.size());
    }
  } catch (const Json::exception&) {
    fail(file, ": its header is not valid safetensors JSON: damaged, or not a safetensors file");
  }
  std::sort(spans.begin(), spans.end());
  std::size_t expected = 0;
  for (const auto& [begin, size] : spans) {
    require(begin == expected, file, ": tensors overlap or leave a gap at byte ", begin);
    expected = begin + size;
  }
  require(expected == data.size(), file, ": found ", data.size(), " bytes of tensors, wanted ",
          expected);
  return result;
}

void write_safetensors(const std::filesystem::path& path, const Safetensors& content) {
  Json header = Json::object();
  header[kMetadata] = content.metadata;
  std::size_t offset = 0;
  for (const auto& t : content.tensors) {
    header[t.name] = {{"dtype", t.dtype},
                      {"shape", t.shape},
                      {"data_offsets", {offset, offset + t.bytes.size()}}};
    offset += t.bytes.size();
  }
  std::string text;
  try {
    Checksum checksum;
    checksum.add(header.dump());
    for (const auto& t : content.tensors) checksum.add(t.bytes);
    header[kMetadata][kChecksum] = checksum.text();
    text = header.dump();
  } catch (const Json::exception&) {
    fail(path.string(), ": cannot be written: a name or metadata entry is not UTF-8 text");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data is aligned
  const std::uint64_t size = text.size();
  OutputFile out(path);
  out.write(&size, 8);
  out.write(text);
  for (const auto& t : content.tensors) out.write(t.bytes);
  out.commit();
}

namespace {

/// Calls put(i, value) for each value, read as Raw.
template <class Raw, class Put>
void for_each_value(const StoredTensor& t, Put&& put) {
  for (std::size_t i = 0; i < t.count(); ++i) {
    Raw raw;
    std::memcpy(&raw, t.bytes.data() + i * sizeof raw, sizeof raw);
    put(i, raw);
  }
}

}  // namespace

std::vector<float> floats_of(const StoredTensor& t, const std::string& file) {
  std::vector<float> values(t.count());
  const auto put = [&](std::size_t i, auto x) { values[i] = static_cast<float>(x); };
  if (t.dtype == "F32")
    for_each_value<float>(t, put);
  else if (t.dtype == "F64")
    for_each_value<double>(t, put);
  else if (t.dtype == "F16")
    for_each_value<std::uint16_t>(t, [&](std::size_t i, auto x) { put(i, from_half(x)); });
  else if (t.dtype == "BF16")
    for_each_value<std::uint16_t>(t, [&](std::size_t i, auto x) {
      put(i, std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16));
    });
  else
    fail(file, ": tensor '", t.name, "': found ", t.dtype, ", wanted floating point");
  return values;
}

std::vector<std::int64_t> integers_of(const StoredTensor& t, const std::string& file) {
  std::vector<std::int64_t> values(t.count());
  const auto put = [&](std::size_t i, auto x) {
    values[i] = static_cast<std::int64_t>(x);  // NOLINT(bugprone-signed-char-misuse): a number
  };
  if (t.dtype == "I8")
    for_each_value<std::int8_t>(t, put);
  else if (t.dtype == "U8")
    for_each_value<std::uint8_t>(t, put);
  else if (t.dtype == "I16")
    for_each_value<std::int16_t>(t, put);
  else if (t.dtype == "U16")
    for_each_value<std::uint16_t>(t, put);
  else if (t.dtype == "I32")
    for_each_value<std::int32_t>(t, put);
  else if (t.dtype == "U32")
    for_each_value<std::uint32_t>(t, put);
  else if (t.dtype == "I64")
    for_each_value<std::int64_t>(t, put);
  else
    fail(file, ": tensor '", t.name, "': found ", t.dtype, ", wanted integers");
  return values;
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text;
  for (std::size_t extent : shape) text += concat("[", extent, "]");
  return text;
}

}  // namespace taugate
