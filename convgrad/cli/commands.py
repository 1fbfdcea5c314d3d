"""The commands, each a thin twin of the Python function of its name; the records of its signature are its options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, get_type_hints

import typer

from convgrad.cli.grouped_help import GroupedHelp
from convgrad.cli.typed import (
    OFFERS,
    Checking,
    ClaimReading,
    Listing,
    NetworkReading,
    Offer,
    Opened,
    Overlays,
    Reading,
    Running,
    Started,
    Terms,
    Writing,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from convgrad.cli.grade_typed import Choosing, Grading

HELP = "Gradients of convolution and pooling: shown overlay by overlay, exact, and checked."
NEXT = """\b
Next:
  convgrad new conv > case.yaml     a case to start from
  convgrad backward case.yaml       its gradients, overlay by overlay
  convgrad check case.yaml --dW -   whether somebody else's dW is right, and if not why
  convgrad COMMAND --help           what a command takes"""
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
    return of_subjects(reading, checking, running) if asked else of_installation(running, every=checking.every)


def network(reading: NetworkReading, opened: Opened, overlays: Overlays, running: Running) -> int:
    """A chain of layers, forward and back, and its steps."""
    from convgrad.cli.road import of_networks

    return of_networks(opened, reading, running, overlays)


def new(started: Started) -> int:
    """A document to start from: a small case of an operation, or a network, each key with what it means."""
    from convgrad.cli.delivery import write
    from convgrad.documents.templates import template

    write([template(started.name)], started.file)
    return 0


def mistakes(listing: Listing, writing: Writing) -> int:
    """The mistakes that check can name: what happened, what to do, and what a case needs to show each."""
    from convgrad.cli.road import of_mistakes

    return of_mistakes(listing, writing)


def schema(name: SchemaName, writing: Writing) -> int:
    """The JSON Schema of a document or an output."""
    from convgrad.cli.delivery import deliver_one
    from convgrad.cli.formats import Result
    from convgrad.documents import chunks, schemas

    record = schemas.schema(name)
    return deliver_one(Result(lambda: record, lambda: chunks(record, "json")), writing)


def grade(grading: Grading) -> int:
    """Any implementation, in any language, run on cases that reveal every mistake, and told what is wrong with it."""
    from convgrad.cli.grade import of_target

    return of_target(grading)


def cases(choosing: Choosing) -> int:
    """The cases that `grade` runs, as a table, or as a file for other people's tests."""
    from convgrad.cli.suites import of_cases_chosen

    return of_cases_chosen(choosing)


class Command(NamedTuple):
    """A command: what it runs, what help says of it, and what to do next."""

    run: Callable[..., int]
    summary: str
    help: str
    next: str = ""


COMMANDS = {
    command.run.__name__: command
    for command in (
        Command(
            forward,
            "the output y",
            "convgrad forward samples/ledger.yaml\n\nThe output y of a convolution or a pool.",
            "convgrad explain 'y[0,0]' CASE shows an entry of it as a sum.",
        ),
        Command(
            backward,
            "every overlay's contribution, then dW, db and dX",
            "convgrad backward samples/ledger.yaml\n\n"
            "Every overlay's contribution, then dW, db and dX. Pipe the numbers on with --format json.",
            "convgrad explain 'dX[0,0]' CASE shows an entry as a sum.\n"
            "convgrad check CASE --dW FILE judges somebody else's.",
        ),
        Command(
            explain,
            "one entry as the sum of its terms",
            "convgrad explain 'dX[1]' samples/ledger.yaml\n\nOne entry of dW, db, dX or y as the sum of its terms.",
            "convgrad backward CASE --only 0,0 opens one overlay.",
        ),
        Command(
            check,
            "verify gradients, and name what is wrong with somebody else's",
            "convgrad check samples/published-layer2.yaml\n\n"
            "Verifies gradients by finite differences, over every entry: ours and, where given, somebody else's, whose "
            "mistake it names. Without arguments it verifies the installation.",
            "convgrad check CASE --all shows every wrong entry.\n"
            "convgrad explain 'dW[0,0]' CASE shows an entry as a sum.",
        ),
        Command(
            network,
            "a chain of layers: forward, loss, gradients, step",
            "convgrad network samples/network-two-layers.yaml\n\n"
            "A chain of layers, forward and back: every output, the loss, the deltas, every gradient, and the "
            "parameters after a step.",
            "convgrad network FILE --layer NAME opens a layer.\n"
            "convgrad explain 'conv1.dW[0,0]' FILE shows an entry as a sum.",
        ),
        Command(
            new,
            "a document to start from",
            "convgrad new conv case.yaml\n\n"
            "A document to start from: a small case of an operation, or a network, each key with what it means.",
            "convgrad backward case.yaml computes what the document asks for.",
        ),
        Command(
            mistakes,
            "the mistakes that check can name",
            "convgrad mistakes stride-ignored\n\n"
            "The mistakes that check can name: what happened, what to do, and what a case needs to show each. Without "
            "an id, all of them in a table.",
        ),
        Command(
            grade,
            "any implementation, in any language, told what is wrong with it",
            "convgrad grade kernel.py:backward\n\n"
            "Runs a Python function, or after -- a command, on cases that reveal every mistake, and says what is wrong "
            "with it, which mistake it is, and how to repeat it. --template prints an adapter to start from.",
        ),
        Command(
            cases,
            "test cases for any implementation, as a table or a file",
            "convgrad cases --output conv2d.json\n\n"
            "The fewest small cases of whole numbers that reveal every mistake, for other people's tests.",
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
        name="convgrad", help=HELP, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True,
        epilog=NEXT, context_settings={"help_option_names": ["-h", "--help"]},
    )  # fmt: skip
    app.callback()(_root)
    for name in names:
        command = COMMANDS[name]
        app.command(name, cls=GroupedHelp, help=command.help, short_help=command.summary, epilog=command.next)(
            _on_words(command.run)
        )
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
    offers, kinds = offers_of(run), kinds_of(run)

    def command(**words: Any) -> int:
        return run(**{name: kind.typed(words) if kind in offers else words[name] for name, kind in kinds.items()})

    command.__signature__ = inspect.Signature(list(_parameters(kinds, offers)))  # type: ignore[attr-defined]
    return command


def kinds_of(run: Callable[..., int]) -> dict[str, Any]:
    """What a command takes by name: records of options, and words."""
    kinds = get_type_hints(run, localns={kind.__name__: kind for kind in offers_of(run)}, include_extras=True)
    del kinds["return"]
    return kinds


def offers_of(run: Callable[..., int]) -> Mapping[Any, Offer]:
    """The options of every record that a command may take; those of `grade` and `cases` are imported for them alone."""
    if run not in (grade, cases):
        return OFFERS
    from convgrad.cli import grade_typed

    return grade_typed.OFFERS


def _parameters(kinds: Mapping[str, Any], offers: Mapping[Any, Offer]) -> Iterator[inspect.Parameter]:
    for name, kind in kinds.items():
        if kind in offers:
            yield from offers[kind].parameters()
        else:
            yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
