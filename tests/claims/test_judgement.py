"""No right gradient is accused and no wrong one acquitted, by whatever means it was computed and written down."""

import numpy as np
import pytest

from convgrad.checking.judging import check
from convgrad.claims.digits import written
from convgrad.claims.text_types import types_behind
from convgrad.core.arithmetic import Plain
from convgrad.errors import RequestError
from tests.claims.other_means import (
    WRITERS,
    cut,
    data,
    document,
    dw_by_fft,
    dw_by_loops,
    dw_pairwise,
    dx_by_loops,
    nearest,
    output_by_winograd,
)
from tests.court.sums import layer
from tests.court.transforms import by_winograd


def finding(case, claim, **more):
    """What is found of a claim; our own gradients are differenced in one entry only."""
    return check(case, claim, sample=1, **more).findings[-1]


def normal(seed=0):
    return np.random.default_rng(seed).standard_normal


def altered(right, off):
    """A right array with one entry off by so much."""
    wrong = np.array(right, float)
    wrong.flat[right.size // 2] += off
    return wrong.astype(right.dtype)


def entry_allowed(found):
    """What the entry that is altered may be off by."""
    allowed = np.broadcast_to(np.asarray(found.allowed, float), found.correct.shape)
    return float(allowed.flat[found.correct.size // 2])


def wrong_ones(right, found):
    """The same spoilt: a factor, zeros, a lost sample, one entry by ten times what it may be off by."""
    yield "factor 0.99", (right * right.dtype.type(0.99)).astype(right.dtype)
    yield "factor 0.85", (right * right.dtype.type(0.85)).astype(right.dtype)
    yield "zeros", np.zeros_like(right)
    yield "one entry", altered(right, 10 * entry_allowed(found) + 1e-12)


# -- Writers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind"), [
    pytest.param(name, kind, marks=() if kind is np.float32 else pytest.mark.slow)
    for name in WRITERS for kind in (np.float64, np.float32)
])  # fmt: skip
def test_right_gradients_agree_and_wrong_ones_differ_whoever_wrote_them(name, kind):
    arrays = data(normal())
    case, write = document(*arrays), WRITERS[name]
    for array, compute in (("dW", dw_by_loops), ("dX", dx_by_loops)):
        right = compute(*arrays, kind)
        found = finding(case, {array: write(right)})
        assert found.verdict == "agrees"
        for spoilt, wrong in wrong_ones(right, found):
            assert finding(case, {array: write(wrong)}).verdict == "differs", spoilt


@pytest.mark.parametrize("name", ["four decimals", "scientific", "shortest", "tolist"])
def test_what_was_made_from_inputs_that_were_then_printed_agrees_and_says_so(name):
    for seed in range(3):
        arrays = data(normal(seed))
        case = document(*(np.round(array, 4).tolist() for array in arrays))
        right = dw_by_loops(*arrays, np.float32)
        found = finding(case, {"dW": WRITERS[name](right)})
        assert (found.verdict, "printed inputs" in found.by) == ("agrees", True)
        assert "4 decimals" in found.told[0]
        for spoilt, wrong in wrong_ones(right, found):
            if spoilt != "factor 0.99":  # with four decimals a percent of the smaller entries is within their rounding
                assert finding(case, {"dW": WRITERS[name](wrong)}).verdict == "differs", spoilt


def test_inputs_of_few_decimals_are_meant_so_unless_they_are_said_to_be_printed():
    arrays = data(normal())
    case = document(*(np.round(array, 2).tolist() for array in arrays))
    claim = {"dW": WRITERS["four decimals"](dw_by_loops(*arrays))}
    report = check(case, claim, sample=1)
    assert report.verdict == "differs"
    assert "printed: true" in report.findings[-1].told[0]
    assert report.diagnosis
    assert finding(case, claim, printed=True).verdict == "agrees"
    assert finding({**case, "printed": True}, claim).verdict == "agrees"


def test_the_writer_is_the_one_that_dropped_fewest_zeros():
    assert written(["0.5", "0.25", "3"]).said == "half a unit of decimal place 2"
    assert written(["12.3", "0.456", "7.89"]).said == "half a unit of significant digit 3"
    assert written(["1.2346e+00", "1.2346e-04"]).said == "half a unit of significant digit 5"
    assert written([1e-06, 0.123456, 1.5]).said == "half a unit of decimal place 6"


def test_the_text_of_many_numbers_tells_their_type():
    values = normal()(20)
    texts = {
        "float64": map(repr, values.tolist()),
        "float32": map(str, values.astype(np.float32)),
        "float16": map(repr, values.astype(np.float16).tolist()),
        "bfloat16": map("{:.4f}".format, nearest(values, "bfloat16")),
        "none": map("{:.8f}".format, values),
    }
    told = {name: types_behind(written([Plain(text) for text in made])).sure for name, made in texts.items()}
    assert told == {"float64": None, "float32": "float32", "float16": "float16", "bfloat16": "bfloat16", "none": None}


def test_what_float32_leaves_of_a_sum_that_cancels_is_its_rounding_in_scientific_print_too():
    """Thirds of 1, 1 and -2 added up in float32, printed with four digits: 4.4703e-08 is meant to be nothing."""
    delta = np.array([1, 1, -2, 4, 3, 5, 2, -3, 7, 1], float)
    case = {"op": "average-pool", "dims": 1, "window": 3, "stride": 1, "input": np.arange(12.0), "delta": delta}
    right = check(case).truth["dX"].astype(float).ravel()
    assert right[2] == 0
    claim = np.where(right == 0, 4.4703e-08, right)
    write = WRITERS["scientific"]
    assert finding(case, {"dX": write(claim)}).verdict == "agrees"
    assert finding(case, {"dX": write(np.where(right == 0, 1e-3, right))}).verdict == "differs"
    assert finding(case, {"dX": write(np.where(right == right[4], right * 1.001, right))}).verdict == "differs"


# -- Types -------------------------------------------------------------------------------------------------------------


def badly_scaled(shape):
    return normal()(shape) * 10.0 ** np.random.default_rng(1).integers(-3, 4, shape)


@pytest.mark.parametrize("make", [normal(), np.random.default_rng(0).random, badly_scaled])
@pytest.mark.parametrize("compute", [dw_by_loops, dw_pairwise])
def test_float32_sums_in_any_order_agree_and_what_is_lost_differs(compute, make):
    arrays = x, w, delta = data(make, samples=3, channels=1, filters=2, size=18)
    right, case = compute(*arrays, np.float32), document(*arrays)
    found = finding(case, {"dW": right})
    assert (found.verdict, found.units < 1) == ("agrees", True)
    assert {finding(case, {"dW": wrong}).verdict for _, wrong in wrong_ones(right, found)} == {"differs"}
    for lost in (np.s_[-1:], np.s_[:, :, -1], np.s_[0, 0, 3, 3]):
        less = delta.copy()
        less[lost] = 0
        assert finding(case, {"dW": compute(x, w, less, np.float32)}).verdict == "differs"


def test_a_large_layer_s_zeros_and_factors_differ():
    random = np.random.default_rng(0)
    case = {"input": random.standard_normal(65_536), "kernel": [1.0], "delta": random.standard_normal(65_536)}
    right = np.array([case["input"] @ case["delta"]], np.float32)
    assert finding(case, {"dW": right}).verdict == "agrees"
    for factor in (0, 0.85, 0.99):
        assert finding(case, {"dW": right * np.float32(factor)}).verdict == "differs"


def test_sums_that_lean_one_way_agree_where_adding_up_again_gives_them():
    values = np.full(30_000, 0.1)
    case = {"input": values, "kernel": [1.0], "delta": np.ones(30_000)}
    right = np.add.accumulate(values.astype(np.float32))[-1:]
    assert abs(right[0] - 3000) > 1e-3
    found = finding(case, {"dW": right})
    assert (found.verdict, "one after another in float32" in found.by) == ("agrees", True)
    assert finding(case, {"dW": right * np.float32(1 + 1e-4)}).verdict == "differs"


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_half_types_with_sums_in_float32_agree(kind):
    arrays = tuple(nearest(array, kind) for array in data(normal()))
    right = nearest(dw_by_loops(*arrays, np.float32), kind)
    case = document(*arrays)
    found = finding(case, {"dW": right}, claim_dtype=kind)
    assert (found.verdict, found.by) == ("agrees", kind)
    for factor in (0, 0.85):
        assert finding(case, {"dW": nearest(right * factor, kind)}, claim_dtype=kind).verdict == "differs"
    assert finding(case, {"dW": altered(right, 10 * entry_allowed(found))}, claim_dtype=kind).verdict == "differs"


def test_bits_that_were_cut_off_are_a_way_of_rounding():
    arrays = tuple(nearest(array, "bfloat16") for array in data(normal()))
    claim = cut(dw_by_loops(*arrays, np.float32), "bfloat16")
    found = finding(document(*arrays), {"dW": claim}, claim_dtype="bfloat16")
    assert (found.verdict, "cut off" in found.told[0]) == ("agrees", True)


def test_a_sum_that_is_rounded_after_each_sample_is_said_to_be_and_a_factor_on_it_differs():
    x, w, delta = (nearest(array, "bfloat16") for array in data(normal(), samples=6, size=10))
    total = np.zeros(w.shape)
    for n in range(6):
        total = nearest(total + dw_by_loops(x[n : n + 1], w, delta[n : n + 1], np.float32), "bfloat16")
    case = document(x, w, delta)
    found = finding(case, {"dW": total}, claim_dtype="bfloat16")
    assert (found.verdict, "after each sample" in found.told[0]) == ("agrees", True)
    for factor in (0, 0.85, 0.99):
        wrong = nearest(total * factor, "bfloat16")
        assert finding(case, {"dW": wrong}, claim_dtype="bfloat16").verdict == "differs"


def test_sums_in_float16_agree_and_are_told_but_differ_where_float32_was_asked_for():
    arrays = data(normal(), size=12)
    case, claim = document(*arrays), {"dW": dw_by_loops(*arrays, np.float16)}
    found = finding(case, claim)
    assert (found.verdict, "times as far off as sums in float32" in found.told[0]) == ("agrees", True)
    asked = check(case, claim, sample=1, accumulate="float32")
    assert (asked.verdict, [one.mistake for one in asked.diagnosis]) == ("differs", ["accumulated-narrow"])


def test_an_accumulation_that_loses_more_than_a_hundredth_differs():
    values = np.random.default_rng(0).random(20_000)
    case = {"input": values, "kernel": [1.0], "delta": np.ones(20_000)}
    report = check(case, {"dW": np.add.accumulate(values.astype(np.float16))[-1:]}, sample=1)
    assert (report.verdict, [one.mistake for one in report.diagnosis]) == ("differs", ["accumulated-narrow"])


# -- Algorithms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [True, False])
def test_an_fft_agrees_and_is_told_of_whole_numbers_too(whole):
    make = (lambda shape: np.random.default_rng(0).integers(-5, 6, shape)) if whole else normal()
    arrays = data(make, size=10)
    case, claim = document(*arrays), dw_by_fft(*arrays)
    found = finding(case, {"dW": claim})
    assert (found.verdict, "FFT" in found.by) == ("agrees", whole)  # of others sums of products are as far off
    assert not whole or "would be exact" in found.told[0]
    assert finding(case, {"dW": claim}, algorithm="fft").verdict == "agrees"
    assert finding(case, {"dW": claim}, algorithm="direct").verdict == ("differs" if whole else "agrees")
    assert finding(case, {"dW": altered(claim, 1e-9)}).verdict == "differs"


def test_an_fft_of_numbers_with_three_decimals_agrees_without_their_being_printed():
    """The decimals are meant, or else they would be said to be printed: the FFT explains it by itself."""
    arrays = data(lambda shape: normal()(shape).round(3), size=10)
    x, w, delta = (array.tolist() for array in arrays)
    claim = dw_by_fft(*arrays) + 1e-13 * normal(1)(arrays[1].shape)  # beyond sums of products, not beyond an FFT
    case = {"input": x, "kernel": w, "delta": delta}
    found = finding(case, {"dW": claim.tolist()})
    assert (found.verdict, found.by) == ("agrees", "float64, FFT")
    off = finding(case, {"dW": altered(claim, 1e-5).tolist()})
    assert (off.verdict, "say so with `printed: true`" in off.told[0]) == ("differs", True)


def test_one_entry_that_is_off_is_no_fft():
    arrays = data(lambda shape: np.random.default_rng(0).integers(-5, 6, shape), size=10)
    right = dw_by_loops(*arrays)
    assert finding(document(*arrays), {"dW": right}).verdict == "agrees"
    assert finding(document(*arrays), {"dW": altered(right, 1e-13)}).verdict == "differs"


def test_winograd_agrees_where_a_sum_of_products_would_not():
    x, w, delta = data(lambda shape: np.random.default_rng(0).integers(-9, 10, shape) / 7, size=12)
    x, w = x.astype(np.float32).astype(float), w.astype(np.float32).astype(float)
    case, claim = document(x, w, delta), {"output": output_by_winograd(x, w)}
    assert finding(case, claim).verdict == "agrees"
    assert finding(case, claim, algorithm="winograd").by == "float32, Winograd F(2,3)"
    assert finding(case, {"output": claim["output"] * np.float32(0.99)}, algorithm="winograd").verdict == "differs"


def test_an_fft_that_shows_in_a_single_entry_is_undecided_and_says_so():
    """Of a sum with one large cell an FFT leaves the other entries off by a part of that, as a slip may."""
    case = document(*data(normal(), samples=1, channels=1, filters=1, size=8))
    case["input"] = case["input"] * 1e-6
    case["input"][0, 0, 0, 0], case["delta"][0, 0, 0, 0] = 1.0, 1.0
    right = dw_by_loops(case["input"], case["kernel"], case["delta"])
    assert finding(case, {"dW": right}).verdict == "agrees"
    at = right.size - 1
    wrong = right.copy()
    wrong.flat[at] += 2e-16
    found = finding(case, {"dW": wrong})
    assert (found.verdict, "a single entry" in found.told[0]) == ("undecided", True)
    wrong.flat[at] += 1e-12
    assert finding(case, {"dW": wrong}).verdict == "differs"


@pytest.mark.slow
@pytest.mark.parametrize("tile", [2, 4])
def test_winograd_s_tiles_have_worse_corners_and_agree(tile):
    """With 8 in its transforms F(4,3) is 64 times as far off in a corner as in the middle."""
    draw = np.random.default_rng(tile)
    arrays = draw.normal(size=(4, 8, 16, 14)), draw.normal(size=(12, 8, 3, 3)), draw.normal(size=(4, 12, 16, 14))
    x, w, delta = (array.astype(np.float32).astype(float) for array in arrays)
    case = document(x, w, delta, padding=1)
    claim = by_winograd(layer(case).holding("float32"), tile)["dX"]
    assert finding(case, {"dX": claim}).verdict == "agrees"
    assert finding(case, {"dX": altered(claim, 1e-2)}).verdict == "differs"


def test_zeros_count_as_rounded_only_where_inputs_are_said_to_be():
    """0.0004 of three decimals is 0.0 in print."""
    full, cut = [0.0004, 0.123, 0.456], [Plain("0.0"), Plain("0.123"), Plain("0.456")]
    case = {"op": "conv", "kernel": [Plain("100"), Plain("1")], "delta": [1, 1]}
    claim = {"dW": [Plain(f"{full[0] + full[1]:.4f}"), Plain(f"{full[1] + full[2]:.4f}")]}
    assert finding({**case, "input": cut}, claim).verdict == "differs"
    assert finding({**case, "input": cut}, claim, printed=True).verdict == "agrees"
    assert finding({**case, "input": [0, 1, 2]}, {"dW": [1, Plain("3.01")]}, printed=True).verdict == "differs"


# -- What cannot be told -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("claim", "verdict"), [
    (["0", "0"], "undecided"), (["0.4", "0.4"], "differs"), (["0.3", "0.4"], "agrees"), (["1", "0"], "differs"),
])  # fmt: skip
def test_digits_that_cannot_tell_the_truth_from_nothing_are_undecided(claim, verdict):
    case = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}
    report = check(case, {"dW": [Plain(text) for text in claim]})
    assert (report.verdict, report.code) == (verdict, {"agrees": 0, "differs": 1, "undecided": 3}[verdict])


# -- Shapes and parts --------------------------------------------------------------------------------------------------

LEDGER = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}  # dW 0.3 0.4, db 0.1, dX -0.03 0.01 0.1


@pytest.mark.parametrize("arithmetic", ["exact", "float64"])
def test_one_number_for_several_filters_is_told_with_both_shapes(arithmetic):
    case = {"op": "conv", "input": [1, 2, 3], "kernel": [[[1, 2]], [[3, 4]]], "delta": [[1, 2], [3, 5]]}
    report = check(case, {"db": Plain("11")}, arithmetic=arithmetic)
    assert report.findings[-1].shapes == ((), (2,))
    assert (report.verdict, report.diagnosis[0].mistake) == ("differs", "wrong-axes")


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 3), (2, 1, 1, 2), (0,)])
@pytest.mark.parametrize("array", ["dW", "db", "dX", "output"])
def test_a_claim_of_any_shape_is_told_and_none_is_a_crash(array, shape):
    for claim in (np.ones(shape), np.ones(shape).tolist(), np.ones(shape, np.float32)):
        report = check(document(*data(normal())), {array: claim}, sample=1)
        assert (report.verdict, report.findings[-1].shapes[0]) == ("differs", shape)
        assert report.to_dict()


@pytest.mark.parametrize(("order", "flat"), [
    ("row-major order", lambda right: right.ravel()),
    ("column-major order", lambda right: right.ravel(order="F")),
    ("row-major order with channels last", lambda right: np.moveaxis(right, 1, -1).ravel()),
    ("row-major order", lambda right: right.reshape(right.shape[0], -1)),
])  # fmt: skip
def test_as_many_numbers_in_another_shape_are_compared_in_the_order_that_they_have(order, flat):
    arrays = data(lambda shape: np.random.default_rng(0).integers(-5, 6, shape))
    right = dw_by_loops(*arrays)
    report = check(document(*arrays), {"dW": flat(right)}, sample=1)
    assert (report.verdict, report.diagnosis[0].mistake) == ("differs", "flattened")
    assert order == "row-major order" or f"in {order} all 54 entries" in report.diagnosis[0].message
    wrong = right.copy()
    wrong[0] *= -1
    told = check(document(*arrays), {"dW": flat(wrong).tolist()}, sample=1).diagnosis
    assert f"in {order} {(right == wrong).sum()} of 54 entries" in told[0].message
    assert len(told) > 1  # what is wrong in them
    noise = np.random.default_rng(1).integers(100, 200, 54)
    assert "gives this shape" in check(document(*arrays), {"dW": noise}, sample=1).diagnosis[0].message


def test_null_is_an_entry_that_is_not_claimed():
    right, wrong = finding(LEDGER, {"dX": [None, 0.01, 0.1]}), finding(LEDGER, {"dX": [Plain("null"), 0.02, 0.1]})
    assert (right.verdict, right.entries) == ("agrees", 2)
    assert (wrong.verdict, wrong.wrong, wrong.worst.index) == ("differs", 1, (1,))
    with pytest.raises(RequestError, match="every entry is null"):
        check(LEDGER, {"dX": [None, None, None]})


def test_a_slice_is_a_claim_on_its_entries():
    assert finding(LEDGER, {"dX[1:]": [0.01, 0.1]}).entries == 2
    assert finding(LEDGER, {"dX[0]": -0.03, "dX[2]": 0.2}).worst.index == (2,)


@pytest.mark.parametrize(("claim", "said"), [
    ({"dX[7]": 1}, "there is no"), ({"dX[:2]": [1]}, "has shape"), ({"dY[0]": 1}, "unknown key 'dY'"),
    ({"dX[0]": 1, "dX": [1, 2, 3]}, "as a whole"),
])  # fmt: skip
def test_a_slice_that_there_is_not_is_refused(claim, said):
    with pytest.raises(RequestError, match=said):
        check(LEDGER, claim)


def test_what_sums_an_array_up_can_be_claimed():
    right = {"mean": 0.35, "sum": 0.7, "min": 0.3, "max": 0.4, "norm": 0.5}
    report = check(LEDGER, {"dW": right})
    assert report.verdict == "agrees"
    assert [one.array for one in report.findings if one.against == "claim"] == [f"dW.{name}" for name in right]
    wrong = check(LEDGER, {"dW": {"mean": 0.36}}, all_entries=True)
    assert (wrong.verdict, wrong.findings[-1].worst.correct) == ("differs", 0.35)
    with pytest.raises(RequestError, match="unknown summary 'median'"):
        check(LEDGER, {"dW": {"mean": 0.35, "median": 1}})


def test_a_published_mean_of_a_float32_array_agrees():
    arrays = data(normal())
    mean = dw_by_loops(*arrays, np.float32).mean()
    assert finding(document(*arrays), {"dW": {"mean": Plain(str(mean))}}).verdict == "agrees"
    assert finding(document(*arrays), {"dW": {"mean": Plain(str(mean * np.float32(1.001)))}}).verdict == "differs"


# -- The record --------------------------------------------------------------------------------------------------------


def test_the_record_says_what_excuses_a_claim_and_how_much_of_it_was_used():
    arrays = data(normal())
    report = check(document(*arrays), {"dW": dw_by_loops(*arrays, np.float32)}, sample=1, all_entries=True)
    record = report.streamed()["findings"][-1]
    assert record["allowed_by"] == "float32"
    assert 0 < record["units"] < 1
    assert record["allowed"].shape == arrays[1].shape


@pytest.mark.parametrize("option", ["claim_dtype", "accumulate", "algorithm", "printed"])
def test_what_is_said_of_a_claim_must_be_a_known_word(option):
    with pytest.raises(RequestError, match=option):
        check(LEDGER, {"dX": [0, 0, 0]}, **{option: "other"})
