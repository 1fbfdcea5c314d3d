"""Pickle's opcodes, interpreted by a table of our own of what may be built: nothing is imported, and nothing run."""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

MOST_STEPS = 5_000_000


class Refused(Exception):
    """What a pickle would do that is not done: the name of what it would call or build."""


class Called(NamedTuple):
    """What a known function was called with."""

    name: str
    arguments: tuple[Any, ...]


class Name(NamedTuple):
    """A name that a pickle refers to."""

    name: str


class Kept(NamedTuple):
    """What is kept outside of the pickle, by the identification that stands in it."""

    identification: Any


Known = Callable[[str], bool]


def unpickled(data: bytes, known: Known) -> Any:
    """What a pickle holds: plain values, with `Called`, `Name` and `Kept` in them for names that are `known`.

    Raises Refused, with the name, for any other, and ValueError for what is no pickle.
    """
    machine = _Machine(known)
    for step, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if step > MOST_STEPS:
            raise ValueError("too many steps")
        if opcode.name == "STOP":
            return machine.stack.pop()
        machine.take(opcode.name, argument)
    raise ValueError("it does not end")


_MARK = object()
_OF_OBJECTS = {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"}
_EMPTY: Mapping[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": list, "NONE": lambda: None,
    "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "MARK": lambda: _MARK,
}  # fmt: skip
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Machine:
    """The stack and the memo."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def take(self, opcode: str, argument: Any) -> None:
        """Take one step."""
        if opcode in _OF_OBJECTS:
            raise Refused(self._object(opcode, argument))
        if opcode in _EMPTY:
            self.stack.append(_EMPTY[opcode]())
        elif opcode in _TUPLES:
            count = _TUPLES[opcode]
            self.stack[-count:] = [tuple(self.stack[-count:])]
        elif (step := getattr(self, f"_{opcode.lower()}", None)) is not None:
            step(argument)
        elif argument is None:
            raise ValueError(f"the opcode {opcode} is not read")
        else:  # a number, a text, bytes
            self.stack.append(argument)

    def _object(self, opcode: str, argument: Any) -> str:
        """The class of an object that would be made."""
        names = [part.name for part in self.stack if isinstance(part, Name)]
        return str(argument).replace(" ", ".") if opcode == "INST" else names[-1] if names else "an object"

    def _marked(self) -> list[Any]:
        """What lies above the last mark."""
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1
        if at < 0:
            raise ValueError("there is no mark")
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    # -- Protocol, memo and stack --------------------------------------------------------------------------------------

    def _proto(self, _: Any) -> None:
        """The protocol: all are read alike."""

    def _frame(self, _: Any) -> None:
        """How long a part is: it is all there."""

    def _pop(self, _: Any) -> None:
        self.stack.pop()

    def _pop_mark(self, _: Any) -> None:
        self._marked()

    def _dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def _put(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    _binput = _long_binput = _put

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _get(self, place: int) -> None:
        self.stack.append(self.memo[place])

    _binget = _long_binget = _get

    # -- Lists, tuples, mappings ---------------------------------------------------------------------------------------

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._marked()))

    def _list(self, _: Any) -> None:
        self.stack.append(self._marked())

    def _dict(self, _: Any) -> None:
        self.stack.append(dict(_pairs(self._marked())))

    def _append(self, _: Any) -> None:
        item = self.stack.pop()
        _listed(self.stack[-1]).append(item)

    def _appends(self, _: Any) -> None:
        items = self._marked()
        _listed(self.stack[-1]).extend(items)

    _additems = _appends

    def _setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _mapped(self.stack[-1])[key] = value

    def _setitems(self, _: Any) -> None:
        pairs = dict(_pairs(self._marked()))
        _mapped(self.stack[-1]).update(pairs)

    # -- Names and calls -----------------------------------------------------------------------------------------------

    def _global(self, words: str) -> None:
        self._named(words.replace(" ", "."))

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._named(f"{module}.{name}")

    def _named(self, name: str) -> None:
        if not self.known(name):
            raise Refused(name)
        self.stack.append(Name(name))

    def _reduce(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise ValueError("what is called is no function")
        self.stack.append(_called(function.name, arguments))

    def _build(self, _: Any) -> None:
        """The state of what was made: of the known ones none matters."""
        self.stack.pop()

    def _binpersid(self, _: Any) -> None:
        self.stack.append(Kept(self.stack.pop()))

    def _persid(self, identification: Any) -> None:
        self.stack.append(Kept(identification))


def _called(name: str, arguments: tuple[Any, ...]) -> Any:
    """What a known function makes: of Python's own the value, of others a note of the call."""
    if name == "collections.OrderedDict":
        if arguments:  # copies, of which a small file could ask for any number
            raise ValueError("a mapping is filled item by item")
        return {}
    return arguments[0] if name in ("builtins.set", "__builtin__.set") else Called(name, arguments)


def _pairs(items: list[Any]) -> Iterator[tuple[Any, Any]]:
    if len(items) % 2:
        raise ValueError("a key has no value")
    return zip(items[::2], items[1::2], strict=True)


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("what is added to is no list")
    return value


def _mapped(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError("what is set in is no mapping")
    return value
