"""The console script: `--version` at once, everything else through the command line."""

from __future__ import annotations

import gc
import sys

from convgrad.cli import streams


def main() -> None:
    """Run convgrad on the arguments of this process, and exit with its code."""
    streams.hold()
    code = streams.delivered(lambda: _ran(sys.argv[1:]))
    gc.freeze()  # nor need the interpreter look through all that is there before it goes: some 20 ms more
    sys.exit(code)


def _ran(arguments: list[str]) -> int:
    if arguments in (["--version"], ["-V"], ["version"]):
        from convgrad import __version__

        sys.stdout.write(f"convgrad {__version__}\n")
        return 0
    gc.set_threshold(100_000)  # while modules load nothing is garbage: looking for it takes some 10 ms
    from convgrad.cli import run

    return run(arguments)


if __name__ == "__main__":
    main()
