"""Flat buffers and index arithmetic, ported from C.
Supports: op conv, dims 2, stride per axis, padding int/axis/pairs, dilation per axis, groups any, bias."""
import numpy as np
SUPPORTS = dict(ops=['conv'], dims=[2], stride='axis', padding='pairs', dilation=True, groups='any')


def backward_data(dy, w, dx, N, C, H, W, O, OH, OW, KH, KW, s_h, s_w, p_t, p_l, d_h, d_w, G):
    CG = C // G
    OG = O // G
    for n in range(N):
        for g in range(G):
            for oc in range(OG):
                o = g * OG + oc
                for oy in range(OH):
                    for ox in range(OW):
                        grad = dy[((n * O + o) * OH + oy) * OW + ox]
                        for ic in range(CG):
                            c = g * CG + ic
                            for ky in range(KH):
                                iy = oy * s_h - p_t + ky * d_h
                                if iy < 0 or iy >= H:
                                    continue
                                for kx in range(KW):
                                    ix = ox * s_w - p_l + kx * d_w
                                    if ix < 0 or ix >= W:
                                        continue
                                    dst = ((n * C + c) * H + iy) * W + ix
                                    src = ((o * CG + ic) * KH + ky) * KW + kx
                                    dx[dst] += grad * w[src]


def backward_weights(dy, x, dw, N, C, H, W, O, OH, OW, KH, KW, s_h, s_w, p_t, p_l, d_h, d_w, G):
    CG = C // G
    OG = O // G
    for oc in range(O):
        base = (oc // OG) * CG
        for ic in range(CG):
            for ky in range(KH):
                for kx in range(KW):
                    acc = 0.0
                    for n in range(N):
                        for oy in range(OH):
                            iy = oy * s_h + ky * d_h - p_t
                            if not 0 <= iy < H:
                                continue
                            row_y = ((n * O + oc) * OH + oy) * OW
                            row_x = ((n * C + base + ic) * H + iy) * W
                            for ox in range(OW):
                                ix = ox * s_w + kx * d_w - p_l
                                if 0 <= ix < W:
                                    acc += dy[row_y + ox] * x[row_x + ix]
                    dw[((oc * CG + ic) * KH + ky) * KW + kx] = acc


def backward_bias(dy, db, N, O, OH, OW):
    area = OH * OW
    for n in range(N):
        for o in range(O):
            offset = (n * O + o) * area
            for t in range(area):
                db[o] += dy[offset + t]


def run(case):
    X = np.array(case['input'], dtype=np.float64)
    K = np.array(case['kernel'], dtype=np.float64)
    Y = np.array(case['delta'], dtype=np.float64)
    N, C, H, W = X.shape
    O, CG, KH, KW = K.shape
    OH, OW = Y.shape[2:]
    st, pd, dl = case['stride'], case['padding'], case['dilation']
    s_h, s_w = (st, st) if isinstance(st, int) else st
    d_h, d_w = (dl, dl) if isinstance(dl, int) else dl
    p_h, p_w = (pd, pd) if isinstance(pd, int) else pd
    p_t = p_h if isinstance(p_h, int) else p_h[0]
    p_l = p_w if isinstance(p_w, int) else p_w[0]
    G = case['groups']
    dx = np.zeros(X.size)
    dw = np.zeros(K.size)
    db = np.zeros(O)
    backward_data(Y.ravel(), K.ravel(), dx, N, C, H, W, O, OH, OW, KH, KW, s_h, s_w, p_t, p_l, d_h, d_w, G)
    backward_weights(Y.ravel(), X.ravel(), dw, N, C, H, W, O, OH, OW, KH, KW, s_h, s_w, p_t, p_l, d_h, d_w, G)
    backward_bias(Y.ravel(), db, N, O, OH, OW)
    res = {'dX': dx.reshape(X.shape), 'dW': dw.reshape(K.shape)}
    if 'bias' in case:
        res['db'] = db
    return res
