#pragma once
// Ctrl-C as a request that long loops look at, so that they can end in order (write a checkpoint).

namespace taugate {

/// From now on the first `requests` of SIGINT, SIGTERM and SIGHUP (where it is not ignored, as
/// under nohup) only set the flag that interrupted() returns; the next ends the process as it would
/// have without us. Called by programs, never by the library.
void install_interrupt_handler(int requests = 1);

/// Whether the process was asked to stop. Cheap enough for inner loops.
bool interrupted();
/// By which signal; 0 where it was not.
int interrupt_signal();

/// Returns when a request comes, or false after so many seconds. For a thread that sees to it that
/// the process ends.
bool wait_for_interrupt(double seconds);

/// Forgets the request, for a program that goes on after it.
void clear_interrupt();

}  // namespace taugate
