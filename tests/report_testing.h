#pragma once
// Reads back what a report holds.

#include <zlib.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "testing.h"

namespace taugate::testing {

/// Base64, letter by letter.
inline std::string bytes_of(const std::string& text) {
  std::string bytes;
  unsigned bits = 0;
  int have = 0;
  for (char c : text) {
    if (c == '=') break;
    const int value = c >= 'a'   ? c - 'a' + 26
                      : c >= 'A' ? c - 'A'
                      : c >= '0' ? c - '0' + 52
                      : c == '+' ? 62
                                 : 63;
    bits = bits << 6 | static_cast<unsigned>(value);
    have += 6;
    if (have >= 8) bytes += static_cast<char>(bits >> (have -= 8) & 255);
  }
  return bytes;
}

/// An array of a view of pixels, which report.js reads in the same way.
inline std::vector<float> floats_of(const nlohmann::json& packed, std::size_t n) {
  const std::string bytes = bytes_of(packed.get<std::string>());
  std::string planes(4 * n, '\0');
  uLongf size = planes.size();
  REQUIRE(uncompress(reinterpret_cast<Bytef*>(planes.data()), &size,
                     reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()) == Z_OK);
  REQUIRE(size == planes.size());
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    char one[4];
    for (std::size_t b = 0; b < 4; ++b) one[b] = planes[b * n + i];
    std::memcpy(&values[i], one, 4);
  }
  return values;
}

/// The data of the page's only view of pixels.
inline nlohmann::json view_in(const std::string& html) {
  const std::string start = "<script type=\"application/json\">";
  const std::size_t begin = html.find(start);
  REQUIRE(begin != std::string::npos);
  REQUIRE(html.find(start, begin + 1) == std::string::npos);
  const std::size_t end = html.find("</script>", begin);
  return nlohmann::json::parse(html.substr(begin + start.size(), end - begin - start.size()));
}

/// What is between `from` and `to`, both of them too, taken out wherever it is.
inline std::string without(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at; (at = text.find(from)) != std::string::npos;)
    text.erase(at, text.find(to, at) + to.size() - at);
  return text;
}

/// What every page must keep: nothing is fetched, no Markdown is left, no heading stands alone.
inline void check_page(const std::string& html) {
  CHECK(html.starts_with("<!DOCTYPE html>"));
  CHECK(html.ends_with("</html>\n"));
  for (const char* fetched : {"http:", "https:", "url(", "@import", "<link", "<script src"})
    CHECK_FALSE(contains(html, fetched));
  const std::string text =
      without(without(without(html, "<script", "</script>"), "<style", "</style>"), "data:", "\"");
  CHECK_FALSE(contains(text, "`"));
  for (std::size_t at = text.find("</h2>"); at != std::string::npos;
       at = text.find("</h2>", at + 1)) {
    const std::string next = text.substr(at + 5, 8);
    CAPTURE(next);
    CHECK_FALSE(next.starts_with("\n<h2>"));
    CHECK_FALSE(next.starts_with("\n</body"));
    CHECK_FALSE(next.starts_with("\n<script"));
  }
}

}  // namespace taugate::testing
