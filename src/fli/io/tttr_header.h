#pragma once
// The headers of files of time-tagged photons: PicoQuant's tags (.ptu), its older ones of fixed places (.pt3, .ht3, .t3r), and Becker
// & Hickl's text beside the photons (.set of a .spc).

#include "fli/io/ptu_header.h"

namespace taugate {

/// The header of a file of any of these kinds, by its first bytes; what is none of PicoQuant's is a .spc. Error as read_ptu_header(), and
/// for images in the older formats, T2 and records of cards that are not known.
PtuHeader read_tttr_header(const InputFile& file);

}  // namespace taugate
