"""NHWC notebook layers (Coursera style), converted from and to NCHW at the edges.
Supports: op conv (dims 2, stride int, padding int, dilation 1, groups 1, bias);
op max-pool and average-pool (dims 2, stride int, padding 0, square window, no ties)."""
import numpy as np
SUPPORTS = dict(ops=['conv', 'conv', 'max-pool', 'average-pool'], dims=[2], stride='int', padding='int', groups='one',
                pool_padding='none', pool_window='square')


def zero_pad(X, pad):
    return np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)), 'constant', constant_values=0)


def conv_backward(dZ, cache):
    (A_prev, W, b, hparameters) = cache
    (m, n_H_prev, n_W_prev, n_C_prev) = A_prev.shape
    (fh, fw, n_C_prev, n_C) = W.shape
    stride = hparameters['stride']
    pad = hparameters['pad']
    (m, n_H, n_W, n_C) = dZ.shape
    dA_prev = np.zeros((m, n_H_prev, n_W_prev, n_C_prev))
    dW = np.zeros((fh, fw, n_C_prev, n_C))
    db = np.zeros((1, 1, 1, n_C))
    A_prev_pad = zero_pad(A_prev, pad)
    dA_prev_pad = zero_pad(dA_prev, pad)
    for i in range(m):
        a_prev_pad = A_prev_pad[i]
        da_prev_pad = dA_prev_pad[i]
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    vert_start = h * stride
                    vert_end = vert_start + fh
                    horiz_start = w * stride
                    horiz_end = horiz_start + fw
                    a_slice = a_prev_pad[vert_start:vert_end, horiz_start:horiz_end, :]
                    da_prev_pad[vert_start:vert_end, horiz_start:horiz_end, :] += W[:, :, :, c] * dZ[i, h, w, c]
                    dW[:, :, :, c] += a_slice * dZ[i, h, w, c]
                    db[:, :, :, c] += dZ[i, h, w, c]
        dA_prev[i, :, :, :] = da_prev_pad[pad:pad + n_H_prev, pad:pad + n_W_prev, :]
    return dA_prev, dW, db


def create_mask_from_window(x):
    mask = (x == np.max(x))
    return mask


def distribute_value(dz, shape):
    (n_H, n_W) = shape
    average = dz / (n_H * n_W)
    a = np.ones(shape) * average
    return a


def pool_backward(dA, cache, mode='max'):
    (A_prev, hparameters) = cache
    stride = hparameters['stride']
    f = hparameters['f']
    m, n_H_prev, n_W_prev, n_C_prev = A_prev.shape
    m, n_H, n_W, n_C = dA.shape
    dA_prev = np.zeros(A_prev.shape)
    for i in range(m):
        a_prev = A_prev[i]
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    v0, h0 = h * stride, w * stride
                    v1, h1 = v0 + f, h0 + f
                    if mode == 'max':
                        a_prev_slice = a_prev[v0:v1, h0:h1, c]
                        mask = create_mask_from_window(a_prev_slice)
                        dA_prev[i, v0:v1, h0:h1, c] += mask * dA[i, h, w, c]
                    elif mode == 'average':
                        da = dA[i, h, w, c]
                        shape = (f, f)
                        dA_prev[i, v0:v1, h0:h1, c] += distribute_value(da, shape)
    return dA_prev


def run(case):
    first = lambda v: v if isinstance(v, int) else v[0]
    A = np.transpose(np.array(case['input'], float), (0, 2, 3, 1))
    d = np.transpose(np.array(case['delta'], float), (0, 2, 3, 1))
    stride = first(case['stride'])
    if case['op'] == 'conv':
        K = np.transpose(np.array(case['kernel'], float), (2, 3, 1, 0))
        dA, dW, db = conv_backward(d, (A, K, None, {'stride': stride, 'pad': first(case['padding'])}))
        out = {'dX': np.transpose(dA, (0, 3, 1, 2)), 'dW': np.transpose(dW, (3, 2, 0, 1))}
        if 'bias' in case:
            out['db'] = db.reshape(-1)
        return out
    mode = 'max' if case['op'] == 'max-pool' else 'average'
    dA = pool_backward(d, (A, {'stride': stride, 'f': first(case['window'])}), mode)
    return {'dX': np.transpose(dA, (0, 3, 1, 2))}
