// taugate train: what it prints and writes, and that an interrupted run ends as one that was not.

#include <cmath>

#include "program.h"

using namespace taugate;
using namespace taugate::testing;

TEST_CASE("train writes a model, its learning curve and a record") {
  Folder folder;
  const Outcome o = run(folder,
                        "train --samples 4k --hidden 8 --batch 64 --validation 256 --json t.json "
                        "-o model.safetensors");
  CAPTURE(o.err);
  REQUIRE(o.code == 0);
  // encoder 3*8*(1+8) + 2*24, decoder 3*8*8 + 2*24, head 8+1; the decoder's zero-fed input: 24 more
  CHECK(contains(o.out, "parameters: 513 (537 counting"));
  CHECK(contains(o.out, "70 gates of 0.179 ns"));
  CHECK(contains(o.out, "wrote model.safetensors"));
  CHECK(contains(o.out, "validation RMSE"));
  CHECK(folder.names() ==
        std::vector<std::string>{"model.safetensors", "model.safetensors.curve.png", "t.json"});
  CHECK(is_picture(folder / "model.safetensors.curve.png"));

  const auto record = nlohmann::json::parse(read_all(folder / "t.json"));
  CHECK(record["samples"] == 4032);  // 63 batches of 64
  CHECK(record["batch"] == 64);
  CHECK(record["parameters"] == 513);
  CHECK(record["seconds"].get<double>() > 0.0);
  const auto& curve = record["curve"];
  REQUIRE(curve.size() >= 10);
  CHECK(curve.back()["traces"] == 4032);
  const double first = curve.front()["validation_loss"], last = curve.back()["validation_loss"];
  CHECK(last < 0.5 * first);
  CHECK(record["validation_rmse"].get<double>() <= std::sqrt(last) * (1 + 1e-12));

  const Outcome info = run(folder, "info model.safetensors");
  CHECK(info.code == 0);
  CHECK(contains(info.out, "8 units; reset_after"));
  CHECK(contains(info.out, "513 (537 counting the zero-fed decoder input)"));
  CHECK(contains(info.out, "70 gates of 0.179 ns (open 0.179 ns), laser period 12.53 ns"));
}

TEST_CASE("the same command makes the same model, whatever the number of threads") {
  Folder folder;
  const std::string command =
      "train --samples 1k --hidden 5 --batch 128 --validation 64 --no-pictures ";
  const Outcome one = run(folder, command + "--threads 1 -o a.safetensors");
  const Outcome many = run(folder, command + "--threads 16 -o b.safetensors");
  REQUIRE(one.code == 0);
  REQUIRE(many.code == 0);
  CHECK_FALSE(contains(one.out, "threads:"));
  CHECK(contains(many.out, "threads: 8 of 16 have work, with batches of 128 traces"));
  REQUIRE(run(folder, command + "--seed 2 -o c.safetensors").code == 0);
  const std::string a = read_all(folder / "a.safetensors");
  CHECK(a == read_all(folder / "b.safetensors"));
  CHECK(a != read_all(folder / "c.safetensors"));
  CHECK(folder.names() ==
        std::vector<std::string>{"a.safetensors", "b.safetensors", "c.safetensors"});
}

TEST_CASE("a run that is interrupted and resumed ends with the same bytes") {
  Folder folder;
  const std::string options =
      "train --samples 24k --hidden 12 --batch 64 --validation 256 --no-pictures -o ";
  REQUIRE(run(folder, options + "whole.safetensors").code == 0);

  Program program(folder, words(options + "halved.safetensors"));
  // The first checkpoint comes with the first of twenty validations.
  const auto checkpoint = folder / "halved.safetensors.checkpoint";
  for (int i = 0; i < 6000 && !fs::exists(checkpoint); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  REQUIRE(fs::exists(checkpoint));
  program.send(SIGINT);
  const Outcome stopped = program.wait();
  CAPTURE(stopped.out);
  REQUIRE(stopped.code == 130);
  CHECK(contains(stopped.out, "go on with the same command and --resume"));
  CHECK(fs::exists(checkpoint));
  CHECK_FALSE(fs::exists(folder / "halved.safetensors"));

  const Outcome other = run(folder,
                            "train --samples 24k --hidden 12 --batch 32 --validation 256 "
                            "--no-pictures --resume -o halved.safetensors");
  CHECK(other.code != 0);  // another batch size: not the same run
  CHECK(one_line(other.err));
  CHECK(contains(other.err, "halved.safetensors.checkpoint"));

  const Outcome resumed = run(folder, options + "halved.safetensors --resume");
  CAPTURE(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(read_all(folder / "halved.safetensors") == read_all(folder / "whole.safetensors"));
  CHECK_FALSE(fs::exists(checkpoint));
}

TEST_CASE("teachers train on the same command and tell their size") {
  Folder folder;
  const std::string few = " --samples 256 --validation 64 --no-pictures -o teacher.safetensors";
  // A GRU layer of H units with I inputs: 3H(I + H) weights and 2*3H biases.
  const auto layer = [](int inputs, int units) { return 3 * units * (inputs + units) + 6 * units; };

  const Outcome stacked = run(folder, "train --model seq2seq --hidden 64,16" + few);
  CAPTURE(stacked.err);
  CHECK(stacked.code == 0);
  const int with_zero_input = 2 * (layer(1, 64) + layer(64, 16)) + 16 + 1;
  CHECK(contains(stacked.out, concat("parameters: ", with_zero_input - 3 * 64, " (",
                                     with_zero_input, " counting")));

  const Outcome teacher = run(folder, "train --model seq2seq" + few);
  CAPTURE(teacher.err);
  CHECK(teacher.code == 0);
  CHECK(contains(teacher.out, "298881 counting"));

  const Outcome student =
      run(folder, "train --hidden 32 --form reset_before --activation hard" + few);
  CHECK(student.code == 0);
  CHECK(contains(student.out, "6561 counting"));
}

TEST_CASE("train --integers writes a model of integers, and the floats behind it") {
  Folder folder;
  const std::string command =
      "train --samples 4k --hidden 8 --validation 256 --no-pictures --integers --weight-bits 4 ";
  const Outcome o = run(folder, command + "--master f.safetensors --json t.json -o i.safetensors");
  CAPTURE(o.err);
  REQUIRE(o.code == 0);
  CHECK(contains(o.out, "integers: weights of 4 bits, operand 8, gates 8, carried state 16"));
  CHECK(folder.names() == std::vector<std::string>{"f.safetensors", "i.safetensors", "t.json"});
  const auto record = nlohmann::json::parse(read_all(folder / "t.json"));
  CHECK(record["quantised"]["weight_bits"] == 4);

  const Outcome info = run(folder, "info i.safetensors");
  CHECK(contains(info.out, "a taugate model of integers"));
  CHECK(contains(info.out, "weights 4, operand 8, gates 8"));
  const auto rmse = [&](const std::string& model) {
    REQUIRE(run(folder, "evaluate " + model + " --samples 1k --json e.json").code == 0);
    return nlohmann::json::parse(read_all(folder / "e.json"))["channels"][0]["rmse"]["mean"]
        .get<double>();
  };
  // The trained integers, and the floats rounded to the same bits by the fixed rule of `quantize`.
  const double trained = rmse("i.safetensors");
  CHECK(close(trained, record["validation_rmse"], 0.0, 0.2));
  REQUIRE(
      run(folder,
          "quantize f.safetensors --weight-bits 4 --calibrate none --samples 1k -o q.safetensors")
          .code == 0);
  CHECK(rmse("q.safetensors") == trained);

  // On from the floats, with learned scales.
  const Outcome on =
      run(folder, command + "--from f.safetensors --learned-scales -o l.safetensors");
  CHECK(on.code == 0);
  CHECK(rmse("l.safetensors") < 1.1 * trained);
}

TEST_CASE("distill trains a student from a teacher") {
  Folder folder;
  REQUIRE(run(folder,
              "train --model seq2seq --hidden 9,7 --samples 2k --gates 64 --gate-step 0.19 "
              "--no-pictures "
              "-o teacher.safetensors")
              .code == 0);
  const Outcome o = run(folder,
                        "distill teacher.safetensors --hidden 6 --samples 2k --beta 0.1 "
                        "--no-pictures --json d.json -o student.safetensors");
  CAPTURE(o.err);
  REQUIRE(o.code == 0);
  CHECK(contains(o.out, "distillation: alpha 0.6, beta 0.1"));
  const Outcome info = run(folder, "info student.safetensors");
  CHECK(contains(info.out, "6 units; reset_after"));
  // The teacher's traces, not the preset's.
  CHECK(contains(info.out, "64 gates of 0.19 ns"));
  CHECK(nlohmann::json::parse(read_all(folder / "d.json"))["distilled"]["beta"] == 0.1);
  CHECK(run(folder,
            "distill teacher.safetensors --hidden 6 --samples 1k --integers --no-pictures "
            "-o i.safetensors")
            .code == 0);
  CHECK(contains(run(folder, "info i.safetensors").out, "a taugate model of integers"));
}
