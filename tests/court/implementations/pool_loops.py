"""Max and average pooling, loops over output positions; borders clipped.
Supports: op max-pool and average-pool, dims 2, stride per axis, padding int/axis/pairs, window per axis, dilation 1, first maximum wins."""
import numpy as np
SUPPORTS = dict(ops=['max-pool', 'average-pool'], dims=[2], stride='axis', padding='pairs', ties=True)


def pair(v):
    return (v, v) if isinstance(v, int) else tuple(v)


def run(case):
    x = np.array(case['input'], dtype=np.float64)
    dy = np.array(case['delta'], dtype=np.float64)
    kh, kw = pair(case['window'])
    sh, sw = pair(case['stride'])
    (pt, pb), (pl, pr) = [pair(q) for q in pair(case['padding'])]
    N, C, H, W = x.shape
    OH, OW = dy.shape[2:]
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(OH):
                for j in range(OW):
                    y0 = i * sh - pt
                    x0 = j * sw - pl
                    y1 = min(y0 + kh, H)
                    x1 = min(x0 + kw, W)
                    y0 = max(y0, 0)
                    x0 = max(x0, 0)
                    g = dy[n, c, i, j]
                    if case['op'] == 'max-pool':
                        best = -np.inf
                        by, bx = y0, x0
                        for a in range(y0, y1):
                            for b in range(x0, x1):
                                if x[n, c, a, b] > best:
                                    best = x[n, c, a, b]
                                    by, bx = a, b
                        dx[n, c, by, bx] += g
                    else:
                        area = kh * kw
                        for a in range(y0, y1):
                            for b in range(x0, x1):
                                dx[n, c, a, b] += g / area
    return {'dX': dx}
