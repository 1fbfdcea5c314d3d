"""im2col / col2im with a loop over filter taps (as in the deep-learning-from-scratch book).
Supports: op conv, dims 2, stride per axis, padding per axis or pairs, dilation 1, groups 1, bias."""
import numpy as np
SUPPORTS = dict(ops=['conv'], dims=[2], stride='axis', padding='pairs', groups='one')


def im2col(img_in, FH, FW, sy, sx, py, px):
    N, C, H, W = img_in.shape
    out_h = (H + py[0] + py[1] - FH) // sy + 1
    out_w = (W + px[0] + px[1] - FW) // sx + 1
    img = np.pad(img_in, [(0, 0), (0, 0), py, px], 'constant')
    col = np.zeros((N, C, FH, FW, out_h, out_w))
    for y in range(FH):
        y_max = y + sy * out_h
        for x in range(FW):
            x_max = x + sx * out_w
            col[:, :, y, x, :, :] = img[:, :, y:y_max:sy, x:x_max:sx]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * out_h * out_w, -1)


def col2im(col, input_shape, FH, FW, sy, sx, py, px):
    N, C, H, W = input_shape
    HP = H + py[0] + py[1]
    WP = W + px[0] + px[1]
    out_h = (HP - FH) // sy + 1
    out_w = (WP - FW) // sx + 1
    col = col.reshape(N, out_h, out_w, C, FH, FW).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((N, C, HP + sy - 1, WP + sx - 1))
    for y in range(FH):
        y_lim = y + sy * out_h
        for x in range(FW):
            x_lim = x + sx * out_w
            img[:, :, y:y_lim:sy, x:x_lim:sx] += col[:, :, y, x, :, :]
    return img[:, :, py[0]:H + py[0], px[0]:W + px[0]]


class Convolution:
    def __init__(self, W, stride, pad):
        self.W = W
        self.sy, self.sx = stride
        self.py, self.px = pad

    def prepare(self, x):
        FN, C, FH, FW = self.W.shape
        self.x = x
        self.col = im2col(x, FH, FW, self.sy, self.sx, self.py, self.px)
        self.col_W = self.W.reshape(FN, -1).T

    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = np.dot(self.col.T, dout)
        self.dW = self.dW.transpose(1, 0).reshape(FN, C, FH, FW)
        dcol = np.dot(dout, self.col_W.T)
        return col2im(dcol, self.x.shape, FH, FW, self.sy, self.sx, self.py, self.px)


def run(case):
    st = case['stride']
    st = (st, st) if isinstance(st, int) else st
    pd = case['padding']
    pd = (pd, pd) if isinstance(pd, int) else pd
    pd = [(q, q) if isinstance(q, int) else tuple(q) for q in pd]
    layer = Convolution(np.array(case['kernel']), st, pd)
    layer.prepare(np.array(case['input']))
    dx = layer.backward(np.array(case['delta']))
    res = dict(dX=dx, dW=layer.dW)
    if 'bias' in case:
        res['db'] = layer.db
    return res
