"""einsum over sliding_window_view, 2-D convolution with groups.
Supports: op conv, dims 2, stride per axis, padding int/axis/pairs, dilation per axis, groups any, bias."""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
SUPPORTS = dict(ops=['conv'], dims=[2], stride='axis', padding='pairs', dilation=True, groups='any')


def run(case):
    X = np.array(case['input'], float)
    K = np.array(case['kernel'], float)
    D = np.array(case['delta'], float)
    sy, sx = np.broadcast_to(case['stride'], 2)
    ey, ex = np.broadcast_to(case['dilation'], 2)
    P = case['padding']
    if isinstance(P, int):
        P = [P, P]
    (pt, pb), (pl, pr) = [(q, q) if isinstance(q, int) else q for q in P]
    G = case['groups']
    N, C, H, W = X.shape
    O, I, kh, kw = K.shape
    h, w = D.shape[2:]
    eh, ew = (kh - 1) * ey + 1, (kw - 1) * ex + 1

    # weights: windows of the padded input against delta
    Xp = np.pad(X, ((0, 0), (0, 0), (pt, pb), (pl, pr)))
    win = sliding_window_view(Xp, (eh, ew), axis=(2, 3))
    win = win[:, :, ::sy, ::sx, ::ey, ::ex]
    win = win.reshape(N, G, I, h, w, kh, kw)
    Dg = D.reshape(N, G, O // G, h, w)
    dW = np.einsum('ngihwuv,ngohw->goiuv', win, Dg).reshape(O, I, kh, kw)

    # input: windows of the spread, padded delta against the flipped kernel
    spread = np.zeros((N, O, H + pt + pb - eh + 1, W + pl + pr - ew + 1))
    spread[:, :, ::sy, ::sx] = D
    spread = np.pad(spread, ((0, 0), (0, 0), (eh - 1, eh - 1), (ew - 1, ew - 1)))
    dwin = sliding_window_view(spread, (eh, ew), axis=(2, 3))[..., ::ey, ::ex]
    dwin = dwin.reshape(N, G, O // G, H + pt + pb, W + pl + pr, kh, kw)
    Kg = K.reshape(G, O // G, I, kh, kw)[..., ::-1, ::-1]
    dXp = np.einsum('ngohwuv,goiuv->ngihw', dwin, Kg)
    dX = dXp.reshape(N, C, H + pt + pb, W + pl + pr)[:, :, pt:pt + H, pl:pl + W]

    result = {'dX': dX, 'dW': dW}
    if 'bias' in case:
        result['db'] = np.einsum('nohw->o', D)
    return result
