"""Computing needs inputs, outputs and 64 MB, however large the windows would be if they were all written out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peak import PEAK

pytest.importorskip("resource", reason="the peak of a process's memory is only known on Unix")
pytestmark = pytest.mark.slow

MEASURE = """
import json
import numpy as np
from convgrad.subject.case import make_case

def written(shapes):
    # np.zeros would reserve memory without taking it
    return {name: np.ones(shape) for name, shape in shapes.items()}

def outputs_of_both_passes(arrays):
    case = make_case({**arrays, **settings}, arithmetic="float64", needs_delta=False)
    y = case.operation.forward(*case.arrays, **case.arguments)
    gradients = case.operation.backward(y, *case.arrays, **case.arguments)
    return y.nbytes + sum(array.nbytes for array in gradients.values())

settings, small, large = json.loads(sys.argv[1])
outputs_of_both_passes(written(small))  # what the first call loads is no working memory
arrays = written(large)
before = peak()
outputs = outputs_of_both_passes(arrays)
print(peak() - before - outputs)
"""


def layer(op, x, *kernel, **settings):
    """Settings, the arrays of a tiny layer and those of a large one."""
    channels = (kernel[1] if op == "conv" else kernel[0]) if kernel else 2
    small = {"input": (1, channels, *[12] * (len(x) - 2))}
    kernels = {"kernel": kernel} if kernel else {}
    return {"op": op, "dims": len(x) - 2, **settings}, small | kernels, {"input": x} | kernels


LAYERS = {
    "a convolution": layer("conv", (4, 32, 192, 192), 32, 32, 3, 3, padding=1),
    "a strided convolution": layer("conv", (8, 3, 512, 512), 64, 3, 7, 7, padding=3, stride=2),
    "a convolution over one long row": layer("conv", (1, 16, 1, 200_000), 16, 16, 1, 9, padding=[0, 4]),
    "a convolution over three axes": layer("conv", (2, 16, 24, 48, 48), 32, 16, 3, 3, 3, padding=1),
    "a transposed convolution": layer("conv-transpose", (4, 32, 96, 96), 32, 32, 4, 4, padding=1, stride=2),
    "a max pool": layer("max-pool", (1, 1, 3000, 3000), window=3, stride=1),
    "an average pool": layer("average-pool", (1, 1, 3000, 3000), window=3, stride=1),
    "an Lp pool": layer("lp-pool", (1, 1, 3000, 3000), window=3, stride=1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_memory_beyond_inputs_and_outputs_stays_below_64_megabytes(name):
    command = [sys.executable, "-c", PEAK + MEASURE, json.dumps(LAYERS[name])]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    assert int(done.stdout) < 64 << 20, f"{int(done.stdout) / 2**20:.0f} MB"
