"""Layers of other libraries (PyTorch, Keras, Flax) as documents of ours; none of them is imported."""
