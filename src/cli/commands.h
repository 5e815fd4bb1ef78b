#pragma once
// The subcommands, one file each. They parse, call the library, and print; argv[0] is the command's
// name.

#include <string>

namespace taugate::cli {

int simulate(int argc, char** argv);
int train(int argc, char** argv);
int distill(int argc, char** argv);
int quantize(int argc, char** argv);
int evaluate(int argc, char** argv);
int infer(int argc, char** argv);
int fit(int argc, char** argv);
int compare(int argc, char** argv);
int info(int argc, char** argv);
int reproduce(int argc, char** argv);
int import_weights(int argc, char** argv);
int export_onnx(int argc, char** argv);
int export_rtl(int argc, char** argv);
int cosim(int argc, char** argv);
int convert(int argc, char** argv);
int models(int argc, char** argv);

/// What is printed where an interrupt ends the process before its command has come to an end in order; "": nothing.
void set_last_words(std::string words);

/// Exit codes. The program makes of kInterrupted what a shell would: 130 after Ctrl-C, 143 after
/// SIGTERM.
inline constexpr int kSuccess = 0, kFailure = 1, kMisuse = 2, kInterrupted = 130;

}  // namespace taugate::cli
