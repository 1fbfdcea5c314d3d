"""Transposed convolution: its backward is an ordinary convolution of the padded delta; unfold and matmul.
Supports: op conv-transpose, dims 1-3, stride per axis, padding int/axis/pairs, dilation per axis, groups 1, bias."""
import numpy as np
SUPPORTS = dict(ops=['conv-transpose'], dims=[1, 2, 2, 3], stride='axis', padding='pairs', dilation=True, groups='one')


def unfold_nd(a, kernel, stride, dilation, size):
    """(N, C, *A) -> (N, C, prod(kernel), prod(size))"""
    parts = []
    for tap in np.ndindex(*kernel):
        index = [slice(None), slice(None)]
        for t, s, e, n in zip(tap, stride, dilation, size):
            begin = t * e
            index.append(slice(begin, begin + s * (n - 1) + 1, s))
        parts.append(a[tuple(index)].reshape(a.shape[0], a.shape[1], -1))
    return np.stack(parts, axis=2)


def run(case):
    nd = case['dims']
    full = lambda v: (v,) * nd if isinstance(v, int) else tuple(v)
    x = np.array(case['input'], float)
    w = np.array(case['kernel'], float)
    dy = np.array(case['delta'], float)
    stride, dilation = full(case['stride']), full(case['dilation'])
    pads = [(q, q) if isinstance(q, int) else tuple(q) for q in full(case['padding'])]
    N, C = x.shape[:2]
    O = w.shape[1]
    size = x.shape[2:]
    kernel = w.shape[2:]
    dyp = np.pad(dy, [(0, 0), (0, 0)] + pads)
    cols = unfold_nd(dyp, kernel, stride, dilation, size)
    cols = cols.reshape(N, O * int(np.prod(kernel)), -1)
    wmat = w.reshape(C, -1)
    dx = np.matmul(wmat, cols).reshape(x.shape)
    xmat = x.reshape(N, C, -1)
    dw = np.matmul(xmat, cols.transpose(0, 2, 1)).sum(axis=0)
    dw = dw.reshape(w.shape)
    result = {'dX': dx, 'dW': dw}
    if 'bias' in case:
        result['db'] = dy.reshape(N, O, -1).sum(axis=2).sum(axis=0)
    return result
