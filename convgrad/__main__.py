"""The console script: `--version` at once, everything else through the command line."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run convgrad on the arguments of this process, and exit with its code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from convgrad import __version__

        sys.stdout.write(f"convgrad {__version__}\n")
        return
    gc.disable()  # nothing is garbage yet: looking for it while modules load takes some 10 ms
    from convgrad.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
