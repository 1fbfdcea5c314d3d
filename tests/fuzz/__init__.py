"""Random requests against the rules of the outside: `python -m tests.fuzz --seconds N [--seed S]`."""
