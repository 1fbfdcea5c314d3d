"""The README's pictures of backward passes: `python -m tests.gallery` draws them anew, from the samples."""

from __future__ import annotations

from pathlib import Path

from tests.program import ROOT, convgrad

FOLDER = ROOT / ".github" / "gallery"
ARRAYS = ("--input", "samples/input.yaml", "--kernel", "samples/kernel.yaml")
PICTURES = {
    "plain": ("samples/five-by-five.yaml", "--only", "1,1"),
    "stride": (*ARRAYS, "--delta", "[[1, -1]]", "--stride", "2"),
    "dilation": (*ARRAYS, "--delta", "[[1, -1]]", "--dilation", "2"),
    "padding": (*ARRAYS, "--delta", "ones", "--padding", "1", "--only", "0,1"),
    "groups": ("samples/strides.yaml", "--channel", "1,0", "--only", "0,0,1"),
    "transposed": ("samples/transposed.yaml", "--only", "0,1"),
    "ties": ("samples/max-pool-ties.yaml", "--only", "1,1"),
    "overlapping": ("samples/max-pool-overlap.yaml", "--overlays", "2"),
}
"""What `convgrad backward` is asked for each picture."""


def picture(name: str) -> str:
    """A picture as the command draws it."""
    run = convgrad("backward", *PICTURES[name], "--format", "svg", cwd=ROOT)
    assert run.returncode == 0, run.stderr
    return run.stdout


def drawn(folder: Path = FOLDER) -> None:
    """Every picture as a file."""
    folder.mkdir(exist_ok=True)
    for name in PICTURES:
        (folder / f"{name}.svg").write_text(picture(name), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    drawn()
