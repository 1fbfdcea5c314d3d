"""The mistakes that people make, as data with functions; it knows nothing of claims."""
