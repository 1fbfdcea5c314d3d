"""as_strided windows for the weights, padding-and-rotate full convolution for the input.
Supports: op conv, dims 2, stride int (same both ways), padding per axis (symmetric), dilation 1, groups 1, bias."""
import numpy as np
from numpy.lib.stride_tricks import as_strided
SUPPORTS = dict(ops=['conv'], dims=[2], stride='int', padding='axis', groups='one')


def windows(a, kh, kw, step):
    a = np.ascontiguousarray(a)
    n, c, h, w = a.shape
    sn, sc, sh, sw = a.strides
    oh = (h - kh) // step + 1
    ow = (w - kw) // step + 1
    return as_strided(a, (n, c, oh, ow, kh, kw), (sn, sc, sh * step, sw * step, sh, sw), writeable=False)


def dilate(d, step):
    n, f, h, w = d.shape
    out = np.zeros((n, f, (h - 1) * step + 1, (w - 1) * step + 1))
    out[:, :, ::step, ::step] = d
    return out


def run(case):
    x = np.array(case['input'], dtype='float64')
    w = np.array(case['kernel'], dtype='float64')
    d = np.array(case['delta'], dtype='float64')
    step = case['stride'] if isinstance(case['stride'], int) else case['stride'][0]
    pad = case['padding'] if not isinstance(case['padding'], int) else [case['padding']] * 2
    ph, pw = pad
    kh, kw = w.shape[2], w.shape[3]
    H, W = x.shape[2], x.shape[3]

    xp = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = windows(xp, kh, kw, step)
    dw = np.tensordot(d, cols, axes=([0, 2, 3], [0, 2, 3]))

    full = dilate(d, step)
    # rows and columns the stride never reached
    rest_h = (H + 2 * ph - kh) % step
    rest_w = (W + 2 * pw - kw) % step
    full = np.pad(full, ((0, 0), (0, 0), (kh - 1, kh - 1 + rest_h), (kw - 1, kw - 1 + rest_w)))
    rot = np.rot90(w, 2, axes=(2, 3))
    dcols = windows(full, kh, kw, 1)
    dxp = np.tensordot(dcols, rot, axes=([1, 4, 5], [0, 2, 3]))
    dxp = dxp.transpose(0, 3, 1, 2)
    dx = dxp[:, :, ph:dxp.shape[2] - ph, pw:dxp.shape[3] - pw]

    out = {'dX': dx.copy(), 'dW': dw}
    if 'bias' in case:
        out['db'] = d.sum(axis=(0, 2, 3))
    return out
