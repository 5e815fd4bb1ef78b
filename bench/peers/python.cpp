// The peers that come as Python packages, whose C++ side none of Debian's packages has in its
// current version. Each runs in a Python process of its own (python_peer.py), which keeps the time
// itself; what goes through the pipes is not counted.

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "bench/peers/engine.h"
#include "taugate/core/error.h"

extern char** environ;

namespace peers {
namespace {

/// A Python process that runs our script, with its standard input and output in our hands.
class Process {
 public:
  Process(const std::string& python, const char* engine, const char* argument = nullptr) {
    int ends[2];
    taugate::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0,
                     "a Python peer: no socket");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    // A package that is absent is no news.
    if (argument) posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    char* const arguments[] = {const_cast<char*>(python.c_str()),
                               const_cast<char*>(TAUGATE_PYTHON_PEER), const_cast<char*>(engine),
                               const_cast<char*>(argument), nullptr};
    const int error = ::posix_spawnp(&pid_, python.c_str(), &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    from_ = ::fdopen(ends[0], "r");
    to_ = ::fdopen(::dup(ends[0]), "w");
    socket_ = ends[0];
    if (error != 0) pid_ = -1;
  }
  ~Process() {
    ::shutdown(socket_, SHUT_WR);
    std::fclose(to_);
    std::fclose(from_);
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void write(const void* data, std::size_t bytes) {
    check(std::fwrite(data, 1, bytes, to_) == bytes);
  }
  void write(const std::string& text) { write(text.data(), text.size()); }
  void flush() { check(std::fflush(to_) == 0); }
  void read(void* data, std::size_t bytes) { check(std::fread(data, 1, bytes, from_) == bytes); }
  /// Empty at the end.
  std::string line() {
    std::string text;
    for (int c = std::fgetc(from_); c != EOF && c != '\n'; c = std::fgetc(from_))
      text += static_cast<char>(c);
    return text;
  }

 private:
  static void check(bool good) { taugate::require(good, "a Python peer: its process has ended"); }

  pid_t pid_ = -1;
  int socket_ = -1;
  std::FILE *from_ = nullptr, *to_ = nullptr;
};

class PythonPeer : public Engine {
 public:
  PythonPeer(const std::string& python, const char* engine, const Task& task)
      : task_(task), process_(python, engine) {}

  void load(const Weights& weights) override {
    nlohmann::json layers, arrays;
    for (const Layer& layer : task_.network.layers)
      layers.push_back({{"name", layer.name},
                        {"inputs", layer.inputs},
                        {"hidden", layer.hidden},
                        {"reads_zeros", layer.reads_zeros},
                        {"starts_from", layer.starts_from}});
    for (const auto& [name, array] : weights)
      arrays[name] = {{"rows", array.rows}, {"cols", array.cols}, {"values", array.values}};
    const nlohmann::json task{{"steps", task_.steps},
                              {"batch", task_.batch},
                              {"threads", task_.threads},
                              {"layers", layers},
                              {"weights", arrays}};
    process_.write(task.dump() + '\n');
    process_.flush();
  }

  void infer(const float* input, float* output) override { time_inference(1, input, output); }

  double time_inference(int repeats, const float* input, float* output) override {
    const std::size_t bytes = sizeof(float) * task_.steps * task_.batch;
    process_.write(std::to_string(repeats) + '\n');
    process_.write(input, bytes);
    process_.flush();
    const std::string seconds = process_.line();
    taugate::require(!seconds.empty(), "a Python peer: its process has ended");
    process_.read(output, bytes);
    return std::stod(seconds);
  }

 private:
  Task task_;
  Process process_;
};

}  // namespace

std::vector<Peer> python_peers(const std::string& python) {
  std::vector<Peer> peers;
  if (python.empty()) return peers;
  for (const auto& known : {std::pair{"onnxruntime", "ONNX Runtime"},
                            {"openvino", "OpenVINO"},
                            {"torch", "PyTorch"},
                            {"jax", "JAX"}}) {
    const char* const engine = known.first;
    const std::string line = Process(python, engine, "--version").line();
    const std::string version = line.substr(0, line.find('-'));
    if (version.empty()) continue;
    peers.push_back({.name = std::string(known.second) + " " + version,
                     .isa = "its own choice",
                     .make = [python, engine](const Task& task) {
                       return std::make_unique<PythonPeer>(python, engine, task);
                     }});
  }
  return peers;
}

}  // namespace peers
