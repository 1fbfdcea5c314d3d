"""NumPy's own files: one array, mapped and not copied, or the members of an archive."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import IO, Any, NoReturn

import numpy as np

from convgrad.documents.document import Document
from convgrad.documents.sources import Source, refuse
from convgrad.errors import Path, Point, RequestError, path_text

Members = dict[str, zipfile.ZipInfo]

MAGIC = b"\x93NUMPY"
KINDS = {"V": "records", "c": "complex numbers", "b": "booleans", "S": "text", "U": "text"}
MOST_UNPACKED = 1 << 28  # bytes: what takes no more is read, however small it was packed
MOST_TIMES = 100  # the bytes of a file that its arrays may take: computed numbers hardly take twice as many


def of_array(source: Source, **_: bool) -> Iterator[Document]:
    """The array of a .npy file, as a document."""
    return iter([Document(source.name, 1, carefully(source, _array))])


def of_archive(source: Source, **_: bool) -> Iterator[Document]:
    """Of a .npz archive the member that is named, the only one, or all by name, as a document.

    Where every name is a path, as in conv1/claim/dX, a document for each first word: what `watch` saved.
    """
    value = carefully(source, _archive)
    if source.member is not None or not isinstance(value, dict) or not all("/" in name for name in value):
        return iter([Document(source.name, 1, value)])
    cases = _nested(value, source.name).items()
    return (Nested(f"{source.name}:{name}", number, case) for number, (name, case) in enumerate(cases, 1))


class Nested(Document):
    """A document whose keys are members of an archive, by their paths."""

    __slots__ = ()

    def locate(self, path: Path, *, key: bool = False) -> Point:
        """Where the value at a path is: run.npz:conv1/claim/dX[0,1]."""
        keys = [str(part) for part in path if not isinstance(part, int) or path[:1] == ("layers",)]
        indices = path[len(keys) :] if path[:1] != ("layers",) else ()
        return Point("/".join((self.name, *keys)) + path_text(indices))


def _nested(members: dict[str, Any], file: str) -> dict[str, Any]:
    """Members by their paths as mappings in mappings; `layers` is a list."""
    tree: dict[str, Any] = {}
    for name, value in members.items():
        *keys, last = name.split("/")
        here = tree
        for key in keys:
            here = here.setdefault(key, {})
            if not isinstance(here, dict):
                refuse(file, f"'{name}' is in the archive beside an array that is called as its beginning", "rename it")
        if last in here:
            refuse(file, f"'{name}' is in the archive beside arrays whose names begin so", "rename it")
        here[last] = value
    for case in tree.values():
        if isinstance(layers := case.get("layers"), dict):
            case["layers"] = list(layers.values())
    return tree


def carefully(source: Source, content: Callable[[Source], Any]) -> Any:
    """What a binary file holds; RequestError for one that is damaged, however its reader says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's and Python's about a damaged header name lines of our own
        try:
            return content(source)
        except (RequestError, MemoryError):
            raise
        except Exception:  # whatever NumPy, zipfile or the parser of headers raise, and that is nearly anything
            refuse_damaged(source.name)


def part(array: Any, first: int, last: int) -> Any:
    """The entries of an array's first axis from `first` to before `last`: of a mapped file, mapped on their own.

    Memory that is mapped counts as the process's own once it was read, until the mapping is gone.
    """
    whole = array.base
    while type(whole) is np.ndarray:  # NumPy does not look through an array that a mapped one was made into
        whole = whole.base
    if (
        not isinstance(whole, np.memmap)
        or whole.filename is None
        or whole.size != array.size
        or not array.flags.c_contiguous
    ):
        return array[first:last]
    start, shape = whole.offset + first * array.strides[0], (last - first, *array.shape[1:])
    try:
        return np.asarray(np.memmap(whole.filename, whole.dtype, "r", start, shape))
    except (OSError, ValueError):
        refuse(str(whole.filename), "this has become shorter, or is gone, since it was opened")


def _array(source: Source) -> Any:
    with source.open() as file:
        if file.read(len(MAGIC)) != MAGIC:
            refuse(source.name, "this is not a NumPy .npy file", "write one with numpy.save")
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        dtype, taken = _header(file, size, source.name)
    _refuse_pickled(dtype, source.name)
    array: Any = np.load(str(source.path), mmap_mode="r" if taken else None, allow_pickle=False)
    return numbers(np.asarray(array), source.name)


def _header(file: IO[bytes], size: int, name: str) -> tuple[np.dtype[Any], int]:
    """The type of number that an array's header tells, and how many bytes it takes: no more than are there."""
    version = np.lib.format.read_magic(file)  # the second and third differ in the names of records alone
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    taken = prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or (taken > size - file.tell() and not dtype.hasobject):
        refuse_damaged(name)
    return dtype, taken


def _archive(source: Source) -> Any:
    with source.open() as file:
        seekable = file if file.seekable() else io.BytesIO(file.read())
        with zipfile.ZipFile(seekable) as archive:
            members = _wanted(source, archive)
            refuse_flood(source, members.values(), seekable.seek(0, io.SEEK_END))
            return _members(source, archive, members)


def _wanted(source: Source, archive: zipfile.ZipFile) -> Members:
    """The member that is named, or all."""
    members = _by_name(source, archive)
    if source.member is None:
        return members or refuse(source.name, "the archive is empty")
    if source.member in members:
        return {source.member: members[source.member]}
    has = f"it has {', '.join(list(members)[:20])}" if members else "it is empty"
    return refuse(source.name, f"the archive has no array '{source.member}'", has)


def _members(source: Source, archive: zipfile.ZipFile, members: Members) -> Any:
    if len(members) == 1:
        (only,) = members.values()
        return numbers(_member(archive, only, source.name), source.name)
    places = {name: f"{source.name}:{name}" for name in members}
    return {name: setting(_member(archive, info, places[name]), places[name]) for name, info in members.items()}


def _by_name(source: Source, archive: zipfile.ZipFile) -> Members:
    members: Members = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            refuse(source.name, f"the archive has two arrays '{name}'", "keep one")
        members[name] = info
    return members


def refuse_flood(source: Source, members: Iterable[zipfile.ZipInfo], packed: int) -> None:
    """Refuse a small file that would fill the memory, by the sizes that it tells: zipfile reads no more than these."""
    unpacked = sum(info.file_size for info in members)
    if unpacked > max(MOST_UNPACKED, MOST_TIMES * packed):
        message = f"{packed:,} bytes would unpack to {unpacked:,}, more than {MOST_TIMES} times as many"
        refuse(source.name, message, "save each array with numpy.save: a .npy file is read in place, however large")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Any:
    with archive.open(info) as file:
        if file.read(len(MAGIC)) != MAGIC:
            refuse(name, f"'{info.filename}' in the archive is not a NumPy array", "write one with numpy.savez")
        file.seek(0)
        dtype, _ = _header(file, info.file_size, name)
        _refuse_pickled(dtype, name)
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def setting(array: Any, name: str) -> Any:
    """A member of a whole document: an array, or where it has rank 0 the word or number that it holds."""
    return array.item() if array.ndim == 0 and array.dtype.kind in "Uiub" else numbers(array, name)


def numbers(array: Any, name: str) -> Any:
    """The array, if it holds real numbers."""
    if array.dtype.kind not in "fiu":
        what = KINDS.get(array.dtype.kind, str(array.dtype))
        refuse(name, f"expected an array of real numbers, found {what}", "save it as float64")
    if array.dtype.itemsize > 8:
        refuse(name, f"{array.dtype} has more digits than float64", "save it as float64")
    return array


def _refuse_pickled(dtype: np.dtype[Any], name: str) -> None:
    if dtype.hasobject:
        pickled = "this holds pickled Python objects, which could run any program"
        refuse(name, pickled, "save the array again, as float64")


def refuse_damaged(name: str) -> NoReturn:
    refuse(name, "the file is damaged or cut short", "save the array again")
