"""Values of every kind that a document or a Python caller may put under a key."""

from fractions import Fraction

import numpy as np

from convgrad.core.arithmetic import Plain

VALUES = {
    "nothing": None, "true": True, "zero": 0, "one": 1, "two": 2, "negative": -1, "huge": 10**400, "float": 1.5,
    "whole float": 2.0, "nan": float("nan"), "denormal": 5e-324, "largest": 1e308, "text": "what", "no text": "",
    "number text": "1", "plain number": Plain("2"), "plain word": Plain("same"), "fraction": Fraction(1, 3),
    "complex": 1j, "bytes": b"a", "set": {1}, "object": object(), "list of one": [1], "list of two": [1, 2],
    "list of twenty": [1] * 20, "empty list": [], "nested list": [[1]], "pair": [[1, 0]], "ragged": [1, [2]],
    "list of nothing": [None], "list of text": ["a"], "mapping": {"a": 1}, "empty mapping": {},
    "nothing's key": {None: 1},
    "claim of a number": {"dW": 1}, "claim of nothing": {"output": None}, "0-d array": np.array(1),
    "0-d float array": np.array(1.5), "array": np.array([1]), "float array": np.array([1.0, 2.0]),
    "empty array": np.array([]), "number of NumPy": np.int64(1), "truth of NumPy": np.bool_(True),
    "complex array": np.array([1j]), "text array": np.array(["a", "b"]), "date": np.datetime64("2020-01-01"),
    "array of objects": np.array([None]), "long double": np.array([1], np.longdouble),
}  # fmt: skip
