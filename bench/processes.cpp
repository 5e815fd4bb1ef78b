// taugate_processes: whole processes, start to end. How soon and in how much memory the first
// inference is there, and how many pixels a second `taugate infer` turns from a file into files.
//
//   taugate_processes FOLDER [--rounds=N] [--commit=NAME] [--csv=FILE] [NAME=PROGRAM ...]
//
// FOLDER holds what taugate_fixture wrote. The programs (of peers) are timed like first_inference.
// The processes take turns. This one stays small, for a child is charged with the memory that its
// parent had.

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/machine.h"

extern char** environ;

namespace {

struct Job {
  std::string name;
  std::vector<std::string> command;
  double pixels = 0;                                 // 0: a first inference
  std::vector<double> seconds = {}, processor = {};  // start to end; what processors worked
  long peak_kib = 0;
  std::string said = {};  // the last round's output
};

/// Runs the job once, its output into `log`.
void run(Job& job, const std::filesystem::path& log) {
  std::vector<char*> arguments;
  for (std::string& word : job.command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  pid_t pid = 0;
  int status = 0;
  struct rusage usage {};
  const auto start = std::chrono::steady_clock::now();
  const int error = ::posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  if (error == 0) ::wait4(pid, &status, 0, &usage);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0 || status != 0) throw std::runtime_error(job.command[0] + " has failed");
  job.seconds.push_back(elapsed.count());
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  job.processor.push_back(seconds(usage.ru_utime) + seconds(usage.ru_stime));
  job.peak_kib = std::max(job.peak_kib, usage.ru_maxrss);
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);)
    if (line.find(" pixels in ") != std::string::npos) job.said = line;
}

std::vector<Job> jobs_on(const std::filesystem::path& folder,
                         const std::vector<std::string>& peers) {
  const auto here = std::filesystem::canonical("/proc/self/exe").parent_path();
  const std::string taugate = here / "taugate", model = folder / "student.safetensors";
  const auto infer_with = [&](const std::string& network, const char* file) {
    return std::vector<std::string>{taugate,        "infer", network, folder / file, "-o",
                                    folder / "out", "--bin", "0.179", "--period",    "12.53"};
  };
  const auto infer = [&](const char* file) { return infer_with(model, file); };
  const auto without_pictures = [](std::vector<std::string> command) {
    command.push_back("--no-pictures");
    return command;
  };
  constexpr double pixels = 512.0 * 512.0;
  std::vector<Job> jobs{
      {"first inference, library", {here / "first_inference", model}},
      {"first inference, taugate infer", without_pictures(infer("trace.npy"))},
      {"image float32", infer("image-f4.npz"), pixels},
      {"image float32, no pictures", without_pictures(infer("image-f4.npz")), pixels},
      {"image uint16", infer("image-u2.npz"), pixels},
      {"image uint16, no pictures", without_pictures(infer("image-u2.npz")), pixels}};
  // Lifetimes, their deviations where there are, and flags.
  for (const auto& network : {std::pair{"sfd", "SFD, floats"},
                              {"sfd8", "SFD, 8 bits"},
                              {"lifetime", "lifetime head, floats"},
                              {"lifetime8", "lifetime head, 8 bits"}}) {
    const std::string name = network.first;
    auto command = without_pictures(infer_with(folder / (name + ".safetensors"), "image-u2.npz"));
    if (name.starts_with("sfd")) command.push_back("--no-sfd");
    jobs.push_back({std::string("image, flags, ") + network.second, command, pixels});
  }
  for (const std::string& peer : peers) {
    const std::size_t at = peer.find('=');
    if (at == std::string::npos) throw std::runtime_error(peer + ": wanted NAME=PROGRAM");
    jobs.push_back({"first inference, " + peer.substr(0, at), {peer.substr(at + 1)}});
  }
  return jobs;
}

void report(std::vector<Job>& jobs, const std::string& csv, const std::string& commit) {
  const bench::Machine machine = bench::this_machine(commit);
  std::printf("%-34s %12s %26s %10s %10s\n", "process", "median", "fastest .. slowest", "peak MiB",
              "pixels/s");
  std::string table =
      "commit,cpu,cores,compiler,process,rounds,seconds,fastest,slowest,peak_mib,"
      "pixels_per_second,limit\n";
  for (Job& job : jobs) {
    std::sort(job.seconds.begin(), job.seconds.end());
    const double median = job.seconds[job.seconds.size() / 2], mib = job.peak_kib / 1024.0;
    std::printf("%-34s %9.2f ms %10.2f .. %9.2f ms %10.1f", job.name.c_str(), median * 1e3,
                job.seconds.front() * 1e3, job.seconds.back() * 1e3, mib);
    std::nth_element(job.processor.begin(),
                     job.processor.begin() + static_cast<long>(job.processor.size() / 2),
                     job.processor.end());
    const double limit = machine.cores / job.processor[job.processor.size() / 2];
    if (job.pixels > 0)
      std::printf(" %10.0f\n    %s\n    limit, if all cores worked all the time: %.0f pixels/s",
                  job.pixels / median, job.said.c_str(), job.pixels * limit);
    std::printf("\n");
    table += machine.commit + ",\"" + machine.cpu + "\"," + std::to_string(machine.cores) + ",\"" +
             machine.compiler + "\",\"" + job.name + "\"," + std::to_string(job.seconds.size()) +
             ',' + std::to_string(median) + ',' + std::to_string(job.seconds.front()) + ',' +
             std::to_string(job.seconds.back()) + ',' + std::to_string(mib) + ',' +
             (job.pixels > 0 ? std::to_string(job.pixels / median) : "") + ',' +
             (job.pixels > 0 ? std::to_string(job.pixels * limit) : "") + '\n';
  }
  if (csv.empty()) return;
  std::ofstream out(csv);
  if (!(out << table)) throw std::runtime_error(csv + ": cannot be written");
}

int run_program(int argc, char** argv) {
  std::string csv, commit = "unknown", folder;
  int rounds = 7;
  std::vector<std::string> peers;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--rounds="))
      rounds = std::max(1, std::atoi(word.c_str() + 9));
    else if (word.starts_with("--commit="))
      commit = word.substr(9);
    else if (word.starts_with("--csv="))
      csv = word.substr(6);
    else if (folder.empty())
      folder = word;
    else
      peers.push_back(word);
  }
  if (folder.empty()) throw std::runtime_error("wanted the folder that taugate_fixture wrote");
  std::vector<Job> jobs = jobs_on(folder, peers);
  const std::filesystem::path log = std::filesystem::path(folder) / "output.txt";
  for (Job& job : jobs) run(job, log);  // files into the cache
  for (Job& job : jobs) job.seconds.clear(), job.processor.clear();
  for (int round = 0; round < rounds; ++round)
    for (Job& job : jobs) {
      // What is over in milliseconds can be repeated more often.
      for (int repeat = 0; repeat < (job.pixels > 0 ? 1 : 5); ++repeat) run(job, log);
    }
  report(jobs, csv, commit);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_program(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
