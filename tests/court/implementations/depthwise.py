"""Depthwise convolution with a channel multiplier.
Supports: op conv, dims 2, stride per axis, padding int/axis/pairs, dilation per axis, groups = input channels, bias."""
import numpy as np
SUPPORTS = dict(ops=['conv'], dims=[2], stride='axis', padding='pairs', dilation=True, groups='depthwise', multiplier=3)


def depthwise_backward(x, k, dout, stride, pad, dil):
    B, C, H, W = x.shape
    M = k.shape[0] // C
    kh, kw = k.shape[2:]
    Ho, Wo = dout.shape[2:]
    (pt, pb), (pl, pr) = pad
    xp = np.zeros((B, C, H + pt + pb, W + pl + pr))
    xp[:, :, pt:pt + H, pl:pl + W] = x
    dxp = np.zeros_like(xp)
    dk = np.zeros_like(k)
    for c in range(C):
        for m in range(M):
            o = c * M + m
            for i in range(kh):
                for j in range(kw):
                    r0 = i * dil[0]
                    c0 = j * dil[1]
                    rows = slice(r0, r0 + stride[0] * (Ho - 1) + 1, stride[0])
                    cols = slice(c0, c0 + stride[1] * (Wo - 1) + 1, stride[1])
                    dk[o, 0, i, j] = (xp[:, c, rows, cols] * dout[:, o]).sum()
                    dxp[:, c, rows, cols] += k[o, 0, i, j] * dout[:, o]
    dx = dxp[:, :, pt:pt + H, pl:pl + W]
    dbias = dout.sum(axis=(0, 2, 3))
    return dx, dk, dbias


def run(case):
    x = np.asarray(case['input'], dtype=np.float64)
    k = np.asarray(case['kernel'], dtype=np.float64)
    dout = np.asarray(case['delta'], dtype=np.float64)
    stride = case['stride'] if isinstance(case['stride'], list) else [case['stride'], case['stride']]
    dil = case['dilation'] if isinstance(case['dilation'], list) else [case['dilation'], case['dilation']]
    pad = case['padding'] if isinstance(case['padding'], list) else [case['padding'], case['padding']]
    pad = [(q, q) if isinstance(q, int) else (q[0], q[1]) for q in pad]
    dx, dk, dbias = depthwise_backward(x, k, dout, stride, pad, dil)
    out = dict(dX=dx, dW=dk)
    if 'bias' in case:
        out['db'] = dbias
    return out
