#pragma once
// What the files of taugate_bench share.

#include <benchmark/benchmark.h>

#include <functional>
#include <string>
#include <vector>

#include "taugate/nn/model.h"

namespace bench {

/// Call after a benchmark's loop: sets its counters "GF/s" and "of peak", the share of the FMA peak
/// that `threads` threads reach right now.
void count_flops(benchmark::State& state, double flops_per_iteration, int threads = 1);

/// Sets the counter `name`: this many of it a second.
void count_rate(benchmark::State& state, const char* name, double per_iteration);

/// Sets the counter "flops/byte", for the roofline: how often a byte that is loaded is used.
void count_intensity(benchmark::State& state, double flops, double bytes);

int cores();

/// The processor's time that this process has had, so that others' share does not count. Threads
/// that wait sleep, so on an idle machine this is the time that passes times the threads.
double cpu_seconds();

double median(std::vector<double> values);  ///< the upper one of an even number

/// The loop of a benchmark that sets something beside the float executor: they take turns, so that a
/// busy machine slows both. Each call does one turn and returns its seconds. The time of `other` is
/// the benchmark's; counters "float_seconds" and "times_float" are medians over the turns.
void beside_floats(benchmark::State& state, const std::function<double()>& floats,
                   const std::function<double()>& other);

/// A student or teacher with random weights.
taugate::Model network(std::vector<int> hidden, int gates);

/// Decays with noise, [count][gates], normalised.
std::vector<float> traces(std::size_t count, int gates);

/// What one trace costs, forward.
double flops(const taugate::Model& network);

// A file each.
void add_limits();
void add_kernels();
void add_networks();
void add_integers();
void add_fits();
void add_training();
void add_imaging();
void add_photons();

}  // namespace bench
