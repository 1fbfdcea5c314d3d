"""What goes wrong becomes a message on standard error and an exit code, here and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable

from convgrad.cli.streams import CLOSED_PIPE
from convgrad.errors import RequestError

REQUEST, BUG, INTERRUPTED = 2, 70, 130
LINE = 1000  # characters


def report(error: RequestError) -> None:
    """Print every problem: where, the line with a caret, what to do."""
    from convgrad.documents import render

    for problem in error.problems:
        say(render(problem, ascii=not _encodes("…")))


def say(message: str) -> None:
    """A message to the user, on standard error."""
    print("\n".join(map(_cut, f"convgrad: {message}".split("\n"))), file=sys.stderr)


def _cut(line: str) -> str:
    """A line without the middle of a word of thousands of characters that it repeats."""
    return line if len(line) <= LINE else f"{line[: LINE // 2]} ... {line[-LINE // 2 :]}"


def _encodes(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def guarded(run: Callable[[], int], debug: bool) -> int:
    """The exit code of a run, whatever happens in it."""
    try:
        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return CLOSED_PIPE
    except SystemExit as leaving:
        # click turns a broken pipe into SystemExit(1), which here would say that a gradient is wrong
        broken = isinstance(leaving.__context__, BrokenPipeError)
        return CLOSED_PIPE if broken else REQUEST if leaving.code else 0
    except Exception as error:
        return told(error, debug)


def told(error: Exception, debug: bool = False) -> int:
    """Say what went wrong, and give the exit code that it means."""
    if isinstance(error, RequestError):
        report(error)
    elif isinstance(error, MemoryError):
        say("not enough memory for this request")
    elif isinstance(error, OSError):
        say(f"the system refuses what this request needs: {error}")
    else:
        return _bug(error, debug)
    return REQUEST


def _bug(error: Exception, debug: bool) -> int:
    say(bug_text(error))
    if debug:
        import traceback

        traceback.print_exception(error)
    else:
        print("with --debug it shows where", file=sys.stderr)
    return BUG


def bug_text(error: Exception) -> str:
    """What is said of an error that should not have been possible."""
    return f"a bug in convgrad, not in your request: {type(error).__name__}: {error}"
