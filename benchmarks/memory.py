"""Peak memory that explaining images adds, one process a case: `.venv/bin/python -m benchmarks.memory`.

Numbers are MiB of resident memory above that of the same process after one image was explained.
"""

import os
import resource
import subprocess
import sys

CASES = ["vgg16 fixed 32", "vgg16 fixed 96", "vgg16 open 32", "vgg16 open 96", "classes 1000 8", "classes 1000 16"]


def measure(kind, variant, n):
    import keras
    import numpy as np

    from lecture_utils import grad_cam, grad_cam_classes

    for initializer in (keras.initializers.GlorotUniform, keras.initializers.VarianceScaling):
        # Weights as they are drawn cost memory of their own.
        initializer.__call__ = lambda self, shape, dtype=None: keras.ops.full(shape, 1e-3, dtype)
    images = np.random.default_rng(0).random((n, 224, 224, 3), dtype=np.float32)
    if kind == "vgg16":
        size = None if variant == "open" else 224
        trunk = keras.applications.VGG16(weights=None, include_top=False, input_shape=(size, size, 3))
        model = keras.Sequential([keras.Input((size, size, 3)), trunk, keras.layers.GlobalAveragePooling2D(),
                                  keras.layers.Dense(10)])
        explain = lambda x: grad_cam(model, x, class_index=1)
    else:
        model = keras.applications.MobileNet(weights=None)
        explain = lambda x: grad_cam_classes(model, x, np.arange(int(variant) if len(x) > 1 else 1))
    explain(images[:1])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    explain(images)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024          # ru_maxrss is in KiB on Linux


def main():
    if len(sys.argv) == 4:
        print(f"{measure(sys.argv[1], sys.argv[2], int(sys.argv[3])):.0f}")
        return
    print("added memory in MiB")
    for case in CASES:
        run = subprocess.run([sys.executable, "-m", "benchmarks.memory", *case.split()], capture_output=True, text=True,
                             check=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
        print(f"{case:20}{run.stdout.split()[-1]:>8}", flush=True)


if __name__ == "__main__":
    main()
