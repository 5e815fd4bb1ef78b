#pragma once
// What the files of reports share.

#include <string>

namespace taugate {

/// RFC 4648.
std::string base64(const std::string& bytes);
/// A text as HTML shows it.
std::string escaped(const std::string& text);

}  // namespace taugate
