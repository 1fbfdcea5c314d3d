"""Grouped convolution by slicing channels and calling a one-group matmul backward.
Supports: op conv, dims 2, stride per axis, padding int/axis/pairs, dilation per axis, groups any, bias."""
import numpy as np
SUPPORTS = dict(ops=['conv'], dims=[2], stride='axis', padding='pairs', dilation=True, groups='any')


def unfold(x, kernel, stride, dilation, out):
    n, c = x.shape[:2]
    cols = np.empty((n, c, kernel[0], kernel[1], out[0], out[1]))
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            y, z = i * dilation[0], j * dilation[1]
            cols[:, :, i, j] = x[:, :, y:y + stride[0] * out[0]:stride[0], z:z + stride[1] * out[1]:stride[1]][:, :, :out[0], :out[1]]
    return cols.reshape(n, c * kernel[0] * kernel[1], out[0] * out[1])


def fold(cols, x_shape, kernel, stride, dilation, out):
    n, c = x_shape[:2]
    cols = cols.reshape(n, c, kernel[0], kernel[1], out[0], out[1])
    x = np.zeros(x_shape)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            for p in range(out[0]):
                r = p * stride[0] + i * dilation[0]
                for q in range(out[1]):
                    x[:, :, r, q * stride[1] + j * dilation[1]] += cols[:, :, i, j, p, q]
    return x


def one_group(x, w, dy, stride, dilation):
    o, c, kh, kw = w.shape
    n, _, oh, ow = dy.shape
    cols = unfold(x, (kh, kw), stride, dilation, (oh, ow))
    dmat = dy.reshape(n, o, oh * ow)
    dw = np.zeros((o, c * kh * kw))
    for b in range(n):
        dw += dmat[b] @ cols[b].T
    wmat = w.reshape(o, -1)
    dcols = np.matmul(wmat.T, dmat)
    dx = fold(dcols, x.shape, (kh, kw), stride, dilation, (oh, ow))
    return dx, dw.reshape(w.shape)


def run(case):
    x = np.array(case['input'], np.float64)
    w = np.array(case['kernel'], np.float64)
    dy = np.array(case['delta'], np.float64)
    groups = case['groups']
    stride = [case['stride']] * 2 if isinstance(case['stride'], int) else case['stride']
    dilation = [case['dilation']] * 2 if isinstance(case['dilation'], int) else case['dilation']
    padding = [case['padding']] * 2 if isinstance(case['padding'], int) else case['padding']
    top, bottom = (padding[0], padding[0]) if isinstance(padding[0], int) else padding[0]
    left, right = (padding[1], padding[1]) if isinstance(padding[1], int) else padding[1]
    xp = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    cin = x.shape[1] // groups
    cout = w.shape[0] // groups
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    for g in range(groups):
        xs = xp[:, g * cin:(g + 1) * cin]
        ws = w[g * cout:(g + 1) * cout]
        ds = dy[:, g * cout:(g + 1) * cout]
        gx, gw = one_group(xs, ws, ds, stride, dilation)
        dxp[:, g * cin:(g + 1) * cin] = gx
        dw[g * cout:(g + 1) * cout] = gw
    dx = dxp[:, :, top:dxp.shape[2] - bottom, left:dxp.shape[3] - right]
    out = {'dX': dx, 'dW': dw}
    if 'bias' in case:
        out['db'] = dy.sum(3).sum(2).sum(0)
    return out
