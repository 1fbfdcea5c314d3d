"""Test cases for gradients: small whole numbers that reveal every mistake, and shapes that real bugs needed."""
