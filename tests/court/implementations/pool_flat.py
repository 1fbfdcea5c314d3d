"""Max and average pooling on flat buffers with saved flat indices (Caffe style).
Supports: op max-pool and average-pool, dims 2, stride per axis, padding per axis (symmetric), window per axis, first maximum wins."""
import numpy as np
SUPPORTS = dict(ops=['max-pool', 'max-pool', 'average-pool'], dims=[2], stride='axis', padding='axis', ties=True)


def max_forward(bottom, mask, num, height, width, pooled_h, pooled_w, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w):
    for nc in range(num):
        for ph in range(pooled_h):
            for pw in range(pooled_w):
                hstart = ph * stride_h - pad_h
                wstart = pw * stride_w - pad_w
                hend = min(hstart + kernel_h, height)
                wend = min(wstart + kernel_w, width)
                hstart = max(hstart, 0)
                wstart = max(wstart, 0)
                pool_index = (nc * pooled_h + ph) * pooled_w + pw
                top = -1e30
                for h in range(hstart, hend):
                    for w in range(wstart, wend):
                        index = h * width + w
                        if bottom[nc * height * width + index] > top:
                            top = bottom[nc * height * width + index]
                            mask[pool_index] = index


def max_backward(top_diff, mask, bottom_diff, num, height, width, pooled_h, pooled_w):
    plane = height * width
    pooled = pooled_h * pooled_w
    for nc in range(num):
        for t in range(pooled):
            bottom_diff[nc * plane + mask[nc * pooled + t]] += top_diff[nc * pooled + t]


def ave_backward(top_diff, bottom_diff, num, height, width, pooled_h, pooled_w, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w):
    for nc in range(num):
        for ph in range(pooled_h):
            for pw in range(pooled_w):
                hs = ph * stride_h - pad_h
                ws = pw * stride_w - pad_w
                pool_size = kernel_h * kernel_w
                he = min(hs + kernel_h, height)
                we = min(ws + kernel_w, width)
                hs = max(hs, 0)
                ws = max(ws, 0)
                for h in range(hs, he):
                    for w in range(ws, we):
                        bottom_diff[(nc * height + h) * width + w] += top_diff[(nc * pooled_h + ph) * pooled_w + pw] / pool_size


def run(case):
    x = np.array(case['input'], dtype=np.float64)
    d = np.array(case['delta'], dtype=np.float64)
    t = lambda v: (v, v) if isinstance(v, int) else tuple(v)
    kernel_h, kernel_w = t(case['window'])
    stride_h, stride_w = t(case['stride'])
    pad_h, pad_w = t(case['padding'])
    N, C, H, W = x.shape
    oh, ow = d.shape[2:]
    diff = np.zeros(x.size)
    if case['op'] == 'max-pool':
        mask = np.zeros(d.size, dtype=np.int64)
        max_forward(x.ravel(), mask, N * C, H, W, oh, ow, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w)
        max_backward(d.ravel(), mask, diff, N * C, H, W, oh, ow)
    else:
        ave_backward(d.ravel(), diff, N * C, H, W, oh, ow, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w)
    return {'dX': diff.reshape(x.shape)}
