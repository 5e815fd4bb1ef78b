#include "taugate/interchange/rtl_export.h"

#include <algorithm>
#include <bit>

#include "core/hash.h"
#include "taugate/core/error.h"
#include "taugate/core/file.h"

namespace taugate {
namespace {

constexpr int kLeastUnits = 2, kMostUnits = 128;

/// Bits from the lowest to the highest, as the digits of a $readmemh line.
class Bits {
 public:
  void append(std::int64_t value, int bits) {
    for (int i = 0; i < bits; ++i)
      bits_.push_back(i < 64 ? (static_cast<std::uint64_t>(value) >> i & 1) != 0 : value < 0);
  }
  std::string hexadecimal() const {
    std::string digits;
    for (std::size_t at = 0; at < bits_.size(); at += 4) {
      int digit = 0;
      for (std::size_t i = 0; i < 4 && at + i < bits_.size(); ++i)
        digit |= static_cast<int>(bits_[at + i]) << i;
      digits.push_back("0123456789abcdef"[digit]);
    }
    std::reverse(digits.begin(), digits.end());
    return digits;
  }

 private:
  std::vector<bool> bits_;
};

int signed_bits(std::int64_t most) { return std::bit_width(static_cast<std::uint64_t>(most)) + 1; }
int index_bits(int count) { return std::bit_width(static_cast<unsigned>(std::max(count - 1, 1))); }

struct Row {
  std::int64_t bias = 0;
  Requantizer by;
};

/// The rows of `region` (1..5: r, z, W_n x, U_n h, head), by their address.
std::vector<Row> rows(const IntegerModel& model, int region) {
  const int H = model.layers[0].hidden;
  std::vector<Row> all;
  if (region == 5) {
    all.resize(std::size_t{1} << index_bits(model.outputs()));
    for (int c = 0; c < model.outputs(); ++c) {
      const auto at = static_cast<std::size_t>(c);
      all[at] = {model.head_bias[at], model.head_requantizers[at]};
    }
    return all;
  }
  const std::size_t side = std::size_t{1} << index_bits(H);  // the decoder's begin here
  all.resize(2 * side);
  for (int dec = 0; dec < 2; ++dec) {
    const IntegerLayer& layer = model.layers[static_cast<std::size_t>(dec)];
    for (int u = 0; u < H; ++u) {
      const auto unit = static_cast<std::size_t>(u);
      const std::size_t row =
          static_cast<std::size_t>(region - 1) * static_cast<std::size_t>(H) + unit;
      all[dec * side + unit] = {region == 4 ? layer.recurrent_bias[unit] : layer.bias[row],
                                layer.requantizers[row]};
    }
  }
  return all;
}
constexpr const char* kRowFiles[] = {"rows_r.mem", "rows_z.mem", "rows_n.mem", "rows_s.mem",
                                     "rows_y.mem"};

constexpr int kIdentityRegion = 6;

/// The model's number: of all that the memories hold.
std::uint64_t identity_of(const std::vector<RtlMemory>& memories) {
  std::string text;
  for (const RtlMemory& memory : memories)
    for (const std::string& line : memory.lines) text += line + "\n";
  return fnv1a(text);
}

int lanes_per_word(const RtlParameters& p) { return 32 / p.WeightBits; }
int words_per_column(const RtlParameters& p) {
  return (3 * p.H + p.NOut + lanes_per_word(p) - 1) / lanes_per_word(p);
}

/// Column k of all lanes, r | z | n | head: the encoder's U [H], its W, the decoder's U with the
/// head's V [H].
std::vector<std::uint32_t> column(const IntegerModel& model, const RtlParameters& p, int k) {
  const int H = p.H, lanes = lanes_per_word(p);
  std::vector<std::uint32_t> words(static_cast<std::size_t>(words_per_column(p)));
  for (int lane = 0; lane < 3 * H + p.NOut; ++lane) {
    std::int16_t weight = 0;
    if (lane >= 3 * H)
      weight = k > H ? model.head.row(lane - 3 * H)[k - H - 1] : std::int16_t{0};
    else if (k == H)
      weight = model.layers[0].input.row(lane)[0];
    else
      weight = k < H ? model.layers[0].recurrent.row(lane)[k]
                     : model.layers[1].recurrent.row(lane)[k - H - 1];
    const std::uint32_t bits =
        static_cast<std::uint16_t>(weight) & ((std::uint32_t{1} << p.WeightBits) - 1);
    words[static_cast<std::size_t>(lane / lanes)] |= bits << (lane % lanes * p.WeightBits);
  }
  return words;
}

int enough_contexts(int hidden) { return 1 + (kRtlStepLatency + hidden - 1) / hidden; }

void within(const char* option, int value, int low, int high) {
  if (value < low || value > high)
    fail_usage("[rtl] ", option, ": found ", value, ", wanted ", low, "..", high);
}

void check_model(const IntegerModel& model) {
  require(model.form() == GruForm::reset_after,
          "[rtl] found a reset_before model, wanted reset_after (docs/rtl.md says what it takes)");
  require(
      model.description.encoder_outputs == 0,
      "[rtl] found a second head, on the encoder's last state, wanted a Seq2Seq of decays alone");
  const std::size_t side = seq2seq_config(model.description).hidden.size();
  require(side == 1, "[rtl] found ", side, " layers a side, wanted 1");
  const int H = model.layers[0].hidden;
  require(H >= kLeastUnits && H <= kMostUnits, "[rtl] found ", H, " units, wanted ", kLeastUnits,
          "..", kMostUnits);
  require(model.outputs() <= H, "[rtl] found ", model.outputs(),
          " outputs, wanted at most as many as units, ", H);
  require(!model.widths.step_reads_operand && !model.widths.head_reads_state,
          "[rtl] found a model whose step reads the operand or whose head reads the state, wanted "
          "the carried state in the step and the operand in the head");
  const Widths& w = model.widths;
  require(w.write_back != WriteBack::stochastic,
          "[rtl] found a stochastic write-back, wanted nearest or feedback");
  const Arithmetic a(w, model.form(), model.activation());
  require(w.write_back == WriteBack::nearest || a.exact_frac_bits() >= w.state_frac_bits,
          "[rtl] found feedback of a state with ", w.state_frac_bits,
          " fraction bits, wanted at most those of a blend, ", a.exact_frac_bits());
  require(model.widths.input_extra == 0, "[rtl] found traces with ", model.widths.input_extra,
          " more bits than the operand, wanted as many");
}

}  // namespace

std::vector<std::pair<const char*, int>> RtlParameters::all() const {
  return {{"H", H},
          {"NOut", NOut},
          {"TMax", TMax},
          {"Contexts", Contexts},
          {"Cores", Cores},
          {"Activation", Activation},
          {"WeightBits", WeightBits},
          {"OperandFraction", OperandFraction},
          {"AccBits", AccBits},
          {"MulBits", MulBits},
          {"ShiftBits", ShiftBits},
          {"SumBits", SumBits},
          {"GateSumFraction", GateSumFraction},
          {"CandidateSumFraction", CandidateSumFraction},
          {"GateFraction", GateFraction},
          {"CandidateFraction", CandidateFraction},
          {"StateFraction", StateFraction},
          {"ReadFraction", ReadFraction},
          {"Feedback", Feedback},
          {"OutputBits", OutputBits},
          {"UserBits", UserBits},
          {"CounterBits", CounterBits},
          {"PortBits", PortBits}};
}

RtlParameters rtl_parameters(const IntegerModel& model, const RtlOptions& options) {
  within("contexts", options.contexts, 0, 64);
  within("cores", options.cores, 1, 64);
  within("longest pixel", options.longest, 0, 65535);
  if (options.longest > 0 && options.longest < model.gates())
    fail_usage("[rtl] longest pixel: found ", options.longest, " samples, wanted at least the ",
               model.gates(), " gates of the model");
  within("multiplier's port", options.port_bits, 9, 64);
  within("bits of tuser", options.user_bits, 1, 64);
  within("bits of a counter", options.counter_bits, 8, 64);
  check_model(model);
  const Widths& w = model.widths;
  RtlParameters p;
  p.H = model.layers[0].hidden;
  p.NOut = model.outputs();
  p.TMax = options.longest > 0 ? options.longest : model.gates();
  p.Contexts = options.contexts > 0 ? options.contexts : enough_contexts(p.H);
  p.Cores = options.cores;
  p.Activation = model.activation() == Activation::smooth ? 0 : 1;
  p.WeightBits = w.weight_bits;
  p.OperandFraction = w.operand_frac_bits;
  p.AccBits = w.weight_bits + w.operand_frac_bits + 1;  // one product
  p.MulBits = 1;
  p.ShiftBits = 4;
  for (const AccumulatorBound& bound : accumulator_bounds(model)) {
    p.AccBits = std::max(p.AccBits, signed_bits(bound.most));
    p.MulBits = std::max(p.MulBits, int{std::bit_width(bound.requantizer.multiplier)});
    p.ShiftBits = std::max(p.ShiftBits, int{std::bit_width(bound.requantizer.shift)});
  }
  p.SumBits = w.preact_bits;
  p.GateSumFraction = w.gate_preact_frac_bits;
  p.CandidateSumFraction = w.candidate_preact_frac_bits;
  p.GateFraction = w.gate_frac_bits;
  p.CandidateFraction = w.candidate_frac_bits;
  p.StateFraction = w.state_frac_bits;
  p.ReadFraction = w.read_frac_bits();
  p.Feedback = w.write_back == WriteBack::feedback;
  p.OutputBits = w.output_bits;
  p.UserBits = options.user_bits;
  p.CounterBits = options.counter_bits;
  p.PortBits = options.port_bits;
  return p;
}

std::optional<double> rtl_cycles(const Network& network, int contexts) {
  const std::vector<GruSpec>& layers = network.layers;
  if (layers.size() != 2 || layers[0].reads != GruSpec::Reads::trace ||
      layers[1].reads != GruSpec::Reads::zeros || layers[1].starts_from != 0 ||
      network.head.at != HeadSpec::At::every_step || network.form() != GruForm::reset_after)
    return {};
  const int units = layers[0].units;
  if (units < kLeastUnits || units > kMostUnits || network.outputs() > units) return {};
  const double H = units, T = network.gates;
  const double busy = T * (2.0 * H + 1.0) + H;
  const double alone = busy + 2.0 * T * kRtlStepLatency;
  return std::max(busy, alone / (contexts > 0 ? contexts : enough_contexts(units)));
}

std::vector<RtlMemory> rtl_memories(const IntegerModel& model, const RtlParameters& parameters) {
  std::vector<RtlMemory> memories{{"weights.mem", {}}};
  for (int k = 0; k <= 2 * parameters.H; ++k) {
    Bits bits;
    for (std::uint32_t word : column(model, parameters, k)) bits.append(word, 32);
    memories[0].lines.push_back(bits.hexadecimal());
  }
  for (int region = 1; region <= 5; ++region) {
    RtlMemory memory{kRowFiles[region - 1], {}};
    for (const Row& row : rows(model, region)) {
      Bits bits;
      bits.append(row.by.shift, parameters.ShiftBits);
      bits.append(row.by.multiplier, parameters.MulBits);
      bits.append(row.bias, parameters.AccBits);
      memory.lines.push_back(bits.hexadecimal());
    }
    memories.push_back(std::move(memory));
  }
  const std::uint64_t identity = identity_of(memories);
  RtlMemory halves{"identity.mem", {}};
  for (int half = 0; half < 2; ++half) {
    Bits bits;
    bits.append(static_cast<std::int64_t>(identity >> (32 * half)), 32);
    halves.lines.push_back(bits.hexadecimal());
  }
  memories.push_back(std::move(halves));
  return memories;
}

std::vector<RtlWrite> rtl_writes(const IntegerModel& model, const RtlParameters& parameters) {
  std::vector<RtlWrite> writes;
  const auto add = [&](int region, std::size_t index, std::size_t word, std::uint64_t data) {
    writes.push_back({static_cast<std::uint32_t>(region) << 20 |
                          static_cast<std::uint32_t>(index) << 8 | static_cast<std::uint32_t>(word),
                      static_cast<std::uint32_t>(data)});
  };
  for (int k = 0; k <= 2 * parameters.H; ++k) {
    const auto words = column(model, parameters, k);
    for (std::size_t i = 0; i < words.size(); ++i) add(0, static_cast<std::size_t>(k), i, words[i]);
  }
  for (int region = 1; region <= 5; ++region) {
    const auto all = rows(model, region);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto bias = static_cast<std::uint64_t>(all[i].bias);
      add(region, i, 0, std::uint32_t{all[i].by.shift} << 16 | all[i].by.multiplier);
      add(region, i, 1, bias);
      if (parameters.AccBits > 32) add(region, i, 2, bias >> 32);
    }
  }
  const RtlMemory identity = rtl_memories(model, parameters).back();
  for (std::size_t half = 0; half < 2; ++half)
    add(kIdentityRegion, 0, half, std::stoul(identity.lines[half], nullptr, 16));
  return writes;
}

std::string rtl_module(const RtlParameters& parameters, bool load_files,
                       const std::string& prefix) {
  std::ostringstream out;
  out << "// SPDX-License-Identifier: Apache-2.0\n"
         "// Written by taugate export-rtl: seq2seq_top (rtl/) with the parameters of one "
         "model.\n\n"
         "module seq2seq_model (\n"
         "  input  logic clk_i,\n  input  logic rst_ni,\n"
         "  input  logic write_i,\n  input  logic read_i,\n"
         "  input  logic ["
      << index_bits(parameters.Cores) - 1
      << ":0] read_core_i,\n"
         "  input  logic [23:0] address_i,\n  input  logic [31:0] data_i,\n"
         "  output logic read_valid_o,\n  output logic [31:0] read_data_o,\n"
         "  input  logic s_axis_tvalid,\n  output logic s_axis_tready,\n"
         "  input  logic signed [15:0] s_axis_tdata,\n  input  logic s_axis_tlast,\n";
  const std::string user = concat("[", parameters.UserBits - 1, ":0]");
  const std::string counters =
      concat("[", parameters.Cores - 1, ":0][", parameters.CounterBits - 1, ":0]");
  out << "  input  logic " << user << " s_axis_tuser,\n"
      << "  output logic m_axis_tvalid,\n  input  logic m_axis_tready,\n"
      << "  output logic signed [" << parameters.data_bits() - 1 << ":0] m_axis_tdata,\n"
      << "  output logic m_axis_tlast,\n  output logic " << user << " m_axis_tuser,\n"
      << "  output logic idle_o,\n  input  logic clear_i";
  for (const char* name : {"cycles", "issues", "bubbles", "macs", "pixels", "overlong"})
    out << ",\n  output logic " << counters << ' ' << name << "_o";
  out << "\n);\n  seq2seq_top #(\n";
  for (const auto& [name, value] : parameters.all())
    out << "    ." << name << '(' << value << "),\n";
  out << "    .LoadFiles(" << int{load_files} << "),\n    .Prefix(\"" << prefix << "\")\n"
      << "  ) u_top (.*);\nendmodule\n";
  return out.str();
}

void export_rtl(const std::filesystem::path& folder, const IntegerModel& model,
                const RtlParameters& parameters) {
  make_folder(folder);
  for (const RtlMemory& memory : rtl_memories(model, parameters)) {
    OutputFile file(folder / memory.file);
    for (const std::string& line : memory.lines) file.write(line + "\n");
    file.commit();
  }
  OutputFile writes(folder / "writes.txt");
  char text[32];
  for (const RtlWrite& write : rtl_writes(model, parameters))
    writes.write({text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%06x %08x\n",
                                                               write.address, write.data))});
  writes.commit();
  write_file(folder / "seq2seq_model.sv", rtl_module(parameters, true));
}

}  // namespace taugate
