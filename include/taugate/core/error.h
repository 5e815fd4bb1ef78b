#pragma once
// One way to fail: the library throws taugate::Error with a single line that says what was found
// and what was wanted. It never prints and never exits; the program turns an Error into one line on
// stderr and an exit code.

#include <sstream>
#include <stdexcept>
#include <string>

namespace taugate {

/// Something could not be done: a file is corrupt, a shape does not fit, a value is out of range.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller asked for something that makes no sense (an unknown option or preset name, a value
/// outside its range). The program exits with 2 instead of 1.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Joins its arguments with operator<<; numbers keep enough digits to be recognised.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(concat(parts...));
}

template <class... Parts>
[[noreturn]] void fail_usage(const Parts&... parts) {
  throw UsageError(concat(parts...));
}

/// Throws an Error made of `parts` unless `condition` holds. The parts are only evaluated lazily in
/// the sense that they are only formatted on failure, so pass values, not strings built beforehand.
template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) fail(parts...);
}

}  // namespace taugate
