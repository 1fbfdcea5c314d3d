"""A network document becomes a Chain: every key, layer, name and array checked before anything is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from convgrad.core.arithmetic import DTYPES, EXACT, nearest
from convgrad.core.nested import MOST_PROBLEMS, Numbers, read_numbers
from convgrad.errors import Path, Problem, RequestError
from convgrad.operations import LAYERS, LOSSES, OPERATIONS, Operation
from convgrad.operations.operation import Shape
from convgrad.subject.case import missing_keys, wrong_settings
from convgrad.subject.chain import Chain, Layer, LossAt
from convgrad.subject.foreign_words import did_you_mean
from convgrad.subject.layout import Order, inverse, ordered
from convgrad.subject.network_layout import dims_of, filters_of, letters_in, order_of, own_letters
from convgrad.subject.settings import exact_number, integer, listed_dims, read_setting, said, said_inside
from convgrad.vocabulary import (
    ARITHMETICS,
    BENT,
    ELEMENTWISE,
    INDICES,
    KEYS_OF_LOSS,
    LAYER_SETTINGS,
    MAXIMUM,
    MOST_DIMS,
    PARAMETERS,
    PRODUCT,
    RATES,
    REDUCTIONS,
    RESHAPE,
    SETTINGS,
    SOFTMAX,
    keys_of_layer,
    keys_of_network,
)

DIMS_OF_KERNEL = {1: 1, 2: 2, 3: 1, 4: 2, 5: 3}


class Reader:
    """Gathers the problems of a whole document, each under its path, and the arrays that could be read."""

    def __init__(self, nonfinite: bool, binary_is_exact: bool) -> None:
        self.nonfinite, self.binary_is_exact = nonfinite, binary_is_exact
        self.problems: list[Problem] = []
        self.exact = self.finite = True

    def attempt(self, function: Callable[..., Any], *args: Any, at: Path = (), **keywords: Any) -> Any:
        """The function's result, or None when it raised RequestError, whose problems are kept."""
        try:
            return function(*args, **keywords)
        except RequestError as error:
            self.problems += [problem.under(*at) for problem in error.problems]
            return None

    def numbers(self, value: Any, *at: str | int) -> Numbers | None:
        """An array of the document."""
        found: Numbers | None = self.attempt(read_numbers, value, nonfinite=self.nonfinite, at=at)
        self.exact &= found is None or found.exact or (self.binary_is_exact and found.finite)
        self.finite &= found is None or found.finite
        return found

    def problem(self, message: str, advice: str, *at: str | int) -> None:
        """Note what is wrong."""
        self.problems.append(Problem(message, advice, at))

    def raise_any(self) -> None:
        if self.problems:
            raise RequestError(self.problems[:MOST_PROBLEMS])


def read_chain(
    document: Any, *, arithmetic: str | None = None, nonfinite: bool = False, binary_is_exact: bool = False
) -> Chain:
    """A mapping as the schema `network` has it, checked; RequestError has up to ten problems, each with its path.

    With `binary_is_exact` binary arrays count at their exact values in `auto`, too.
    """
    if not isinstance(document, Mapping):
        raise RequestError(Problem(f"expected a mapping with input, layers, …; found {said(document)}"))
    given = {key: value for key, value in document.items() if value is not None}
    if "layers" not in given and given.keys() & {"op", "kernel", "window"}:
        advice = "use `convgrad backward`; to explain an entry, leave out the layer"
        raise RequestError(Problem("this is a single case: it has no `layers`", advice))
    reader = Reader(nonfinite, binary_is_exact)
    reader.problems += _unknown(given, keys_of_network())
    _check_keys(given, reader)
    if "dims" in given:
        reader.attempt(integer, given["dims"], 0, MOST_DIMS, at=("dims",))
    asked = arithmetic or given.get("arithmetic", "auto")
    mode = reader.attempt(read_setting, "mode", given.get("mode", SETTINGS["mode"].default), 0)
    x = reader.numbers(given["input"], "input") if "input" in given else None
    letters = reader.attempt(letters_in, given["layout"]) if "layout" in given else ()
    layers = _read_layers(given.get("layers"), mode, letters or (), reader)
    ending = _read_ending(given, reader)
    rates = {name: reader.attempt(_rate, given[name], at=(name,)) for name in RATES if name in given}
    if not isinstance(asked, str) or asked not in ARITHMETICS:
        place = ("arithmetic",) if arithmetic is None else ()
        reader.problem(f"unknown arithmetic '{said_inside(asked)}'", f"one of {', '.join(ARITHMETICS)}", *place)
    elif asked == "exact" and not reader.finite:
        reader.problem("NaN and infinities are not rational", "use arithmetic float64")
    reader.raise_any()
    assert x is not None
    return _chain(x, layers, ending, rates, asked, given, reader)


def _unknown(given: Mapping[str, Any], known: Sequence[str]) -> list[Problem]:
    return [
        Problem(f"unknown key '{key}'" + did_you_mean(str(key), known), "", (str(key),), of_key=True)
        for key in given
        if key not in known
    ]


def _check_keys(given: Mapping[str, Any], reader: Reader) -> None:
    reader.problems += [Problem(f"a network needs `{key}`, which is missing") for key in ("input", "layers")
                        if key not in given]  # fmt: skip
    if "loss" in given and "delta" in given:
        reader.problem("give `loss` or `delta` at the output, not both", "", "delta")
    if "loss" not in given and "delta" not in given:
        reader.problem("a network needs `loss`, or `delta` at its output", "the deltas start there")


# -- Layers ------------------------------------------------------------------------------------------------------------


class Draft(NamedTuple):
    """A layer as the document has it, its arrays not yet of one kind, but their axes in the order here."""

    name: str
    operation: Operation
    settings: dict[str, Any]
    arrays: dict[str, Numbers]
    letters: tuple[str, ...]
    filters: Order


def _read_layers(value: Any, mode: str | None, letters: tuple[str, ...], reader: Reader) -> list[Draft]:
    if not isinstance(value, (list, tuple)) or not value:
        if value is not None:
            reader.problem(f"expected a list of layers, found {said(value)}", "", "layers")
        return []
    drafts = [_read_layer(part, place, mode, letters, reader) for place, part in enumerate(value)]
    found = [draft for draft in drafts if draft is not None]
    reader.problems += _repeated(value, [draft.name if draft else None for draft in drafts])
    reader.problems += [problem for place in range(len(drafts)) for problem in _unpooled(place, drafts)]
    return found


def _unpooled(place: int, drafts: Sequence[Draft | None]) -> Iterator[Problem]:
    """What is wrong with a layer that is to have the winners of one before it."""
    draft = drafts[place]
    if draft is None or not _is_name(INDICES, name := draft.settings.get(INDICES)):
        return
    pools = [other.name for other in drafts[:place] if other is not None and other.operation.family == MAXIMUM]
    if name not in pools:
        hint = f"there {'is' if len(pools) == 1 else 'are'} {', '.join(pools)}" if pools else "there is none"
        message = f"'{said_inside(name)}' is no max pool before {draft.name}: {hint}"
        yield Problem(message, "name one, or give an array of cells", ("layers", place, INDICES))


def _repeated(value: Sequence[Any], names: Sequence[str | None]) -> Iterator[Problem]:
    many = {name for name, count in Counter(names).items() if name is not None and count > 1}
    seen: set[str | None] = set()
    for place, name in enumerate(names):
        if name in many and name in seen:
            path: Path = ("layers", place, *(("name",) if "name" in value[place] else ()))
            yield Problem(f"two layers are called '{name}'", "give each a name of its own", path)
        seen.add(name)


def _read_layer(value: Any, place: int, mode: str | None, letters: tuple[str, ...], reader: Reader) -> Draft | None:
    at: Path = ("layers", place)
    if not isinstance(value, Mapping):
        reader.problem(f"expected a layer, a mapping with `op`; found {said(value)}", "", *at)
        return None
    given = {key: part for key, part in value.items() if part is not None}
    operation: Operation | None = reader.attempt(_operation, given, at=at)
    if operation is None:
        return None
    name = reader.attempt(_name, given.get("name", f"{operation.name}{place + 1}"), at=at)
    reader.problems += [problem.under(*at) for problem in _misplaced(given, operation)]
    arrays = {key: reader.numbers(given[key], *at, key) for key in PARAMETERS if key in given}
    settings = {key: part for key, part in given.items() if key in (*SETTINGS, "dims", "op")}
    if "mode" in operation.defaults and mode is not None:
        settings.setdefault("mode", mode)
    if "dims" in given:
        settings["dims"] = reader.attempt(integer, given["dims"], 1, MOST_DIMS, at=(*at, "dims"))
    if operation.name in OPERATIONS:
        numbers = {key: part for key, part in settings.items() if not _is_name(key, part)}
        wrong = wrong_settings(numbers, operation, settings.get("dims"))
        reader.problems += [problem.under(*at) for problem in wrong]
    for key in LAYER_SETTINGS:
        if key in given and key in operation.defaults:
            settings[key] = reader.attempt(read_setting, key, given[key], 0, at=at)
    letters = reader.attempt(own_letters, given, letters, at=at) or letters
    if name is None:
        return None
    found = {key: numbers for key, numbers in arrays.items() if numbers is not None}
    filters = reader.attempt(filters_of, operation, letters, found, at=at) or ()
    if filters:
        found["kernel"] = found["kernel"].transposed(inverse(filters))
    return Draft(name, operation, settings, found, letters, filters)


def _is_name(key: str, value: Any) -> bool:
    """Whether a setting names a layer, and is no number."""
    return key == INDICES and isinstance(value, str) and not value[:1].isdigit()


def _operation(given: Mapping[str, Any]) -> Operation:
    name = given.get("op", "conv" if "kernel" in given else None)
    if name is None:
        raise RequestError(Problem("which operation is this layer?", f"say `op:`, one of {', '.join(_every())}"))
    if not isinstance(name, str) or name not in _every():
        hint = did_you_mean(name, _every()) if isinstance(name, str) else ""
        known = f"one of {', '.join(_every())}"
        raise RequestError(Problem(f"unknown operation {said(name)}{hint}", known, ("op",)))
    return _every()[name]


def _every() -> dict[str, Operation]:
    return {**OPERATIONS, **LAYERS}


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or set(value) & set(".[]"):
        raise RequestError(Problem(f"expected a name without dots and brackets, found {said(value)}", "", ("name",)))
    return str(value)


def _misplaced(given: Mapping[str, Any], operation: Operation) -> Iterator[Problem]:
    """Keys that no layer has, or that this operation has not; what it needs and has not."""
    for key in ("input", "delta"):
        if key in given:
            where = "what the layer before hands on" if key == "input" else "what the layer after hands back"
            yield Problem(f"a layer has no {key}: it is {where}", "leave it out", (key,))
    yield from _unknown({key: None for key in given if key not in ("input", "delta")}, keys_of_layer())
    named = {"output_size": 1} if _is_name(INDICES, given.get(INDICES)) else {}  # which is then that pool's input
    yield from missing_keys(named | dict(given), operation)
    foreign = [*(key for key, name in PARAMETERS.items() if name not in operation.operands), *LAYER_SETTINGS]
    if operation.name in LAYERS:
        foreign += [*SETTINGS, "dims"]  # a layout besides is that of the network
    for key in foreign:
        if key in given and key not in operation.defaults:
            yield Problem(f"{operation.name} has no {key}", "leave it out", (key,))


# -- Loss, delta, step -------------------------------------------------------------------------------------------------


def _read_ending(given: Mapping[str, Any], reader: Reader) -> Numbers | tuple[Any, ...] | None:
    """delta at the output, None for all ones; or a loss, its target and how samples are added up."""
    if "loss" in given:
        return _read_loss(given["loss"], reader)
    delta = given.get("delta")
    return None if delta is None or (isinstance(delta, str) and delta == "ones") else reader.numbers(delta, "delta")


def _read_loss(value: Any, reader: Reader) -> tuple[Any, ...]:
    if not isinstance(value, Mapping):
        reader.problem(f"expected a mapping with `op` and `target`, found {said(value)}", "", "loss")
        return ()
    reader.problems += [problem.under("loss") for problem in _unknown(value, KEYS_OF_LOSS)]
    name, reduction = value.get("op"), value.get("reduction", "sum")
    if not isinstance(name, str) or name not in LOSSES:
        hint = did_you_mean(name, LOSSES) if isinstance(name, str) else ""
        reader.problem(f"unknown loss {said(name)}{hint}", f"one of {', '.join(LOSSES)}", "loss", "op")
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        reader.problem(f"expected sum or mean, found {said(reduction)}", "", "loss", "reduction")
    if value.get("target") is None:
        reader.problem("a loss needs `target`, which is missing", "", "loss")
        return ()
    loss = LOSSES.get(name) if isinstance(name, str) else None
    return loss, reader.numbers(value["target"], "loss", "target"), reduction


def _rate(value: Any) -> Any:
    number = exact_number(value)
    if number < 0:
        raise RequestError(Problem(f"must be at least 0, but is {said(value)}"))
    return number


# -- Together ----------------------------------------------------------------------------------------------------------


def _chain(
    x: Numbers, drafts: Sequence[Draft], ending: Any, rates: Mapping[str, Any], asked: str, given: Mapping[str, Any],
    reader: Reader,
) -> Chain:  # fmt: skip
    dims, batch = _axes(x.shape, drafts, given)
    order = order_of(given)
    exact = asked == "exact" or (asked == "auto" and reader.exact)
    dtype = DTYPES["exact" if exact else "float64" if asked == "auto" else asked]
    layers = tuple(
        Layer(
            draft.name,
            place,
            draft.operation,
            draft.settings,
            {key: part.as_array(dtype) for key, part in draft.arrays.items()},
            letters=draft.letters,
            filters=draft.filters,
        )
        for place, draft in enumerate(drafts)
    )
    loss = LossAt(ending[0], ending[1].as_array(dtype), ending[2]) if isinstance(ending, tuple) else None
    delta = ending.as_array(dtype) if isinstance(ending, Numbers) else None
    numbers = {name: _as(rates.get(name, rate.default), dtype) for name, rate in RATES.items()}
    if order and len(x.shape) > dims:
        x = x.transposed(inverse(ordered(order, len(x.shape))))
    return Chain(x.as_array(dtype), dims, batch, layers, loss, delta, **numbers, arithmetic=asked, document=given,
                 velocity={}, order=order)  # fmt: skip


def _as(number: Any, dtype: Any) -> Any:
    return number if dtype == EXACT or number is None else nearest(number)


def _axes(shape: Shape, drafts: Sequence[Draft], given: Mapping[str, Any]) -> tuple[int, bool]:
    """The spatial axes of the input, 0 where it comes as features, and whether it has a batch axis.

    As said by `dims`, where 0 says features; else as the layers up to the first dense one say, by their kernels and
    lists; else from that dense kernel, which takes a whole sample; else from the rank, as in a case document.
    """
    rank = len(shape)
    dims = integer(given["dims"]) if "dims" in given else _said_dims(drafts, rank)
    if "layout" in given:
        return dims_of(given, dims, rank)
    if dims is None and (dense := _first_product(drafts)) is not None:
        taken = dense.arrays["kernel"].shape[-1:]
        if rank < 4 and prod(shape) != prod(taken) and prod(shape[1:]) == prod(taken):
            return rank - 1 if rank > 2 else 0, True
        dims = {1: 0, 2: 2, 3: 2, 4: 2, 5: 3}.get(rank)
    if dims is None:
        dims = {1: 1, 2: 2, 4: 2, 5: 3}.get(rank)
    if dims is None:
        raise RequestError(
            Problem(f"an input of rank {rank} may have several numbers of axes", "say `dims: 1`, 2 or 3", ("input",))
        )
    return dims, rank == dims + 2


def _said_dims(drafts: Sequence[Draft], rank: int) -> int | None:
    """What the layers say before the first that flattens; a list of one only where the rank allows one axis."""
    for _, operation, settings, arrays, *_ in drafts:
        if operation.family in (PRODUCT, RESHAPE):
            return None
        if "dims" in settings:
            return int(settings["dims"])
        if "kernel" in arrays:
            return DIMS_OF_KERNEL.get(len(arrays["kernel"].shape))
        listed = listed_dims(settings)
        if listed is not None and (listed > 1 or rank <= 3):
            return listed
    return None


def _first_product(drafts: Sequence[Draft]) -> Draft | None:
    """The first layer that looks at shapes, if it is a dense one."""
    for draft in drafts:
        if draft.operation.family not in (RESHAPE, ELEMENTWISE, BENT, SOFTMAX):
            return draft if draft.operation.family == PRODUCT else None
    return None
