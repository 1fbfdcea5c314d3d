"""What others call things: the words of PyTorch, Keras, JAX, ONNX and papers, and ours for them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

_KEYS = {
    "kernel": "weight weights w filter filters rhs kernels",
    "input": "x inputs image lhs data",
    "bias": "b biases",
    "delta": "grad_output grad_out grad_y dout dz dy gy upstream upstream_grad cotangent output_gradient delta_out",
    "window": "kernel_size pool_size kernel_shape ksize window_shape window_dimensions window_size pool",
    "stride": "strides window_strides subsample",
    "padding": "pads pad auto_pad",
    "dilation": "dilations dilation_rate rhs_dilation window_dilation atrous",
    "groups": "group feature_group_count",
    "learning_rate": "lr eta alpha step_size",
    "norm": "norm_type p",
    "divisor": "divisor_override",
    "padding_mode": "pad_mode border boundary",
    "layout": "data_format dimension_numbers",
    "op": "type op_type operation operator layer_type",
    "output_size": "output_shape",
    "claim": "claims claimed",
    "output": "y out outputs",
    "dW": "grad_weight dkernel dfilter weight_grad",
    "dX": "grad_input dinput input_grad",
    "db": "grad_bias dbias bias_grad",
    "dims": "ndim spatial_dims rank",
    "slope": "negative_slope",
}
_VALUES = {
    "same": "same_upper", "same-lower": "same_lower",
    "valid": "notset none no",
    "zeros": "zero constant",
    "reflect": "mirror reflection symmetric",
    "replicate": "edge nearest border",
    "circular": "wrap periodic",
    "cross-correlation": "correlation crosscorrelation",
}  # fmt: skip
_OPERATIONS = {
    "conv": "convolution convolve convolve2d conv1d conv2d conv3d depthwiseconv2d",
    "conv-transpose": "deconv deconvolution conv1dtranspose conv2dtranspose conv3dtranspose convtranspose1d "
                      "convtranspose2d convtranspose3d transposedconv upconv",
    "max-pool": "maxpool maxpool1d maxpool2d maxpool3d maxpooling1d maxpooling2d maxpooling3d pool pooling",
    "average-pool": "avgpool avgpool1d avgpool2d avgpool3d averagepooling1d averagepooling2d averagepooling3d "
                    "mean-pool",
    "lp-pool": "lppool lppool1d lppool2d l2pool",
    "dense": "linear fc fullyconnected affine gemm matmul innerproduct",
    "adaptive-average-pool": "adaptiveavgpool adaptiveavgpool1d adaptiveavgpool2d adaptiveavgpool3d",
    "adaptive-max-pool": "adaptivemaxpool1d adaptivemaxpool2d adaptivemaxpool3d",
    "leaky-relu": "lrelu",
    "mse": "l2 squared-error mseloss",
    "cross-entropy": "softmax-cross-entropy crossentropyloss nll ce xent",
}  # fmt: skip
_GLOBAL = {
    "adaptive-average-pool": "globalaveragepool globalavgpool globalaveragepooling globalaveragepooling1d "
                             "globalaveragepooling2d globalaveragepooling3d gap",
    "adaptive-max-pool": "globalmaxpool globalmaxpooling globalmaxpooling1d globalmaxpooling2d globalmaxpooling3d",
}  # fmt: skip


def _folded(word: str) -> str:
    """A word without case, dashes and underscores.

    >>> _folded("Global-Average_Pool")
    'globalaveragepool'
    """
    return word.casefold().replace("-", "").replace("_", "").replace(" ", "")


def _table(*tables: dict[str, str]) -> dict[str, list[str]]:
    """Our words by one of theirs, folded: `pool` may be an operation and a window."""
    ours: dict[str, list[str]] = {}
    for table in tables:
        for word, theirs in table.items():
            for their in theirs.split():
                ours.setdefault(_folded(their), []).append(word)
    return ours


@cache
def ours_by_theirs() -> dict[str, list[str]]:
    """Our words by all of theirs: made when a word is not known, which seldom comes."""
    return _table(_KEYS, _VALUES, _OPERATIONS, _GLOBAL)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """A suggestion for a misspelt word, or one that others use; or nothing.

    >>> did_you_mean("kernal", ["kernel", "input"]), did_you_mean("weight", ["kernel", "input"])
    (': did you mean `kernel`?', ': did you mean `kernel`?')
    """
    close = closest(word, words)
    more = " with `output_size: 1`" if _folded(word) in _GLOBAL.get(str(close), "").split() else ""
    return f": did you mean `{close}`{more}?" if close else ""


def closest(word: str, words: Iterable[str]) -> str | None:
    """The word that somebody else's means, or that a misspelt one is most like, if any is."""
    known = {each.casefold(): each for each in words}
    plainly = {_folded(each): each for each in known.values()}
    if ours := plainly.get(_folded(word)) or meant(word, known.values()):
        return ours
    from difflib import get_close_matches

    close = get_close_matches(word.casefold(), list(known), n=1, cutoff=0.6)
    return known[close[0]] if close else None


def meant(word: str, words: Iterable[str]) -> str | None:
    """Which of some words of ours another's word stands for.

    >>> meant("Linear", ["conv", "dense"])
    'dense'
    """
    return next((ours for ours in ours_by_theirs().get(_folded(word), ()) if ours in set(words)), None)
