"""Sets ONNX Runtime beside `taugate infer`. Called by check_onnx.sh with the program and a folder.

Fails where any output differs by more than 1e-5.
"""

import subprocess
import sys

import numpy as np
import onnx
import onnxruntime

program, folder = sys.argv[1:]
LIMIT = 1e-5
NETWORKS = [
    "--hidden 32",
    "--hidden 32 --form reset_before",
    "--hidden 32 --activation hard",
    "--hidden 32 --activation hard --form reset_before",
    "--model seq2seq --hidden 64,16 --outputs 3",
]


def taugate(command):
    subprocess.run([program, *command.split()], check=True, cwd=folder, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
taugate("simulate --samples 1000 -o traces.npz")
counts = np.load(f"{folder}/traces.npz")["tpsf"].astype(np.float32)
tpsf = counts / counts.max(axis=1, keepdims=True)
failed = False
for network in NETWORKS:
    taugate(f"train {network} --samples 50k --validation 512 --no-pictures -o model.safetensors")
    taugate("export-onnx model.safetensors -o model.onnx")
    taugate("infer model.safetensors traces.npz -o result --no-pictures")
    onnx.checker.check_model(onnx.load(f"{folder}/model.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(f"{folder}/model.onnx",
                                           providers=["CPUExecutionProvider"])
    theirs = session.run(["sfd"], {"tpsf": tpsf})[0]
    ours = np.load(f"{folder}/result/sfd.npy").reshape(theirs.shape)
    worst = float(np.abs(theirs - ours).max())
    failed = failed or not worst <= LIMIT
    print(f"{network:55s} largest difference {worst:.1e} of outputs up to {np.abs(ours).max():.2f}")
sys.exit(failed)
