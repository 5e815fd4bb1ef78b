"""The peers that Python packages carry, each as a process that bench/peers/python.cpp talks to.

    python_peer.py ENGINE           onnxruntime, openvino, torch or jax
    python_peer.py ENGINE --version prints the engine's version and ends

reads from standard input, writes to standard output:

    in   a line of JSON: the task, {"steps", "batch", "threads", "layers", "weights"}
    in   a line with a number of repeats, then the input, float32 [T][B]
    out  a line with the seconds that all repeats took, then the output, float32 [T][B]

Each engine has a function that takes the task and returns run(x) -> y, both [T][B][1]; what it
does once is not timed.
"""

import importlib
import json
import os
import sys
import time

import numpy as np


def arrays(task):
    return {
        name: np.array(w["values"], np.float32).reshape(w["rows"], w["cols"])
        for name, w in task["weights"].items()
    }


def gate_order(array):
    """PyTorch's r, z, n to ONNX's z, r, h, along the first axis."""
    r, z, n = np.split(array, 3)
    return np.concatenate([z, r, n])


def onnx_model(task):
    """GRU nodes with linear_before_reset, which is PyTorch's GRU, and a linear head."""
    from onnx import TensorProto, helper, numpy_helper

    steps, batch = task["steps"], task["batch"]
    weights = arrays(task)
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
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def onnxruntime(task):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = task["threads"]
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(onnx_model(task), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    y = np.zeros((task["steps"], task["batch"], 1), np.float32)
    binding.bind_output("y", "cpu", 0, np.float32, y.shape, y.ctypes.data)

    def run(x):
        binding.bind_input("x", "cpu", 0, np.float32, x.shape, x.ctypes.data)
        session.run_with_iobinding(binding)
        return y

    return run


def openvino(task):
    import openvino as ov

    core = ov.Core()
    settings = {
        "INFERENCE_NUM_THREADS": task["threads"],
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(core.read_model(onnx_model(task)), "CPU", settings)
    request = request.create_infer_request()
    return lambda x: request.infer([x], share_inputs=True, share_outputs=True)[0]


def torch(task):
    import torch as t

    t.set_num_threads(task["threads"])
    weights = {name: t.from_numpy(a) for name, a in arrays(task).items()}
    layers = []
    for layer in task["layers"]:
        gru = t.nn.GRU(layer["inputs"], layer["hidden"])
        for name, parameter in gru.named_parameters():  # weight_ih_l0 ...
            with t.no_grad():
                parameter.copy_(weights[f"{layer['name']}.{name[:-3]}"].reshape(parameter.shape))
        layers.append((layer, gru))

    def run(x):
        with t.inference_mode():
            y, last = t.from_numpy(x), []
            for layer, gru in layers:
                if layer["reads_zeros"]:
                    y = t.zeros(task["steps"], task["batch"], layer["inputs"])
                start = layer["starts_from"]
                y, h = gru(y, last[start] if start >= 0 else None)
                last.append(h)
            head = t.nn.functional.linear(y, weights["head.weight"], weights["head.bias"][:, 0])
            return head.numpy()

    return run


def jax(task):
    os.environ["NPROC"] = str(task["threads"])  # what the CPU client's pools are as large as
    if task["threads"] == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    import jax as j
    from jax import lax, numpy as jnp

    weights = {name: jnp.asarray(a) for name, a in arrays(task).items()}
    exact = lax.Precision.HIGHEST

    def gru(name, x, h):
        w, u = weights[f"{name}.weight_ih"].T, weights[f"{name}.weight_hh"].T
        b, c = weights[f"{name}.bias_ih"][:, 0], weights[f"{name}.bias_hh"][:, 0]

        def step(h, a):
            s = jnp.dot(h, u, precision=exact) + c
            (ar, az, an), (sr, sz, sn) = jnp.split(a, 3, 1), jnp.split(s, 3, 1)
            r, z = j.nn.sigmoid(ar + sr), j.nn.sigmoid(az + sz)
            n = jnp.tanh(an + r * sn)
            h = n + z * (h - n)
            return h, h

        last, states = lax.scan(step, h, jnp.dot(x, w, precision=exact) + b)
        return states, last

    @j.jit
    def network(x):
        last = []
        for layer in task["layers"]:
            if layer["reads_zeros"]:
                x = jnp.zeros((task["steps"], task["batch"], layer["inputs"]))
            start = layer["starts_from"]
            h = last[start] if start >= 0 else jnp.zeros((task["batch"], layer["hidden"]))
            x, h = gru(layer["name"], x, h)
            last.append(h)
        return jnp.dot(x, weights["head.weight"].T, precision=exact) + weights["head.bias"][:, 0]

    return lambda x: network(x).block_until_ready()


ENGINES = {"onnxruntime": onnxruntime, "openvino": openvino, "torch": torch, "jax": jax}


def main():
    engine = sys.argv[1]
    if sys.argv[2:] == ["--version"]:
        if engine in ("onnxruntime", "openvino"):
            importlib.import_module("onnx")
        print(importlib.import_module(engine).__version__)
        return
    source = sys.stdin.buffer
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a package prints
    task = json.loads(source.readline())
    run = ENGINES[engine](task)
    x = np.zeros((task["steps"], task["batch"], 1), np.float32)
    for line in iter(source.readline, b""):
        source.readinto(x)
        start = time.perf_counter()
        for _ in range(int(line)):
            y = run(x)
        seconds = time.perf_counter() - start
        sink.write(b"%.9g\n" % seconds)
        sink.write(np.ascontiguousarray(y, np.float32).tobytes())
        sink.flush()


if __name__ == "__main__":
    main()
