#include "study/cosimulation.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include "core/hash.h"
#include "core/process.h"
#include "taugate/core/error.h"
#include "taugate/core/file.h"
#include "taugate/runtime/executor.h"

namespace taugate {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTop = "seq2seq_model";

std::string hexadecimal(std::uint64_t value) {
  std::ostringstream out;
  out << std::hex << value;
  return out.str();
}

/// The package first, then the blocks by name.
std::vector<std::string> sources(const fs::path& rtl) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(rtl, error))
    if (entry.path().extension() == ".sv" && entry.path().stem() != "taugate_pkg")
      files.push_back(entry.path().string());
  require(!error && !files.empty(), rtl.string(), ": found no SystemVerilog here");
  std::sort(files.begin(), files.end());
  files.insert(files.begin(), {(rtl / "taugate.vlt").string(), (rtl / "taugate_pkg.sv").string()});
  return files;
}

/// The last line of a log that is not empty, for an error's one line.
std::string last_line(const fs::path& log) {
  const std::string text = read_file(log);
  const std::size_t end = text.find_last_not_of(" \n\t");
  if (end == std::string::npos) return "it said nothing";
  const std::size_t begin = text.find_last_of('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? std::size_t(-1) : begin));
}

/// The first line that tells of an error, or the last one.
std::string complaint(const fs::path& log) {
  std::istringstream text(read_file(log));
  for (std::string line; std::getline(text, line);)
    if (line.find("%Error") != std::string::npos || line.find("error:") != std::string::npos)
      return line;
  return last_line(log);
}

std::string bytes_of(const std::vector<std::int64_t>& values) {
  static_assert(std::endian::native == std::endian::little);
  return {reinterpret_cast<const char*>(values.data()), 8 * values.size()};
}

/// Reads 64-bit integers one after the other.
class Reader {
 public:
  explicit Reader(const fs::path& file) : file_(file.string()), bytes_(read_file(file)) {}
  std::int64_t next() {
    require(at_ + 8 <= bytes_.size(), file_, ": the simulation's answer ends too early");
    std::int64_t value = 0;
    std::memcpy(&value, bytes_.data() + at_, 8);
    at_ += 8;
    return value;
  }

 private:
  std::string file_, bytes_;
  std::size_t at_ = 0;
};

void write_lines(const fs::path& path, const std::vector<std::string>& lines) {
  OutputFile file(path);
  for (const std::string& line : lines) file.write(line + "\n");
  file.commit();
}

void flip_bit(const fs::path& memory, int column, int bit) {
  std::string text = read_file(memory);
  const std::size_t digits = text.find('\n');
  char& digit = text[static_cast<std::size_t>(column) * (digits + 1) + digits - 1 -
                     static_cast<std::size_t>(bit / 4)];
  const std::string_view order = "0123456789abcdef";
  digit = order[order.find(digit) ^ (std::size_t{1} << (bit % 4))];
  write_file(memory, text);
}

}  // namespace

void check_flip(const IntegerModel& model, const RtlParameters& parameters,
                std::pair<int, int> flip) {
  const std::vector<std::string> columns = rtl_memories(model, parameters).front().lines;
  const std::size_t bits = 4 * columns.front().size();
  const auto [column, bit] = flip;
  if (column < 0 || static_cast<std::size_t>(column) >= columns.size() || bit < 0 ||
      static_cast<std::size_t>(bit) >= bits)
    fail_usage("bit to flip: found column ", column, ", bit ", bit, ", wanted a column below ",
               columns.size(), " and a bit below ", bits);
}

namespace {

CosimulationResult read_result(const fs::path& file, std::size_t pixels) {
  Reader in(file);
  CosimulationResult result;
  for (std::int64_t* counter : {&result.cycles, &result.issues, &result.bubbles, &result.macs,
                                &result.counted_pixels, &result.overlong})
    *counter = in.next();
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::int64_t user = in.next();
    require(user == static_cast<std::int64_t>(i), "[cosimulation] pixel ", i,
            " came back with the number ", user);
    PixelResult p;
    for (std::int64_t* cycle : {&p.first_in, &p.last_in, &p.first_out, &p.last_out})
      *cycle = in.next();
    p.words.resize(static_cast<std::size_t>(in.next()));
    for (std::int64_t& word : p.words) word = in.next();
    result.pixels.push_back(std::move(p));
  }
  return result;
}

}  // namespace

double CosimulationResult::utilisation(const RtlParameters& p) const {
  return static_cast<double>(macs) /
         (static_cast<double>(cycles) * static_cast<double>(3 * p.H + p.NOut));
}

Cosimulation::Cosimulation(const RtlParameters& parameters, CosimulationOptions options)
    : parameters_(parameters), options_(std::move(options)) {
  std::string key;
  for (const auto& [name, value] : parameters_.all()) key += concat(name, '=', value, ' ');
  key += concat("waveform=", options_.waveform, " coverage=", options_.coverage);
  options_.rtl = fs::absolute(options_.rtl);
  sources(options_.rtl);  // before anything is written
  require_program("verilator", "simulations want it (Debian: apt install verilator)");
  folder_ = fs::absolute(options_.work) / hexadecimal(fnv1a(key));
  make_folder(folder_);
  write_file(folder_ / "parameters.txt", key + "\n");
  build();
}

void build_simulation(const CosimulationOptions& options, const fs::path& folder,
                      const std::string& top, const std::vector<fs::path>& own) {
  std::vector<std::string> command{
      "verilator",    "--cc",
      "--exe",        "--build",
      "-O3",          "--assert",
      "-Wall",        "--unroll-count",
      "256",  // lanes of 128 units, four to a word
      "--x-initial",  "unique",
      "--top-module", top,
      "-CFLAGS",      "-std=c++20 -O1",
      "-MAKEFLAGS",   concat("OPT_FAST=", options.coverage ? "-O0" : "-O1", " OPT_SLOW=-O0"),
      "-Mdir",        (folder / "build").string(),
      "-o",           "simulation"};
  // All of it in one file: each of several would read the same headers again.
  command.insert(command.end(), {"--prefix", "Vsimulation", "--output-split", "0"});
  if (options.waveform) command.insert(command.end(), {"--trace-fst", "--trace-structs"});
  // Of the hardware alone, without what only checks it.
  if (options.coverage) command.insert(command.end(), {"--coverage", "-DSYNTHESIS"});
  for (std::string& file : sources(options.rtl)) command.push_back(std::move(file));
  for (const fs::path& file : own) command.push_back(file.string());
  const fs::path log = folder / "build.log";
  const int status = run_process(command, log, folder);
  require(status == 0, "verilator could not make the simulation: ", complaint(log), " (",
          log.string(), ")");
}

void Cosimulation::build() {
  // Written only where it changes, so that an old simulation stays up to date.
  const fs::path module = folder_ / concat(kTop, ".sv");
  const std::string text = rtl_module(parameters_, true);
  if (!fs::exists(module) || read_file(module) != text) write_file(module, text);
  const fs::path sim = options_.rtl / "sim";
  build_simulation(options_, folder_, kTop, {module, sim / "main.cpp", sim / "rtl_engine.cpp"});
}

CosimulationResult Cosimulation::run(const IntegerModel& model,
                                     const std::vector<PixelSamples>& pixels,
                                     const CosimulationTraffic& traffic) const {
  const fs::path place = folder_ / "run";
  export_rtl(place, model, parameters_);
  if (traffic.first_model) {
    for (const RtlMemory& memory : rtl_memories(*traffic.first_model, parameters_))
      write_lines(place / memory.file, memory.lines);
  } else if (traffic.write_port) {  // what the files would have brought is not there
    for (const RtlMemory& memory : rtl_memories(model, parameters_))
      write_lines(place / memory.file, std::vector<std::string>(memory.lines.size(), "0"));
  }
  if (traffic.flip) {
    if (traffic.write_port)
      fail_usage("[cosimulation] found a bit to flip in a file that the write port replaces");
    check_flip(model, parameters_, *traffic.flip);
    flip_bit(place / "weights.mem", traffic.flip->first, traffic.flip->second);
  }
  std::vector<std::int64_t> stimulus;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    require(!pixels[i].empty(), "[cosimulation] pixel ", i, ": found no sample");
    stimulus.push_back(static_cast<std::int64_t>(i));
    const auto length = static_cast<std::int64_t>(pixels[i].size());
    stimulus.push_back(length);
    stimulus.push_back(std::min<std::int64_t>(length, parameters_.TMax) * parameters_.NOut);
    stimulus.insert(stimulus.end(), pixels[i].begin(), pixels[i].end());
  }
  write_file(place / "stimulus.bin", bytes_of(stimulus));

  std::vector<std::string> command{(folder_ / "build" / "simulation").string(), "stimulus.bin",
                                   "response.bin"};
  for (int value :
       {parameters_.data_bits(), parameters_.UserBits, parameters_.CounterBits, parameters_.Cores})
    command.push_back(std::to_string(value));
  command.insert(command.end(), {concat(traffic.gap), concat(traffic.stall), concat(traffic.seed)});
  const auto option = [&](const char* name, const fs::path& value) {
    if (!value.empty()) command.insert(command.end(), {name, fs::absolute(value).string()});
  };
  if (traffic.first_cycles)
    command.insert(command.end(), {"--first", std::to_string(*traffic.first_cycles)});
  if (traffic.resets > 0)
    command.insert(command.end(), {"--resets", std::to_string(traffic.resets)});
  if (traffic.clear > 0) command.insert(command.end(), {"--clear", concat(traffic.clear)});
  if (traffic.write_port) option("--writes", place / "writes.txt");
  if (!traffic.flip) option("--holds", place / "writes.txt");
  option("--trace", traffic.waveform);
  option("--coverage", traffic.coverage);
  const fs::path log = place / "simulation.log";
  const int status = run_process(command, log, place);
  require(status == 0, "the simulation failed: ", complaint(log), " (", log.string(), ")");
  return read_result(place / "response.bin", pixels.size());
}

CosimulationComparison compare_with_engine(const IntegerModel& model,
                                           const std::vector<PixelSamples>& pixels, int longest,
                                           const CosimulationResult& result) {
  require(pixels.size() == result.pixels.size(), "[cosimulation] found ", result.pixels.size(),
          " results of ", pixels.size(), " pixels");
  CosimulationComparison comparison;
  std::map<std::size_t, IntegerExecutor> executors;
  ThreadScratch scratch;  // by the pixel's length
  const auto outputs = static_cast<std::size_t>(model.outputs());
  std::vector<std::int64_t> wanted;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t length = std::min(pixels[i].size(), static_cast<std::size_t>(longest));
    auto at = executors.find(length);
    if (at == executors.end()) {
      IntegerModel same = model;
      same.description.gates = static_cast<int>(length);
      at = executors.emplace(length, same).first;
    }
    wanted.resize(length * outputs);
    at->second.run_words(scratch, std::span(pixels[i]).first(length), wanted);
    const std::vector<std::int64_t>& found = result.pixels[i].words;
    require(found.size() == wanted.size(), "[cosimulation] pixel ", i, ": found ", found.size(),
            " words, wanted ", wanted.size());
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      ++comparison.words;
      if (found[k] == wanted[k]) continue;
      ++comparison.different;
      if (!comparison.first) comparison.first = {i, k / outputs, k % outputs, found[k], wanted[k]};
    }
  }
  return comparison;
}

}  // namespace taugate
