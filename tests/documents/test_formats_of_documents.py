"""The formats of documents are rows of one table: a new one is a row and a function that reads it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from convgrad.documents import Document, Source, read, source, sources
from convgrad.documents.sources import FORMATS, Format
from convgrad.errors import RequestError
from tests.program import assert_refused, convgrad

WORDS = Format("words", (".words",), f"{__name__}:of_words")


def of_words(origin: Source, **_: bool) -> Iterator[Document]:
    """A document of a line `key number number …` each."""
    lines = [line.split() for line in origin.data().decode().splitlines()]
    yield Document(origin.name, 1, {key: [float(number) for number in numbers] for key, *numbers in lines})


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A case in a format that is one row more."""
    monkeypatch.setattr(sources, "FORMATS", [*FORMATS, WORDS])
    monkeypatch.setitem(sys.modules, __name__, SimpleNamespace(of_words=of_words))
    path = tmp_path / "case.words"
    path.write_text("input 1 2 3\nkernel 0.5 1\ndelta 1 2\n")
    return path


def test_no_suffix_is_of_two_formats() -> None:
    suffixes = [suffix for row in FORMATS for suffix in row.suffixes]
    assert len(set(suffixes)) == len(suffixes)


def test_a_new_row_is_read_by_its_function(file: Path) -> None:
    (document,) = read(source(str(file)))
    assert document.value["kernel"] == [0.5, 1]
    assert convgrad("backward", str(file), "--format", "json").returncode == 0


def test_what_is_wrong_in_a_new_format_has_its_place(file: Path) -> None:
    file.write_text("input 1 nan 3\nkernel 0.5 1\ndelta 1 2\n")
    assert_refused(convgrad("backward", str(file)), f"{file}:input[1]: ")


def test_a_folder_lists_the_documents_of_every_format(file: Path) -> None:
    with pytest.raises(RequestError, match=r"name a file in it: case\.words"):
        source(str(file.parent))


def test_a_format_whose_package_is_missing_says_which(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FORMATS", [*FORMATS, WORDS._replace(needs="no_such_package")])
    assert_refused(convgrad("backward", str(file)), str(file), "by way of no_such_package", "pip install")
