"""Every mistake is in the catalogue, gives the array that its description says, and differs from all others."""

from __future__ import annotations

import re

import numpy as np
import pytest

from convgrad.catalogue.changes import changed
from convgrad.catalogue.conditions import CONDITIONS
from convgrad.catalogue.of_entries import ENTRIES
from convgrad.catalogue.tables import TABLES, catalogue, forms, is_practised, of_operation, right
from convgrad.diagnosis.candidates import Bare, differs
from convgrad.diagnosis.control import SEEDED, builtin_cases, confusions, control, filled, separating_seed, truth_of
from convgrad.diagnosis.strength import planted, strength
from convgrad.subject.case import make_case
from tests.catalogue import formulas
from tests.diagnosis.cases import random_case
from tests.geometry import OPERATIONS

# the tables of the catalogue's description, by what they are about
DESCRIBED = {
    ("conv", "dW"): """kernel-rotated delta-rotated axes-swapped channels-swapped stride-ignored dilation-ignored
        stride-dilation-swapped padding-ignored groups-mixed batch-averaged overlays-averaged sample-missing
        overlay-missing""",
    ("conv", "dX"): """kernel-rotated delta-rotated channels-swapped stride-ignored dilation-ignored
        stride-dilation-swapped stride-axes-swapped padding-ignored remainder-shifted groups-mixed overwritten
        channel-missing updated-kernel""",
    ("conv", "db"): "batch-averaged overlays-averaged sample-missing wrong-axes delta-forgotten",
    ("conv", "output"): """kernel-rotated bias-missing padding-ignored stride-ignored dilation-ignored groups-mixed
        channels-swapped""",
    ("conv-transpose", "dW"): """kernel-rotated delta-rotated axes-swapped channels-swapped stride-ignored
        dilation-ignored stride-dilation-swapped padding-ignored groups-mixed batch-averaged overlays-averaged
        sample-missing overlay-missing""",
    ("conv-transpose", "dX"): """kernel-rotated delta-rotated channels-swapped stride-ignored dilation-ignored
        stride-dilation-swapped stride-axes-swapped padding-ignored remainder-shifted groups-mixed channel-missing
        updated-kernel""",
    ("conv-transpose", "db"): "batch-averaged overlays-averaged sample-missing wrong-axes delta-forgotten",
    ("conv-transpose", "output"): "kernel-rotated bias-missing padding-ignored stride-ignored overwritten",
    ("max-pool", "dX"): """ties-first ties-last ties-split ties-all spread-to-all padding-as-zero overwritten
        stride-ignored padding-ignored""",
    ("max-pool", "output"): "padding-as-zero stride-ignored padding-ignored",
    ("average-pool", "dX"): """overwritten not-divided padding-counted padding-not-counted full-window-divided
        stride-ignored padding-ignored""",
    ("average-pool", "output"): "not-divided padding-counted padding-not-counted full-window-divided",
    ("lp-pool", "dX"): "overwritten stride-ignored padding-ignored",
    ("adaptive-max-pool", "dX"): "ties-first ties-last ties-split ties-all spread-to-all overwritten",
    ("adaptive-average-pool", "dX"): "overwritten not-divided full-window-divided",
}
ANY_ARRAY = ("left-at-zero", "negated", "scaled", "transposed-layout", "shifted")
SINGLE_ENTRIES = ("term-missing", "term-sign", "term-doubled", "entries-swapped", "misrounded")

# ids that give one array on a case whatever its numbers are, and why
LAYOUT = "a transpose of the last two axes is an order of axes"
FLIP = "along an axis of two taps, turning round is moving by one, round"
IDENTITIES = {
    "conv": {
        ("dW", "axes-swapped", "transposed-layout"): LAYOUT,
        ("dW", "kernel-mirrored", "shifted"): FLIP,
        ("dW", "kernel-rotated", "shifted"): FLIP,
        ("dX", "left-at-zero", "shifted"): "windows meet one column only, and moved by two it is gone",
        ("dX", "remainder-shifted", "shifted"): "nothing comes in from a padding of the remainder's width",
    },
    "conv with a remainder": {
        ("dW", "channels-swapped", "transposed-layout"): "with as many channels in as out, that is an order of axes",
    },
    "conv with copied padding": {
        ("dW", "channels-swapped", "transposed-layout"): "with as many channels in as out, that is an order of axes",
    },
    "conv in three axes": {
        ("dW", "axes-swapped", "transposed-layout"): LAYOUT,
        ("dW", "channels-swapped", "transposed-layout"): "with as many channels in as out, that is an order of axes",
        ("dW", "kernel-mirrored", "shifted"): FLIP,
        ("dW", "kernel-rotated", "shifted"): FLIP,
    },
    "conv-transpose": {
        ("dW", "axes-swapped", "transposed-layout"): LAYOUT,
        ("dW", "kernel-mirrored", "shifted"): FLIP,
    },
    "average-pool without padding counted": {
        ("dX", "full-window-divided", "padding-counted"): "without ceil mode a window is whole, padding included",
        ("output", "full-window-divided", "padding-counted"): "without ceil mode a window is whole, padding included",
    },
}
BUILTIN = builtin_cases()


@pytest.mark.parametrize(("where", "ids"), DESCRIBED.items(), ids=str)
def test_every_mistake_that_is_described_is_in_the_catalogue(where, ids):
    table = forms(*where)
    extra = [name for name in (*ANY_ARRAY, *SINGLE_ENTRIES) if where[1] != "db" or "o" not in name[:1]]
    flat = ("transposed-layout", "shifted") if where[1] == "db" else ()
    assert [name for name in (*ids.split(), *extra) if name not in table and name not in flat] == []


@pytest.mark.parametrize(("where", "ids"), DESCRIBED.items(), ids=str)
def test_specific_mistakes_come_before_general_ones_and_in_the_order_of_their_description(where, ids):
    order = list(forms(*where))
    first_general = min(order.index(name) for name in ("negated", "scaled"))
    assert all(order.index(name) < first_general for name in ids.split())
    if where[0] == "conv" and where[1] != "output":
        assert sorted(ids.split(), key=order.index) == ids.split()


def test_every_mistake_says_what_happened_and_what_to_do_and_needs_conditions_that_there_are():
    for kind in (kind for tables in TABLES for kind in tables.values()):
        for table in kind.values():
            for name, form in table.items():
                assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
                assert form.what
                assert form.fix
                assert form.what[0].islower()
                assert form.what[-1] not in ".;"
                assert form.fix[-1] not in ".;"
                assert set(form.needs) <= set(CONDITIONS)
                assert set(form.operations) <= set(OPERATIONS)


@pytest.mark.parametrize("seed", range(60))
def test_the_computation_that_mistakes_alter_is_the_right_one(seed):
    case = random_case(seed)
    if case is None:
        pytest.skip("no output")
    for array, truth in truth_of(case).items():
        assert not differs(truth, right(case, array).value())


# -- Separating cases --------------------------------------------------------------------------------------------------


def test_every_mistake_shows_in_some_builtin_case():
    known = {(name, mistake.id) for name in OPERATIONS for mistake in of_operation(name) if mistake.id != "misrounded"}
    for document in BUILTIN:
        case = make_case(document)
        known -= {(case.operation.name, name) for _, name, _, _ in planted(case, truth_of(case))}
    assert known == {("adaptive-max-pool", "ties-first")}  # what its one case asks for; a max-pool's shows it


@pytest.mark.parametrize("document", BUILTIN, ids=lambda document: document["id"])
def test_all_mistakes_differ_from_the_truth_and_from_each_other_but_for_identities(document):
    assert confusions(make_case(document)) == set(IDENTITIES.get(document["id"], {}))


def test_one_small_case_separates_the_mistakes_of_a_convolution():
    document = next(document for document in BUILTIN if document["id"] == "conv")
    assert np.size(document["input"]) + np.size(document["kernel"]) == 104
    case = make_case(document)
    missed = {part.id for part in strength(case, truth_of(case)).blind_to}
    geometry = {"padding-mode-ignored", "padding-not-folded", "remainder-kept", "remainder-missing"}
    assert missed == {*geometry, "operand-narrow", "truncated"}  # other geometry, and tenths: other cases


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "sketch"), SEEDED, ids=lambda part: part["id"] if isinstance(part, dict) else "")
def test_the_seeds_are_the_first_that_show_and_separate_all(seed, sketch):
    assert filled(sketch, seed) in BUILTIN
    assert separating_seed(sketch, len(IDENTITIES.get(sketch["id"], {})), seeds=10) <= seed


@pytest.mark.slow
@pytest.mark.parametrize("document", BUILTIN, ids=lambda document: document["id"])
def test_every_mistake_planted_in_a_builtin_case_is_caught_and_named(document):
    case = make_case(document)
    found = list(control(case, variants=True))
    assert [part for part in found if not part.caught] == []
    same = {*ENTRIES, *(name for row in IDENTITIES.get(document["id"], {}) for name in row[1:])}
    alone = [part for part in found if not is_practised(case.operation.name, part.array, part.id)]
    taken_for_others = [part for part in alone if part.named not in (None, part.id)]
    assert [part for part in taken_for_others if part.id not in same] == []
    unearned = [part for part in alone if part.named is None and part.id not in ENTRIES]  # in a number or two
    assert len(unearned) <= 0.1 * len(found)
    assert {part.id for part in unearned if part.array != "db"} <= {"ties-all"}  # a case has few ties


def test_a_small_change_of_a_case_gives_other_cases():
    case = make_case(BUILTIN[0])
    advice = {text for text, _ in changed(case)}
    assert {"use one sample more", "use stride 1", "use more groups", "use a delta that is not symmetric"} <= advice


# -- Formulas, in plain loops ------------------------------------------------------------------------------------------

GEOMETRY = {"stride": (2, 1), "dilation": (1, 2), "before": (1, 0), "groups": 2}


@pytest.fixture(scope="module")
def plain():
    random = np.random.default_rng(5)
    document = {
        "op": "conv", "input": random.integers(-9, 10, (2, 4, 6, 4)).tolist(),
        "kernel": random.integers(-9, 10, (4, 2, 2, 2)).tolist(), "stride": [2, 1], "dilation": [1, 2],
        "padding": [[1, 0], [0, 1]], "groups": 2, "delta": random.integers(-9, 10, (2, 4, 3, 3)).tolist(),
    }  # fmt: skip
    return make_case(document)


def wrong(case, array, name, variant=""):
    return Bare().value(forms(case.operation.name, array)[name].alter(right(case, array))[variant])


def dw(case, delta=None, x=None, **changes):
    delta, x = case.delta if delta is None else delta, case.operands["x"] if x is None else x
    return formulas.kernel_gradient(delta, x, (2, 2), **{**GEOMETRY, **changes})


def dx(case, delta=None, w=None, lengths=(6, 4), **changes):
    delta, w = case.delta if delta is None else delta, case.operands["w"] if w is None else w
    return formulas.input_gradient(delta, w, lengths, **{**GEOMETRY, **changes})


def last_only(array, index):
    result = formulas.zeros(array.shape)
    result[index] = array[index]
    return result


def without(array, index):
    return array - last_only(array, index)


ROWS = slice(None)
DW_FORMULAS = {
    "kernel-rotated": lambda c: formulas.turned(dw(c)),
    "delta-rotated": lambda c: dw(c, formulas.turned(c.delta)),
    "stride-ignored": lambda c: dw(c, stride=(1, 1)),
    "dilation-ignored": lambda c: dw(c, dilation=(1, 1)),
    "stride-dilation-swapped": lambda c: dw(c, stride=(1, 2), dilation=(2, 1)),
    "stride-axes-swapped": lambda c: dw(c, stride=(1, 2)),
    "padding-ignored": lambda c: dw(c, before=(0, 0)),
    "groups-mixed": lambda c: dw(c, group_read=lambda g: 0),
    "delta-forgotten": lambda c: dw(c, c.delta * 0 + 1),
    "batch-averaged": lambda c: dw(c) / 2,
    "negated": lambda c: -dw(c),
    "axes-swapped": lambda c: dw(c).swapaxes(2, 3),
    "sample-missing": lambda c: dw(c, c.delta[1:], c.operands["x"][1:]),
    "overlays-averaged": lambda c: dw(c) / 9,
    "overlay-missing": lambda c: dw(c, without(c.delta, (ROWS, ROWS, -1))),
}
DX_FORMULAS = {
    "kernel-rotated": lambda c: dx(c, w=formulas.turned(c.operands["w"])),
    "delta-rotated": lambda c: dx(c, formulas.turned(c.delta)),
    "stride-ignored": lambda c: dx(c, stride=(1, 1)),
    "dilation-ignored": lambda c: dx(c, dilation=(1, 1)),
    "stride-dilation-swapped": lambda c: dx(c, stride=(1, 2), dilation=(2, 1)),
    "stride-axes-swapped": lambda c: dx(c, stride=(1, 2)),
    "padding-ignored": lambda c: dx(c, before=(0, 0)),
    "remainder-shifted": lambda c: dx(c, before=(0, 0)),  # one cell is left over, and one is padding before
    "groups-mixed": lambda c: dx(c, group_used=lambda g: 0),
    "overwritten": lambda c: dx(c, overwrite=True),
    "channel-missing": lambda c: dx(c, last_only(c.delta, (ROWS, [1, 3]))),
    "channels-swapped": lambda c: dx(
        c, w=np.concatenate([half.swapaxes(0, 1) for half in np.split(c.operands["w"], 2)])
    ),
}
VARIANTS = {
    "axes-swapped": "axes 0 and 1", "sample-missing": "sample 1", "overlays-averaged": "positions",
    "overlay-missing": "last row", "stride-axes-swapped": "axes 0 and 1",
}  # fmt: skip


@pytest.mark.parametrize("name", DW_FORMULAS)
def test_a_wrong_dW_is_what_its_formula_gives(plain, name):
    expected = DW_FORMULAS[name](plain)
    assert (wrong(plain, "dW", name, VARIANTS.get(name, "")) == expected).all()
    assert (expected != dw(plain)).any()


@pytest.mark.parametrize("name", DX_FORMULAS)
def test_a_wrong_dX_is_what_its_formula_gives(plain, name):
    expected = DX_FORMULAS[name](plain)
    assert (wrong(plain, "dX", name, VARIANTS.get(name, "")) == expected).all()
    assert (expected != dx(plain)).any()


def test_an_overlay_that_overwrites_replaces_what_earlier_ones_left():
    case = make_case({"input": [1, 2, 3], "kernel": [1, 10], "delta": [1, 2]})
    assert wrong(case, "dX", "overwritten").ravel().tolist() == [1, 2, 20]


def test_a_max_pool_overwrites_whole_windows_or_only_its_winners():
    case = make_case({"op": "max-pool", "input": [1, 5, 2, 4], "window": 3, "stride": 1, "delta": [1, 2]})
    assert wrong(case, "dX", "overwritten", "whole window").ravel().tolist() == [0, 2, 0, 0]
    assert wrong(case, "dX", "overwritten", "winner").ravel().tolist() == [0, 2, 0, 0]
    case = make_case({"op": "max-pool", "input": [5, 1, 2, 4], "window": 3, "stride": 1, "delta": [1, 2]})
    assert wrong(case, "dX", "overwritten", "whole window").ravel().tolist() == [1, 0, 0, 2]


def test_ties_are_shared_by_every_other_rule():
    case = make_case({"op": "max-pool", "input": [3, 3, 1, 3], "window": 4, "delta": [6]})
    expected = {"ties-last": [0, 0, 0, 6], "ties-split": [2, 2, 0, 2], "ties-all": [6, 6, 0, 6]}
    expected["spread-to-all"] = [6] * 4
    assert {name: wrong(case, "dX", name).ravel().tolist() for name in expected} == expected
    assert "ties-first" not in {mistake.id for mistake in catalogue(case)}


def test_padding_that_competes_as_zero_takes_delta_away():
    case = make_case({"op": "max-pool", "input": [-1, -2], "window": 2, "padding": 1, "stride": 2, "delta": [5, 7]})
    assert wrong(case, "dX", "padding-as-zero").ravel().tolist() == [0, 0]
    assert wrong(case, "output", "padding-as-zero").ravel().tolist() == [0, 0]


def test_the_divisors_of_an_average_pool():
    document = {"op": "average-pool", "input": [6, 6, 6], "window": 3, "stride": 2, "padding": 1, "delta": [6, 6]}
    case = make_case(document)
    assert truth_of(case)["dX"].ravel().tolist() == [2, 4, 2]
    assert wrong(case, "dX", "not-divided").ravel().tolist() == [6, 12, 6]
    assert wrong(case, "dX", "padding-not-counted").ravel().tolist() == [3, 6, 3]
    assert wrong(case, "output", "padding-not-counted").ravel().tolist() == [6, 6]
