// taugate quantize, and what the other commands make of its models.

#include "program.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

nlohmann::json json_in(const Folder& folder, const char* name) {
  return nlohmann::json::parse(read_all(folder / name));
}

double rmse(const nlohmann::json& evaluation) {
  return evaluation["channels"][0]["rmse"]["mean"].get<double>();
}

/// Quantizes the model that every test may read; the figures.
nlohmann::json quantized(const Folder& folder, const std::string& options) {
  const Outcome o =
      run(folder, "quantize " + trained_model() + " --samples 2000 --json q.json " + options +
                      (contains(options, "weights-only") ? "" : " --calibration 64"));
  REQUIRE_MESSAGE(o.code == 0, o.err);
  return json_in(folder, "q.json");
}

std::string line(std::size_t gates, const std::string& value) {
  std::string text = value;
  for (std::size_t k = 1; k < gates; ++k) text += ',' + value;
  return text + '\n';
}

}  // namespace

TEST_CASE("quantize writes a model that evaluate measures as quantize did") {
  Folder folder;
  const nlohmann::json q = quantized(folder, "-o i.safetensors");
  CHECK(folder.names() == std::vector<std::string>{"i.safetensors", "q.json"});
  CHECK(rmse(q["quantised"]) != rmse(q["float"]));
  CHECK(rmse(q["quantised"]) < 1.3 * rmse(q["float"]));
  // 8 units, reset_after: 3*8*(1+8) + 3*8*8 + 8 weights.
  CHECK(q["quantised"]["weight_bytes"] == 416);
  CHECK(q["float"]["weight_bytes"] == 4 * 416);
  CHECK(q["multiply_accumulates"] == 70 * 416);
  CHECK(q["file_bytes"] == fs::file_size(folder / "i.safetensors"));
  CHECK(q["ranges"].size() == 9);
  for (const auto& use : q["ranges"]) {
    CHECK(use["largest"].get<double>() > 0.0);
    CHECK(use["largest"].get<double>() <= use["limit"].get<double>() * 1.001);
  }

  for (const auto& [model, kind] :
       {std::pair{std::string("i.safetensors"), "quantised"}, {trained_model(), "float"}}) {
    const Outcome o = run(folder, "evaluate " + model + " --samples 2000 --json e.json");
    REQUIRE_MESSAGE(o.code == 0, o.err);
    nlohmann::json same = q[kind];
    same.erase("weight_bytes");
    CHECK(json_in(folder, "e.json") == same);
  }
}

TEST_CASE("info and infer take a model of integers") {
  Folder folder;
  quantized(folder, "-o i.safetensors --weight-bits 4");
  const Outcome info = run(folder, "info i.safetensors");
  CAPTURE(info.out);
  REQUIRE(info.code == 0);
  const std::string size =
      concat(fs::file_size(folder / "i.safetensors"), " bytes, 220 of them for 416 weights");
  for (const std::string part :
       {"a taugate model of integers", "8 units; reset_after, smooth activations, 1 output",
        size.c_str(), "29120 multiply-accumulates",
        "version 1; bits: weights 4, operand 8, gates 8", "carried state 16", "32 bits; at most",
        "in decoder.0", "70 gates of 0.179 ns", "\"quantised\""})
    CHECK(contains(info.out, part));

  REQUIRE(run(folder, "simulate --samples 300 --seed 7 -o t.npz").code == 0);
  const auto deviation = [&](const std::string& model, const std::string& options) {
    const Outcome o = run(folder, "infer " + model + " t.npz --no-pictures -o r " + options);
    REQUIRE_MESSAGE(o.code == 0, o.err);
    return json_in(folder, "r/summary.json")["error_ns"]["deviation"].get<double>();
  };
  quantized(folder, "-o i.safetensors");
  CHECK(deviation("i.safetensors", "") < 1.3 * deviation(trained_model(), ""));
  deviation("i.safetensors", "--threads 1");
  const std::string sfd = read_all(folder / "r" / "sfd.npy");
  deviation("i.safetensors", "--threads 3");
  CHECK(read_all(folder / "r" / "sfd.npy") == sfd);
}

TEST_CASE("a narrow state: how it is written is in the model, and what it loses can be measured") {
  Folder folder;
  quantized(folder, "--state-bits 6 --candidate-bits 16 -o n.safetensors");
  quantized(folder,
            "--state-bits 10 --residual-bits 4 --candidate-bits 16 --write-back feedback -o "
            "f.safetensors");
  CHECK(contains(run(folder, "info f.safetensors").out,
                 "carried state 10, 4 of its bits a residual, feedback write-back"));
  CHECK(contains(run(folder, "info n.safetensors").out, "carried state 6\n"));
  const auto lost = [&](const std::string& model) {
    const Outcome o =
        run(folder, concat("evaluate ", model, " --write-margin --samples 1000 --json m.json"));
    REQUIRE(o.code == 0);
    CHECK(contains(o.out, "decoder.0"));
    return json_in(folder, "m.json");
  };
  const nlohmann::json narrow = lost("n.safetensors"), fed_back = lost("f.safetensors");
  CHECK(narrow["unit"] == 1.0 / 32.0);
  CHECK(fed_back["unit"] == 1.0 / 512.0);
  CHECK(narrow["lost"].get<double>() > fed_back["lost"].get<double>());
  REQUIRE(narrow["layers"].size() == 2);
  CHECK(narrow["layers"][0]["steps"].size() == 70);
  const Outcome floats = run(folder, "evaluate " + trained_model() + " --write-margin");
  CHECK(floats.code == 1);
  CHECK(contains(floats.err, "wanted one of integers"));
  CHECK(run(folder, "evaluate n.safetensors --write-margin --tau 1:2").code == 2);
}

TEST_CASE("threads and repeats make no difference to integers") {
  Folder folder;
  quantized(folder, "--threads 1 -o a.safetensors");
  const std::string figures = read_all(folder / "q.json");
  quantized(folder, "--threads 3 -o b.safetensors");
  CHECK(read_all(folder / "q.json") == figures);
  CHECK(read_all(folder / "a.safetensors") == read_all(folder / "b.safetensors"));
}

TEST_CASE("rounded weights alone make a float model") {
  Folder folder;
  const nlohmann::json q = quantized(folder, "--weights-only -o w.safetensors");
  CHECK(q["quantised"]["weight_bytes"] == 416);
  CHECK(rmse(q["quantised"]) != rmse(q["float"]));
  CHECK(contains(run(folder, "info w.safetensors").out, "513 (537 counting"));
  REQUIRE(run(folder, "evaluate w.safetensors --samples 2000 --json e.json").code == 0);
  CHECK(rmse(json_in(folder, "e.json")) == rmse(q["quantised"]));
  const double integers = rmse(quantized(folder, "")["quantised"]);
  CHECK(integers != rmse(q["quantised"]));
  // The paper's literal formula clips all weights at half the largest.
  CHECK(rmse(quantized(folder, "--weights-only --scale paper")["quantised"]) > integers);
}

TEST_CASE("calibration on measured traces") {
  Folder folder;
  REQUIRE(run(folder, "simulate --samples 40 --seed 7 -o t.npz").code == 0);
  for (const std::string rule : {"minmax", "percentile", "mse", "none"}) {
    const auto q = quantized(folder, "--data t.npz --calibrate " + rule);
    CHECK(q["ranges"].back()["values"] == 40 * 70);
  }
  const auto refused = [&](const std::string& options, int code,
                           const std::vector<std::string>& wanted) {
    const auto before = folder.names();
    const Outcome o = run(folder, "quantize " + trained_model() + " -o i.safetensors " + options);
    CAPTURE(options);
    CAPTURE(o.err);
    CHECK(o.code == code);
    CHECK(one_line(o.err));
    for (const auto& part : wanted) CHECK(contains(o.err, part));
    CHECK(folder.names() == before);
  };
  const std::string axis = "# bin_ns=0.179 period_ns=12.53\n";
  write_all(folder / "zeros.csv", axis + line(70, "0") + line(70, "0"));
  refused("--data zeros.csv", 1, {"zeros.csv", "found no count in 2 trace(s)"});
  write_all(folder / "short.csv", axis + line(69, "7"));
  refused("--data short.csv", 1, {"short.csv", "12.351"});
  refused("--data nothing.csv", 1, {"nothing.csv"});
  for (const char* bits : {"0", "1", "17", "32"}) {
    refused(concat("--bits ", bits), 2, {"--bits", bits, "2 to 16"});
    refused(concat("--weight-bits ", bits), 2, {"--weight-bits", bits, "2 to 16"});
    refused(concat("--state-bits ", bits), 2, {"--state-bits", bits, "2 to 16"});
  }
  refused("--gate-bits 2", 2, {"--gate-bits", "3 to 16"});
  refused("--state-bits 6 --residual-bits 5", 2, {"--residual-bits", "5", "at most 4"});
  refused("--write-back up", 2, {"write-back", "'up'", "stochastic"});
  refused("--write-back feedback --state-bits 7", 2, {"--write-back", "7 bits", "--residual-bits"});
  refused("--scale furlong", 2, {"furlong", "power-of-two"});
  refused("--calibrate luck", 2, {"luck", "percentile"});
  refused("--calibration 0", 2, {"--calibration", "0"});
  refused("--samples 0", 2, {"--samples", "0"});
  refused("--json absent/q.json", 1, {"absent/q.json"});
}

TEST_CASE("quantize takes float models only") {
  Folder folder;
  quantized(folder, "-o i.safetensors");
  const Outcome twice = run(folder, "quantize i.safetensors");
  CHECK(twice.code == 1);
  CHECK(one_line(twice.err));
  CHECK(contains(twice.err, "i.safetensors: found a model of integers, wanted one of floats"));
  const Outcome none = run(folder, "quantize");
  CHECK(none.code == 2);
  CHECK(one_line(none.err));

  // Of another version of the arithmetic.
  std::string other = read_all(folder / "i.safetensors");
  const std::string version = R"(\"arithmetic\":1)";
  REQUIRE(contains(other, version));
  other.replace(other.find(version), version.size(), R"(\"arithmetic\":9)");
  other.replace(other.find("crc32"), 5, "other");  // as of a file without a checksum
  write_all(folder / "other.safetensors", other);
  for (const char* command : {"info", "evaluate", "quantize"}) {
    const Outcome o = run(folder, concat(command, " other.safetensors"));
    CHECK(o.code == 1);
    CHECK(one_line(o.err));
  }
  CHECK(contains(run(folder, "info other.safetensors").err, "version 9"));
}

TEST_CASE("Ctrl-C leaves no file") {
  Folder folder;
  Program program(folder, words("quantize " + trained_model() +
                                " --samples 100M --calibration 16 -o i.safetensors --json q.json"));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  program.send(SIGINT);
  const Outcome o = program.wait();
  CHECK(o.code == 130);
  CHECK(contains(o.out, "stopped"));
  CHECK(folder.names().empty());
}
