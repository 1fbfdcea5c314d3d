"""Layer functions with a cache, cs231n style: conv_backward_naive and max_pool_backward_naive.
Supports: op conv (dims 2, stride int, padding int, dilation 1, groups 1, bias);
op max-pool (dims 2, stride int, padding 0, window per axis, no ties)."""
import numpy as np
SUPPORTS = dict(ops=['conv', 'conv', 'max-pool'], dims=[2], stride='int', padding='int', groups='one', pool_padding='none')


def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    stride = conv_param['stride']
    pad = conv_param['pad']
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    _, _, H_out, W_out = dout.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode='constant', constant_values=0)
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = np.zeros(F)
    for n in range(N):
        for f in range(F):
            db[f] += dout[n, f].sum()
            for i in range(H_out):
                hs = i * stride
                for j in range(W_out):
                    ws = j * stride
                    window = x_pad[n, :, hs:hs + HH, ws:ws + WW]
                    dw[f] += window * dout[n, f, i, j]
                    dx_pad[n, :, hs:hs + HH, ws:ws + WW] += w[f] * dout[n, f, i, j]
    dx = dx_pad[:, :, pad:pad + H, pad:pad + W]
    return dx, dw, db


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    N, C, H, W = x.shape
    ph = pool_param['pool_height']
    pw = pool_param['pool_width']
    step = pool_param['stride']
    H_out = 1 + (H - ph) // step
    W_out = 1 + (W - pw) // step
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(H_out):
                for j in range(W_out):
                    top, left = i * step, j * step
                    region = x[n, c, top:top + ph, left:left + pw]
                    m = np.max(region)
                    mask = (region == m)
                    dx[n, c, top:top + ph, left:left + pw] += mask * dout[n, c, i, j]
    return dx


def run(case):
    x = np.array(case['input'])
    dout = np.array(case['delta'])
    s = case['stride']
    s = s if isinstance(s, int) else s[0]
    p = case['padding']
    p = p if isinstance(p, int) else p[0]
    if case['op'] == 'max-pool':
        win = case['window']
        win = [win, win] if isinstance(win, int) else win
        param = {'pool_height': win[0], 'pool_width': win[1], 'stride': s}
        return {'dX': max_pool_backward_naive(dout, (x, param))}
    w = np.array(case['kernel'])
    b = np.array(case['bias']) if 'bias' in case else None
    dx, dw, db = conv_backward_naive(dout, (x, w, b, {'stride': s, 'pad': p}))
    out = {'dX': dx, 'dW': dw}
    if b is not None:
        out['db'] = db
    return out
