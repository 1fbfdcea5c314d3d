"""An entry of a network's layer is the sum of its terms, and they name the numbers that they are made of."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

import convgrad
from tests.passes.chains import RATIONAL, random_document

NAMES = {"x": "x", "w": "w", "b": "b", "delta": "y"}
"""The operand in whose rank a factor's array comes."""


def random_network(seed):
    document = random_document(np.random.default_rng(seed), kinds=RATIONAL, places=1)
    return convgrad.network(document, arithmetic="exact")


def arrays(layer):
    every = {"y": layer.output, "dX": layer.gradients.dX, "dW": layer.dW, "db": layer.db}
    return {name: np.asarray(array) for name, array in every.items() if array is not None and np.size(array)}


def total(explanation):
    """The sum of the terms; a max pool's candidates are no terms of a sum unless they win."""
    return sum(term.value for term in explanation.terms if term.value is not None)


def entries(network):
    """One entry of each array, somewhere within it."""
    for layer in network.layers:
        for name, array in arrays(layer).items():
            index = tuple((7 * axis + length) // 2 % length for axis, length in enumerate(array.shape))
            yield layer, array[index], f"{layer.name}.{name}{list(index) if index else ''}"


def operand(layer, name):
    case = layer.case
    array = case.delta if name == "delta" else case.operands[name]
    return np.asarray(case.present(NAMES[name], array))


@pytest.mark.parametrize("seed", range(20))
def test_every_entry_of_a_layer_is_the_sum_of_its_terms(seed):
    network = random_network(seed)
    for _, value, entry in entries(network):
        found = convgrad.explain(network, entry)
        assert found.value == value
        assert total(found) == value


@pytest.mark.parametrize("seed", range(20))
def test_a_term_is_the_product_of_the_entries_that_it_names(seed):
    network = random_network(seed)
    for layer, _, entry in entries(network):
        for term in convgrad.explain(network, entry).terms:
            named = [factor for factor in term.factors if factor.index is not None]
            assert [factor.value for factor in named] == [operand(layer, part.name)[part.index] for part in named]
            if layer.op in ("conv", "conv-transpose", "dense", "flatten"):
                assert term.value == prod(factor.value for factor in term.factors)


@pytest.mark.parametrize("seed", range(20))
def test_each_delta_of_an_entry_is_an_entry_of_the_layer_above(seed):
    network = random_network(seed)
    for layer, _, entry in entries(network):
        found = convgrad.explain(network, entry)
        for index, sender in found.senders:
            assert sender.value == np.asarray(layer.delta)[index]
            assert sender.entry == f"{layer.name}.delta{''.join(str(list(index)).split()) if index else ''}"
            assert total(sender) == sender.value
        above = [later for later in network.layers[layer.number + 1 :] if later.op != "flatten"]
        terms = found.terms
        deltas = {part.index for term in terms for part in term.factors if part.name == "delta"} - {None}
        sent = {index for index in deltas if np.asarray(layer.delta)[index]} if above else set()
        assert len(found.senders) == min(len(sent), 24)


@pytest.mark.parametrize("entry", ["delta[2]", "delta[0,0]", "delta", "dX[2]", "dX", "dW[0]"])
def test_an_entry_that_there_is_not_is_refused(entry):
    document = {"input": [1, 2], "layers": [{"op": "relu"}, {"op": "relu"}], "delta": "ones"}
    assert convgrad.explain(document, "relu1.delta[1]").value == 1
    with pytest.raises(convgrad.RequestError):
        convgrad.explain(document, f"relu1.{entry}")
