"""Many cases in one run, of which one fails as nobody foresaw: the rest go on, and what is written can be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from convgrad.cli import run, subjects
from convgrad.cli.formats import FORMATS
from convgrad.cli.shown import Results
from convgrad.documents import chunks, reading
from convgrad.passes.gradients import Gradients

CASES = [{"id": name, "input": [1, 2, 3], "kernel": [1, 2], "delta": "ones"} for name in ("first", "second", "third")]
READERS: dict[str, Callable[[str], list[Any]]] = {
    "json": json.loads,
    "jsonl": lambda text: [json.loads(line) for line in text.splitlines()],
    "yaml": lambda text: list(yaml.safe_load_all(text)),
}
FAILURES = pytest.mark.parametrize(
    ("failure", "code", "words"),
    [(ZeroDivisionError("lost"), 70, "a bug in convgrad"), (MemoryError(), 2, "not enough memory for this case")],
)
FORMS = pytest.mark.parametrize("form", READERS)


@pytest.fixture(params=["cases.jsonl", "cases.yaml"])
def cases(request: Any, tmp_path: Path) -> str:
    """Three cases as JSON Lines, and as several YAML documents."""
    file: Path = tmp_path / request.param
    between = "\n" if file.suffix == ".jsonl" else "\n---\n"
    file.write_text(between.join(map(json.dumps, CASES)))
    return str(file)


def assert_the_rest_went_on(records: list[Any], words: str) -> None:
    """The first and third case have their results, and the second its error."""
    assert [record["id"] for record in records] == ["first", "second", "third"]
    assert ["error" in record for record in records] == [False, True, False]
    assert words in records[1]["error"]["message"]


@FORMS
@FAILURES
def test_what_fails_in_one_case_is_that_case_s_error(
    form: str, failure: Exception, code: int, words: str, cases: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    before = subjects.make_case

    def broken(value: Any, **keywords: Any) -> Any:
        if value["id"] == "second":
            raise failure
        return before(value, **keywords)

    monkeypatch.setattr(subjects, "make_case", broken)
    assert run(["forward", cases, "--format", form]) == code
    written = capsys.readouterr()
    assert_the_rest_went_on(READERS[form](written.out), words)
    assert words in written.err


@FORMS
@FAILURES
def test_what_fails_in_making_the_record_is_that_case_s_error(
    form: str, failure: Exception, code: int, words: str, cases: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    before = Gradients.streamed

    def broken(self: Gradients, *arguments: Any) -> Any:
        if self.case.id == "second":
            raise failure
        return before(self, *arguments)

    monkeypatch.setattr(Gradients, "streamed", broken)
    assert run(["backward", cases, "--format", form]) == code
    assert_the_rest_went_on(READERS[form](capsys.readouterr().out), words)


@FORMS
@FAILURES
@pytest.mark.parametrize("shown", [1, 300])
def test_what_fails_in_the_middle_of_a_record_ends_it_with_the_error(
    form: str,
    failure: Exception,
    code: int,
    words: str,
    shown: int,
    cases: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    def breaking() -> Iterator[Any]:
        for number in range(shown):
            yield {"sample": number, "window": [[1, 2], [3, 4]], "cells": {"first": 'a "[{\\' * 60}}
        raise failure

    before = Gradients.streamed

    def broken(self: Gradients, *arguments: Any) -> Any:
        return {**before(self), "overlays": breaking()} if self.case.id == "second" else before(self)

    monkeypatch.setattr(Gradients, "streamed", broken)
    assert run(["backward", cases, "--format", form]) == code
    records = READERS[form](capsys.readouterr().out)
    assert_the_rest_went_on([record for record in records if record.get("type") != "overlay"], words)
    if shown > 1 and form != "jsonl":
        assert records[1]["dW"] == [3, 5]
        assert len(records[1]["overlays"]) > 1


@FAILURES
def test_a_table_goes_on_with_the_next_case(
    failure: Exception, code: int, words: str, cases: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    before = Results._text

    def broken(self: Any, record: Any) -> Iterator[str]:
        yield "begun\n"
        if record.case.id == "second":
            raise failure
        yield from before(self, record)

    monkeypatch.setattr(Results, "_text", broken)
    assert run(["forward", cases]) == code
    written = capsys.readouterr()
    assert written.out.count("begun") == 3
    assert words in written.err


def test_a_document_whose_reading_fails_is_one_of_many(
    cases: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    before = reading.value

    def broken(text: str, *arguments: Any) -> Any:
        if "second" in text:
            raise ZeroDivisionError
        return before(text, *arguments)

    monkeypatch.setattr(reading, "value", broken)
    assert run(["forward", cases, "--format", "json"]) == 70
    assert ["error" in record for record in json.loads(capsys.readouterr().out)] == [False, True, False]


@pytest.mark.parametrize("moment", ["computing", "writing"])
def test_a_lone_case_that_finds_no_memory_is_named(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    file = tmp_path / "case.json"
    file.write_text(json.dumps(CASES[1]))
    place = "convgrad.cli.subjects.make_case" if moment == "computing" else "convgrad.passes.gradients.Forward.streamed"

    def broken(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(place, broken)
    assert run(["forward", str(file), "--format", "json"]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == f"convgrad: {file}:1: not enough memory for this case, which is 'second'\n"


@pytest.mark.parametrize("place", ["convgrad.documents.sources.Source.data", "convgrad.documents.reading.value"])
@pytest.mark.parametrize("arguments", [["FILE", "--kernel", "[1]"], ["--input", "FILE", "--kernel", "[1]"]])
def test_a_file_that_finds_no_memory_is_named(
    place: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    file = tmp_path / "input.json"
    file.write_text('{"input": [1]}')
    before = reading.value

    def broken(text: Any, *others: Any) -> Any:
        if text == "[1]":
            return before(text, *others)
        raise MemoryError

    monkeypatch.setattr(place, broken)
    assert run(["forward", *(str(file) if word == "FILE" else word for word in arguments)]) == 2
    assert capsys.readouterr().err.startswith(f"convgrad: {file}")


def nested() -> Any:
    """A value with everything that a record may have."""
    deep = {"c d": ["x, [", {"e": None}] * 30, "f": []}
    return {"a": [[1.5] * 9] * 20, "b": deep, "g": iter([{"h": 1}] * 3)}


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_record_can_be_ended_after_any_of_its_words(form: str) -> None:
    parts = list(chunks(nested(), form))[:-1]
    for count in range(1, len(parts)):
        record = FORMATS[form].unfinished()
        text = "".join(record.follow(iter(parts[:count])))
        if record.is_cut:
            ended = json.loads(text + "".join(record.ended({"message": "lost"})))
            assert ended["error"] == {"message": "lost"}


def test_yaml_can_be_ended_after_any_of_its_words() -> None:
    parts = list(chunks(nested(), "yaml"))
    for count in range(1, len(parts)):
        record = FORMATS["yaml"].unfinished()
        text = "".join(record.follow(iter(parts[:count])))
        assert yaml.safe_load(text + "".join(record.ended({"message": "lost"})))["error"] == {"message": "lost"}
