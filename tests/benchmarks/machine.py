"""What the numbers depend on: the processor, the versions, the threads, and the instructions of either side."""

from __future__ import annotations

import ctypes
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from convgrad.core.threads import blas_libraries, threads

AVX2 = {"Haswell", "Zen"}
"""What OpenBLAS calls processors without AVX-512; with OPENBLAS_CORETYPE it takes any for one of them."""


def machine() -> dict[str, object]:
    """By name."""
    return {
        "processor": processor(), "cores": os.cpu_count(), "load": load(), "threads": threads(),
        "pinned": pinned(), "python": platform.python_version(),
        **{package: version_of(package) for package in ("numpy", "torch", "scipy")},
        "instructions": {"NumPy's BLAS": blas_instructions(), "PyTorch": torch_instructions()},
    }  # fmt: skip


def pin() -> None:
    """Keep this process to one core, the last of those that it may use."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def pinned() -> bool:
    """Whether this process has one core and one thread: then what others take of the core is no time of its own."""
    return hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) == threads() == 1


def load() -> float | None:
    """How many processes wanted a core in the last minute: ratios bear others, absolute times do not."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def processor() -> str:
    """What the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def kernels() -> str | None:
    """What processor NumPy's OpenBLAS takes this one for: it decides the speed of every matrix product."""
    for library in blas_libraries():
        for name in ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename", "openblas_get_corename"):
            if function := getattr(library, name, None):
                function.restype = ctypes.c_char_p
                return str(function().decode())
    return None


def held_to_avx2() -> bool:
    """Whether NumPy's matrix products do without AVX-512."""
    return kernels() in AVX2


def blas_instructions() -> str:
    return "unknown" if kernels() is None else f"{'AVX2' if held_to_avx2() else 'as the processor'} ({kernels()})"


def torch_instructions() -> str:
    """Those of PyTorch's own loops, and of oneDNN, which does its convolutions in float32."""
    try:
        import torch
    except ImportError:
        return "none"
    own = torch.backends.cpu.get_cpu_capability()
    return f"{own}, oneDNN {os.environ.get('ONEDNN_MAX_CPU_ISA', 'all that the processor has')}"
