"""Random documents, options and files against the rules of the outside: `python -m tests.fuzz --seconds N [--seed S]`."""
