"""A trial: a case to be computed by somebody else, and what must come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.errors import Problem, RequestError
from convgrad.passes.explanation import is_network
from convgrad.passes.gradients import Gradients
from convgrad.passes.subject import Subject, network, subject_of
from convgrad.subject.case import Case, make_case
from convgrad.subject.fused import SLOPE, as_network, fused, layer_of
from convgrad.subject.layout import GRADIENTS
from convgrad.subject.place import Place
from convgrad.suites.exactness import fits, lattice_of, representable
from convgrad.suites.facts import Fact, facts
from convgrad.suites.sketch import Sketch
from convgrad.vocabulary import BENT, CONVOLUTION, ELEMENTWISE, FUSED, INDICES, MEAN, OPERANDS

APART = (INDICES, "layout")
"""Settings that go with a document's own arrays."""
OTHER_NUMBERS = 1 << 31
"""What a seed differs by where the same shapes are to hold other numbers."""


@dataclass(frozen=True)
class Expected(Mapping[str, Array]):
    """The right arrays of a case by their names, or with a `sign` of -1 those for delta with the other sign."""

    gradients: Gradients
    sign: int = 1

    def __getitem__(self, array: str) -> Array:
        if array == "output":
            return self.gradients.y
        right = self.gradients.by_operand[GRADIENTS[array]] if array in self else None
        if right is None:
            raise KeyError(array)
        return right if self.sign == 1 else np.asarray(-right)

    def __iter__(self) -> Iterator[str]:
        operands = self.gradients.case.operation.operands
        yield from (array for array, name in GRADIENTS.items() if name in operands)
        yield "output"

    def __len__(self) -> int:
        return len(self.gradients.case.operation.operands) + 1

    def __contains__(self, array: object) -> bool:
        return array in tuple(self)


@dataclass(frozen=True)
class Trial:
    """A case by its id; `lattice` is what all results are multiples of, where every sum is exact in the type."""

    id: str
    case: Case
    dtype: str
    lattice: Fraction | None
    sketch: Sketch | None = None
    seed: int = 0

    @cached_property
    def expected(self) -> Expected:
        """The right arrays in full shape, by dW, db, dX and output, each when it is asked for."""
        return Expected(Gradients(self.case))

    @property
    def operands(self) -> dict[str, Array]:
        """delta, the operands and indices by their names in documents, in full shape; a bias there is not is zeros."""
        case = self.case
        assert case.delta is not None
        arrays = {"delta": case.delta}
        for name, operand in OPERANDS.items():
            if operand in case.operation.operands:
                array = case.operands[operand]
                arrays[name] = np.zeros(case.output_shape[1]) if array is None else array
        if INDICES in case.arguments:
            arrays[INDICES] = case.arguments[INDICES]
        return arrays

    @cached_property
    def subject(self) -> Subject:
        """What `check` is asked about: the case, or the network of two layers that a program computes as one."""
        if self.case.operation.family != FUSED:
            return subject_of(self.case)
        return network(as_network(self.settings, self.operands), arithmetic="float64")

    @property
    def settings(self) -> dict[str, Any]:
        return used(self.case)

    def document(self) -> dict[str, Any]:
        """The document of the case: of what a program computes as one that of the network."""
        if self.case.operation.family == FUSED:
            return as_network(self.settings, self.operands)
        return {"op": self.case.operation.name, **self.settings, **self.operands}

    def place(self, array: str) -> Place:
        """Which array of the subject an array of the case is."""
        return Place(array, layer_of(self.settings, array) if self.case.operation.family == FUSED else "")

    def claim(self, arrays: Mapping[str, Array]) -> dict[str, Any]:
        """Arrays as a claim on the subject: of a network by layer."""
        claim: dict[str, Any] = {}
        for array, values in arrays.items():
            part = self.place(array).part
            (claim.setdefault(part, {}) if part else claim)[array] = values
        return claim

    @cached_property
    def facts(self) -> dict[str, Fact]:
        return facts(self.case)

    @property
    def is_exact(self) -> bool:
        """Whether a right result equals ours to the bit, in whatever order it was summed."""
        return self.lattice is not None

    @property
    def poison(self) -> float:
        """A number that no result holds, and that added to a result is seen: half a step of the lattice."""
        return float((self.lattice or Fraction(1)) / 2)

    @property
    def numbers(self) -> int:
        """How many numbers input, kernel, bias and delta have together."""
        arrays = (*self.case.arrays, self.case.delta)
        return sum(array.size for array in arrays if array is not None)

    def again(self) -> Trial:
        """The same shapes with other numbers."""
        if self.sketch is not None:
            return of_sketch(self.sketch, self.dtype, self.seed + OTHER_NUMBERS)
        assert self.case.delta is not None
        delta = -self.case.delta
        document = {**self.case.document, "delta": self.case.layout.restored("y", delta)}
        other = replace(self, case=replace(self.case, delta=delta, document=document))
        vars(other)["expected"] = Expected(self.expected.gradients, -self.expected.sign)  # they are linear in delta
        return other


def used(case: Case) -> dict[str, Any]:
    """The settings of a case that its arrays, in our order of axes, are used with; indices come with the arrays."""
    return {name: value for name, value in case.settings.items() if value is not None and name not in APART}


def of_sketch(sketch: Sketch, dtype: str, seed: int = 0) -> Trial:
    """A sketch with its numbers, in a type."""
    case = sketch.case(dtype, seed)
    exact = not sketch.is_real and sketch.is_exact(case, dtype, sketch.level[0] if sketch.level else None)
    return Trial(sketch.id, case, dtype, sketch.lattice if exact else None, sketch, seed)


def of_document(document: Mapping[str, Any], id: str, dtype: str) -> Trial:
    """Somebody's case; its numbers are rounded to the type first."""
    document = {key: value for key, value in document.items() if key != "claim"}
    case = of_network(document) if is_network(document) else make_case(document, arithmetic="float64")
    lattice = lattice_of(case)
    exact = lattice is not None and _is_whole(case) and fits(case, dtype, lattice) and _results_are_whole(case)
    return Trial(id, case, dtype, lattice if exact else None)


def of_network(document: Mapping[str, Any]) -> Case:
    """A network of a convolution and an activation, with delta at its output, as the case that a program computes."""
    subject = network(document, arithmetic="float64")
    families = [part.layer.operation.family for part in subject.parts]
    if len(families) != 2 or families[0] != CONVOLUTION or families[1] not in (BENT, ELEMENTWISE):
        message = "a network that is graded is a convolution and an activation, as one"
        raise RequestError(Problem(message, "give two layers, such as conv and relu", ("layers",)))
    first, second = subject.parts
    delta = subject.ending.delta.reshape(first.forward.case.output_shape)
    slope = second.layer.settings.get(SLOPE)
    return fused(replace(first.forward.case, delta=delta), second.op, None if slope is None else float(slope))


def _is_whole(case: Case) -> bool:
    return all(bool((array % 1 == 0).all()) for array in (*case.arrays, case.delta) if array is not None)


def _results_are_whole(case: Case) -> bool:
    """Whether nothing is divided, as a mean or a share of delta is, or all of it comes out even."""
    divides = case.operation.family == MEAN or case.settings.get("ties") == "split"
    return not divides or all(bool((array % 1 == 0).all()) for array in Gradients(case).by_array.values())


def is_held(trial: Trial) -> bool:
    """Whether the type holds the operands as they are, and their sums where these are to be exact."""
    wanted = trial.sketch is None or trial.sketch.is_real or trial.is_exact
    return wanted and representable(trial.case, trial.dtype) and bool(np.isfinite(trial.poison))
