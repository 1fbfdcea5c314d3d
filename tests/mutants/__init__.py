"""Mutants: the package with one small change each, of which some test should fail."""
