// SPDX-License-Identifier: Apache-2.0
// The simulation as a program: pixels from a file, words into a file. `taugate cosim` builds and
// calls it.
//
//   harness STIMULUS RESPONSE DATA_BITS USER_BITS COUNTER_BITS CORES GAP STALL SEED
//           [--first CYCLES] [--writes FILE] [--holds FILE] [--resets N] [--clear CHANCE]
//           [--trace FILE] [--coverage FILE]
//
// --first: sends the pixels once before all else. After CYCLES cycles of it comes a reset; with -1
// all of them pass, and the device is idle before it goes on. --writes loads a model; --holds reads
// it back from each core, however it came there. --resets: cuts the pixels off with a reset after
// 0, 1 .. N-1 cycles, and a write before; each time all of them follow, and must have the same words
// and counters.
//
// STIMULUS: 64-bit integers, little-endian: per pixel its number, its length, how
// many words are due, its samples.
// RESPONSE: the same: the six counters; per pixel its number as it came back, the cycles of its
// first and last sample and of its first and last word, the count of its words, the words.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "rtl_engine.h"

namespace {

std::vector<std::int64_t> read_integers(const char* path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error(std::string(path) + ": cannot be read");
  std::vector<std::int64_t> all(static_cast<std::size_t>(file.tellg()) / 8);
  file.seekg(0);
  file.read(reinterpret_cast<char*>(all.data()), static_cast<std::streamsize>(8 * all.size()));
  return all;
}

std::vector<Pixel> pixels_of(const std::vector<std::int64_t>& all) {
  std::vector<Pixel> pixels;
  for (std::size_t at = 0; at + 2 < all.size();) {
    Pixel p;
    p.user = static_cast<std::uint64_t>(all[at]);
    const auto length = static_cast<std::size_t>(all[at + 1]);
    if (length == 0 || at + 3 + length > all.size())
      throw std::runtime_error("the stimulus ends within a pixel");
    p.due = static_cast<std::size_t>(all[at + 2]);
    for (std::size_t t = 0; t < length; ++t)
      p.samples.push_back(static_cast<std::int16_t>(all[at + 3 + t]));
    at += 3 + length;
    pixels.push_back(std::move(p));
  }
  return pixels;
}

std::vector<Word> words_of(const char* path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string(path) + ": cannot be read");
  file >> std::hex;
  std::vector<Word> all;
  for (Word word; file >> word.address >> word.data;) all.push_back(word);
  return all;
}

void save(const char* path, const Counters& c, const std::vector<Pixel>& pixels) {
  std::vector<std::int64_t> all{c.cycles, c.issues, c.bubbles, c.macs, c.pixels, c.overlong};
  for (const Pixel& p : pixels) {
    all.insert(all.end(), {static_cast<std::int64_t>(p.user_back), p.first_in, p.last_in,
                           p.first_out, p.last_out, static_cast<std::int64_t>(p.words.size())});
    all.insert(all.end(), p.words.begin(), p.words.end());
  }
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(all.data()),
             static_cast<std::streamsize>(8 * all.size()));
  if (!file.flush()) throw std::runtime_error(std::string(path) + ": cannot be written");
}

int run(int argc, char** argv) {
  if (argc < 10) throw std::runtime_error("called with too few arguments");
  const auto option = [&](const char* name) {
    for (int i = 10; i + 1 < argc; i += 2)
      if (std::strcmp(argv[i], name) == 0) return argv[i + 1];
    return static_cast<char*>(nullptr);
  };
  const char* trace = option("--trace");
  const int cores = std::atoi(argv[6]);
  const std::uint64_t seed = std::strtoull(argv[9], nullptr, 10);
  RtlEngine engine(std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5]), cores, seed,
                   trace ? trace : "");
  const std::vector<Pixel> pixels = pixels_of(read_integers(argv[1]));
  const char* clear = option("--clear");
  const Traffic traffic{std::atof(argv[7]), std::atof(argv[8]), clear ? std::atof(clear) : 0, seed};
  engine.reset();
  Counters before;
  if (const char* first = option("--first")) {
    const std::int64_t cycles = std::atoll(first);
    std::vector<Pixel> sent = pixels;
    engine.run(sent, traffic, cycles);
    if (cycles >= 0) {
      engine.reset();
    } else {
      engine.wait_until_idle();
      before = engine.counters();
    }
  }
  if (const char* writes = option("--writes"))
    for (const Word& word : words_of(writes)) engine.write(word.address, word.data);
  const char* holds = option("--holds");
  const std::vector<Word> held = holds ? words_of(holds) : std::vector<Word>{};
  for (int core = 0; core < cores; ++core) engine.read_back(held, core);
  std::vector<Pixel> answered = pixels;
  engine.run(answered, traffic);
  if (const char* resets = option("--resets"))
    for (std::int64_t cycles = 0; cycles < std::atoll(resets); ++cycles) {
      const Counters counted = engine.counters() - before;
      std::vector<Pixel> cut = pixels, again = pixels;
      engine.wait_until_idle();
      const Word word = held[static_cast<std::size_t>(cycles) % held.size()];
      engine.write(word.address, ~word.data);  // not yet done when the reset comes
      engine.reset();
      engine.run(cut, traffic, cycles);
      engine.reset();
      before = {};
      engine.run(again, traffic);
      const auto same = [](const Pixel& a, const Pixel& b) { return a.words == b.words; };
      if (!std::equal(again.begin(), again.end(), answered.begin(), same) ||
          engine.counters() != counted)
        throw std::runtime_error("other words or counters after a reset in cycle " +
                                 std::to_string(cycles));
    }
  save(argv[2], engine.counters() - before, answered);
  if (const char* coverage = option("--coverage")) engine.save_coverage(coverage);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "harness: %s\n", e.what());
    return 1;
  }
}
