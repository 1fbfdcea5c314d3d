"""Plain nested loops, 2-D convolution.
Supports: op conv, dims 2, stride per axis, padding per axis (symmetric), dilation per axis, groups 1, bias."""
import numpy as np
SUPPORTS = dict(ops=['conv'], dims=[2], stride='axis', padding='axis', dilation=True, groups='one')


def two(v):
    return (v, v) if isinstance(v, int) else tuple(v)


def run(case):
    x = np.array(case['input'], dtype=np.float64)
    w = np.array(case['kernel'], dtype=np.float64)
    dy = np.array(case['delta'], dtype=np.float64)
    sh, sw = two(case['stride'])
    ph, pw = two(case['padding'])
    dh, dw_ = two(case['dilation'])
    N, C, H, W = x.shape
    F, _, KH, KW = w.shape
    _, _, OH, OW = dy.shape
    dx = np.zeros((N, C, H, W))
    dw = np.zeros(w.shape)
    db = np.zeros(F)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    g = dy[n, f, i, j]
                    db[f] += g
                    for c in range(C):
                        for u in range(KH):
                            a = i * sh + u * dh - ph
                            if a < 0 or a >= H:
                                continue
                            for v in range(KW):
                                b = j * sw + v * dw_ - pw
                                if b < 0 or b >= W:
                                    continue
                                dx[n, c, a, b] += w[f, c, u, v] * g
                                dw[f, c, u, v] += x[n, c, a, b] * g
    out = {'dX': dx, 'dW': dw}
    if case.get('bias') is not None:
        out['db'] = db
    return out
