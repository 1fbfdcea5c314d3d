"""A wrong claim is named for what it is, a right one never accused, and what has no name is described."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from convgrad.catalogue.tables import forms, right
from convgrad.diagnosis.control import builtin_cases, truth_of
from convgrad.diagnosis.diagnoser import Diagnoser, diagnose
from convgrad.diagnosis.telling import tell_apart
from convgrad.subject.case import make_case
from tests.diagnosis.cases import claimed, claims_of, fractions, plain, printed

INPUT = ".7 -.3 -.7 .5 / .9 -.5 -.2 .9 / -.1 .8 -.3 -.5 / 0 .2 -.1 .6"
W1, W2 = ".1 -.3 / -.5 .7", "-.5 .1 / .3 .9"
DELTA1, DELTA2 = ".04 -.08 .02 / .02 -.13 .14 / -.03 -.08 .01", "-.07 .15 / -.09 .02"


def named(found):
    return [(part.array, part.mistake, part.matches) for part in found]


def told(document, **claims):
    """The diagnoses of printed claims."""
    case = make_case(document)
    return diagnose(case, truth_of(case), printed(case, **claims))


def planted(document, array, *names, **variants):
    """The diagnoses of a wrong array that one mistake, or one on top of another, gives."""
    case = make_case(document)
    truth = truth_of(case)[array]
    computation = right(case, array)
    for name in names:
        variant = variants.get(name.replace("-", "_"), "")
        computation = forms(case.operation.name, array)[name].alter(computation)[variant]
    return Diagnoser(case, array, truth).of(claimed(array, computation.value(), truth))


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape).tolist()


SEPARATING = builtin_cases()[0]
PLAIN = {
    "input": numbers(2, 2, 6, 5), "kernel": numbers(2, 2, 3, 2, seed=1), "delta": numbers(2, 2, 2, 4, seed=2),
    "stride": [2, 1],
}  # fmt: skip


# -- The published example ---------------------------------------------------------------------------------------------


def layer1(delta=DELTA1):
    return {"mode": "convolution", "input": plain(INPUT), "kernel": plain(W1), "delta": plain(delta)}


def layer2():
    hidden = truth_of(make_case(layer1()))["output"][0, 0].tolist()
    return {"mode": "convolution", "input": hidden, "kernel": plain(W2), "delta": plain(DELTA2)}


def test_the_published_dW_of_layer_2_is_that_of_a_delta_turned_round():
    assert named(told(layer2(), dW=".13 -.05 / .02 .17")) == [("dW", "delta-rotated", 4)]


def test_the_published_delta_of_layer_1_is_a_kernel_not_turned_a_wrong_sign_and_a_wrong_rounding():
    found = told(layer2(), dX=DELTA1)
    assert named(found) == [("dX", "kernel-rotated", 7), ("dX", "term-sign", 1), ("dX", "misrounded", 1)]
    assert [part.details.get("index") for part in found] == [None, (1, 1), (2, 2)]
    assert [factor["value"] for factor in found[1].details["term"]["factors"]] == [0.15, 0.3]
    assert "[0.15 x 0.3]" in found[1].message
    assert "= -0.037" in found[1].message


def test_the_published_dW_of_layer_1_carries_the_error_forward():
    assert named(told(layer1(), dW=".16 -.09 / .03 .16")) == [("dW", "delta-rotated", 4)]


def test_the_published_outputs_are_right():
    assert told(layer1(), output=".32 .27 -.59 / .99 -.52 -.55 / -.45 .64 .13") == []
    assert told(layer2(), output=".73 .29 / .37 -.63") == []


def test_the_message_and_the_fix_are_a_sentence_each():
    (found,) = told(layer2(), dW=".13 -.05 / .02 .17")
    assert found.message == (
        "it is, in all 4 entries, what comes out when delta is turned by 180 degrees (delta-rotated)"
    )
    assert found.fix == "correlate x with delta as it is; a true convolution turns it once too often"


# -- Factors and rates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [Fraction(2), Fraction(1, 4), Fraction(-3, 10), Fraction(7, 3)])
def test_a_constant_factor_is_reported(factor):
    case = make_case(PLAIN)
    truth = truth_of(case)["dW"]
    (found,) = Diagnoser(case, "dW", truth).of(claimed("dW", truth * factor, truth))
    assert (found.mistake, found.details["factor"]) == ("scaled", float(factor))


def test_a_factor_with_a_better_name_has_that_alone():
    found = planted(PLAIN, "dW", "batch-averaged")
    assert [part.mistake for part in found] == ["batch-averaged"]
    assert "scaled" not in found[0].message
    assert planted(PLAIN, "dX", "negated")[0].mistake == "negated"


def test_a_single_number_is_not_called_scaled_by_whatever_factor_fits():
    document = {"input": [1, 2, 3], "kernel": [1, 10], "delta": [4, 5]}
    assert [part.mistake for part in told(document, db=23)] == [None]


def test_a_stepped_kernel_is_recognised_with_the_step_and_without():
    case = make_case(PLAIN)
    truth = truth_of(case)
    stepped = case.operands["w"] - Fraction(1, 20) * truth["dW"]
    wrong = right(case, "dX", stepped).but(w=stepped).value()
    claims = {"dX": claimed("dX", wrong, truth["dX"])}
    (found,) = diagnose(case, truth, claims, updated_kernel=stepped)
    assert (found.mistake, found.matches) == ("updated-kernel", 120)
    (found,) = diagnose(case, truth, claims)
    assert (found.mistake, found.details["rate"]) == ("updated-kernel", 0.05)


def test_a_mistake_times_a_factor_is_both():
    case = make_case(PLAIN)
    truth = truth_of(case)["dX"]
    wrong = forms("conv", "dX")["kernel-rotated"].alter(right(case, "dX"))[""].value() * Fraction(3, 100)
    (found,) = Diagnoser(case, "dX", truth).of(claimed("dX", wrong, truth))
    assert (found.mistake, found.details["also"], found.details["factor"]) == ("kernel-rotated", "scaled", 0.03)


# -- Single entries ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("effect", "name"), [(-1, "term-missing"), (-2, "term-sign"), (1, "term-doubled")])
def test_a_wrong_term_is_found_and_marked(effect, name):
    document = {"input": [[1, 2, 4], [8, 16, 32], [64, 128, 256]], "kernel": [[1, 3], [9, 27]],
                "delta": [[1, 100], [10000, 1000000]]}  # fmt: skip
    case = make_case(document)
    truth = truth_of(case)["dX"]
    wrong = truth.copy()
    wrong[0, 0, 1, 1] += effect * 100 * 9  # the second overlay meets the middle with its third tap
    (found,) = Diagnoser(case, "dX", truth).of(claimed("dX", wrong, truth))
    assert (found.mistake, found.details["index"], found.matches) == (name, (1, 1), 1)
    assert found.details["term"]["position"] == (0, 1)
    assert "[100 x 9]" in found.message


def test_two_entries_exchanged():
    case = make_case(PLAIN)
    truth = truth_of(case)["dX"]
    wrong = truth.copy()
    wrong[0, 0, 0, 0], wrong[1, 1, 2, 3] = truth[1, 1, 2, 3], truth[0, 0, 0, 0]
    (found,) = Diagnoser(case, "dX", truth).of(claimed("dX", wrong, truth))
    assert (found.mistake, found.matches) == ("entries-swapped", 2)
    assert {found.details["index"], found.details["other"]} == {(0, 0, 0, 0), (1, 1, 2, 3)}


def test_a_number_is_misrounded_only_where_rounding_was_needed():
    document = {"input": ["1/8", 2, 3], "kernel": [1, 10], "delta": [1, 1]}
    assert [part.mistake for part in told(document, dW=[plain("2.14 5")[0][0], 5])] == ["misrounded"]
    case = make_case({"input": [1, 20, 300], "kernel": [1, 10], "delta": [1, 1]})
    found = diagnose(case, truth_of(case), printed(case, dW=[20, 320]))
    assert found[0].mistake == "term-missing"


def test_digits_that_are_cut_off_are_one_mistake_however_many_entries_they_spoil():
    case = make_case({"input": plain(INPUT), "kernel": plain(W1), "delta": plain(DELTA1)})
    truth = truth_of(case)["dX"]
    cut = [[as_plain(f"{int(value * 100) / 100:.2f}") for value in row] for row in truth[0, 0]]
    (found,) = told(case.document, dX=cut)
    assert found.mistake == "misrounded"
    assert found.matches > 3


def test_a_claim_from_data_with_more_digits_is_said_to_be_close_and_not_called_scaled():
    random = np.random.default_rng(11)
    data = {"input": random.standard_normal((1, 2, 6, 6)), "kernel": random.standard_normal((2, 2, 3, 3)),
            "delta": random.standard_normal((1, 2, 4, 4))}  # fmt: skip
    printed_data = {name: as_plain(np.vectorize("{:.3f}".format)(array).tolist()) for name, array in data.items()}
    dX = truth_of(make_case(data))["dX"]
    (found,) = told(printed_data, dX=as_plain(np.vectorize("{:.3f}".format)(dX).tolist()))
    assert found.mistake is None
    assert "data with more digits" in found.message


def test_a_term_of_a_mistaken_array_is_found_in_the_mistaken_sum():
    case = make_case(PLAIN)
    truth = truth_of(case)["dX"]
    wrong = forms("conv", "dX")["kernel-rotated"].alter(right(case, "dX"))[""].value()
    place = (1, 0, 2, 2)
    turned = case.operands["w"][:, :, ::-1, ::-1]
    wrong[place] -= case.delta[1, 0, 1, 1] * turned[0, 0, 0, 1]
    found = Diagnoser(case, "dX", truth).of(claimed("dX", wrong, truth))
    assert [(part.mistake, part.matches) for part in found] == [("kernel-rotated", 119), ("term-missing", 1)]


# -- Pairs -------------------------------------------------------------------------------------------------------------

PAIRS = [
    ("dX", "kernel-rotated", "stride-ignored"),
    ("dX", "delta-rotated", "overwritten"),
    ("dX", "kernel-rotated", "padding-ignored"),
    ("dX", "groups-mixed", "dilation-ignored"),
    ("dX", "channel-missing", "negated"),
    ("dW", "delta-rotated", "batch-averaged"),
    ("dW", "stride-ignored", "kernel-rotated"),
    ("dW", "padding-ignored", "groups-mixed"),
    ("dW", "delta-rotated", "negated"),
    ("output", "kernel-rotated", "bias-missing"),
    ("output", "dilation-ignored", "padding-ignored"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("array", "first", "second"), PAIRS)
def test_two_mistakes_on_one_array_are_both_named(array, first, second):
    found = planted(SEPARATING, array, first, second)[0]
    assert {found.mistake, found.details["also"]} == {first, second}
    assert found.matches == found.entries
    assert first in found.message
    assert second in found.message


def test_pairs_of_a_pool():
    document = next(document for document in builtin_cases() if document["id"] == "average-pool")
    found = planted(document, "dX", "not-divided", "stride-ignored")[0]
    assert {found.mistake, found.details["also"]} == {"not-divided", "stride-ignored"}


# -- Other shapes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "order", "shape"), [("dX", (0, 2, 3, 1), (2, 6, 5, 2)), ("dW", (2, 3, 1, 0), (3, 2, 2, 2))]
)
def test_another_layout_is_recognised(array, order, shape):
    case = make_case(PLAIN)
    truth = truth_of(case)[array]
    values = truth.transpose(order)
    assert values.shape == shape
    found = Diagnoser(case, array, truth).of(claimed(array, values, truth))
    assert found[0].mistake == "transposed-layout"
    found = Diagnoser(case, array, truth).of(claimed(array, values.reshape(truth.shape), truth))
    assert found[0].mistake == "transposed-layout"


@pytest.mark.parametrize(
    ("array", "name"),
    [("dX", "padding-kept"), ("dW", "batch-kept"), ("db", "batch-kept"), ("dX", "batch-summed"), ("dX", "flattened")],
)
def test_a_claim_of_another_shape_is_named(array, name):
    case = make_case(SEPARATING)
    truth = truth_of(case)[array]
    for variant, altered in forms("conv", array)[name].alter(right(case, array)).items():
        value = altered.value()
        assert value.shape != truth.shape, variant
        assert Diagnoser(case, array, truth).of(claimed(array, value, truth))[0].mistake == name


def test_an_output_in_the_shape_of_stride_1_ignores_the_stride():
    case = make_case(PLAIN)
    output = truth_of(make_case({**PLAIN, "stride": 1, "delta": "ones"}))["output"]
    found = Diagnoser(case, "output", truth_of(case)["output"]).of(claimed("output", output, output))
    assert found[0].mistake == "stride-ignored"


def test_a_shape_that_no_mistake_gives_is_said_with_both_shapes():
    (found,) = told({"input": [1, 2, 3], "kernel": [1, 10], "delta": [1, 1]}, dW=[1, 2, 3, 4, 5])
    assert found.mistake is None
    assert "(5,)" in found.message
    assert "(2,)" in found.message


# -- Nothing that has a name -------------------------------------------------------------------------------------------


def described(change):
    """What is said of a dX altered in a way that is in no catalogue: at irregular amounts."""
    case = make_case({"input": numbers(2, 2, 7, 6), "kernel": numbers(2, 2, 3, 3, seed=1),
                      "delta": numbers(2, 2, 3, 4, seed=2), "stride": [2, 1], "padding": [[1, 0], [0, 0]]})  # fmt: skip
    truth = truth_of(case)["dX"]
    wrong = truth.copy()
    change(wrong, np.vectorize(Fraction)(np.random.default_rng(3).integers(1000, 9999, truth.shape)) / 7)
    (found,) = Diagnoser(case, "dX", truth).of(claimed("dX", wrong, truth))
    assert found.mistake is None
    return found.message


def added(where):
    def change(wrong, noise):
        wrong[where] += noise[where]

    return change


ALL = slice(None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (added((ALL, ALL, -1)), "in the last row"),
        (added((ALL, ALL, ALL, 0)), "in the first column"),
        (added((1,)), "in sample 1"),
        (added((ALL, 0)), "in channel 0"),
        (added((ALL,)), "nothing in common"),
        (lambda wrong, noise: wrong.__iadd__(Fraction(1, 2)), "off by the same amount, 0.5"),
    ],
)
def test_what_no_mistake_explains_is_described_and_not_guessed(change, expected):
    assert expected in described(change)


def test_a_claim_of_zeros_was_never_filled():
    case = make_case(PLAIN)
    truth = truth_of(case)["dX"]
    assert Diagnoser(case, "dX", truth).of(claimed("dX", truth * 0, truth))[0].mistake == "left-at-zero"


def test_an_empty_batch_has_nothing_to_accuse():
    empty = {"dims": 1, "input": np.zeros((0, 2, 5)), "kernel": numbers(2, 2, 2), "delta": np.zeros((0, 2, 4))}
    case = make_case(empty)
    truth = truth_of(case)
    assert diagnose(case, truth, {name: claimed(name, array, array) for name, array in truth.items()}) == []
    assert [part.mistake for part in told(case.document, dW=numbers(2, 2, 2, seed=3))] == [None]


def test_numbers_that_are_not_finite_are_compared_as_they_are():
    document = {"op": "max-pool", "input": [1, float("nan"), 3, float("inf")], "window": 2, "delta": [1, 2]}
    case = make_case(document, nonfinite=True)
    truth = truth_of(case)
    assert diagnose(case, truth, {name: claimed(name, array, array) for name, array in truth.items()}) == []
    (found,) = diagnose(case, truth, {"output": claimed("output", np.array([[[5.0, 7.0]]]), np.ones(1))})
    assert found.mistake is None


def test_a_factor_of_its_own_for_every_channel():
    def change(wrong, noise):
        wrong[:, 0] *= 5
        wrong[:, 1] *= 7

    assert "every channel has a constant factor of its own: 5, 7" in described(change)


def test_the_overlap_of_windows_is_seen():
    case = make_case({"input": numbers(7), "kernel": [1, 2, 5], "delta": [3, 4, 7], "stride": 2})
    truth = truth_of(case)["dX"]
    wrong = truth.copy()
    wrong[0, 0, 2] += 1001
    wrong[0, 0, 4] += 1009
    (found,) = Diagnoser(case, "dX", truth).of(claimed("dX", wrong, truth))
    assert "where windows overlap" in found.message


# -- Several that match ------------------------------------------------------------------------------------------------


def test_mistakes_that_give_the_same_are_listed_with_what_tells_them_apart():
    document = {"input": numbers(1, 1, 4, 4), "kernel": numbers(1, 1, 3, 3, seed=1), "delta": [[[[1, 2], [2, 1]]]]}
    document["kernel"] = [[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]
    found = planted(document, "dW", "axes-swapped", axes_swapped="axes 0 and 1")
    assert [part.mistake for part in found][:2] == ["axes-swapped", "transposed-layout"]
    found = planted({**document, "delta": [[[[1, 2], [4, 8]]]]}, "dW", "delta-forgotten")
    assert found[0].mistake == "delta-forgotten"


def test_what_would_tell_apart_is_tried_out_on_changed_cases():
    document = {"input": numbers(1, 1, 6), "kernel": [[[1, 2]]], "delta": [[[1, 2, 3, 4, 5]]]}
    case = make_case(document)
    assert tell_apart(case, "dW", ["kernel-rotated", "shifted"]) == "use a kernel that is a tap longer on every axis"
    assert tell_apart(case, "dW", ["batch-averaged", "scaled"]) is None  # a factor is a factor on every case
    assert "padding" in tell_apart(case, "dX", ["padding-ignored", "stride-ignored"])


def test_too_few_numbers_are_called_so():
    samples = {"input": [[[1, 2, 3]], [[2, 2, 5]]], "dims": 1, "kernel": [[[1, 10]]], "delta": [[[4, 5]], [[3, 6]]]}
    (found,) = told(samples, db=[9])
    assert found.mistake is None
    assert found.details["uncertain"]
    assert "chance" in found.message
    assert {"batch-averaged", "sample-missing"} <= set(found.details["alternatives"])


# -- Right claims ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", builtin_cases(), ids=lambda document: document["id"])
def test_a_right_claim_is_never_accused(document):
    case = make_case(document)
    truth = truth_of(case)
    assert diagnose(case, truth, {name: claimed(name, array, array) for name, array in truth.items()}) == []


@pytest.mark.parametrize("digits", [0, 1, 2, 6])
def test_a_right_claim_rounded_to_a_few_digits_is_never_accused(digits):
    case = make_case({"input": fractions(INPUT), "kernel": fractions(W1), "delta": fractions(DELTA1), "padding": 0})
    for name, array in truth_of(case).items():
        values = case.layout.restored({"dW": "w", "db": "b", "dX": "x", "output": "y"}[name], array)
        text = np.vectorize(lambda value: f"{float(value):.{digits}f}")(values).tolist()
        claims = printed(case, **{name: as_plain(text)})
        assert diagnose(case, truth_of(case), claims) == []


def as_plain(text):
    from convgrad.core.arithmetic import Plain

    return [as_plain(part) for part in text] if isinstance(text, list) else Plain(text)


def test_float32_rounding_is_no_mistake_and_more_than_that_is_not_given_a_name():
    case = make_case(PLAIN, arithmetic="float64")
    truth = truth_of(case)
    single = {"dX": (truth["dX"] * 1.1 / 1.1).astype(np.float32)}
    assert diagnose(case, truth, claims_of(case, single)) == []


# -- One more rounding -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [3, 5])
@pytest.mark.parametrize("given", ["float64", "float32", "text"])
@pytest.mark.parametrize("arithmetic", ["exact", "float64"])
def test_a_mean_over_the_batch_of_whole_numbers_is_named_though_dividing_rounds(samples, given, arithmetic):
    document = {
        "input": numbers(samples, 2, 5, 5), "kernel": numbers(3, 2, 2, 2, seed=1), "bias": [1, 2, 3],
        "delta": numbers(samples, 3, 4, 4, seed=2),
    }  # fmt: skip
    case = make_case(document, arithmetic=arithmetic)
    truth = truth_of(case)
    for array in ("dW", "db"):
        values = truth[array].astype(float) / samples
        claim = values.tolist() if given == "text" else values.astype(given)
        found = diagnose(case, truth, claims_of(case, {array: claim}))
        assert (found[0].mistake, found[0].matches) == ("batch-averaged", values.size), array


# -- Claims that say little, or are not cut ----------------------------------------------------------------------------


@pytest.mark.parametrize("document", builtin_cases(), ids=lambda document: document["id"])
def test_zeros_everywhere_were_never_written_and_nothing_else(document):
    case = make_case(document)
    for array, truth in truth_of(case).items():
        found = Diagnoser(case, array, truth).of(claimed(array, truth * 0, truth))
        assert [one.mistake for one in found] == ["left-at-zero"]
        assert found[0].message.startswith("the claim is 0 everywhere: it was never written")


@pytest.mark.parametrize(("padding", "stride"), [(1, 1), ([[1, 0], [2, 1]], 2), ([[0, 2], [1, 1]], [3, 2])])
def test_dX_over_the_padding_is_named_whatever_else_is_wrong_in_it(padding, stride):
    document = {"input": numbers(2, 2, 5, 6), "kernel": numbers(3, 2, 2, 2, seed=1), "padding": padding}
    document["stride"] = stride
    shape = make_case(document, needs_delta=False).output_shape
    case = make_case({**document, "delta": numbers(*shape, seed=2)})
    truth = truth_of(case)
    whole = forms("conv", "dX")["padding-kept"].alter(right(case, "dX"))[""].value().astype(float)
    spoiled = whole.copy()
    spoiled[0, 0, 2, 2:5] += 0.5
    for values, matches in ((whole, 120), (spoiled, 117)):
        for given in (values, values.tolist()):
            found = diagnose(case, truth, claims_of(case, {"dX": given}))
            assert [(one.mistake, one.matches, one.entries) for one in found] == [("padding-kept", matches, 120)]
    assert found[0].message.endswith("of the 120 entries inside, 117 are right")


LEDGER = {"input": [1, 2, 3], "kernel": fractions(".3 .5")[0], "delta": fractions("-.1 .2")[0]}


@pytest.mark.parametrize(("claim", "said"), [
    (".35 .45", "off by the same amount, 0.05"),
    ("2.3 2.4", "off by the same amount, 2"),
    (".31 .41", None),  # between 0.005 and 0.015: more than half as far apart as it is
    (".35 .46", None),
])  # fmt: skip
def test_an_amount_is_given_where_it_is_known(claim, said):
    message = told(LEDGER, dW=plain(claim)[0])[0].message
    assert said in message if said else "same amount" not in message


@pytest.mark.parametrize(("claim", "factor"), [("3 4", 10), (".03 .04", 0.1), ("300 400", 1000)])
def test_a_decimal_point_in_another_place_is_a_factor(claim, factor):
    found = told(LEDGER, dW=plain(claim)[0])[0]
    assert (found.mistake, found.matches, found.details["factor"]) == ("scaled", 2, factor)


@pytest.mark.parametrize("rate", [1, 0.5, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("mode", ["cross-correlation", "convolution"])
@pytest.mark.parametrize("arithmetic", ["exact", "float64"])
def test_the_kernel_after_its_step_is_named_where_its_gradient_was_asked_for(rate, mode, arithmetic):
    case = make_case({**PLAIN, "mode": mode}, arithmetic=arithmetic)
    truth = truth_of(case)
    stepped = np.array(PLAIN["kernel"]) - rate * truth["dW"].astype(float)
    for claim in (stepped, stepped.round(4).tolist()):
        found = diagnose(case, truth, claims_of(case, {"dW": claim}))
        assert [(one.mistake, one.matches) for one in found] == [("updated-kernel", 24)]
        assert float(found[0].details["rate"]) == rate
