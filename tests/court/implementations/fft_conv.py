"""Convolution backward by FFT for 1, 2 or 3 axes.
Supports: op conv, dims 1-3, stride per axis, padding int/axis/pairs, dilation per axis, groups 1, bias."""
import numpy as np
SUPPORTS = dict(ops=['conv'], dims=[1, 2, 2, 3], stride='axis', padding='pairs', dilation=True, groups='one')


def per_axis(v, D):
    return [v] * D if isinstance(v, int) else list(v)


def stretch(a, steps):
    """put steps-1 zeros between the cells of the last axes"""
    lead = a.shape[:2]
    size = [(n - 1) * s + 1 for n, s in zip(a.shape[2:], steps)]
    b = np.zeros(lead + tuple(size))
    b[(slice(None), slice(None)) + tuple(slice(None, None, s) for s in steps)] = a
    return b


def run(case):
    D = case['dims']
    x = np.array(case['input'], float)
    k = np.array(case['kernel'], float)
    d = np.array(case['delta'], float)
    stride = per_axis(case['stride'], D)
    dil = per_axis(case['dilation'], D)
    pad = [(p, p) if isinstance(p, int) else tuple(p) for p in per_axis(case['padding'], D)]
    axes = tuple(range(2, 2 + D))

    xp = np.pad(x, [(0, 0), (0, 0)] + pad)
    ds = stretch(d, stride)
    ks = stretch(k, dil)
    size = [xp.shape[a] + ks.shape[a] - 1 for a in axes]

    fx = np.fft.rfftn(xp, size, axes=axes)
    fd = np.fft.rfftn(ds, size, axes=axes)
    fk = np.fft.rfftn(ks, size, axes=axes)

    # input: true convolution of delta and kernel
    fdx = np.einsum('no...,oc...->nc...', fd, fk)
    dxp = np.fft.irfftn(fdx, size, axes=axes)
    cut = [slice(None), slice(None)]
    for a in range(D):
        cut.append(slice(pad[a][0], pad[a][0] + x.shape[2 + a]))
    dx = dxp[tuple(cut)]

    # weights: correlation of input and delta
    fdw = np.einsum('nc...,no...->oc...', fx, np.conj(fd))
    dwp = np.fft.irfftn(fdw, size, axes=axes)
    pick = [slice(None), slice(None)]
    for a in range(D):
        pick.append(slice(0, (k.shape[2 + a] - 1) * dil[a] + 1, dil[a]))
    dw = dwp[tuple(pick)]

    out = dict(dX=dx, dW=dw)
    if 'bias' in case:
        out['db'] = d.sum(axis=(0,) + axes)
    return out
