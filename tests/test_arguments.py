"""Arguments that no command could take are refused in one sentence that names the option."""

from __future__ import annotations

from typing import Any

import pytest

from convgrad.cli import run

LEDGER, NETWORK = "samples/ledger.yaml", "samples/network-two-layers.yaml"
ODD = ("", " 1", "+1", "-0", "01", "1_000", "1.5", "1e3", "٣", "²", "x", "\udce9", "9" * 4301)
COUNTS = [
    *(["forward", LEDGER, option] for option in ("--digits", "--threads")),
    *(["check", LEDGER, option] for option in ("--sample", "--seed", "--min-strength")),
    ["network", NETWORK, "--steps"],
    ["backward", LEDGER, "--overlays"],
]


def refusal(arguments: list[str], capsys: Any) -> str:
    """What a refused command line says: briefly, and nothing on standard output."""
    assert run(arguments) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert len(written.err) < 3000
    return str(written.err)


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("arguments", COUNTS, ids=lambda arguments: arguments[-1])
def test_a_count_is_typed_in_plain_digits(arguments: list[str], text: str, capsys: Any) -> None:
    assert refusal([*arguments, text], capsys).startswith(f"convgrad: {arguments[-1]}: ")


@pytest.mark.parametrize(("arguments", "text", "bounds"), [
    (COUNTS[0], "0", "at least 1,"), (COUNTS[0], "1001", "at most 1000,"), (COUNTS[1], "0", "at least 1,"),
    (COUNTS[2], "0", "at least 1,"), (COUNTS[3], "-1", "at least 0,"), (COUNTS[3], str(2**64), f"at most {2**64 - 1},"),
    (COUNTS[4], "-1", "at least 0,"), (COUNTS[5], "0", "at least 1,"), (COUNTS[6], str(2**63), "at most 2147483647,"),
])  # fmt: skip
def test_a_count_has_bounds(arguments: list[str], text: str, bounds: str, capsys: Any) -> None:
    assert refusal([*arguments, text], capsys).startswith(f"convgrad: {arguments[-1]}: must be {bounds}")


@pytest.mark.parametrize(
    "option", ["--format", "--color", "--arithmetic", "--op", "--mode", "--ties", "--input", "--dW"]
)
def test_an_empty_word_is_none_of_the_choices(option: str, capsys: Any) -> None:
    refusal(["check", LEDGER, option, ""], capsys)


@pytest.mark.parametrize("arguments", [["forward", ""], ["network", ""], ["explain", "dX[0]", ""]])
def test_an_empty_document_is_said_to_be_empty(arguments: list[str], capsys: Any) -> None:
    assert ": expected a file, found nothing\n" in refusal(arguments, capsys)


@pytest.mark.parametrize("option", ["--id", "--only", "--stride", "--color", "--layer", "--steps"])
def test_bytes_that_are_no_text_are_named(option: str, capsys: Any) -> None:
    command = ["network", NETWORK] if option in ("--layer", "--steps") else ["backward", LEDGER]
    assert f"{option}: byte 0xe9 is not UTF-8 text\n" in refusal([*command, option, "a\udce9"], capsys)
    assert f"{option}: this is not text" in refusal([*command, option, "a\ud800"], capsys)
    assert f"{option}: this is not text" in refusal([*command, option, "a\0"], capsys)


@pytest.mark.parametrize("entry", ["dX[٣]", "dX[1 2]", "dX[1,,2]", "dX[,]", "dX[1,]", "dX[+1]", "dX[1]" + "9" * 4301])
def test_an_index_is_typed_in_plain_digits_and_commas(entry: str, capsys: Any) -> None:
    assert "expected an entry such as" in refusal(["explain", entry, LEDGER], capsys)


@pytest.mark.parametrize(("entry", "document"), [("dX", LEDGER), ("conv1.dX", NETWORK), ("conv1.delta", NETWORK)])
@pytest.mark.parametrize("digits", [20, 61, 4301])
def test_an_index_beyond_any_array_is_no_entry(entry: str, document: str, digits: int, capsys: Any) -> None:
    assert "there is no such entry" in refusal(["explain", f"{entry}[{'9' * digits}]", document], capsys)


def test_a_case_of_options_has_no_layers_to_explain(capsys: Any) -> None:
    case = ["--input", "[1]", "--kernel", "[1]", "--delta", "ones"]
    assert "no layers" in refusal(["explain", "conv1.dX[0]", *case], capsys)
