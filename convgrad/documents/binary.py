"""NumPy's own files: one array, mapped and not copied, or the members of an archive."""

from __future__ import annotations

import io
import warnings
from typing import Any, NoReturn

import numpy as np

from convgrad.documents.sources import Source, refuse
from convgrad.errors import RequestError

MAGIC = b"\x93NUMPY"
KINDS = {"O": "Python objects", "V": "records", "c": "complex numbers", "b": "booleans", "S": "text", "U": "text"}


def read(source: Source) -> Any:
    """The array of a .npy file; of a .npz archive the member that is named, the only one, or all by name."""
    return _array(source) if source.format == "npy" else _archive(source)


def part(array: Any, first: int, last: int) -> Any:
    """The entries of an array's first axis from `first` to before `last`: of a mapped file, mapped on their own.

    Memory that is mapped counts as the process's own once it was read, until the mapping is gone.
    """
    whole = array.base
    if (
        not isinstance(whole, np.memmap)
        or whole.filename is None
        or whole.shape != array.shape
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
    return _numbers(_loaded(source.path, source.name), source.name)


def _loaded(path: Any, name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except Exception:
            return _unmapped(path, name)


def _unmapped(path: Any, name: str) -> Any:
    """An array that cannot be mapped, such as an empty one."""
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except Exception as error:
        _broken(name, error)


def _archive(source: Source) -> Any:
    try:
        with source.open() as file, np.load(io.BytesIO(file.read()), allow_pickle=False) as archive:
            return _members(source, archive)
    except Exception as error:
        _broken(source.name, error)


def _members(source: Source, archive: Any) -> Any:
    if not isinstance(archive, np.lib.npyio.NpzFile):
        refuse(source.name, "this is not a NumPy .npz archive", "write one with numpy.savez")
    names = list(archive.files)
    if source.member is not None:
        return _named(source, archive, names)
    if not names:
        refuse(source.name, "the archive is empty")
    if len(names) == 1:
        return _numbers(archive[names[0]], source.name)
    return {name: _setting(archive[name], f"{source.name}:{name}") for name in names}


def _named(source: Source, archive: Any, names: list[str]) -> Any:
    if source.member in names:
        return _numbers(archive[source.member], source.name)
    has = f"it has {', '.join(names[:20])}" if names else "it is empty"
    return refuse(source.name, f"the archive has no array '{source.member}'", has)


def _setting(array: Any, name: str) -> Any:
    """A member of a whole document: an array, or where it has rank 0 the word or number that it holds."""
    return array.item() if array.ndim == 0 and array.dtype.kind in "Uiub" else _numbers(array, name)


def _numbers(array: Any, name: str) -> Any:
    """The array, if it holds real numbers."""
    if array.dtype.kind not in "fiu":
        what = KINDS.get(array.dtype.kind, str(array.dtype))
        refuse(name, f"expected an array of real numbers, found {what}", "save it as float64")
    if array.dtype.itemsize > 8:
        refuse(name, f"{array.dtype} has more digits than float64", "save it as float64")
    return array


def _broken(name: str, error: BaseException) -> NoReturn:
    """Whatever NumPy, zipfile or the parser of headers raise on a damaged file, and that is nearly anything."""
    if isinstance(error, RequestError):
        raise error
    pickled = "this holds pickled Python objects, which could run any program"
    if "pickle" in str(error).lower():
        refuse(name, pickled, "save the array again, as float64")
    refuse(name, "the file is damaged or cut short", "save the array again")
