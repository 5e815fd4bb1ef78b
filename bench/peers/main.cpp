// taugate_peers: engines side by side on the same networks, weights and data, in one run. First
// they must agree with the equations; then they are timed in interleaved rounds, the machine's FMA
// peak with them, because a shared machine drifts and only ratios within a round are worth quoting.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cxxopts.hpp>
#include <iostream>
#include <optional>
#include <thread>

#include "bench/peak.h"
#include "bench/peers/busy.h"
#include "bench/peers/engine.h"
#include "bench/peers/report.h"
#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "taugate/core/random.h"

namespace peers {
namespace {

struct Plan {
  std::vector<std::string> networks, jobs;
  std::vector<int> batches, threads;
  int steps = 0, rounds = 0;
  double seconds = 0;  // of a measurement
};

/// Decays with noise, [T][B]: peak near 1, lifetime and start different for each trace.
std::vector<float> traces(const Task& task, std::uint64_t seed) {
  std::vector<float> data(static_cast<std::size_t>(task.steps) * task.batch);
  for (int b = 0; b < task.batch; ++b) {
    taugate::Random random(seed, b);
    const double tau = random.uniform(5.0, 30.0), start = random.uniform(5.0, 20.0);
    for (int t = 0; t < task.steps; ++t) {
      const double clean = t < start ? 0.0 : std::exp((start - t) / tau);
      data[static_cast<std::size_t>(t) * task.batch + b] =
          static_cast<float>(clean + 0.02 * random.normal());
    }
  }
  return data;
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The largest difference of any engine's outputs from the equations (three traces) and from the
/// first engine's (all traces).
double check_inference(const Task& task, const Weights& weights, const std::vector<float>& input,
                       const std::vector<Peer>& peers,
                       const std::vector<std::unique_ptr<Engine>>& engines) {
  constexpr double kTolerance = 1e-5;  // single precision through 160 steps of a contraction
  std::vector<float> first, output(input.size());
  double largest = 0;
  const auto compare = [&](double found, double wanted, const std::string& engine) {
    const double error = std::abs(found - wanted);
    taugate::require(error <= kTolerance, engine, " on ", task.network.name, ": found ", found,
                     ", wanted ", wanted);
    largest = std::max(largest, error);
  };
  for (std::size_t e = 0; e < engines.size(); ++e) {
    engines[e]->infer(input.data(), output.data());
    for (int b : {0, task.batch / 2, task.batch - 1}) {
      std::vector<float> trace(task.steps);
      for (int t = 0; t < task.steps; ++t)
        trace[t] = input[static_cast<std::size_t>(t) * task.batch + b];
      const std::vector<double> wanted = reference(task.network, weights, trace);
      for (int t = 0; t < task.steps; ++t) {
        compare(output[static_cast<std::size_t>(t) * task.batch + b], wanted[t], peers[e].name);
      }
    }
    if (e == 0) first = output;
    for (std::size_t i = 0; i < output.size(); ++i) compare(output[i], first[i], peers[e].name);
  }
  return largest;
}

/// The losses of the first steps must be the same for all engines.
void check_training(const Task& task, const std::vector<float>& input,
                    const std::vector<float>& target, const std::vector<Peer>& peers,
                    const std::vector<std::unique_ptr<Engine>>& engines) {
  constexpr int kSteps = 3;
  constexpr double kTolerance = 1e-4;  // Adam's first steps magnify the rounding of small gradients
  std::vector<double> first;
  for (std::size_t e = 0; e < engines.size(); ++e) {
    for (int step = 0; step < kSteps; ++step) {
      const double loss = engines[e]->train_step(input.data(), target.data());
      if (e == 0) first.push_back(loss);
      taugate::require(std::abs(loss - first[step]) <= kTolerance * first[step], peers[e].name,
                       " on ", task.network.name, ", step ", step, ": found the loss ", loss,
                       ", wanted ", first[step]);
    }
  }
}

/// What a round measures: an engine, alone or beside a process that takes a core.
struct Measurement {
  std::function<double(int)> seconds_of;  // so many calls
  BusyProcess* neighbour = nullptr;
  int repeats = 1;
};

/// Lets the threads of the engine before, which spin for a while when their work is done, fall
/// asleep.
void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(30)); }

/// Interleaved rounds; round i of every engine and of the peak sees the same machine.
void time_rounds(const Plan& plan, std::vector<Measurement> measurements, Comparison& result) {
  for (Measurement& m : measurements) {  // a warm-up, then how many calls fill plan.seconds
    m.seconds_of(1);
    m.repeats = std::clamp(static_cast<int>(plan.seconds / m.seconds_of(1)), 1, 100000);
  }
  for (int round = 0; round < plan.rounds; ++round) {
    settle();
    result.peak.push_back(bench::fma_peak(result.threads));
    for (std::size_t i = 0; i < measurements.size(); ++i) {
      const std::size_t e = (i + round) % measurements.size();  // nobody always goes first
      const Measurement& m = measurements[e];
      settle();
      if (m.neighbour) m.neighbour->wake();
      const double seconds = m.seconds_of(m.repeats);
      if (m.neighbour) m.neighbour->sleep();
      result.timings[e].seconds.push_back(seconds / m.repeats);
    }
  }
}

/// Who takes part in a job.
std::vector<Peer> engines_for(const std::vector<Peer>& all, const Task& task,
                              const std::string& job) {
  std::vector<Peer> peers;
  for (const Peer& peer : all) {
    if (job == "train" && !peer.trains) continue;
    peers.push_back(peer);
    if (task.threads == 1 || job == "busy") continue;
    if (&peer == &all.front()) peers.push_back(on_one_thread(peer));
    if (job == "infer" && peer.splits && task.batch >= task.threads) peers.push_back(split(peer));
  }
  return peers;
}

std::optional<Comparison> compare(const Plan& plan, const std::vector<Peer>& all, const Task& task,
                                  const std::string& job) {
  const bool train = job == "train";
  const std::vector<Peer> peers = engines_for(all, task, job);
  if (peers.empty()) return std::nullopt;

  Comparison result;
  result.network = task.network.name;
  result.job = job;
  result.steps = task.steps;
  result.batch = task.batch;
  result.threads = task.threads;
  result.flops = (train ? 3 : 1) * task.batch * task.network.flops(task.steps);

  const Weights weights = random_weights(task.network, 1);
  const std::vector<float> input = traces(task, 2), target = traces(task, 3);
  std::vector<float> output(input.size());
  std::vector<std::unique_ptr<Engine>> engines;
  std::vector<Measurement> measurements;
  for (const Peer& peer : peers) {
    Engine* engine = engines.emplace_back(peer.make(task)).get();
    engine->load(weights);
    if (train) {
      measurements.push_back({[&, engine](int repeats) {
        return seconds_of([&] {
          for (int i = 0; i < repeats; ++i) engine->train_step(input.data(), target.data());
        });
      }});
    } else {
      measurements.push_back({[&, engine](int repeats) {
        return engine->time_inference(repeats, input.data(), output.data());
      }});
    }
    result.timings.push_back({peer.name, peer.isa, {}});
  }
  result.largest_error = check_inference(task, weights, input, peers, engines);
  if (train) check_training(task, input, target, peers, engines);
  std::optional<BusyProcess> neighbour;
  if (job == "busy") {
    neighbour.emplace();
    for (std::size_t e = 0; e < peers.size(); ++e) {
      measurements.push_back({measurements[e].seconds_of, &*neighbour});
      result.timings.push_back({peers[e].name + " (beside a busy process)", peers[e].isa, {}});
    }
  }
  time_rounds(plan, std::move(measurements), result);
  return result;
}

/// Limits every engine, and the peak, to AVX2. Some read their limit from the environment when they
/// are loaded, so the program starts again under these settings.
void limit_to_avx2(char** argv) {
  bench::limit_instructions_to_avx2();
  if (std::getenv("TAUGATE_PEERS_LIMITED")) return;
  for (const auto& [name, value] : {std::pair{"TAUGATE_PEERS_LIMITED", "1"},
                                    {"TAUGATE_ARCH", "avx2"},
                                    {"ONEDNN_MAX_CPU_ISA", "AVX2"},
                                    {"ATEN_CPU_CAPABILITY", "avx2"},
                                    {"OPENBLAS_CORETYPE", "Haswell"}})
    ::setenv(name, value, 1);
  ::execv("/proc/self/exe", argv);
  taugate::fail("the program cannot start itself");
}

/// Runs the plan; `threads` empty means: one thread at batch 1, all cores otherwise.
std::vector<Comparison> run(const Plan& plan, const std::vector<Peer>& peers) {
  std::vector<int> counts = {plan.steps, plan.rounds};
  counts.insert(counts.end(), plan.batches.begin(), plan.batches.end());
  counts.insert(counts.end(), plan.threads.begin(), plan.threads.end());
  for (int count : counts) {
    if (count < 1) taugate::fail_usage("an option is ", count, ", wanted at least 1");
  }
  const int cores = taugate::thread_count();
  std::vector<Comparison> results;
  for (const std::string& job : plan.jobs) {
    if (job != "infer" && job != "train" && job != "busy") {
      taugate::fail_usage("--jobs: found '", job, "', wanted infer, train or busy");
    }
    for (const std::string& name : plan.networks) {
      for (int batch : plan.batches) {
        std::vector<int> threads = plan.threads;
        if (threads.empty()) threads = {batch == 1 ? 1 : cores};
        for (int count : threads) {
          const auto result = compare(plan, peers, {network(name), plan.steps, batch, count}, job);
          if (!result) continue;
          print(std::cout, *result);
          results.push_back(*result);
        }
      }
    }
  }
  return results;
}

int run_program(int argc, char** argv) {
  Plan plan;
  std::string json, csv, commit, isa, python;
  cxxopts::Options options("taugate_peers", "Compares GRU engines on the same networks and data.");
  const auto text = [](std::string& to, const char* initial) {
    return cxxopts::value<std::string>(to)->default_value(initial);
  };
  const auto list = [](std::vector<std::string>& to, const char* initial) {
    return cxxopts::value<std::vector<std::string>>(to)->default_value(initial);
  };
  auto add = options.add_options();
  add("networks", "lite-H, 64x16, teacher, student-A[,B...]",
      list(plan.networks, "lite-16,lite-32,lite-64,64x16"));
  add("jobs", "infer; train; busy: infer, alone and beside a process that takes a core",
      list(plan.jobs, "infer,train"));
  add("batches", "traces a call", cxxopts::value(plan.batches)->default_value("1024,256,1"));
  add("threads", "default: 1 at batch 1, else all cores", cxxopts::value(plan.threads));
  add("steps", "gates of a trace", cxxopts::value(plan.steps)->default_value("160"));
  add("rounds", "measurements of each engine", cxxopts::value(plan.rounds)->default_value("7"));
  add("seconds", "length of a measurement", cxxopts::value(plan.seconds)->default_value("0.3"));
  add("isa", "avx2: limits every engine (those in Python stay out)", text(isa, ""));
  add("python", "interpreter that has onnxruntime, openvino (both with onnx), torch or jax",
      text(python, ""));
  add("json", "write the figures here", text(json, ""));
  add("csv", "write the figures here", text(csv, ""));
  add("commit", "what is measured, for the record", text(commit, "unknown"));
  add("help", "print this");
  if (options.parse(argc, argv).count("help") > 0) {
    std::cout << options.help();
    return 0;
  }

  if (!isa.empty() && isa != "avx2") taugate::fail_usage("--isa: found '", isa, "', wanted avx2");
  if (isa == "avx2") limit_to_avx2(argv);

  std::vector<Peer> peers{ours()};
#ifdef TAUGATE_PEER_TORCH
  peers.push_back(libtorch());
#endif
#ifdef TAUGATE_PEER_ONEDNN
  peers.push_back(onednn());
#endif
  if (isa.empty())
    for (Peer& peer : python_peers(python)) peers.push_back(std::move(peer));
  for (const char* name : {"libtorch", "oneDNN", "ONNX Runtime", "OpenVINO", "PyTorch", "JAX"})
    if (std::ranges::none_of(peers, [&](const Peer& p) { return p.name.starts_with(name); }))
      std::cout << "note: without " << name << '\n';
  const bench::Machine setting = bench::this_machine(commit);
  std::cout << "commit " << setting.commit << "; " << setting.cpu << ", " << setting.cores
            << " cores; FMA by " << setting.instructions << "; " << setting.compiler << "; BLAS "
            << bench::loaded_blas() << '\n';
  const auto save = [&](const std::vector<Comparison>& results) {
    if (!json.empty()) write_json(json, setting, results);
    if (!csv.empty()) write_csv(csv, setting, results);
  };
  save({});  // a file that cannot be written is better known before the run than after it
  save(run(plan, peers));
  return 0;
}

}  // namespace
}  // namespace peers

int main(int argc, char** argv) {
  try {
    return peers::run_program(argc, argv);
  } catch (const taugate::UsageError& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 2;
  } catch (const cxxopts::exceptions::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
