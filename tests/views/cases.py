"""The cases whose views are kept as text, small enough to check by eye."""

LEDGER = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}
SQUARE = {
    "input": [[1, 0, 2, 1, 3], [0, 1, 1, 2, 0], [2, 1, 0, 1, 1], [1, 3, 1, 0, 2], [0, 1, 2, 1, 1]],
    "kernel": [[0.5, -1], [0.25, 0.75]],
    "delta": [[0.1, -0.2, 0, 0.3], [0, 0.1, -0.1, 0.2], [0.2, 0, 0.1, -0.3], [-0.1, 0.4, 0, 0.1]],
}
TIES = {
    "op": "max-pool", "window": 2, "input": [[1, 3, 2, 4], [5, 6, 1, 2], [4, 2, 3, 3], [0, 1, 2, 3]],
    "delta": [[0.1, -0.2], [0.3, 0.4]],
}  # fmt: skip
OVERLAPPING = {
    "op": "max-pool", "window": 3, "stride": 1, "input": [[1, 2, 0, 3], [4, 9, 1, 2], [0, 3, 5, 6], [7, 1, 2, 8]],
    "delta": [[0.1, 0.2], [0.3, 0.4]],
}  # fmt: skip
MEAN = {
    "op": "average-pool", "window": 3, "stride": 1, "input": [[1, 2, 0, 1], [0, 1, 3, 2], [2, 1, 1, 0]],
    "delta": [[1, -2]],
}  # fmt: skip
PADDED_MEAN = {
    "op": "average-pool", "window": 2, "padding": 1, "input": [[1, 2], [3, 4]], "delta": [[1, 2], [3, 4]],
}  # fmt: skip
UNPOOLING = {"op": "max-unpool", "dims": 2, "input": [[5, 4], [7, 6]], "indices": [[1, 3], [8, 10]],
             "output_size": [3, 4], "delta": "ones"}  # fmt: skip
NORM = {"op": "lp-pool", "window": 2, "input": [[3, 4, 0, 0], [0, 0, 6, 8]], "delta": [[1, 2]]}
ADAPTIVE = {"op": "adaptive-max-pool", "output_size": 3, "dims": 1, "input": [1, 5, 2, 4, 3], "delta": [1, 2, 4]}
TRANSPOSED = {"op": "conv-transpose", "input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [1, 2, 3, 4]}
PADDED = {**LEDGER, "padding": 1, "delta": [1, 2, 3, 4]}
REFLECTED = {**LEDGER, "padding": [[2, 0]], "padding_mode": "reflect", "delta": [1, 2, 3, 4]}
DILATED = {**LEDGER, "input": [1, 2, 3, 4, 5], "dilation": 2, "delta": [1, 2, 3]}
TURNED = {**LEDGER, "mode": "convolution"}
GROUPED = {
    "dims": 1, "groups": 2, "kernel": [[[1, 2]], [[0.5, 0.25]]], "delta": "ones",
    "input": [[[1, 2, 0, 1], [2, 1, 1, 0]], [[0, 2, 1, 3], [1, 1, 0, 0]]],
}  # fmt: skip
VOLUME = {
    "dims": 3, "padding": [1, 0, 0], "kernel": [[[1, 2], [0, 1]], [[1, 1], [0, -1]]], "delta": "ones",
    "input": [[[1, 2, 0], [0, 1, 1], [2, 1, 1]], [[1, 1, 1], [0, 1, 1], [2, 2, 1]], [[1, 0, 0], [0, 1, 1], [2, 1, 1]]],
}  # fmt: skip
BORDERED = {
    "input": [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "kernel": [[1, 0], [0, -1]], "padding": 1, "delta": "ones",
}  # fmt: skip
EXTREME = {"input": [1e-12, 12345678.9, 3, -0.0], "kernel": [0.001, 5], "delta": ["100000", "-2", "1/3"]}
LARGE = {
    "input": [[(7 * i + 3 * j) % 10 for j in range(30)] for i in range(30)],
    "kernel": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
    "delta": [[(i * j) % 5 - 2 for j in range(28)] for i in range(28)],
}
NAMED = {**LEDGER, "name": "[bold]a name\x1b[31m with [/] and … in it"}
