#pragma once
// What C++20 has and the libc++ of Debian's emscripten (3.1.6) has not; included before every source of the page.

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <ranges>
#include <string>

#if defined(_LIBCPP_VERSION) && _LIBCPP_VERSION < 15000
namespace std {
template <class To, class From>
constexpr To bit_cast(const From& from) noexcept {
  return __builtin_bit_cast(To, from);
}
/// Of a decimal number: no blank, no plus.
inline from_chars_result from_chars(const char* first, const char* last, double& value) {
  const string text(first, last);
  char* end = nullptr;
  const double number = strtod(text.c_str(), &end);
  if (text.find_first_of(" \t\n+") == 0 || end == text.c_str())
    return {first, errc::invalid_argument};
  value = number;
  return {first + (end - text.c_str()), errc{}};
}
namespace ranges {
template <class Range, class Out>
constexpr Out copy(Range&& range, Out out) {
  return std::copy(begin(range), end(range), out);
}
template <class Range, class Test>
constexpr bool all_of(Range&& range, Test test) {
  return std::all_of(begin(range), end(range), test);
}
template <class Range, class Value, class Member>
constexpr auto find(Range&& range, const Value& value, Member member) {
  return std::find_if(begin(range), end(range), [&](const auto& e) { return e.*member == value; });
}
template <class Range>
constexpr auto max_element(Range&& range) {
  return std::max_element(begin(range), end(range));
}
template <class Range, class Member>
constexpr auto max_element(Range&& range, std::initializer_list<int>, Member member) {
  return std::max_element(begin(range), end(range),
                          [&](const auto& a, const auto& b) { return a.*member < b.*member; });
}
}  // namespace ranges
}  // namespace std
#endif
