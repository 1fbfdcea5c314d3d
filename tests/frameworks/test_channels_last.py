"""Layers of Keras and Flax are what they say, channels last, and their gradients those that JAX takes of them."""

import importlib.util
import os

import numpy as np
import pytest

import convgrad


def missing(*names):
    absent = [name for name in names if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(absent), reason=f"needs {' '.join(absent)}: pip install 'convgrad[oracle]'")


pytestmark = [pytest.mark.oracle, missing("jax"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

KERAS = {
    "Conv2D same": (lambda layers: layers.Conv2D(3, 2, strides=2, padding="same"), (2, 5, 6, 4)),
    "Conv1D grouped": (lambda layers: layers.Conv1D(4, 3, groups=2, dilation_rate=2, use_bias=False), (2, 9, 4)),
    "Conv3D": (lambda layers: layers.Conv3D(2, (1, 2, 3)), (2, 3, 4, 5, 2)),
    "MaxPooling2D": (lambda layers: layers.MaxPooling2D(3, 2, padding="same"), (2, 6, 6, 3)),
    "AveragePooling1D": (lambda layers: layers.AveragePooling1D(3, 2, padding="same"), (2, 6, 3)),
    "Dense": (lambda layers: layers.Dense(3), (4, 5)),
    "ReLU": (lambda layers: layers.ReLU(), (4, 5)),
    "LeakyReLU": (lambda layers: layers.LeakyReLU(negative_slope=0.25), (4, 5)),
    "Softmax": (lambda layers: layers.Softmax(), (4, 5)),
}
FLAX = {
    "Conv same": (lambda nnx, rngs: nnx.Conv(4, 6, (3, 3), strides=2, feature_group_count=2, rngs=rngs), (2, 7, 6, 4)),
    "Conv valid": (lambda nnx, rngs: nnx.Conv(4, 3, (3,), padding="VALID", use_bias=False, rngs=rngs), (2, 7, 4)),
    "Conv padded": (
        lambda nnx, rngs: nnx.Conv(2, 3, (3, 2), padding=((1, 2), (0, 1)), kernel_dilation=2, rngs=rngs), (2, 7, 6, 2),
    ),
    "Linear": (lambda nnx, rngs: nnx.Linear(5, 3, rngs=rngs), (4, 5)),
}  # fmt: skip


def assert_is_what_jax_says(layer, shape):
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng(0)
    x = jnp.asarray(random.standard_normal(shape), jnp.float32)
    y, back = jax.vjp(layer, x)
    delta = jnp.asarray(random.standard_normal(y.shape), jnp.float32)
    (dx,) = back(delta)
    right = convgrad.check(layer, x, delta, claim={"dX": dx, "output": y})
    assert right.verdict == "agrees"
    assert {finding.rule for finding in right.findings if finding.against == "claim"} == {"float32 rounding"}
    assert convgrad.check(layer, x, delta, claim={"dX": 2 * dx}).verdict == "differs"


def keras_layers():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    if keras.backend.backend() != "jax":
        pytest.skip(f"Keras runs on {keras.backend.backend()} here, and not on JAX")
    return keras.layers


@missing("keras")
@pytest.mark.parametrize("name", KERAS)
def test_a_layer_of_keras(name):
    make, shape = KERAS[name]
    layer = make(keras_layers())
    layer(np.zeros(shape, np.float32))
    assert_is_what_jax_says(layer, shape)


@missing("flax")
@pytest.mark.parametrize("name", FLAX)
def test_a_layer_of_flax(name):
    from flax import nnx

    make, shape = FLAX[name]
    assert_is_what_jax_says(make(nnx, nnx.Rngs(0)), shape)


@missing("keras")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda layers: layers.Conv2D(3, 2, activation="relu"),
            "Conv2D applies relu as well; make it without, and give",
        ),
        (lambda layers: layers.Conv2D(3, 2), "Conv2D has no kernel yet; build it, or call it once"),
        (lambda layers: layers.MaxPooling2D(2, data_format="channels_first"), "MaxPooling2D has channels_first; make"),
        (lambda layers: layers.BatchNormalization(), "nothing is known of BatchNormalization; known are Conv1D"),
        (lambda layers: layers.Softmax(), "Softmax is taken over an axis that is not the features"),
    ],
)
def test_what_no_operation_does_is_refused_in_words(make, words):
    with pytest.raises(convgrad.RequestError) as refused:
        convgrad.check(make(keras_layers()), np.zeros((1, 4, 4, 2)), "ones")
    assert str(refused.value).startswith(words)
