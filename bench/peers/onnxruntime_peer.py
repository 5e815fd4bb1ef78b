"""The peer ONNX Runtime, as a process that bench/peers/onnxruntime.cpp talks to.

Wants the packages onnxruntime, onnx and numpy. With --version it prints the runtime's version and
ends. Otherwise it reads from standard input, writes to standard output:

    in   a line of JSON: the task, {"steps", "batch", "threads", "layers", "weights"}
    in   a line with a number of repeats, then the input, float32 [T][B]
    out  a line with the seconds that all repeats took, then the output, float32 [T][B]
"""

import json
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def gate_order(array):
    """PyTorch's r, z, n to ONNX's z, r, h, along the first axis."""
    r, z, n = np.split(array, 3)
    return np.concatenate([z, r, n])


def model_of(task):
    """GRU nodes with linear_before_reset, which is PyTorch's GRU, and a linear head."""
    steps, batch = task["steps"], task["batch"]
    weights = {
        name: np.array(w["values"], np.float32).reshape(w["rows"], w["cols"])
        for name, w in task["weights"].items()
    }
    nodes, constants = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name))
        return name

    x = "x"
    for k, layer in enumerate(task["layers"]):
        name, hidden = layer["name"], layer["hidden"]
        if layer["reads_zeros"]:
            x = constant(f"zeros{k}", np.zeros((steps, batch, layer["inputs"])))
        bias = [gate_order(weights[f"{name}.bias_{side}"][:, 0]) for side in ("ih", "hh")]
        start = layer["starts_from"]
        nodes.append(
            helper.make_node(
                "GRU",
                [
                    x,
                    constant(f"W{k}", gate_order(weights[f"{name}.weight_ih"])[None]),
                    constant(f"R{k}", gate_order(weights[f"{name}.weight_hh"])[None]),
                    constant(f"B{k}", np.concatenate(bias)[None]),
                    "",
                    f"last{start}" if start >= 0 else "",
                ],
                [f"states{k}", f"last{k}"],
                hidden_size=hidden,
                linear_before_reset=1,
            )
        )
        nodes.append(helper.make_node("Squeeze", [f"states{k}", "axis"], [f"y{k}"]))
        x = f"y{k}"
    constants.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    constant("head", weights["head.weight"].T)
    constant("head_bias", weights["head.bias"][:, 0])
    nodes.append(helper.make_node("MatMul", [x, "head"], ["product"]))
    nodes.append(helper.make_node("Add", ["product", "head_bias"], ["y"]))
    shape = [steps, batch, 1]
    graph = helper.make_graph(
        nodes,
        "gru",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        constants,
    )
    opset = [helper.make_opsetid("", 14)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def main():
    if sys.argv[1:] == ["--version"]:
        print(onnxruntime.__version__)
        return
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    task = json.loads(source.readline())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = task["threads"]
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model_of(task).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    x = np.zeros((task["steps"], task["batch"], 1), np.float32)
    y = np.zeros_like(x)
    binding = session.io_binding()
    for bind, name, array in (
        (binding.bind_input, "x", x),
        (binding.bind_output, "y", y),
    ):
        bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    for line in iter(source.readline, b""):
        source.readinto(x)
        start = time.perf_counter()
        for _ in range(int(line)):
            session.run_with_iobinding(binding)
        seconds = time.perf_counter() - start
        sink.write(b"%.9g\n" % seconds)
        sink.write(y.tobytes())
        sink.flush()


if __name__ == "__main__":
    main()
