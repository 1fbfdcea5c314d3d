"""im2col / col2im through fancy index arrays (cs231n fast layers).
Supports: op conv, dims 2, stride per axis, padding per axis (symmetric), dilation 1, groups 1, bias."""
import numpy as np
SUPPORTS = dict(ops=['conv'], dims=[2], stride='axis', padding='axis', groups='one')


def get_im2col_indices(x_shape, field_height, field_width, padding, stride):
    N, C, H, W = x_shape
    out_height = (H + 2 * padding[0] - field_height) // stride[0] + 1
    out_width = (W + 2 * padding[1] - field_width) // stride[1] + 1
    i0 = np.repeat(np.arange(field_height), field_width)
    i0 = np.tile(i0, C)
    i1 = stride[0] * np.repeat(np.arange(out_height), out_width)
    j0 = np.tile(np.arange(field_width), field_height * C)
    j1 = stride[1] * np.tile(np.arange(out_width), out_height)
    i = i0.reshape(-1, 1) + i1.reshape(1, -1)
    j = j0.reshape(-1, 1) + j1.reshape(1, -1)
    k = np.repeat(np.arange(C), field_height * field_width).reshape(-1, 1)
    return k, i, j


def im2col_indices(x, field_height, field_width, padding, stride):
    ph, pw = padding
    x_padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), mode='constant')
    k, i, j = get_im2col_indices(x.shape, field_height, field_width, padding, stride)
    cols = x_padded[:, k, i, j]
    C = x.shape[1]
    cols = cols.transpose(1, 2, 0).reshape(field_height * field_width * C, -1)
    return cols


def col2im_indices(cols, x_shape, field_height, field_width, padding, stride):
    N, C, H, W = x_shape
    ph, pw = padding
    H_padded, W_padded = H + 2 * ph, W + 2 * pw
    x_padded = np.zeros((N, C, H_padded, W_padded), dtype=cols.dtype)
    k, i, j = get_im2col_indices(x_shape, field_height, field_width, padding, stride)
    cols_reshaped = cols.reshape(C * field_height * field_width, -1, N)
    cols_reshaped = cols_reshaped.transpose(2, 0, 1)
    np.add.at(x_padded, (slice(None), k, i, j), cols_reshaped)
    return x_padded[:, :, ph:ph + H, pw:pw + W]


def run(case):
    x = np.asarray(case['input'], dtype=float)
    w = np.asarray(case['kernel'], dtype=float)
    dout = np.asarray(case['delta'], dtype=float)
    as_pair = lambda v: [v, v] if isinstance(v, int) else v
    stride = as_pair(case['stride'])
    pad = as_pair(case['padding'])
    num_filters, _, filter_height, filter_width = w.shape
    x_cols = im2col_indices(x, filter_height, filter_width, pad, stride)
    db = np.sum(dout, axis=(0, 2, 3))
    dout_reshaped = dout.transpose(1, 2, 3, 0).reshape(num_filters, -1)
    dw = dout_reshaped.dot(x_cols.T).reshape(w.shape)
    dx_cols = w.reshape(num_filters, -1).T.dot(dout_reshaped)
    dx = col2im_indices(dx_cols, x.shape, filter_height, filter_width, pad, stride)
    grads = {'dX': dx, 'dW': dw}
    if 'bias' in case:
        grads['db'] = db
    return grads
