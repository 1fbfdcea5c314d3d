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
    "Conv1D causal": (lambda layers: layers.Conv1D(4, 3, padding="causal", dilation_rate=2), (2, 9, 4)),
    "Conv3D": (lambda layers: layers.Conv3D(2, (1, 2, 3)), (2, 3, 4, 5, 2)),
    "Conv2D first": (lambda layers: layers.Conv2D(3, 2, data_format="channels_first"), (2, 4, 5, 6)),
    "Conv2D relu": (lambda layers: layers.Conv2D(3, 2, activation="relu"), (2, 5, 6, 4)),
    "Conv1D leaky": (lambda layers: layers.Conv1D(3, 2, activation="leaky_relu"), (2, 5, 4)),
    "DepthwiseConv2D": (lambda layers: layers.DepthwiseConv2D((2, 3), depth_multiplier=2, padding="same"),
                        (2, 5, 6, 3)),
    "DepthwiseConv1D": (lambda layers: layers.DepthwiseConv1D(2, strides=2, activation="tanh"), (2, 6, 3)),
    "SeparableConv2D": (lambda layers: layers.SeparableConv2D(4, 2, depth_multiplier=3, activation="sigmoid"),
                        (2, 4, 5, 2)),
    "MaxPooling2D": (lambda layers: layers.MaxPooling2D(3, 2, padding="same"), (2, 6, 6, 3)),
    "MaxPooling2D first": (lambda layers: layers.MaxPooling2D(2, data_format="channels_first"), (2, 3, 6, 6)),
    "AveragePooling1D": (lambda layers: layers.AveragePooling1D(3, 2, padding="same"), (2, 6, 3)),
    **{f"Global{kind}Pooling{dims}D": (
        lambda layers, kind=kind, dims=dims: getattr(layers, f"Global{kind}Pooling{dims}D")(), (2, *(3, 4, 2)[:dims], 3)
    ) for kind in ("Max", "Average") for dims in (1, 2, 3)},
    "GlobalAveragePooling2D kept": (lambda layers: layers.GlobalAveragePooling2D(keepdims=True), (2, 3, 4, 3)),
    "Dense": (lambda layers: layers.Dense(3), (4, 5)),
    "Dense softmax": (lambda layers: layers.Dense(3, activation="softmax"), (4, 5)),
    "ReLU": (lambda layers: layers.ReLU(), (4, 5)),
    "LeakyReLU": (lambda layers: layers.LeakyReLU(negative_slope=0.25), (4, 5)),
    "Activation": (lambda layers: layers.Activation("softplus"), (2, 3, 4)),
    "Softmax": (lambda layers: layers.Softmax(), (4, 5)),
}  # fmt: skip
TRANSPOSED = [
    (dims, size, stride, dilation, padding, more)
    for dims in (1, 2, 3)
    for size, stride, dilation in ((1, 3, 1), (3, 2, 1), (4, 3, 1), (2, 1, 3))[: 5 - dims]
    for padding in ("same", "valid")
    for more in (None, 0, 1)
    if more is None or (more < stride and dims == 1)
]
FLAX = {
    "Conv same": (lambda nnx, rngs: nnx.Conv(4, 6, (3, 3), strides=2, feature_group_count=2, rngs=rngs), (2, 7, 6, 4)),
    "Conv valid": (lambda nnx, rngs: nnx.Conv(4, 3, (3,), padding="VALID", use_bias=False, rngs=rngs), (2, 7, 4)),
    "Conv padded": (
        lambda nnx, rngs: nnx.Conv(2, 3, (3, 2), padding=((1, 2), (0, 1)), kernel_dilation=2, rngs=rngs), (2, 7, 6, 2),
    ),
    **{f"ConvTranspose {padding} {stride} {turned}": (
        lambda nnx, rngs, padding=padding, stride=stride, turned=turned: nnx.ConvTranspose(
            2, 3, (3, 2), stride, padding=padding, transpose_kernel=turned, rngs=rngs),
        (2, 4, 5, 2),
    ) for padding in ("SAME", "VALID", ((1, 2), (3, 0))) for stride in ((2, 3), (4, 1))
      for turned in (False, True)},
    "ConvTranspose dilated": (
        lambda nnx, rngs: nnx.ConvTranspose(2, 3, (3,), (2,), kernel_dilation=2, use_bias=False, rngs=rngs), (2, 5, 2),
    ),
    "Linear": (lambda nnx, rngs: nnx.Linear(5, 3, rngs=rngs), (4, 5)),
}  # fmt: skip
LINEN = {
    "Conv": (
        lambda nn: nn.Conv(6, (3, 2), strides=(2, 1), feature_group_count=2, kernel_dilation=(1, 2)),
        (2, 7, 6, 4),
    ),
    "Conv causal": (lambda nn: nn.Conv(3, (3,), padding="CAUSAL", use_bias=False), (2, 7, 4)),
    "ConvTranspose": (lambda nn: nn.ConvTranspose(3, (3, 2), strides=(2, 2)), (2, 4, 5, 2)),
    "Dense": (lambda nn: nn.Dense(3), (4, 5)),
}


def built(layer):
    layer.build((1, 4, 4, 2))
    return layer


def assert_is_what_jax_says(layer, shape):
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng(0)
    x = jnp.asarray(random.standard_normal(shape), jnp.float32)
    y, back = jax.vjp(layer, x)
    delta = jnp.asarray(random.standard_normal(y.shape), jnp.float32)
    (dx,) = back(delta)
    names = [part.name for part in convgrad.check(layer, x, delta).subject.parts]
    first, last = ({"dX": dx}, {"output": y}) if len(names) > 1 else ({"dX": dx, "output": y}, {})
    right = convgrad.check(layer, x, delta, claim={names[0]: first, names[-1]: last} if last else first)
    assert right.verdict == "agrees"
    assert {finding.rule for finding in right.findings if finding.against == "claim"} == {"float32 rounding"}
    wrong = {"dX": 2 * dx}
    assert convgrad.check(layer, x, delta, claim={names[0]: wrong} if last else wrong).verdict == "differs"


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


@missing("keras")
@pytest.mark.slow
def test_transposed_convolutions_of_keras_crop_by_its_rule():
    for dims, size, stride, dilation, padding, more in TRANSPOSED:
        made = getattr(keras_layers(), f"Conv{dims}DTranspose")
        layer = made(2, size, strides=stride, padding=padding, dilation_rate=dilation, output_padding=more)
        shape = (1, *(3, 4, 3)[:dims], 2)
        layer(np.zeros(shape, np.float32))
        assert_is_what_jax_says(layer, shape)


@missing("flax")
@pytest.mark.parametrize("name", FLAX)
def test_a_layer_of_flax(name):
    from flax import nnx

    make, shape = FLAX[name]
    assert_is_what_jax_says(make(nnx, nnx.Rngs(0)), shape)


@missing("flax")
@pytest.mark.parametrize("name", LINEN)
def test_a_bound_module_of_linen(name):
    make, shape = LINEN[name]
    assert_is_what_jax_says(bound(make, shape), shape)


def bound(make, shape):
    import jax
    from flax import linen

    module = make(linen)
    return module.bind(module.init(jax.random.PRNGKey(0), np.zeros(shape, np.float32)))


# -- Chains ------------------------------------------------------------------------------------------------------------


def keras_chain(layers):
    import keras

    return keras.Sequential([
        keras.Input((6, 7, 2)), layers.Conv2D(4, 3, padding="same", activation="relu", name="first"),
        layers.MaxPooling2D(2), layers.DepthwiseConv2D(2, depth_multiplier=2), layers.Dropout(0.5),
        layers.Conv2DTranspose(3, 2, strides=2), layers.Flatten(), layers.Dense(4, activation="tanh"), layers.Dense(3),
    ])  # fmt: skip


def pooled_chain(layers):
    import keras

    first = keras.Sequential([layers.SeparableConv2D(4, 2), layers.LeakyReLU()])
    return keras.Sequential([keras.Input((5, 6, 2)), first, layers.GlobalAveragePooling2D(), layers.Dense(3)])


def assert_chain_is_what_jax_says(chain, shape, kernels, classes=3):
    """Loss, output, and gradients of input and kernels; `kernels` are by layer those of JAX, given a cotangent."""
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng(1)
    x = jnp.asarray(random.standard_normal(shape), jnp.float32)
    target = random.integers(0, classes, len(x))
    y, back = jax.vjp(chain, x)

    def loss(y):
        return -jax.nn.log_softmax(y)[jnp.arange(len(x)), target].sum()

    delta = jax.grad(loss)(y)
    network = convgrad.network(chain, x, loss={"op": "cross-entropy", "target": target})
    assert network.loss == pytest.approx(float(loss(y)), rel=1e-5)
    # float32 sums of some dozens of products, of which each layer has its own
    np.testing.assert_allclose(network.output, y, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(network.parts[0].dX, back(delta)[0], rtol=1e-4, atol=1e-5)
    for name, gradient in kernels(x, delta).items():
        gradient = np.asarray(gradient)
        np.testing.assert_allclose(network.layer(name).dW, gradient, rtol=1e-4, atol=1e-5, err_msg=name)
    claims = {network.parts[-1].name: {"output": y}}
    right = convgrad.check(chain, x, loss={"op": "cross-entropy", "target": target}, claim=claims)
    assert right.verdict == "agrees"


def keras_kernels(chain):
    """What JAX says of every kernel of a Sequential, in our shape and by our names."""
    import jax

    held = [variable.value for variable in chain.trainable_variables]

    def run(values, x):
        return chain.stateless_call(values, chain.non_trainable_variables, x)[0]

    def gradients(x, delta):
        _, back = jax.vjp(lambda values: run(values, x), held)
        found = {}
        for variable, gradient in zip(chain.trainable_variables, back(delta)[0], strict=True):
            *_, layer, name = variable.path.split("/")
            if name == "kernel":
                gradient = gradient.reshape(2, 2, 1, -1) if layer.startswith("depthwise") else gradient
                found[layer] = gradient.T if layer.startswith("dense") else gradient
        return found

    return gradients


@missing("keras")
@pytest.mark.parametrize(("make", "shape"), [(keras_chain, (2, 6, 7, 2)), (pooled_chain, (2, 5, 6, 2))])
def test_a_sequential_of_keras_is_a_network_in_its_layout(make, shape):
    chain = make(keras_layers())
    chain(np.zeros(shape, np.float32))
    kernels = keras_kernels(chain)
    if make is pooled_chain:  # whose layers are within another chain, and named after it
        inner = chain.layers[0].name
        plain = kernels
        kernels = lambda x, d: {k if k.startswith("dense") else f"{inner}-{k}": g for k, g in plain(x, d).items()}  # noqa: E731
    assert_chain_is_what_jax_says(chain, shape, kernels)


@missing("flax")
def test_a_sequential_of_nnx_is_a_network():
    from functools import partial

    from flax import nnx

    rngs = nnx.Rngs(0)
    chain = nnx.Sequential(
        nnx.Conv(2, 4, (3, 3), rngs=rngs), nnx.relu, nnx.ConvTranspose(4, 2, (2, 2), (2, 2), rngs=rngs), nnx.tanh,
        partial(nnx.avg_pool, window_shape=(3, 2), strides=(2, 1), padding="SAME"), nnx.leaky_relu,
        partial(nnx.max_pool, window_shape=(2, 2)), nnx.Dropout(0.5, deterministic=True, rngs=rngs),
    )  # fmt: skip
    x = np.random.default_rng(0).standard_normal((2, 4, 5, 2)).astype(np.float32)
    assert_is_what_jax_says(chain, x.shape)
    names = [part.name for part in convgrad.network(chain, x, "ones").parts]
    assert names == ["0", "1", "2", "3", "4", "5", "6"]


@missing("flax")
def test_a_bound_sequential_of_linen_is_a_network():
    def make(nn):
        return nn.Sequential([nn.Conv(3, (2, 2)), nn.relu, nn.Conv(2, (3, 3), strides=2), nn.softplus])

    assert_is_what_jax_says(bound(make, (2, 5, 6, 2)), (2, 5, 6, 2))


@missing("keras")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda layers: layers.Dense(3, activation="gelu"), "Dense has no kernel yet"),
        (
            lambda layers: built(layers.Conv2D(3, 2, activation="gelu")),
            "Conv2D applies gelu as well, which is not known",
        ),
        (
            lambda layers: built(layers.Conv2D(3, 2, activation="softmax")),
            "Conv2D takes a softmax of more than (samples",
        ),
        (lambda layers: layers.Activation("swish"), "Activation applies silu as well, which is not known"),
        (lambda layers: layers.Flatten(data_format="channels_first"), "Flatten turns channels_first to channels_last"),
        (lambda layers: layers.LayerNormalization(), "nothing is known of LayerNormalization; known are Conv1D"),
        (lambda layers: layers.Conv2D(3, 2), "Conv2D has no kernel yet; build it, or call it once"),
        (lambda layers: layers.BatchNormalization(), "nothing is known of BatchNormalization; known are Conv1D"),
        (lambda layers: layers.Softmax(), "Softmax is taken over an axis that is not the features"),
    ],
)
def test_what_no_operation_does_is_refused_in_words(make, words):
    with pytest.raises(convgrad.RequestError) as refused:
        convgrad.check(make(keras_layers()), np.zeros((1, 4, 4, 2)), "ones")
    assert str(refused.value).startswith(words)
