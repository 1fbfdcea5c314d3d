"""What can be checked without a reference: finite differences, identities, and what rounding may excuse."""
