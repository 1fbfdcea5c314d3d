"""What can be checked without a reference: finite differences, kinks, identities."""
