"""Windows, the two adjoint maps over them, and the kinds of number: what every operation is made of."""
