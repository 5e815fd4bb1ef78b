#pragma once
// What C++20 has and the libc++ of Debian's emscripten (3.1.6) has not; included before every source of the page.

#include <algorithm>
#include <bit>
#include <ranges>

#if defined(_LIBCPP_VERSION) && _LIBCPP_VERSION < 15000
namespace std {
template <class To, class From>
constexpr To bit_cast(const From& from) noexcept {
  return __builtin_bit_cast(To, from);
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
