"""A layer meets what arrives: a Case, windowed as a case document's or whole; errors name the layer and the shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import DTYPES, EXACT, Array, nearest, recast, zeros
from convgrad.errors import Problem, RequestError
from convgrad.operations.cells import PLANE
from convgrad.operations.geometry import shape_text
from convgrad.operations.operation import Shape
from convgrad.passes.arrangement import Fold, Whole, fold_of
from convgrad.passes.gradients import Forward
from convgrad.subject.case import Case, make_case
from convgrad.subject.chain import Chain, Layer
from convgrad.subject.layout import Order
from convgrad.subject.shapes import check_bias
from convgrad.vocabulary import INDICES, PARAMETERS, PRODUCT, RESHAPE


class Signal(NamedTuple):
    """What goes from layer to layer, in its user's rank: `dims` spatial axes (0: features), perhaps a batch axis.

    `source` is what it comes from, for messages. `order` and `fold` say how its user has its axes, or its features.
    """

    values: Array
    dims: int
    batch: bool
    source: str
    order: Order = ()
    fold: Fold | None = None

    @property
    def layout(self) -> Whole:
        """How its user has it."""
        data, folds = self.order if self.dims else (), {name: self.fold for name in "xy" if self.fold}
        bare = Whole(self.dims, self.values.shape, None, None, self.batch, data=data, folds=folds)
        return replace(bare, input=bare.outward("x", self.values.shape))

    @property
    def shape(self) -> Shape:
        """Its shape as its user has it."""
        return self.layout.input

    @property
    def shown(self) -> Array:
        """Its numbers as its user has them."""
        return self.layout.restored("x", self.values)

    @property
    def sample(self) -> Shape:
        """The shape of one sample."""
        shape: Shape = self.values.shape
        return shape[1:] if self.batch else shape

    @property
    def full(self) -> Shape:
        """The shape with a batch axis."""
        return (*(self.values.shape[:1] if self.batch else (1,)), *self.sample)

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes of the classes, in `full`: the channels (features) where there are any, else every cell."""
        return (1,) if len(self.sample) > self.dims else tuple(range(1, len(self.full)))


def case_of(layer: Layer, signal: Signal, arithmetic: str) -> Case:
    """The layer as a case, without delta; RequestError names the layer, and what it gets from where."""
    if layer.case is not None:
        return layer.case
    arithmetic = arithmetic if signal.values.dtype == EXACT else _kind(signal.values, arithmetic)
    try:
        return (_windowed if layer.windowed else _whole)(layer, signal, arithmetic)
    except RequestError as error:
        raise RequestError(_named(error.problems, layer, signal)) from None


def _kind(values: Array, asked: str) -> str:
    return asked if asked == "float32" else "float64"


def _named(problems: Iterable[Problem], layer: Layer, signal: Signal) -> list[Problem]:
    """The problems, with the layer, what it gets, and where in the document it stands."""
    got = f"{layer.name} gets {shape_text(signal.shape)} from {signal.source}: "
    at = ("layers", layer.number)
    return [
        problem._replace(message=got + problem.message, path=(*at, *(() if "input" in problem.path else problem.path)))
        for problem in problems
    ]


def _windowed(layer: Layer, signal: Signal, arithmetic: str) -> Case:
    """By way of the mapping that a case document would have; features are a row of one channel."""
    said = layer.settings.get("dims", signal.dims)
    if signal.dims not in (0, said):
        message = f"what arrives has {signal.dims} spatial axes, but the layer says {said}"
        raise RequestError(Problem(message, "leave `dims` out", ("dims",)))
    values = signal.values
    if signal.fold is not None:
        message = "what arrives was flattened with its channels last, which a window would mix"
        raise RequestError(Problem(message, "put a dense layer between", ()))
    if signal.dims == 0 and signal.batch:
        values = values.reshape(signal.full[0], 1, prod(signal.sample))
    document = {"dims": signal.dims or 1, **layer.settings, **layer.parameters, "input": values}
    if layer.letters and INDICES in document:
        document[INDICES] = signal.layout.inward("x", np.asarray(document[INDICES]))
    # what is computed may overflow, as in any framework; what was given has been checked
    case = make_case(document, arithmetic=arithmetic, nonfinite=True, needs_delta=False)
    return _laid_out(case, layer, signal) if layer.letters and signal.dims else case


def _laid_out(case: Case, layer: Layer, signal: Signal) -> Case:
    """The case with its axes in the order in which its user has them."""
    layout = replace(case.layout, data=signal.order, filters=layer.filters)
    kernel = None if layout.kernel is None else layout.outward("w", layout.kernel)
    layout = replace(layout, input=signal.shape, kernel=kernel)
    settings = {**case.settings, "layout": layer.letters[: 1 if kernel is None else 2]}
    if INDICES in settings:
        settings[INDICES] = layout.restored("x", settings[INDICES].reshape(case.shapes["x"]))
    return replace(case, layout=layout, settings=settings)


def fed(layer: Layer, before: Mapping[str, Forward]) -> Layer:
    """A layer of which the settings name another, with the winners of that."""
    name = layer.settings.get(INDICES)
    if not isinstance(name, str):
        return layer
    return _with_cells(layer, before[name].case, before[name].winning)


def _with_cells(layer: Layer, pool: Case, winning: Array | None) -> Layer:
    """Numbers in their planes, (N,C,*P), in the order of axes in which a user has them."""
    assert winning is not None
    cells = pool.layout.restored("y", winning)
    sizes = {"output_size": pool.shapes["x"][2:]}
    return layer._replace(settings={**sizes, **layer.settings, INDICES: cells, "counted": PLANE})


def _whole(layer: Layer, signal: Signal, arithmetic: str) -> Case:
    operation, parameters = layer.operation, layer.parameters
    shapes = {"x": signal.full} | {PARAMETERS[name]: array.shape for name, array in parameters.items()}
    settings = {**operation.defaults, "dims": signal.dims, **layer.settings, "axes": signal.axes}
    arguments = operation.prepare(shapes, settings)
    output = operation.output_shape(shapes, arguments)
    if "b" in operation.operands:
        check_bias(shapes.get("b"), output[1])
    kind = _whole_kind(layer, signal, arithmetic)
    arguments = {name: _in_kind(value, kind) for name, value in arguments.items()}
    operands: dict[str, Array | None] = dict.fromkeys(operation.operands)
    operands |= {"x": recast(signal.values.reshape(signal.full), DTYPES[kind])}
    operands |= {PARAMETERS[name]: recast(array, DTYPES[kind]) for name, array in parameters.items()}
    if "bias" in parameters:
        operands["b"] = recast(parameters["bias"].reshape(-1), DTYPES[kind])
    layout = replace(signal.layout, kernel=shapes.get("w"), bias=shapes.get("b"), **_folding(layer, signal))
    return Case(operation, operands, None, {"dims": signal.dims}, arguments, layout, kind, layer.settings,
                arithmetic == "auto" and kind == "exact")  # fmt: skip


def _folding(layer: Layer, signal: Signal) -> dict[str, Any]:
    """Whether a layer keeps the axes of its input, and which of its arrays have features in another order."""
    fold, family = signal.fold or fold_of(signal.sample, signal.dims, signal.order), layer.operation.family
    if family not in (PRODUCT, RESHAPE):
        return {}
    own = {"w": fold} if family == PRODUCT else {"y": fold}
    folds = {name: part for name, part in ({"x": signal.fold} | own).items() if part}
    return {"keeps": False, "folds": folds}


def arranged(chain: Chain) -> Chain:
    """The chain with the kernels of dense layers as their inputs are flattened here. RequestError for a misfit."""
    return fitted(chain) if chain.order else chain


def fitted(chain: Chain) -> Chain:
    """The same, every layer fitted to what it gets, by shapes alone."""
    signal, layers = Signal(chain.input, chain.dims, chain.batch, "the input", chain.order), []
    pools: dict[str, Case] = {}
    for layer in chain.layers:
        named = layer.settings.get(INDICES)
        case = case_of(_outlined(layer, pools[named]) if isinstance(named, str) else layer, signal, chain.arithmetic)
        pools[layer.name] = case
        layers.append(layer)
        if layer.operation.family == PRODUCT:
            kernel = case.layout.inward("w", layer.parameters["kernel"])
            layers[-1] = layer._replace(parameters={**layer.parameters, "kernel": kernel})
        y = np.broadcast_to(zeros((), DTYPES[case.arithmetic]), case.output_shape)
        signal = after(case, y, layer, signal)
    return chain._replace(layers=tuple(layers))


def _outlined(layer: Layer, pool: Case) -> Layer:
    """A layer that is to have the winners of a pool, with cells in their place of which each is named once."""
    shape = pool.output_shape
    cells = np.arange(prod(shape[2:])).reshape(shape[2:]) % max(prod(pool.shapes["x"][2:]), 1)
    return _with_cells(layer, pool, np.broadcast_to(cells, shape))


def _whole_kind(layer: Layer, signal: Signal, arithmetic: str) -> str:
    rational = layer.operation.rational({})
    if arithmetic == "exact" and not rational:
        raise RequestError(Problem(f"{layer.operation.name} is not rational, so arithmetic exact ends here",
                                   "use arithmetic auto, or float64", ("op",)))  # fmt: skip
    arrays = (signal.values, *layer.parameters.values())
    if arithmetic in ("auto", "exact"):
        return "exact" if rational and all(array.dtype == EXACT for array in arrays) else "float64"
    return arithmetic


def _in_kind(value: Any, kind: str) -> Any:
    """A number among the arguments (a slope) in the kind of the arrays; axes as they are."""
    return value if kind == "exact" or isinstance(value, tuple) else nearest(value)


def in_kind(case: Case, kind: str) -> Case:
    """An exact case in float64 (float32), its numbers rounded once; any other as it is."""
    if case.arithmetic != "exact" or kind == "exact":
        return case
    operands = {name: None if array is None else recast(array, DTYPES[kind]) for name, array in case.operands.items()}
    arguments = {
        name: nearest(value) if isinstance(value, Fraction) else value for name, value in case.arguments.items()
    }
    return replace(case, operands=operands, arguments=arguments, arithmetic=kind, rounded=False)


def after(case: Case, y: Array, layer: Layer, signal: Signal) -> Signal:
    """What the layer hands on, given y in full shape."""
    values = case.layout.bare("y", y)
    if layer.windowed:
        return Signal(values, case.dims, case.layout.batch, layer.name, signal.order)
    fold = case.layout.folds.get("y") if isinstance(case.layout, Whole) else None
    return Signal(values, _dims_after(layer, signal, y), signal.batch, layer.name, signal.order, fold)


def _dims_after(layer: Layer, signal: Signal, y: Array) -> int:
    """The spatial axes that a layer without windows leaves: none where all is flat, else those that its output has."""
    if layer.operation.family in (PRODUCT, RESHAPE):
        return 0
    return signal.dims if y.ndim == len(signal.full) else max(y.ndim - 2, 0)


def kind_of(array: Array) -> str:
    """The name of an array's kind of number."""
    return "exact" if array.dtype == EXACT else str(np.dtype(array.dtype).name)
