"""Loop over kernel taps, one tensordot for each tap; any number of axes.
Supports: op conv, dims 1-3, stride per axis, padding int/axis/pairs, dilation per axis, groups 1, bias."""
import itertools
import numpy as np
SUPPORTS = dict(ops=['conv'], dims=[1, 2, 2, 3], stride='axis', padding='pairs', dilation=True, groups='one')


def expand(v, nd):
    if np.isscalar(v):
        return [int(v)] * nd
    return list(v)


def run(case):
    nd = case['dims']
    X = np.array(case['input'], dtype=np.float64)
    Wt = np.array(case['kernel'], dtype=np.float64)
    dY = np.array(case['delta'], dtype=np.float64)
    S = expand(case['stride'], nd)
    E = expand(case['dilation'], nd)
    pads = []
    for p in expand(case['padding'], nd):
        lo, hi = (p, p) if np.isscalar(p) else p
        pads.append((lo, hi))
    Xp = np.pad(X, [(0, 0), (0, 0), *pads])
    dXp = np.zeros_like(Xp)
    dW = np.zeros_like(Wt)
    out = dY.shape[2:]
    space = list(range(2, 2 + nd))
    for tap in itertools.product(*[range(m) for m in Wt.shape[2:]]):
        sl = [slice(None), slice(None)]
        for a in range(nd):
            start = tap[a] * E[a]
            stop = start + (out[a] - 1) * S[a] + 1
            sl.append(slice(start, stop, S[a]))
        sl = tuple(sl)
        here = (slice(None), slice(None)) + tap
        patch = Xp[sl]
        dW[here] = np.tensordot(dY, patch, axes=([0] + space, [0] + space))
        back = np.tensordot(Wt[here], dY, axes=([0], [1]))
        dXp[sl] += np.swapaxes(back, 0, 1)
    inner = tuple(slice(lo, lo + n) for (lo, hi), n in zip(pads, X.shape[2:]))
    dX = dXp[(slice(None), slice(None)) + inner]
    grads = {'dX': dX, 'dW': dW}
    if 'bias' in case:
        grads['db'] = dY.sum(axis=tuple([0] + space))
    return grads
