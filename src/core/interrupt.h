#pragma once
// Ctrl-C as a request that long loops look at, so that they can end in order (write a checkpoint).

namespace taugate {

/// From now on the first SIGINT or SIGTERM only sets the flag that interrupted() returns; the
/// second ends the process as it would have without us. Called by programs, never by the library.
void install_interrupt_handler();

/// Whether the process was asked to stop. Cheap enough for inner loops.
bool interrupted();

/// Forgets the request, for a program that goes on after it.
void clear_interrupt();

}  // namespace taugate
