#pragma once
// For .cpp files only: what read_measurement() and the readers of its formats share.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taugate/fli/formats/npy.h"
#include "taugate/fli/io/measurement.h"

namespace taugate {

/// Height, width and bins from the shape of an array, [T], [N][T] or [H][W][T].
void set_array(Measurement& m, Array<float> array, bool time_first, const std::string& where);

/// Chooses among detector channels that recorded m.channel_photons, as the options say. The index
/// of the channel; none where all are to be added up.
std::optional<std::size_t> chosen_channel(Measurement& m, int wanted);

/// Tells m how many frames there are (0: none are told apart), and gives those that are wanted, first and
/// end, from 0. UsageError for one that is not there.
std::pair<int, int> chosen_frames(Measurement& m, int frames, int wanted);

/// ASCII letters in lower case.
std::string lower(std::string text);
/// ".sdt" of "Cell.SDT".
inline std::string lower_ending(const std::filesystem::path& path) {
  return lower(path.extension().string());
}

/// Memory for m's width, height and bins. Error where that is too much.
void reserve_counts(Measurement& m, const MeasurementOptions& options);

/// The array to read where a file holds several: the wanted one, else `tpsf`, else the only one.
/// Error, with the list, where that does not tell.
std::string chosen_member(const std::vector<std::string>& names, const std::string& wanted,
                          const std::string& where);

/// Bin width and laser period from arrays of one number, `bin_ns` and `period_ns`, as write_measurement() names them. Takes these
/// out of `names`; `read` gives an array's values. Error for one of several values.
void take_times(Measurement& m, std::vector<std::string>& names,
                const std::function<std::vector<double>(const std::string& name)>& read);

}  // namespace taugate
