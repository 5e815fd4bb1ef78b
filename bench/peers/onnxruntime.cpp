// The peer ONNX Runtime. Its C header is in none of the packages that carry the library, so it runs
// in a Python process of its own (onnxruntime_peer.py), which keeps the time itself; what goes
// through the pipes is not counted.

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
  explicit Process(const std::string& python, const char* argument = nullptr) {
    int ends[2];
    taugate::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0,
                     "ONNX Runtime: no socket");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    char* const arguments[] = {const_cast<char*>(python.c_str()),
                               const_cast<char*>(TAUGATE_ONNXRUNTIME_SCRIPT),
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
  static void check(bool good) { taugate::require(good, "ONNX Runtime: its process has ended"); }

  pid_t pid_ = -1;
  int socket_ = -1;
  std::FILE *from_ = nullptr, *to_ = nullptr;
};

class OnnxRuntime : public Engine {
 public:
  OnnxRuntime(const std::string& python, const Task& task) : task_(task), process_(python) {}

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
    taugate::require(!seconds.empty(), "ONNX Runtime: its process has ended");
    process_.read(output, bytes);
    return std::stod(seconds);
  }

 private:
  Task task_;
  Process process_;
};

}  // namespace

std::optional<Peer> onnxruntime(const std::string& python) {
  if (python.empty()) return std::nullopt;
  const std::string version = Process(python, "--version").line();
  if (version.empty()) return std::nullopt;
  return Peer{
      .name = "ONNX Runtime " + version,
      .isa = "its own choice",
      .make = [python](const Task& task) { return std::make_unique<OnnxRuntime>(python, task); }};
}

}  // namespace peers
