"""The commands, each a thin twin of the Python function of the same name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import typer

from convgrad.cli.options import (
    ARITHMETIC,
    CASE,
    CHECKING,
    CLAIMED,
    CLAIMS,
    DOCUMENT,
    NETWORK,
    OVERLAYS,
    RUNNING,
    WRITING,
    argument,
    takes,
)

app = typer.Typer(
    name="convgrad",
    help="Gradients of convolution and pooling: shown overlay by overlay, exact, and checked.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
COMMON = (*ARITHMETIC, *WRITING, *RUNNING)


def _version(wanted: bool) -> None:
    if wanted:
        from convgrad import __version__

        typer.echo(f"convgrad {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", "-V", callback=_version, is_eager=True, help="show the version"),
) -> None:
    """Gradients of convolution and pooling: shown overlay by overlay, exact, and checked."""


@app.command(
    help="convgrad forward samples/ledger.yaml\n\nThe output y of a convolution or a pool.",
    short_help="the output y",
)
@takes([DOCUMENT], [*CASE, *COMMON])
def forward(**options: Any) -> int:
    from convgrad.passes.gradients import Forward

    return _over_cases(options, Forward, needs_delta=False)


@app.command(
    help="convgrad backward samples/ledger.yaml\n\n"
    "Every overlay's contribution, then dW, db and dX. Pipe the numbers on with --format json.",
    short_help="every overlay's contribution, then dW, db and dX",
)
@takes([DOCUMENT], [*CASE, *OVERLAYS, *COMMON])
def backward(**options: Any) -> int:
    from convgrad.passes.gradients import Gradients

    return _over_cases(options, Gradients)


@app.command(
    help="convgrad explain 'dX[1]' samples/ledger.yaml\n\nOne entry of dW, db, dX or y as the sum of its terms.",
    short_help="one entry as the sum of its terms",
)
@takes(
    [argument("entry", "the entry, as in dW[0,1], dX[1,1], db[0] or y[0,0]; of a layer: conv2.dW[0,1]"), DOCUMENT],
    [*CASE, *COMMON],
)
def explain(**options: Any) -> int:
    _refuse_swapped(options["entry"], options["case"])
    if "." in options["entry"].partition("[")[0]:
        from convgrad.cli import network as networks

        return networks.explain(options)
    from convgrad.passes.explanation import explain_entry, needs_gradients
    from convgrad.passes.subject import subject_of

    entry = options["entry"]
    needs_delta = needs_gradients(entry)
    return _over_cases(options, lambda case: explain_entry(subject_of(case), entry), needs_delta=needs_delta)


@app.command(
    help="convgrad check samples/published-layer2.yaml\n\n"
    "Verifies gradients by finite differences, over every entry: ours and, where given, somebody else's, whose mistake "
    "it names. Without arguments it verifies the installation.",
    short_help="verify gradients, and name what is wrong with somebody else's",
)
@takes([DOCUMENT], [*CASE, *CLAIMS, *CLAIMED, *CHECKING, *COMMON])
def check(**options: Any) -> int:
    from convgrad.cli.checks import run

    return run(options)


@app.command(
    help="convgrad network samples/network-two-layers.yaml\n\n"
    "A chain of layers, forward and back: every output, the loss, the deltas, every gradient, and the parameters after "
    "a step.",
    short_help="a chain of layers: forward, loss, gradients, step",
)
@takes([argument("file", "a network document; - is standard input")], [*NETWORK, *OVERLAYS, *COMMON])
def network(**options: Any) -> int:
    from convgrad.cli import network as networks

    return networks.run({"case": options.pop("file"), **options})


@app.command(
    help="convgrad schema case\n\nThe JSON Schema of a document or an output.",
    short_help="the JSON Schema of a document or an output",
)
@takes([argument("name", "case, network, forward, backward, …; an unknown name lists them all")], WRITING)
def schema(**options: Any) -> int:
    from convgrad.cli.delivery import format_of, write
    from convgrad.documents import chunks
    from convgrad.documents.schemas import schema as made

    form = format_of(options)
    write(chunks(made(options["name"]), "json" if form == "table" else form), options.get("output"))
    return 0


COMMANDS = app.registered_commands


def _over_cases(options: Mapping[str, Any], record: Callable[[Any], Any], *, needs_delta: bool = True) -> int:
    """Make a record of each case that is asked for, and write it."""
    from convgrad.cli.cases import over_cases  # here, so that --help imports no numpy

    return over_cases(options, record, needs_delta)


def _refuse_swapped(entry: str, case: str | None) -> None:
    """An entry where the case goes, which would be a file that there is not."""
    import os

    from convgrad.errors import Place, Problem, RequestError
    from convgrad.passes.explanation import is_entry

    if case is not None and is_entry(case.rpartition(".")[2]) and not os.path.exists(case):
        advice = f"convgrad explain '{case}' {entry}"
        raise RequestError(Problem("the entry comes first, and then the case", advice, place=Place(case)))
