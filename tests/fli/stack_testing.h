#pragma once
// Writes small stacks and libraries through libtiff, libhdf5 and matio themselves: the twins of our
// readers.

#include <hdf5.h>
#include <matio.h>
#include <tiffio.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "fli/io_testing.h"
#include "taugate/core/error.h"

namespace stack_testing {

constexpr std::uint32_t W = 20, H = 18;
constexpr int T = 3;

/// Counts that tell their place.
inline int count_at(int t, std::uint32_t y, std::uint32_t x) {
  return static_cast<int>((t * 7 + y * 3 + x) % 200);
}

struct Kind {
  int bits, format;
  bool tiled, bigtiff, big_endian;
  std::uint16_t compression;
};
constexpr Kind kPlain{16, SAMPLEFORMAT_UINT, false, false, false, COMPRESSION_NONE};

template <class S>
void put_page(TIFF* file, const Kind& kind, int t, const std::string& description) {
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, W);
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, H);
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, kind.bits);
  TIFFSetField(file, TIFFTAG_SAMPLEFORMAT, kind.format);
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, 1);
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  TIFFSetField(file, TIFFTAG_COMPRESSION, kind.compression);
  if (!description.empty()) TIFFSetField(file, TIFFTAG_IMAGEDESCRIPTION, description.c_str());
  if (kind.tiled) {
    TIFFSetField(file, TIFFTAG_TILEWIDTH, 16);
    TIFFSetField(file, TIFFTAG_TILELENGTH, 16);
    for (std::uint32_t y0 = 0; y0 < H; y0 += 16)
      for (std::uint32_t x0 = 0; x0 < W; x0 += 16) {
        std::vector<S> tile(256);
        for (std::uint32_t i = 0; i < 256; ++i)
          tile[i] = static_cast<S>(count_at(t, y0 + i / 16, x0 + i % 16));
        TIFFWriteTile(file, tile.data(), x0, y0, 0, 0);
      }
  } else {
    TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, 5);
    for (std::uint32_t y = 0; y < H; ++y) {
      std::vector<S> row(W);
      for (std::uint32_t x = 0; x < W; ++x) row[x] = static_cast<S>(count_at(t, y, x));
      TIFFWriteScanline(file, row.data(), y);
    }
  }
  TIFFWriteDirectory(file);
}

/// `pages` pages of [H][W], of gates `first` and on.
inline std::filesystem::path stack(const std::filesystem::path& path, const Kind& kind,
                                   const std::string& description = {}, int first = 0,
                                   int pages = T) {
  std::string mode = "w";
  mode += kind.bigtiff ? "8" : "";
  mode += kind.big_endian ? "b" : "l";
  TIFF* file = TIFFOpen(path.c_str(), mode.c_str());
  taugate::require(file != nullptr, path.string(), ": libtiff cannot write it");
  for (int t = first; t < first + pages; ++t) {
    const std::string text = t == first ? description : "";
    if (kind.format == SAMPLEFORMAT_IEEEFP && kind.bits == 64)
      put_page<double>(file, kind, t, text);
    if (kind.format == SAMPLEFORMAT_IEEEFP && kind.bits == 32) put_page<float>(file, kind, t, text);
    if (kind.format != SAMPLEFORMAT_IEEEFP && kind.bits == 8)
      put_page<std::uint8_t>(file, kind, t, text);
    if (kind.format != SAMPLEFORMAT_IEEEFP && kind.bits == 16)
      put_page<std::uint16_t>(file, kind, t, text);
    if (kind.format != SAMPLEFORMAT_IEEEFP && kind.bits == 32)
      put_page<std::uint32_t>(file, kind, t, text);
  }
  TIFFClose(file);
  return path;
}

/// The OME-XML of such a stack: more attributes of Pixels, and what follows the image.
inline std::string ome(const std::string& pixels, const std::string& rest) {
  return "<?xml version=\"1.0\"?><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\">"
         "<Image ID=\"Image:0\"><Pixels ID=\"Pixels:0\" Type=\"uint16\" SizeX=\"20\" "
         "SizeY=\"18\" " +
         pixels + "/></Image>" + rest + "</OME>";
}

inline void put_variable(mat_t* file, const char* name, matio_classes kind, matio_types type,
                         std::vector<std::size_t> shape, const void* values,
                         matio_compression packed) {
  matvar_t* v = Mat_VarCreate(name, kind, type, static_cast<int>(shape.size()), shape.data(),
                              const_cast<void*>(values), 0);
  const bool written = v != nullptr && Mat_VarWrite(file, v, packed) == 0;
  Mat_VarFree(v);
  taugate::require(written, "matio cannot write ", name);
}

/// A dataset of doubles, in groups that are made on the way.
inline void put_dataset(hid_t file, const char* name, std::vector<hsize_t> shape,
                        const std::vector<double>& values) {
  const hid_t groups = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(groups, 1);
  const hid_t space = shape.empty()
                          ? H5Screate(H5S_SCALAR)
                          : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
  const hid_t set =
      H5Dcreate2(file, name, H5T_NATIVE_DOUBLE, space, groups, H5P_DEFAULT, H5P_DEFAULT);
  const bool written =
      H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0;
  H5Dclose(set);
  H5Sclose(space);
  H5Pclose(groups);
  taugate::require(written, "libhdf5 cannot write ", name);
}

/// The datasets of a Photon-HDF5 file: five photons of two detectors.
inline void put_photons(hid_t file) {
  put_dataset(file, "photon_data/timestamps", {5}, {1, 2, 3, 4, 5});
  put_dataset(file, "photon_data/nanotimes", {5}, {7, 2, 7, 0, 1});
  put_dataset(file, "photon_data/detectors", {5}, {1, 0, 1, 1, 0});
  put_dataset(file, "photon_data/nanotimes_specs/tcspc_unit", {}, {16e-12});
  put_dataset(file, "photon_data/nanotimes_specs/tcspc_num_bins", {}, {10});
  put_dataset(file, "photon_data/measurement_specs/laser_repetition_rate", {}, {40e6});
}

}  // namespace stack_testing
