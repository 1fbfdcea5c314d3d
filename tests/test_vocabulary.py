"""What stands once in the vocabulary is what the rooms have: no word without its function, and no function unnamed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from convgrad import vocabulary
from convgrad.cli.formats import FORMATS
from convgrad.core.arithmetic import DTYPES
from convgrad.differences.roundoff import TYPES
from convgrad.documents.schemas import KINDS
from convgrad.operations import LAYERS, LOSSES, OPERATIONS
from convgrad.subject.layout import OPERANDS
from convgrad.subject.settings import READERS
from convgrad.views import case_header

ROOT = Path(__file__).parents[1]
KEYS = {**vocabulary.keys_of_case(), **vocabulary.LAYER_SETTINGS, **vocabulary.RATES}


def test_every_operation_layer_and_loss_that_is_named_is_there_and_no_other() -> None:
    assert list(OPERATIONS) == list(vocabulary.OPERATIONS)
    assert list(LAYERS) == list(vocabulary.LAYERS)
    assert list(LOSSES) == list(vocabulary.LOSSES)


def test_every_word_of_a_choice_is_known_where_it_is_used() -> None:
    assert list(TYPES) == sorted(vocabulary.CLAIM_TYPES, key=list(TYPES).index)
    assert {*DTYPES, "auto"} == set(vocabulary.ARITHMETICS)
    assert set(OPERANDS) == set(vocabulary.RESULTS)
    assert tuple(case_header.TIES) == vocabulary.TIES
    assert tuple(FORMATS) == vocabulary.FORMATS


def test_every_kind_of_setting_is_read_and_every_kind_of_key_has_a_schema() -> None:
    settings = {**vocabulary.SETTINGS, **vocabulary.LAYER_SETTINGS}
    assert {setting.kind for setting in settings.values()} == set(READERS)
    assert {key.kind for key in KEYS.values()} <= set(KINDS)


@pytest.mark.parametrize("name", [*vocabulary.OPERATIONS, *vocabulary.LAYERS])
def test_a_default_that_is_no_word_for_something_else_is_one_that_can_be_read(name: str) -> None:
    from convgrad.subject.settings import read_setting

    for setting, default in vocabulary.row_of(name).settings.items():
        if default is not None:
            read_setting(setting, default, 2)


def test_the_vocabulary_imports_nothing_that_is_slow() -> None:
    script = "import sys, convgrad.vocabulary; print(*sorted(name for name in sys.modules if 'convgrad' in name))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.split() == ["convgrad", "convgrad.vocabulary"]
