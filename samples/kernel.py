"""The gradients of a convolution in 2-D, with a mistake: the kernel is turned once too often for dW."""

import numpy as np


def backward(delta, x, w, b, stride=1, padding=0):
    s, (_, _, high, wide) = stride, delta.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dx, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            taps = np.s_[:, :, i : i + s * (high - 1) + 1 : s, j : j + s * (wide - 1) + 1 : s]
            dw[:, :, i, j] = np.einsum("nopq,ncpq->oc", delta, padded[taps])
            dx[taps] += np.einsum("nopq,oc->ncpq", delta, w[:, :, i, j])
    dx = dx[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return {"dX": dx, "dW": dw[:, :, ::-1, ::-1], "db": delta.sum((0, 2, 3))}
