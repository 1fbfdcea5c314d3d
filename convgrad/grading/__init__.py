"""Somebody else's implementation, in any language, run on cases that reveal every mistake, and told what is wrong."""
