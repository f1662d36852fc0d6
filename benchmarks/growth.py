"""How time and memory grow with the number of images: Grad-CAM at three layers of `mnist_cnn`, streamed.

Each number of digits is explained in a process of its own, so that its peak memory is its own. Writes the table in
benchmarks/README.md.

    python3 course.py doctor                          # makes .venv
    .venv/bin/python -m benchmarks.growth
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

from .report import machine, write

NUMBERS = (100, 1_000, 10_000, 100_000)
BATCH = 256


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, help="measure one number of digits here and print it as JSON")
    only = parser.parse_args().only
    if only is not None:
        print(json.dumps(measure(only)))
        return
    rows = ["| digits | seconds | digits per second | peak memory, MB | of it after loading, MB |", "|---|---|---|---|---|"]
    for number in NUMBERS:
        child = subprocess.run([sys.executable, "-m", "benchmarks.growth", "--only", str(number)],
                               capture_output=True, text=True, check=True)
        found = json.loads(child.stdout.splitlines()[-1])
        rows.append(f"| {number:,} | {found['seconds']:.2f} | {number / found['seconds']:,.0f} | {found['peak']:.0f} | "
                    f"{found['peak'] - found['before']:.0f} |")
        print(rows[-1], flush=True)
    write("growth", "\n".join(rows) + "\n" + machine())


def measure(number):
    """Seconds and peak memory of one stream; what is traced once is traced before."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    from lecture_utils import grad_cam_layers, load_mnist, load_model
    from lecture_utils.explain.streaming import explain_dataset

    digits = load_mnist("embedded").x_test
    model = load_model("mnist_cnn")
    stream = tf.data.Dataset.from_tensor_slices(digits).repeat().take(number).batch(BATCH)
    grad_cam_layers(model, digits[:BATCH])
    before, began = peak(), time.perf_counter()
    count = sum(len(maps["conv3"]) for maps in explain_dataset(model, stream, grad_cam_layers, progress=False))
    seconds = time.perf_counter() - began
    assert count == number
    return {"seconds": seconds, "before": before, "peak": peak()}


def peak():
    """The process's highest resident memory so far, in MB (Linux counts in KiB, macOS in bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


if __name__ == "__main__":
    main()
