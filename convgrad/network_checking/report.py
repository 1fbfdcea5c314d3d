"""The check of a network: our gradients against differences of its loss, and claims judged twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convgrad.case import Case
from convgrad.chain import LayerPass, Network, network
from convgrad.chain.explaining import is_network
from convgrad.checking import CLAIM, DIFFERENCES, Judged, Report
from convgrad.checking import check as check_case
from convgrad.errors import Problem, RequestError
from convgrad.layout import GRADIENTS
from convgrad.network_checking.claims import LayerClaim, read_layer_claims
from convgrad.network_checking.diagnosis import Judge, Told
from convgrad.network_checking.variants import arrays
from convgrad.verify.findings import Finding, compare
from convgrad.verify.network_bounds import NetworkBounds
from convgrad.verify.network_differences import NetworkDifferences, Progress, network_differences
from convgrad.verify.results import Record, claimed


@dataclass(frozen=True)
class LayerFinding:
    """An array of a layer compared; `array` as it was claimed: a stepped kernel is compared like dW."""

    layer: str
    array: str
    finding: Finding

    @property
    def verdict(self) -> str:
        return self.finding.verdict

    @property
    def against(self) -> str:
        return self.finding.against

    def to_dict(self, all_entries: bool = False) -> dict[str, Any]:
        """What the JSON says."""
        return {"layer": self.layer, **self.finding.to_dict(all_entries), "array": self.array}


@dataclass(frozen=True)
class LayerDiagnosis:
    """What became of a layer's wrong array; `given` is the claim that this takes for right, if any."""

    layer: str
    array: str
    told: Told

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        found = self.told.diagnosis
        names = ("mistake", "matches", "entries", "message", "fix")
        head = {"layer": self.layer, "array": self.array} | {name: getattr(found, name) for name in names}
        return head | dict(found.details) | ({"given": self.told.given} if self.told.given else {})


@dataclass(frozen=True)
class NetworkReport(Judged):
    """What the check of a network found, layer by layer."""

    network: Network
    findings: tuple[LayerFinding, ...]
    diagnosis: tuple[LayerDiagnosis, ...]
    evaluations: int
    exact: bool
    all_entries: bool = False

    @property
    def case(self) -> Case:
        return self.network.case

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        head = {"schema": "convgrad.network-check/1", "id": self.network.chain.id}
        head |= {"arithmetic": self.network.arithmetic, "verdict": self.verdict, "evaluations": self.evaluations}
        findings = [finding.to_dict(self.all_entries) for finding in self.findings]
        return {**head, "findings": findings, "diagnosis": [part.to_dict() for part in self.diagnosis]}


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what is computed may overflow
def check_network(
    made: Network, claim: Mapping[str, Any] | Record | None = None, *, claim_dtype: str | None = None,
    sample: int | None = None, seed: int = 0, all_entries: bool = False, progress: Progress | None = None,
) -> NetworkReport:  # fmt: skip
    """Every kernel, bias and the input of a network by differences of its loss, and a claim layer by layer.

    Each claim is judged against the truth; where it is wrong, also given the claims that it was made from. Raises
    RequestError for a wrong claim, and a sample below 1.
    """
    if sample is not None and sample < 1:
        raise RequestError(Problem(f"sample must be at least 1, but is {sample}"))
    claim = made.chain.document.get("claim") if claim is None else claim
    truth = arrays(made)
    dtype = claim_dtype or made.chain.document.get("claim_dtype")
    claims = read_layer_claims(made, _given(claim), truth, dtype=dtype)
    differences = network_differences(made, sample, seed, progress)
    findings = list(_against_differences(made, differences))
    judged = {key: _against_truth(one, truth[key]) for key, one in claims.items()}
    judge = Judge(made, truth, claims)
    diagnosis = [
        LayerDiagnosis(one.layer.name, one.array, told)
        for key, one in claims.items()
        if judged[key].finding.wrong or (judged[key].finding.shapes and not judged[key].finding.comparable)
        for told in judge.of(one)
    ]
    return NetworkReport(made, (*findings, *judged.values()), tuple(diagnosis), differences.evaluations,
                         differences.exact, all_entries)  # fmt: skip


def _given(claim: Any) -> Any:
    """A claim that is one; nothing for None. What claims nothing must not be said to agree."""
    if isinstance(claim, Mapping) and not claim:
        raise RequestError(Problem("the claim is empty", "give a mapping by layer, as in conv2: {dW: …}", ("claim",)))
    return {} if claim is None else claimed(claim)


def check(
    case: Mapping[str, Any] | Case | Network, claim: Mapping[str, Any] | Record | None = None, **keywords: Any
) -> Report | NetworkReport:
    """Our gradients by finite differences, and a claim's entry by entry: of a case (convgrad.checking), or a network.

    `claim`, `claim_dtype`, `sample`, `seed`, `all_entries` and `progress` as for a case; of a network the claim goes by
    layer. Other keywords win over the document's keys. Raises RequestError for a wrong request.
    """
    if not isinstance(case, Network) and (isinstance(case, Case) or not is_network(case)):
        return check_case(case, claim, **keywords)
    own = ("claim_dtype", "sample", "seed", "all_entries", "progress")
    options = {name: keywords.pop(name) for name in own if name in keywords}
    return check_network(case if isinstance(case, Network) else network(case, **keywords), claim, **options)


NAMES = {operand: array for array, operand in GRADIENTS.items()}


def _against_differences(made: Network, found: NetworkDifferences) -> Iterator[LayerFinding]:
    """Our gradients; in float64 both sides may be off by what rounding excuses."""
    bounds = None if found.exact else NetworkBounds(made)
    for (place, name), differences in sorted(found.gradients.items(), key=lambda item: (item[0][0], item[0][1] != "w")):
        layer = made.layers[place]
        asked, undecided = found.compared[place, name], found.undecided[place, name]
        if not asked.any():
            continue
        ours = layer.gradients.by_operand[name].reshape(differences.shape)
        allowed: Any = 0
        if bounds is not None:
            allowed = 2 * bounds.bound(place, NAMES[name], _kind(layer)).reshape(differences.shape)
        finding = compare(layer.case, NAMES[name], DIFFERENCES, ours, differences, allowed,
                          compared=asked & ~undecided, undecided=int((undecided & asked).sum()))  # fmt: skip
        yield LayerFinding(layer.name, NAMES[name], finding)


def _kind(layer: LayerPass) -> str:
    return "float32" if layer.case.arithmetic == "float32" else "float64"


def _against_truth(one: LayerClaim, truth: Any) -> LayerFinding:
    claim, case = one.claim, one.layer.forward.case if one.array == "output" else one.layer.case
    shapes = None if claim.fits else (claim.shape, one.expected)
    finding = compare(case, claim.array, CLAIM, claim.values, truth, claim.allowed, shapes=shapes, rule=claim.rule)
    return LayerFinding(one.layer.name, one.array, finding)
