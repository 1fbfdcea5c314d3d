"""3-D convolution with index grids and np.add.at scatter.
Supports: op conv, dims 3, stride per axis, padding int/axis/pairs, dilation per axis, groups any, bias."""
import numpy as np
SUPPORTS = dict(ops=['conv'], dims=[3], stride='axis', padding='pairs', dilation=True, groups='any')


def three(v):
    return [v, v, v] if isinstance(v, int) else v


def run(case):
    x = np.array(case['input'], float)
    w = np.array(case['kernel'], float)
    dy = np.array(case['delta'], float)
    st = three(case['stride'])
    dl = three(case['dilation'])
    pads = [(p, p) if isinstance(p, int) else p for p in three(case['padding'])]
    G = case['groups']
    N, C = x.shape[:2]
    O, I, KD, KH, KW = w.shape
    _, _, OD, OH, OW = dy.shape
    M = O // G
    xp = np.pad(x, [(0, 0), (0, 0)] + [tuple(p) for p in pads])
    z = np.arange(OD)[:, None] * st[0] + np.arange(KD)[None, :] * dl[0]
    y = np.arange(OH)[:, None] * st[1] + np.arange(KH)[None, :] * dl[1]
    q = np.arange(OW)[:, None] * st[2] + np.arange(KW)[None, :] * dl[2]
    Z = z[:, None, None, :, None, None]
    Y = y[None, :, None, None, :, None]
    Q = q[None, None, :, None, None, :]
    dxp = np.zeros(xp.shape)
    dw = np.zeros(w.shape)
    for g in range(G):
        cs = slice(g * I, (g + 1) * I)
        os = slice(g * M, (g + 1) * M)
        patches = xp[:, cs][:, :, Z, Y, Q]
        dw[os] = np.einsum('nczyxdhw,nozyx->ocdhw', patches, dy[:, os])
        spread = np.einsum('nozyx,ocdhw->nczyxdhw', dy[:, os], w[os])
        np.add.at(dxp[:, cs], (slice(None), slice(None), Z, Y, Q), spread)
    (a0, _), (b0, _), (c0, _) = pads
    dx = dxp[:, :, a0:a0 + x.shape[2], b0:b0 + x.shape[3], c0:c0 + x.shape[4]]
    out = {'dX': dx, 'dW': dw}
    if 'bias' in case:
        out['db'] = dy.reshape(N, O, -1).sum(axis=(0, 2))
    return out
