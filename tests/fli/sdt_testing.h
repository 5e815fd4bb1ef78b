#pragma once
// Writes small Becker & Hickl files, field by field, as the format's description orders them: the
// twin of the reader, which goes by offsets.

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fli/io_testing.h"

namespace sdt {

struct Block {
  std::string data;  ///< decoded
  int type = 0x11;   ///< low byte: created by a measurement, a page of decays
  int description = 0;
  bool zipped = false;
};

struct Description {
  float tac_range_s = 50e-9f;
  std::int16_t tac_gain = 4, adc = 8, sync_divider = 1;
  std::int32_t scan[4] = {0, 0, 0, 0}, image[4] = {0, 0, 0, 0};  // x, y, routing x, routing y
  float least_sync = 79.9e6f, most_sync = 80.1e6f;
};

inline std::string zeros(std::size_t n) { return std::string(n, '\0'); }

/// 512 bytes.
inline std::string bytes_of_description(const Description& d) {
  std::string s = "12:00:00" + zeros(1) + "2024-01-31" + zeros(1) + "3F0001" + zeros(10);
  s += bytes_of<std::int16_t>(13);  // mode
  s += zeros(4 * 5);                // CFD limits and zero crossings
  s += bytes_of(d.sync_divider) + zeros(4);
  s += bytes_of(d.tac_range_s) + bytes_of(d.tac_gain) + zeros(4 * 3);
  s += bytes_of(d.adc);
  s += zeros(2 + 2 + 2 + 2 + 4 + 4 + 2 + 1 + 2 + 2 + 4 + 2 + 2 + 2);  // delay .. memory bank
  s += "SPC-150" + zeros(9) + zeros(4 + 2 * 6 + 4 * 5 + 2 * 2);       // module .. trigger
  for (const auto n : d.scan) s += bytes_of(n);
  s += zeros(2 + 4 + 2 + 2 + 4 + 4 + 4);  // FIFO type .. cycles
  s += zeros(2 + 2 + 4 + 4 + 4 + 4);      // stop: status .. page
  s += bytes_of(d.least_sync) + zeros(4 * 3) + bytes_of(d.most_sync) + zeros(4 * 3 + 4 + 4);
  s += zeros(38);  // FCS
  for (const auto n : d.image) s += bytes_of(n);
  return s + zeros(512 - s.size());
}

/// A zip archive of one deflated member.
inline std::string zipped(const std::string& content) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&z, content.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  z.avail_in = static_cast<uInt>(content.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  deflate(&z, Z_FINISH);
  packed.resize(z.total_out);
  deflateEnd(&z);
  const auto checksum = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
  const std::string name = "data_block";
  // Version wanted .. length of the extra field: the same in both headers.
  const std::string fields =
      bytes_of<std::uint16_t>(20) + bytes_of<std::uint16_t>(0) + bytes_of<std::uint16_t>(8) +
      bytes_of<std::uint32_t>(0) + bytes_of(checksum) +
      bytes_of(static_cast<std::uint32_t>(packed.size())) +
      bytes_of(static_cast<std::uint32_t>(content.size())) +
      bytes_of(static_cast<std::uint16_t>(name.size())) + bytes_of<std::uint16_t>(0);
  const std::string member = "PK\x03\x04" + fields + name + packed;
  const std::string directory = "PK\x01\x02" + bytes_of<std::uint16_t>(20) + fields +
                                std::string(2 + 2 + 2 + 4 + 4, '\0') + name;
  return member + directory + "PK\x05\x06" + std::string(4, '\0') + bytes_of<std::uint16_t>(1) +
         bytes_of<std::uint16_t>(1) + bytes_of(static_cast<std::uint32_t>(directory.size())) +
         bytes_of(static_cast<std::uint32_t>(member.size())) + bytes_of<std::uint16_t>(0);
}

/// `revision`: 0x280f is an SPC-150 whose block offsets have 40 bits.
inline std::string file(const std::vector<Description>& descriptions,
                        const std::vector<Block>& blocks, std::uint16_t revision = 0x280f) {
  const std::string info = "*IDENTIFICATION\r\n  ID : SPC Setup & Data File\r\n*END\r\n";
  const auto info_at = std::uint32_t{42};
  const auto described_at = static_cast<std::uint32_t>(info_at + info.size());
  const auto data_at = static_cast<std::uint32_t>(described_at + 512 * descriptions.size());
  std::string s =
      bytes_of(revision) + bytes_of(info_at) + bytes_of(static_cast<std::uint16_t>(info.size())) +
      bytes_of<std::uint32_t>(0) + bytes_of<std::uint16_t>(0) + bytes_of(data_at) +
      bytes_of(static_cast<std::int16_t>(blocks.size())) + bytes_of<std::uint32_t>(0) +
      bytes_of(described_at) + bytes_of(static_cast<std::int16_t>(descriptions.size())) +
      bytes_of<std::int16_t>(512) + bytes_of<std::uint16_t>(0x5555) + bytes_of<std::uint32_t>(0) +
      bytes_of<std::uint16_t>(0) + bytes_of<std::uint16_t>(0) + info;
  for (const auto& d : descriptions) s += bytes_of_description(d);
  std::uint32_t number = 0;
  for (const auto& block : blocks) {
    const std::string stored = block.zipped ? zipped(block.data) : block.data;
    const auto at = static_cast<std::uint32_t>(s.size() + 22);
    s += bytes_of<std::uint16_t>(0);
    s += bytes_of(at) + bytes_of(static_cast<std::uint32_t>(at + stored.size()));
    s += bytes_of(static_cast<std::uint16_t>(block.type | (block.zipped ? 0x1000 : 0)));
    s += bytes_of(static_cast<std::int16_t>(block.description));
    s += bytes_of(number++ << 24) + bytes_of(static_cast<std::uint32_t>(block.data.size()));
    s += stored;
  }
  return s;
}

template <class T>
std::string packed_counts(const std::vector<int>& counts) {
  std::string s;
  for (const int c : counts) s += bytes_of(static_cast<T>(c));
  return s;
}

}  // namespace sdt
