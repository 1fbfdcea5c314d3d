"""Transposed convolution, loops with gathered windows, groups.
Supports: op conv-transpose, dims 2, stride per axis, padding int/axis/pairs, dilation per axis, groups any, bias."""
import numpy as np
SUPPORTS = dict(ops=['conv-transpose'], dims=[2], stride='axis', padding='pairs', dilation=True, groups='any')


def run(case):
    x = np.array(case['input'], dtype=float)
    w = np.array(case['kernel'], dtype=float)
    dy = np.array(case['delta'], dtype=float)
    s = case['stride']
    sh, sw = (s, s) if isinstance(s, int) else s
    e = case['dilation']
    eh, ew = (e, e) if isinstance(e, int) else e
    p = case['padding']
    p = (p, p) if isinstance(p, int) else p
    pt, pl = [q if isinstance(q, int) else q[0] for q in p]
    groups = case['groups']
    n_batch, c_in, h_in, w_in = x.shape
    _, out_per_group, kh, kw = w.shape
    _, c_out, h_out, w_out = dy.shape
    in_per_group = c_in // groups
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for n in range(n_batch):
        for c in range(c_in):
            g = c // in_per_group
            first = g * out_per_group
            for iy in range(h_in):
                for ix in range(w_in):
                    total = 0.0
                    for ky in range(kh):
                        oy = iy * sh + ky * eh - pt
                        if oy < 0 or oy >= h_out:
                            continue
                        for kx in range(kw):
                            ox = ix * sw + kx * ew - pl
                            if ox < 0 or ox >= w_out:
                                continue
                            d = dy[n, first:first + out_per_group, oy, ox]
                            total += np.dot(d, w[c, :, ky, kx])
                            dw[c, :, ky, kx] += d * x[n, c, iy, ix]
                    dx[n, c, iy, ix] = total
    res = {'dX': dx, 'dW': dw}
    if 'bias' in case:
        db = np.zeros(c_out)
        for o in range(c_out):
            db[o] = np.sum(dy[:, o, :, :])
        res['db'] = db
    return res
