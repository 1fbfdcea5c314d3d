"""What goes wrong becomes a message on standard error and an exit code, here and nowhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from convgrad.errors import RequestError

REQUEST, BUG, INTERRUPTED, CLOSED_PIPE = 2, 70, 130, 141


def report(error: RequestError) -> None:
    """Print every problem: where, the line with a caret, what to do."""
    from convgrad.documents import render

    for problem in error.problems:
        say(render(problem, ascii=not _encodes("…")))


def say(message: str) -> None:
    """A message to the user, on standard error."""
    print(f"convgrad: {message}", file=sys.stderr)


def _encodes(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def guarded(run: Callable[[], int], debug: bool) -> int:
    """The exit code of a run, whatever happens in it."""
    try:
        code = run()
        sys.stdout.flush()
        return code
    except RequestError as error:
        report(error)
        return REQUEST
    except MemoryError:
        say("not enough memory for this request")
        return REQUEST
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _closed_pipe()
    except OSError as error:
        return _unwritable(error)
    except SystemExit as leaving:
        # click turns a broken pipe into SystemExit(1), which here would say that a gradient is wrong
        return _closed_pipe() if isinstance(leaving.__context__, BrokenPipeError) else int(leaving.code or 0)
    except Exception as error:
        return _bug(error, debug)


def _unwritable(error: OSError) -> int:
    """Standard output takes no more: a full disk, say."""
    say(f"the result cannot be written: {(error.strerror or str(error)).lower()}")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return REQUEST


def _closed_pipe() -> int:
    """Nobody reads on; the interpreter's own flush at exit must not complain either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CLOSED_PIPE


def _bug(error: Exception, debug: bool) -> int:
    say(f"a bug in convgrad, not in your request: {type(error).__name__}: {error}")
    if debug:
        import traceback

        traceback.print_exception(error)
    else:
        print("with --debug it shows where", file=sys.stderr)
    return BUG
