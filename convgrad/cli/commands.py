"""The commands, each a thin twin of the Python function of its name; the records of its signature are its options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, get_type_hints

import typer

from convgrad.cli.typed import (
    OFFERS,
    Checking,
    ClaimReading,
    NetworkReading,
    Opened,
    Overlays,
    Reading,
    Running,
    Terms,
    Writing,
)

HELP = "Gradients of convolution and pooling: shown overlay by overlay, exact, and checked."
Entry = Annotated[
    str,
    typer.Argument(
        metavar="ENTRY", help="the entry, as in dW[0,1], dX[1,1], db[0] or y[0,0]; of a layer: conv2.dW[0,1]"
    ),
]
SchemaName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="case, network, forward, backward, …; an unknown name lists them all"),
]


def forward(reading: Reading, running: Running) -> int:
    """The output y of a convolution or a pool."""
    from convgrad.cli.road import of_cases  # here, as in all of them, so that --help imports no numpy
    from convgrad.passes.gradients import Forward

    return of_cases(Forward, reading, running)


def backward(reading: Reading, overlays: Overlays, running: Running) -> int:
    """Every overlay's contribution, then dW, db and dX."""
    from convgrad.cli.road import of_cases
    from convgrad.passes.gradients import Gradients

    return of_cases(Gradients, reading, running, overlays)


def explain(entry: Entry, reading: Reading, terms: Terms, running: Running) -> int:
    """One entry of dW, db, dX or y as the sum of its terms."""
    from convgrad.cli.road import of_entry

    return of_entry(entry, reading, running, terms)


def check(reading: ClaimReading, checking: Checking, running: Running) -> int:
    """Gradients verified by finite differences, and somebody else's mistake named; or the installation verified."""
    from convgrad.cli.checks import of_installation, of_subjects

    asked = any(reading) or checking.function is not None
    return of_subjects(reading, checking, running) if asked else of_installation(running)


def network(reading: NetworkReading, opened: Opened, overlays: Overlays, running: Running) -> int:
    """A chain of layers, forward and back, and its steps."""
    from convgrad.cli.road import of_networks

    return of_networks(opened, reading, running, overlays)


def schema(name: SchemaName, writing: Writing) -> int:
    """The JSON Schema of a document or an output."""
    from convgrad.cli.delivery import deliver_one
    from convgrad.cli.formats import Result
    from convgrad.documents import chunks, schemas

    record = schemas.schema(name)
    return deliver_one(Result(lambda: record, lambda: chunks(record, "json")), writing)


class Command(NamedTuple):
    """A command: what it runs, and what help says of it."""

    run: Callable[..., int]
    summary: str
    help: str


COMMANDS = {
    command.run.__name__: command
    for command in (
        Command(
            forward, "the output y", "convgrad forward samples/ledger.yaml\n\nThe output y of a convolution or a pool."
        ),
        Command(
            backward,
            "every overlay's contribution, then dW, db and dX",
            "convgrad backward samples/ledger.yaml\n\n"
            "Every overlay's contribution, then dW, db and dX. Pipe the numbers on with --format json.",
        ),
        Command(
            explain,
            "one entry as the sum of its terms",
            "convgrad explain 'dX[1]' samples/ledger.yaml\n\nOne entry of dW, db, dX or y as the sum of its terms.",
        ),
        Command(
            check,
            "verify gradients, and name what is wrong with somebody else's",
            "convgrad check samples/published-layer2.yaml\n\n"
            "Verifies gradients by finite differences, over every entry: ours and, where given, somebody else's, whose "
            "mistake it names. Without arguments it verifies the installation.",
        ),
        Command(
            network,
            "a chain of layers: forward, loss, gradients, step",
            "convgrad network samples/network-two-layers.yaml\n\n"
            "A chain of layers, forward and back: every output, the loss, the deltas, every gradient, and the "
            "parameters after a step.",
        ),
        Command(
            schema,
            "the JSON Schema of a document or an output",
            "convgrad schema case\n\nThe JSON Schema of a document or an output.",
        ),
    )
}


def program(names: Iterable[str]) -> typer.Typer:
    """The command line with the commands of these names: to make one takes a fraction of the time of all."""
    app = typer.Typer(
        name="convgrad", help=HELP, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True
    )
    app.callback()(_root)
    for name in names:
        command = COMMANDS[name]
        app.command(name, help=command.help, short_help=command.summary)(_on_words(command.run))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from convgrad import __version__

        typer.echo(f"convgrad {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", "-V", callback=_version, is_eager=True, help="show the version"),
) -> None:
    """Gradients of convolution and pooling: shown overlay by overlay, exact, and checked."""


def _on_words(run: Callable[..., int]) -> Callable[..., int]:
    """The same command as a function of the words of a command line, each a keyword."""
    kinds = get_type_hints(run, include_extras=True)
    del kinds["return"]

    def command(**words: Any) -> int:
        return run(**{name: _value(name, kind, words) for name, kind in kinds.items()})

    command.__signature__ = inspect.Signature(list(_parameters(kinds)))  # type: ignore[attr-defined]
    return command


def _value(name: str, kind: Any, words: Mapping[str, Any]) -> Any:
    return kind.typed(words) if kind in OFFERS else words[name]


def _parameters(kinds: Mapping[str, Any]) -> Iterator[inspect.Parameter]:
    for name, kind in kinds.items():
        if kind in OFFERS:
            yield from OFFERS[kind].parameters()
        else:
            yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
