// SPDX-License-Identifier: Apache-2.0

#include "rtl_engine.h"

namespace {

/// `bits` bits from `low` on of a Verilated port, whatever its type.
template <class T>
std::uint64_t bits_of(const T& port, int low, int bits) {
  std::uint64_t value = 0;
  for (int i = 0; i < bits; ++i) {
    const int at = low + i;
    std::uint64_t bit = 0;
    if constexpr (std::is_integral_v<T>)
      bit = port >> at & 1;
    else
      bit = port[at / 32] >> (at % 32) & 1;
    value |= bit << i;
  }
  return value;
}

constexpr std::int64_t kPatience = 200000;  // cycles without a beat on either stream

}  // namespace

RtlEngine::RtlEngine(int data_bits, int user_bits, int counter_bits, int cores, std::uint64_t seed,
                     const std::string& trace)
    : data_bits_(data_bits), user_bits_(user_bits), counter_bits_(counter_bits), cores_(cores) {
  context_.randReset(2);  // registers without a reset begin with random bits
  context_.randSeed(1 + static_cast<int>(seed % 1000000));
#if VM_TRACE_FST
  context_.traceEverOn(!trace.empty());
#endif
  top_ = std::make_unique<Vsimulation>(&context_);
#if VM_TRACE_FST
  if (!trace.empty()) {
    trace_ = std::make_unique<VerilatedFstC>();
    top_->trace(trace_.get(), 99);
    trace_->open(trace.c_str());
  }
#else
  if (!trace.empty()) throw std::runtime_error("this simulation was made without waveforms");
#endif
}

RtlEngine::~RtlEngine() {
#if VM_TRACE_FST
  if (trace_) trace_->close();
#endif
  top_->final();
}

void RtlEngine::tick() {
  for (int level : {0, 1}) {
    top_->clk_i = level;
    top_->eval();
#if VM_TRACE_FST
    if (trace_) trace_->dump(context_.time());
#endif
    context_.timeInc(1);
  }
  ++cycle_;
  if (context_.gotFinish()) throw std::runtime_error("an assertion stopped the simulation");
}

void RtlEngine::reset() {
  top_->rst_ni = 0;  // beats and writes of this cycle do not count
  top_->write_i = 1;
  tick();
  top_->rst_ni = 1;
  top_->write_i = 0;
  top_->read_i = 0;
  top_->clear_i = 0;
  top_->s_axis_tvalid = 0;
  top_->m_axis_tready = 0;
  cleared_ = {};
  if (!top_->idle_o) throw std::runtime_error("not idle after reset");
}

void RtlEngine::write(std::uint32_t address, std::uint32_t data) {
  top_->write_i = 1;
  top_->address_i = address;
  top_->data_i = data;
  tick();
  top_->write_i = 0;
}

void RtlEngine::read_back(const std::vector<Word>& wanted, int core) {
  constexpr std::size_t kLatency = 6;
  top_->read_core_i = static_cast<std::decay_t<decltype(top_->read_core_i)>>(core);
  for (std::size_t i = 0; i < wanted.size() + kLatency; ++i) {
    if (top_->read_valid_o != (i >= kLatency))
      throw std::runtime_error("readback is not valid when it is due");
    if (i >= kLatency && top_->read_data_o != wanted[i - kLatency].data)
      throw std::runtime_error("a memory holds another word than was written");
    top_->read_i = i < wanted.size();
    if (i < wanted.size()) top_->address_i = wanted[i].address;
    tick();
  }
  if (top_->read_valid_o) throw std::runtime_error("readback is valid without a read");
}

void RtlEngine::wait_until_idle() {
  for (int i = 0; !top_->idle_o; ++i) {
    if (i > kPatience) throw std::runtime_error("it is never idle");
    tick();
  }
}

void RtlEngine::clear_counters() {
  cleared_ = counters();
  top_->clear_i = 1;
}

Counters RtlEngine::counters() const {
  Counters c = cleared_;
  for (int core = 0; core < cores_; ++core) {
    const auto of = [&](const auto& port) {
      return static_cast<std::int64_t>(bits_of(port, core * counter_bits_, counter_bits_));
    };
    c.cycles += of(top_->cycles_o);
    c.issues += of(top_->issues_o);
    c.bubbles += of(top_->bubbles_o);
    c.macs += of(top_->macs_o);
    c.pixels += of(top_->pixels_o);
    c.overlong += of(top_->overlong_o);
  }
  return c;
}

void RtlEngine::save_coverage(const std::string& file) {
#if VM_COVERAGE
  context_.coveragep()->write(file.c_str());
#else
  throw std::runtime_error(file + ": this simulation was made without coverage");
#endif
}

void RtlEngine::run(std::vector<Pixel>& pixels, const Traffic& traffic, std::int64_t cycles) {
  std::mt19937_64 random(traffic.seed);
  std::uniform_real_distribution<double> chance(0.0, 1.0);
  const std::uint64_t user_mask =
      user_bits_ == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << user_bits_) - 1;
  const std::int64_t sign = std::int64_t{1} << (data_bits_ - 1);
  std::size_t in = 0, sample = 0, out = 0;
  bool offered = false;  // an offer stands until it is taken
  bool was_busy = false;
  std::int64_t last_beat = cycle_;
  for (; (in < pixels.size() || out < pixels.size()) && cycles != 0; cycles -= cycles > 0) {
    // A pixel is on its way from the edge that takes its first sample to that of its last word.
    const bool busy = sample > 0 || in > out;
    if (top_->idle_o && busy) throw std::runtime_error("idle, while a pixel is on its way");
    if (!top_->idle_o && !busy && !was_busy)
      throw std::runtime_error("not idle, while no pixel is on its way");
    was_busy = busy;
    top_->clear_i = 0;
    if (traffic.clear > 0 && chance(random) < traffic.clear) clear_counters();
    if (!offered && in < pixels.size() && chance(random) >= traffic.gap) offered = true;
    top_->s_axis_tvalid = offered;
    if (offered) {
      const Pixel& p = pixels[in];
      top_->s_axis_tdata = static_cast<std::uint16_t>(p.samples[sample]);
      top_->s_axis_tlast = sample + 1 == p.samples.size();
      top_->s_axis_tuser =
          static_cast<std::decay_t<decltype(top_->s_axis_tuser)>>(p.user & user_mask);
    }
    top_->m_axis_tready = chance(random) >= traffic.stall;
    top_->clk_i = 0;
    top_->eval();  // the handshakes of this cycle
    const bool taken = top_->s_axis_tvalid && top_->s_axis_tready;
    const bool given = top_->m_axis_tvalid && top_->m_axis_tready;
    if (given) {
      Pixel& p = pixels[out];
      const std::uint64_t bits = bits_of(top_->m_axis_tdata, 0, data_bits_);
      p.words.push_back((static_cast<std::int64_t>(bits) ^ sign) - sign);
      if (p.first_out < 0) {
        p.first_out = cycle_;
        p.user_back = top_->m_axis_tuser;
      } else if (p.user_back != top_->m_axis_tuser) {
        throw std::runtime_error("tuser changes within a pixel");
      }
      if ((p.words.size() == p.due) != static_cast<bool>(top_->m_axis_tlast))
        throw std::runtime_error("tlast is not where it is due");
      if (p.words.size() == p.due) {
        p.last_out = cycle_;
        ++out;
      }
    }
    if (taken) {
      Pixel& p = pixels[in];
      if (sample == 0) p.first_in = cycle_;
      if (++sample == p.samples.size()) {
        p.last_in = cycle_;
        sample = 0;
        ++in;
      }
      offered = false;
    }
    if (taken || given) last_beat = cycle_;
    if (cycle_ - last_beat > kPatience) throw std::runtime_error("the streams stand still");
    tick();
  }
  if (cycles >= 0) return;  // in the midst of it
  top_->s_axis_tvalid = 0;
  top_->m_axis_tready = 0;
  top_->clear_i = 0;
}
