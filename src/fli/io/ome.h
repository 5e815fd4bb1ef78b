#pragma once
// The part of the OME model that says which pages of an OME-TIFF file are the gates of an image.

#include <optional>
#include <string>
#include <string_view>

namespace taugate {

/// How the planes of an OME-TIFF file hold the gates of an image.
struct OmeStack {
  int gates = 0, channels = 1, frames = 1;
  int gate_step = 1, channel_step = 1, frame_step = 1;  ///< in pages; the first plane is page 0
  std::optional<double> bin_ns;                         ///< from a ModuloAlong annotation
  std::optional<double> period_ns;                      ///< from the only laser's repetition rate
};
/// Parses OME-XML. Error where it is damaged, where the gates cannot be told from other axes, and
/// where planes lie in other files or in another order than it states.
OmeStack parse_ome(std::string_view xml, const std::string& where);
/// The OME-XML of such a stack: [gates] pages of width x height, type `uint16` or `float`.
std::string ome_xml(int width, int height, int gates, const char* type,
                    std::optional<double> bin_ns, std::optional<double> period_ns);

}  // namespace taugate
