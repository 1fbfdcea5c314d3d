"""Words that others use lead to ours."""

from __future__ import annotations

import pytest

import convgrad
from convgrad.subject import foreign_words
from convgrad.subject.foreign_words import closest, did_you_mean
from convgrad.vocabulary import (
    KEYS_OF_LOSS,
    LAYERS,
    LOSSES,
    OPERATIONS,
    RESULTS,
    SETTINGS,
    keys_of_case,
    keys_of_layer,
    keys_of_network,
)
from tests.program import assert_refused
from tests.program import convgrad as run

VALUES = [choice for setting in SETTINGS.values() for choice in setting.choices]
OURS = {*keys_of_case(), *keys_of_network(), *keys_of_layer(), *KEYS_OF_LOSS, *OPERATIONS, *LAYERS, *LOSSES, *RESULTS,
        *VALUES}  # fmt: skip


def test_every_word_leads_to_one_that_there_is() -> None:
    known = {word for words in foreign_words.ours_by_theirs().values() for word in words}
    assert known - OURS - {"layout"} == set()


def test_no_word_of_ours_leads_to_another_in_the_same_place() -> None:
    for words in (keys_of_case(), keys_of_layer(), keys_of_network(), [*OPERATIONS, *LAYERS], LOSSES, VALUES):
        for word in words:
            assert closest(word, words) == word


@pytest.mark.parametrize(
    ("key", "ours"),
    [
        ("weight", "kernel"), ("filter", "kernel"), ("W", "kernel"), ("x", "input"), ("grad_output", "delta"),
        ("dout", "delta"), ("dZ", "delta"), ("dy", "delta"), ("upstream", "delta"), ("kernel_size", "window"),
        ("pool_size", "window"), ("kernel_shape", "window"), ("pads", "padding"), ("strides", "stride"),
        ("dilations", "dilation"), ("group", "groups"), ("b", "bias"),
    ],
)  # fmt: skip
def test_a_key_of_another_s_is_refused_with_ours(key: str, ours: str) -> None:
    case = {"op": "max-pool" if ours == "window" else "conv", "input": [1, 2], "delta": [1], key: 1}
    with pytest.raises(convgrad.RequestError) as caught:
        convgrad.backward(case)
    told = [problem.message for problem in caught.value.problems]
    assert f"unknown key '{key}': did you mean `{ours}`?" in told
    assert not [message for message in told if f"needs `{ours}`" in message]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{kernel: [1], input: [1], delta: ones, padding: SAME}", "found 'SAME': did you mean `same`?"),
        ("{kernel: [1], input: [1], delta: ones, padding: SAME_LOWER}", "did you mean `same-lower`?"),
        ("{kernel: [1], input: [1], delta: ones, padding_mode: edge}", "did you mean `replicate`?"),
        ("{kernel: [1], input: [1], delta: ones, kernel_size: 1}", "the size of a kernel is that of its array"),
        ("{kernel: [1], input: [1], delta: ones, dW: [1]}", "goes in `claim`, as in claim: {dW: …}"),
        ("{op: linear, kernel: [[1]], input: [1], delta: ones}", "'linear', here `dense`, is only a layer"),
        ("{op: global-average-pool, input: [1], delta: ones}", "`adaptive-average-pool` with `output_size: 1`?"),
        ("{op: MaxPool2d, input: [1], window: 1, delta: ones}", "did you mean `max-pool`?"),
    ],
)
def test_a_word_of_another_s_is_refused_with_ours(document: str, words: str) -> None:
    assert_refused(run("backward", document), words)


def test_a_network_knows_them_as_well() -> None:
    done = run("network", "{input: [1, 2], layers: [{op: linear, weight: [[1, 2]]}], lr: 0.1, delta: ones}")
    assert_refused(done, "'lr': did you mean `learning_rate`?", "'linear': did you mean `dense`?")


def test_what_is_like_nothing_gets_no_suggestion() -> None:
    assert did_you_mean("frobnicate", OPERATIONS) == ""
