#pragma once
// The part of the OME model that says which pages of an OME-TIFF file are the gates of an image.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace taugate {

/// How the planes of an OME-TIFF file hold the gates of an image. Plane p, in the order of DimensionOrder, is a page of one of the
/// files of a set.
struct OmeStack {
  struct Place {
    int file = -1, page = 0;  ///< file: of `files`; page from 0
  };
  int gates = 0, channels = 1, frames = 1;
  int gate_step = 1, channel_step = 1, frame_step = 1;  ///< in planes
  std::optional<double> bin_ns;                         ///< from a ModuloAlong annotation
  std::optional<double> period_ns;                      ///< from the only laser's repetition rate
  std::vector<std::string> files;  ///< names, none of a path; empty: the file that was described
  std::vector<Place> planes;
};
/// Parses OME-XML. Error where it is damaged, where the gates cannot be told from other axes, and where a plane is in no file or
/// in one outside the folder. `gates_per_frame`: as the user says where no annotation does, 0: not; UsageError where it does not fit.
OmeStack parse_ome(std::string_view xml, const std::string& where, int gates_per_frame = 0);
/// The file that has the description, where this XML only names it; Error where that is outside the folder.
std::optional<std::string> ome_metadata_file(std::string_view xml, const std::string& where);

/// An image of an OME-TIFF file, its planes along T, behind those of the images before it.
struct OmeImage {
  std::string name;
  int width = 0, height = 0, planes = 1;
  const char* type = "float";         ///< as the OME model names it
  std::optional<double> bin_ns = {};  ///< planes are gates, so far apart
  bool harmonics = false;             ///< planes are harmonics of a phasor
};
std::string ome_xml(std::span<const OmeImage> images, std::optional<double> period_ns);

}  // namespace taugate
