#pragma once
// --share-lifetimes frames and files: one fit of many recordings.

#include "cli/results/table_run.h"

namespace taugate::cli {

/// Fits the summed decay of each (of each label, where a mask sums them) with common lifetimes and
/// an amplitude, a background and a place of the IRF of its own, and prints what was found. The rest
/// is a single run with these lifetimes known. Recordings that cannot be read are left to their own
/// rows. Error where the gates of two differ, or nothing can be fitted.
SharedValues share_lifetimes(const std::vector<Arguments>& recordings);

}  // namespace taugate::cli
