def backward(delta, x, w, b, stride):
    """dW of a convolution of one channel, as somebody wrote it."""
    dW = 0 * w
    for i, j in [(i, j) for i in range(len(delta)) for j in range(len(delta[0]))]:
        dW += delta[i, j] * x[i : i + len(w), j : j + len(w[0])]
    return {"dW": dW, "db": delta.sum()}
