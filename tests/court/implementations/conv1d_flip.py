"""1-D convolution: np.convolve / np.correlate on each pair of channels, plus scatter with np.add.at for strides.
Supports: op conv, dims 1, stride, padding int/pair, dilation, groups 1, bias."""
import numpy as np
SUPPORTS = dict(ops=['conv'], dims=[1], stride='axis', padding='pairs', dilation=True, groups='one')


def scalar(v):
    return v if isinstance(v, int) else v[0]


def run(case):
    x = np.array(case['input'], float)
    w = np.array(case['kernel'], float)
    dy = np.array(case['delta'], float)
    stride, dil = scalar(case['stride']), scalar(case['dilation'])
    p = scalar(case['padding'])
    left, right = (p, p) if isinstance(p, int) else p
    N, C, L = x.shape
    O, _, K = w.shape
    T = dy.shape[2]
    xp = np.concatenate([np.zeros((N, C, left)), x, np.zeros((N, C, right))], axis=2)
    # delta with zeros between, kernel with zeros between
    up = np.zeros((N, O, (T - 1) * stride + 1))
    up[:, :, ::stride] = dy
    wide = np.zeros((O, C, (K - 1) * dil + 1))
    wide[:, :, ::dil] = w
    dxp = np.zeros(xp.shape)
    for n in range(N):
        for c in range(C):
            for o in range(O):
                full = np.convolve(up[n, o], wide[o, c], mode='full')
                dxp[n, c, :len(full)] += full
    dx = dxp[:, :, left:left + L]
    dw = np.zeros((O, C, K))
    for o in range(O):
        for c in range(C):
            for n in range(N):
                lags = np.correlate(xp[n, c], up[n, o], mode='valid')
                dw[o, c] += lags[:(K - 1) * dil + 1:dil]
    out = {'dX': dx, 'dW': dw}
    if case.get('bias') is not None:
        out['db'] = dy.sum(axis=2).sum(axis=0)
    return out
