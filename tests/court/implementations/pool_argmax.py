"""Max pooling through argmax indices and np.add.at, 1, 2 or 3 axes; average pooling by taps.
Supports: op max-pool (dilation per axis) and average-pool, dims 1-3, stride per axis, padding int/axis/pairs, window per axis, first maximum wins."""
import numpy as np
SUPPORTS = dict(ops=['max-pool', 'max-pool', 'average-pool'], dims=[1, 2, 2, 3], stride='axis', padding='pairs', dilation=True, ties=True,
                avg_dilation=False)


def starts_of(offset, stride, n):
    return offset + stride * np.arange(n)


def run(case):
    D = case['dims']
    spread = lambda v: [v] * D if isinstance(v, int) else list(v)
    x = np.array(case['input'], dtype=np.float64)
    dy = np.array(case['delta'], dtype=np.float64)
    window = spread(case['window'])
    stride = spread(case['stride'])
    dil = spread(case['dilation'])
    pads = [(q, q) if isinstance(q, int) else tuple(q) for q in spread(case['padding'])]
    N, C = x.shape[:2]
    out = dy.shape[2:]
    fill = -np.inf if case['op'] == 'max-pool' else 0.0
    xp = np.pad(x, [(0, 0), (0, 0)] + pads, constant_values=fill)
    dxp = np.zeros_like(xp)
    taps = list(np.ndindex(*window))

    if case['op'] == 'max-pool':
        stack = []
        for tap in taps:
            pos = [starts_of(tap[a] * dil[a], stride[a], out[a]) for a in range(D)]
            stack.append(xp[np.ix_(range(N), range(C), *pos)])
        which = np.argmax(np.stack(stack), axis=0)
        tap_index = np.unravel_index(which, window)
        n, c, *o = np.indices(dy.shape)
        where = [o[a] * stride[a] + tap_index[a] * dil[a] for a in range(D)]
        np.add.at(dxp, (n, c, *where), dy)
    else:
        share = dy / np.prod(window)
        for tap in taps:
            sl = tuple(slice(tap[a], tap[a] + stride[a] * (out[a] - 1) + 1, stride[a]) for a in range(D))
            dxp[(slice(None), slice(None)) + sl] += share

    inner = tuple(slice(pads[a][0], pads[a][0] + x.shape[2 + a]) for a in range(D))
    return {'dX': dxp[(slice(None), slice(None)) + inner]}
