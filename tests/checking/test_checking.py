"""A report has one verdict, says what its format promises, and names mistakes; other suites have it in one line."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given

import convgrad
from convgrad.checking.installation import verify_installation
from convgrad.checking.judging import as_subject, check
from convgrad.checking.ours import estimate
from convgrad.core.arithmetic import Plain
from convgrad.documents import chunks
from convgrad.errors import RequestError
from convgrad.subject.case import make_case
from convgrad.testing import assert_gradients
from convgrad.vocabulary import OPERATIONS
from tests import geometry


def plain(rows):
    """Numbers as they stand in a document."""
    return [plain(row) if isinstance(row, list) else Plain(row) for row in rows]


PUBLISHED = {
    "id": 7, "mode": "convolution",
    "input": plain([["0.32", "0.27", "-0.59"], ["0.99", "-0.52", "-0.55"], ["-0.45", "0.64", "0.13"]]),
    "kernel": plain([["-0.5", "0.1"], ["0.3", "0.9"]]), "delta": plain([["-0.07", "0.15"], ["-0.09", "0.02"]]),
    "claim": {"dW": plain([[".13", "-.05"], [".02", ".17"]])},
}  # fmt: skip


# -- The record --------------------------------------------------------------------------------------------------------


def test_the_published_example_is_judged_and_named():
    record = check(PUBLISHED).to_dict()
    assert record["schema"] == "convgrad.check/1"
    assert (record["id"], record["op"], record["arithmetic"]) == (7, "conv", "exact")
    assert (record["verdict"], record["evaluations"]) == ("differs", 18)
    assert record["findings"][-1] == {
        "array": "dW", "against": "claim", "entries": 4, "wrong": 4, "verdict": "differs",
        "worst": {"index": [1, 1], "claimed": 0.17, "correct": -0.0814, "error": 0.2514, "allowed": 0.005},
        "allowed_by": "digits", "units": 50.28,
    }  # fmt: skip
    named = [(one["array"], one["mistake"], one["matches"]) for one in record["diagnosis"]]
    assert named == [("dW", "delta-rotated", 4)]
    assert record["checksums"][0]["left"] == record["checksums"][0]["right"] == -0.05359
    assert 0 < record["strength"]["catches"] < record["strength"]["of"]


def test_it_can_be_written_as_json():
    text = "".join(chunks(check(PUBLISHED, all_entries=True).to_dict(), "json"))
    assert '"against": "finite differences"' in text


def test_the_claim_given_wins_over_the_document_s():
    right = [["-0.1011", "-0.094"], ["-0.0716", "-0.0814"]]
    assert check(PUBLISHED, {"dW": plain(right)}).verdict == "agrees"


@pytest.mark.parametrize(("claims", "verdict", "code"), [
    (None, "undecided", 3),
    ({"dX": [[1, 0], [0, 0]]}, "agrees", 0),
    ({"dX": [[0, 1], [0, 0]]}, "differs", 1),
])  # fmt: skip
def test_with_claims_the_verdict_is_theirs(claims, verdict, code):
    report = check({"op": "max-pool", "window": 2, "input": [[5, 5], [1, 2]], "delta": [[1]]}, claims)
    assert (report.verdict, report.code) == (verdict, code)


AT_A_KINK = {
    "op": "lp-pool", "dims": 1, "window": 2, "dilation": 2, "padding": [[0, 1]], "stride": 1, "norm": 1, "signed": True,
    "input": [[[-4, 8, 4, -3]]], "delta": [[["-1/3", 0, "5/3"]]],
}  # fmt: skip
"""Anything is allowed where a sum of 0 has no gradient; and in binary the only number that tells is not 5/3."""


@example(AT_A_KINK)
@given(geometry.cases(batches=(1, 2)))
def test_our_own_gradients_are_right_claims_for_every_operation(document):
    ours = convgrad.backward(document)
    claims = {name: values for name in ("dX", "dW", "db") if (values := getattr(ours, name)) is not None}
    report = check(document, {**claims, "output": ours.output})
    assert report.verdict == "agrees"
    assert not report.diagnosis


def test_a_wrong_output_is_found_as_well():
    report = check({"input": [1, 3, 7], "kernel": [1, 2], "bias": [1], "delta": [1, 1]}, {"output": [7, 17]})
    assert [(f.array, f.verdict) for f in report.findings if f.against == "claim"] == [("output", "differs")]
    assert report.diagnosis[0].mistake == "bias-missing"


@pytest.mark.parametrize("arithmetic", ["float64", "float32", "exact"])
def test_every_arithmetic_agrees_with_itself(arithmetic):
    report = check({**PUBLISHED, "claim": None}, arithmetic=arithmetic)
    assert (report.verdict, report.case.arithmetic) == ("agrees", arithmetic)


def test_exact_arithmetic_shows_fractions():
    report = check({"input": [1, 2], "kernel": [3], "delta": ["1/3", 1]}, {"dX": [0.9, 3]}, arithmetic="exact")
    assert report.findings[-1].worst.error == Fraction(1, 10)


def test_settings_may_be_given_as_keywords():
    assert check({"input": [1, 2, 3], "kernel": [1, 2]}, delta=[1], stride=2).verdict == "agrees"


@pytest.mark.slow
def test_the_installation_names_every_planted_mistake(installation):
    assert (installation.verdict, installation.code) == ("agrees", 0)
    assert {case.report.case.operation.name for case in installation.cases} == set(OPERATIONS)
    assert not any(case.missed for case in installation.cases)
    assert all(case.planted for case in installation.cases)
    assert installation.to_dict()["cases"][0]["planted"] > 0
    assert installation.every


@pytest.mark.slow
def test_without_being_asked_for_all_of_them_each_mistake_is_planted_once(installation):
    """In the smallest case in which it shows, but for one in each case where all are known by then."""
    once = verify_installation()
    assert (once.verdict, once.every, once.to_dict()["every"]) == ("agrees", False, False)
    names = [one.id for case in once.cases for one in case.planted]
    assert {*names} == {one.id for case in installation.cases for one in case.planted}
    assert all(case.planted for case in once.cases)
    repeated = [case for case in once.cases if len(case.planted) == 1]
    assert len(names) <= len({*names}) + len(repeated) + len(once.cases)
    sizes = {case.report.case.id: sum(array.size for array in case.report.case.arrays if array is not None)
             for case in installation.cases}  # fmt: skip
    shows = {}
    for case in installation.cases:
        for one in case.planted:
            shows.setdefault(one.id, []).append(sizes[case.report.case.id])
    first = {}
    for case in once.cases:
        for one in case.planted:
            first.setdefault(one.id, []).append(sizes[case.report.case.id])
    assert all(min(first[name]) == min(shows[name]) for name in first)


# -- For other people's test suites ------------------------------------------------------------------------------------

LAYER = {
    "op": "conv", "dims": 2, "stride": 2, "padding": 1,
    "input": np.random.default_rng(0).standard_normal((2, 3, 7, 7)),
    "kernel": np.random.default_rng(1).standard_normal((4, 3, 3, 3)),
    "bias": np.random.default_rng(2).standard_normal(4),
    "delta": np.random.default_rng(3).standard_normal((2, 4, 4, 4)),
}  # fmt: skip


def by_loops(delta, x, w, b, stride=2, padding=1):
    """Somebody's backward pass."""
    xp = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    dxp, dw, k = np.zeros_like(xp), np.zeros_like(w), w.shape[-1]
    for i in range(delta.shape[2]):
        for j in range(delta.shape[3]):
            at = (slice(None), slice(None), slice(i * stride, i * stride + k), slice(j * stride, j * stride + k))
            dw += np.einsum("no,nchw->ochw", delta[:, :, i, j], xp[at])
            dxp[at] += np.einsum("no,ochw->nchw", delta[:, :, i, j], w)
    return dxp[:, :, padding:-padding, padding:-padding], dw, delta.sum(axis=(0, 2, 3))


def test_a_right_implementation_passes_in_one_line():
    assert assert_gradients(by_loops, LAYER).verdict == "agrees"


def test_gradients_may_come_by_name_and_not_all_of_them():
    assert_gradients(lambda *arrays: {"dW": by_loops(*arrays)[1]}, LAYER)


def test_float32_is_judged_as_float32():
    def in_float32(*arrays):
        return by_loops(*(array.astype(np.float32) for array in arrays))

    assert_gradients(in_float32, LAYER)
    with pytest.raises(AssertionError):
        assert_gradients(in_float32, LAYER, claim_dtype="float64")


def test_a_wrong_implementation_fails_with_the_diagnosis():
    def turned(delta, x, w, b):
        return by_loops(delta[:, :, ::-1, ::-1], x, w, b)

    with pytest.raises(AssertionError) as caught:
        assert_gradients(turned, LAYER)
    message = str(caught.value)
    assert "dW differs from the gradient in 108 of 108 entries; the worst, dW[" in message
    assert "(delta-rotated)" in message
    assert "fix: " in message


def test_a_wrong_shape_fails_with_both_shapes():
    with pytest.raises(AssertionError, match=r"db has shape \(1, 4\), but must have \(4,\)"):
        assert_gradients(lambda *arrays: {"db": by_loops(*arrays)[2][None]}, LAYER)


def test_a_pool_takes_delta_and_x():
    case = {"op": "average-pool", "dims": 1, "window": 2, "input": [1, 2, 3, 4], "delta": [2, 4]}
    assert_gradients(lambda delta, x: np.repeat(delta, 2) / 2, case)


def test_too_many_gradients_are_refused():
    with pytest.raises(TypeError, match="returned 2 gradients"):
        assert_gradients(lambda delta, x: (x, x), {"op": "average-pool", "window": 1, "input": [[1]], "delta": [[1]]})


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_pytorch_s_gradients_are_right_claims_in_its_types(dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `oracle`)")

    def function(delta, x, w, b):
        x, w, b = (torch.tensor(array, dtype=getattr(torch, dtype), requires_grad=True) for array in (x, w, b))
        y = torch.nn.functional.conv2d(x, w, b, stride=2, padding=1)
        y.backward(torch.tensor(delta, dtype=y.dtype))
        return {"dX": x.grad, "dW": w.grad, "db": b.grad, "output": y}

    assert assert_gradients(function, LAYER).verdict == "agrees"


# -- What is not finite, or nothing ------------------------------------------------------------------------------------

LEDGER = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(("values", "said"), [
    ([NAN, 1], "NaN in 1 entry, dW[0]; the other is wrong"),
    ([NAN, NAN], "NaN in 2 entries"),
    ([0.3, -INF], "infinity in 1 entry, dW[1]; the rest is right"),
    ([NAN, INF], "NaN in 1 entry, infinity in 1 entry"),
])  # fmt: skip
def test_a_claim_that_is_not_finite_differs_and_is_no_mistake_of_the_catalogue(values, said):
    report = check(LEDGER, {"dW": values}, nonfinite=True)
    assert report.verdict == "differs"
    assert {one.mistake for one in report.diagnosis} == {None}
    assert report.diagnosis[0].message == said
    assert "".join(chunks(report.to_dict(), "json"))


@pytest.mark.parametrize("arithmetic", ["exact", "float64", "float32"])
@pytest.mark.parametrize("as_given", [np.float64, np.float32, list])
def test_a_function_that_returns_what_is_not_finite_fails_with_it(arithmetic, as_given):
    values = [NAN, 0.4] if as_given is list else np.array([NAN, 0.4], as_given)
    said = r"(?s)dW\[0\]: claimed NaN, correct 0.3.*NaN in 1 entry, dW\[0\]; the rest is right\n"
    with pytest.raises(AssertionError, match=said):
        assert_gradients(lambda *_: {"dW": values}, LEDGER, arithmetic=arithmetic)


@pytest.mark.parametrize("claim", [[9, 9], 5, "dW", np.ones(2), []])
def test_a_claim_that_is_no_mapping_is_refused(claim):
    for call in (lambda: check(LEDGER, claim), lambda: check({**LEDGER, "claim": claim})):
        with pytest.raises(RequestError) as refused:
            call()
        problem = refused.value.problems[0]
        assert (problem.message, problem.path) == ("expected a mapping with any of output, dW, db, dX", ("claim",))


def test_a_record_is_a_claim():
    claims = [one.array for one in check(LEDGER, convgrad.backward(LEDGER)).findings if one.against == "claim"]
    assert claims == ["output", "dW", "db", "dX"]
    assert check({**LEDGER, "delta": [-0.1, 0.3]}, convgrad.backward(LEDGER)).verdict == "differs"
    assert check(LEDGER, convgrad.forward(LEDGER)).verdict == "agrees"
    with pytest.raises(RequestError, match="claim: this is what `check` wrote"):
        check(LEDGER, check(LEDGER))


def test_a_result_without_arrays_is_an_empty_claim():
    with pytest.raises(RequestError, match="the claim is empty"):
        check(LEDGER, {"schema": "convgrad.saved/1", "saved": {}})


def test_an_empty_claim_is_refused_and_none_is_no_claim():
    for call in (lambda: check(LEDGER, {}), lambda: check({**LEDGER, "claim": {}})):
        with pytest.raises(RequestError, match="the claim is empty") as refused:
            call()
        assert refused.value.problems[0].path == ("claim",)
    assert check({**LEDGER, "claim": None}).verdict == "agrees"


@pytest.mark.parametrize("returned", [None, {}, (), [], (None, None, None), {"dW": None}])
def test_a_function_that_returns_no_gradient_fails(returned):
    with pytest.raises(AssertionError, match="the function returned no gradient"):
        assert_gradients(lambda *_: returned, LEDGER)


@pytest.mark.parametrize("returned", [
    np.array([0.3 + 0j, 0.4]), [0.3, 0.4j], "0.3", ["0.3", "0.4"], [0.3, None], object(), [[0.3], 0.4], {"a": 1},
])  # fmt: skip
def test_a_function_that_returns_no_real_numbers_fails_and_says_which(returned):
    with pytest.raises(AssertionError, match="no array of real numbers as dW"):
        assert_gradients(lambda *_: {"dW": returned}, LEDGER)


# -- Claims that say little, entries that were not compared ------------------------------------------------------------


@pytest.mark.parametrize(("claim", "vague"), [(["0", "0"], True), (["0.3", "0.4"], False), (["0.0", "0.0"], False)])
def test_a_claim_so_rough_that_zeros_would_agree_is_called_vague(claim, vague):
    report = check(LEDGER, {"dW": plain(claim)})
    assert report.findings[-1].vague is vague
    assert report.to_dict()["findings"][-1].get("vague", False) is vague
    assert report.verdict == ("differs" if claim[0] == "0.0" else "undecided" if vague else "agrees")
    assert not any("vague" in finding for finding in check(LEDGER).to_dict()["findings"])


def test_zeros_for_zeros_are_not_vague():
    report = check({**LEDGER, "delta": [0, 0]}, {"dW": [0, 0]})
    assert (report.verdict, report.findings[-1].vague) == ("agrees", False)


def test_an_array_without_a_sampled_entry_is_not_among_the_findings():
    for seed in range(8):
        report = check(LEDGER, sample=1, seed=seed)
        assert [finding.entries for finding in report.findings] == [1]
        assert report.verdict == "agrees"


def test_an_estimate_is_counted_and_is_that_of_the_sample():
    case = as_subject({"input": np.ones((2, 24, 30, 30)), "kernel": np.ones((24, 24, 3, 3)), "delta": "ones"})
    whole, some = estimate(case), estimate(case, 5)
    assert whole == estimate(case)  # no clock has a part in it
    assert whole.passes == check(case).evaluations
    assert some.passes == check(case, sample=5).evaluations
    assert some.seconds < whole.seconds / 4


def test_claims_are_answered_before_anything_is_differenced():
    told = []
    report = check(
        as_subject(LEDGER), {"dW": [9, 9], "db": 0.1}, answer=lambda *found: told.append(found),
        progress=lambda done, total: told.append(done),
    )  # fmt: skip
    findings, diagnosis = told[0]
    assert [(one.array, one.verdict) for one in findings] == [("dW", "differs"), ("db", "agrees")]
    assert (*findings, diagnosis) == (*report.findings[-2:], report.diagnosis)
    assert told[1:] == sorted(told[1:])
    assert told[-1] == report.evaluations


LARGE = {"input": np.ones((2, 24, 40, 40)), "kernel": np.ones((24, 24, 3, 3)), "delta": "ones", "padding": 1}
"""A layer of which differencing every entry is counted as a tenth of a second, and with 6x6 as a sixtieth."""


@pytest.mark.slow
def test_a_claim_on_a_large_layer_is_judged_beside_a_sample_of_our_own_entries(monkeypatch):
    monkeypatch.setattr("convgrad.checking.ours.MUCH", 0.1)
    right = convgrad.backward(LARGE)
    report = check(LARGE, {"dW": right.dW, "db": right.db})
    assert report.verdict == "agrees"
    assert [(one.array, one.entries) for one in report.findings if one.against != "claim"] == [
        ("dW", 100), ("db", 24), ("dX", 100)
    ]  # fmt: skip
    assert report.sample._asdict() == {"entries": 224, "of": 24 * 24 * 9 + 24 + 2 * 24 * 1600, "seed": 0}
    assert check(LARGE, {"db": right.db}, sample=3).sample.entries == 3


@pytest.mark.slow
def test_every_entry_is_differenced_where_that_is_asked_for_or_nothing_is_claimed(monkeypatch):
    monkeypatch.setattr("convgrad.checking.ours.MUCH", 0.01)
    small = {**LARGE, "input": np.ones((1, 24, 6, 6))}
    right = convgrad.backward(small)
    assert check(small, {"db": right.db}).sample is not None
    assert check(small, {"db": right.db}, every=True).sample is None
    assert check(small).sample is None


# -- Without a delta ---------------------------------------------------------------------------------------------------

NO_DELTA = {"input": [[1, 2, 4], [0, -3, 5], [7, 1, 2]], "kernel": [[1, 2], [3, 5]]}


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_a_claimed_output_alone_needs_no_delta_in_any_arithmetic(arithmetic):
    for size in (3, 200):
        case = {"input": np.arange(size * size).reshape(size, size), "kernel": NO_DELTA["kernel"]}
        y = convgrad.forward(case, arithmetic=arithmetic).output
        assert convgrad.check(case, {"output": y}, arithmetic=arithmetic).verdict == "agrees"


def test_a_claimed_output_alone_needs_no_delta():
    y = convgrad.forward(NO_DELTA).output
    for claim in ({"output": y}, {"output[0]": y[0]}, {"output": {"sum": y.sum()}}, convgrad.forward(NO_DELTA)):
        report = convgrad.check(NO_DELTA, claim)
        assert (report.verdict, report.evaluations, report.checksums) == ("agrees", 0, ())
        assert [str(finding.array).partition(".")[0] for finding in report.findings] == ["output"]
    wrong = convgrad.check(
        {**NO_DELTA, "claim": {"output": convgrad.forward({**NO_DELTA, "mode": "convolution"}).output}}
    )
    assert [diagnosis.mistake for diagnosis in wrong.diagnosis] == ["kernel-rotated"]
    # what it could reveal is what shows in an output: fewer mistakes, and none of them one of a gradient alone
    full = convgrad.check({**NO_DELTA, "delta": "ones"})
    assert 0 < wrong.strength.of < full.strength.of
    assert "delta-forgotten" not in {blind.id for blind in wrong.strength.blind_to}


@pytest.mark.parametrize("claim", [None, {"dX": [[0] * 3] * 3}, {"output": [[1, 1], [1, 1]], "dW": [[1, 1], [1, 1]]}])
def test_without_a_claim_on_the_output_alone_a_delta_is_needed(claim):
    with pytest.raises(convgrad.RequestError, match="delta"):
        convgrad.check(NO_DELTA, claim)
    with pytest.raises(convgrad.RequestError, match="delta"):
        convgrad.check(make_case(NO_DELTA, needs_delta=False), claim)


# -- In other people's test suites ------------------------------------------------------------------------------------


def doubled(delta, x, w, b):
    return {"dW": 2 * by_loops(delta, x, w, b)[1], "db": delta.sum(axis=(0, 2, 3))}


def test_the_first_line_of_a_failure_has_the_mistake():
    with pytest.raises(AssertionError) as caught:
        assert_gradients(doubled, LAYER)
    assert str(caught.value).splitlines()[0] == "wrong: dW (scaled)"


def test_a_failure_in_pytest_shows_the_line_that_asked_and_none_of_ours(tmp_path):
    script = "from convgrad.testing import assert_gradients\n\n\ndef test_mine():\n"
    case = "{'input': [1, 2, 3], 'kernel': [1, 3], 'delta': [1, 2]}"
    script += f"    assert_gradients(lambda delta, x, w, b: {{'dX': -2 * x}}, {case})\n"
    (tmp_path / "test_it.py").write_text(script)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert ">       assert_gradients(lambda" in done.stdout
    assert "__tracebackhide__" not in done.stdout  # a line of ours
    assert "AssertionError: wrong: dX (" in done.stdout


def test_a_function_that_holds_channels_last_gets_what_it_takes():
    def last(delta, x, w, b):
        assert (x.shape, w.shape, delta.shape) == ((1, 4, 4, 2), (2, 2, 2, 3), (1, 3, 3, 3))
        at = [(i, j, x[:, i : i + 3, j : j + 3]) for i in range(2) for j in range(2)]
        dW = np.zeros_like(w)
        for i, j, window in at:
            dW[i, j] = np.einsum("nhwc,nhwo->co", window, delta)
        return {"dW": dW, "db": delta.sum((0, 1, 2))}

    random = np.random.default_rng(0)
    shapes = {"input": (1, 4, 4, 2), "kernel": (2, 2, 2, 3), "delta": (1, 3, 3, 3)}
    case = {name: random.random(shape) for name, shape in shapes.items()} | {"bias": np.zeros(3)}
    assert assert_gradients(last, case, layout=["NHWC", "HWIO"]).verdict == "agrees"


def test_arrays_are_made_into_what_the_function_takes_and_sums_may_be_held_in_another_type():
    class Wrapped:
        def __init__(self, values):
            self.values = values

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self.values, dtype)

    def wrapped(*arrays):
        assert all(isinstance(array, Wrapped) for array in arrays)
        return tuple(map(Wrapped, by_loops(*(array.values for array in arrays))))

    assert assert_gradients(wrapped, LAYER, arrays=Wrapped).verdict == "agrees"
    with pytest.raises(RequestError, match="unknown type 'float8'"):
        assert_gradients(by_loops, LAYER, accumulate="float8")

    def short(delta, x, w, b):
        total = np.float16(0)
        for value in delta.ravel():
            total = np.float16(total + np.float16(value))
        return {"db": np.float32(total)}

    many = {"input": np.ones(3000), "kernel": [1.0], "delta": np.full(3000, 1 / 3)}
    assert assert_gradients(short, many, accumulate="float16").verdict == "agrees"
    with pytest.raises(AssertionError, match="wrong: db"):
        assert_gradients(short, many, accumulate="float32")
