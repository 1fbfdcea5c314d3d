"""The options of `grade` and `cases`."""

from __future__ import annotations

from convgrad.cli.options import OUTPUT, RUNNING, WRITING, Option
from convgrad.grading.asked import DATA, Asked
from convgrad.vocabulary import RESULTS

CASES, PROGRAM, FAILURES = "Cases", "Program", "Failures"
TYPES = ("float64", "float32", "float16", "bfloat16")
GRADE_FORMATS = ("table", "json", "jsonl", "yaml", "markdown", "csv", "gradescope", "prairielearn")
TEMPLATES = ("c", "cpp", "rust", "javascript", "python")
SUITE_SUFFIXES = (".json", ".jsonl", ".npz", ".safetensors", ".h", ".py", ".rs", ".js", ".jl")


def _by_default(name: str) -> str:
    """What an option of a request is by default, in brackets, as help has it."""
    value = Asked._field_defaults[name]
    return f"({','.join(map(str, value)) if isinstance(value, tuple) else value})"


_CHOSEN = (
    Option(
        "op",
        f"the operations, with commas between them {_by_default('op')}; network: convolution, bias, activation as one",
        CASES,
        "OP,…",
    ),
    Option("dims", f"on how many axes: 1, 2, 3, or several of them {_by_default('dims')}", CASES, "N,…"),
    Option("dtype", "the type of number: float64, float32, float16 or bfloat16", CASES, choices=TYPES),
    Option("limit", "only cases of which this is true, as in 'groups=1, C%8=0, H=W'", CASES, "LIMIT"),
    Option("seed", "other numbers in the same shapes; 0 are those that are published", CASES, "N", int, most=2**31 - 1),
)
_SHOWN = tuple(option for option in WRITING if option.name not in ("format", "output", "digits"))
GRADING = (
    *_CHOSEN,
    Option("want", f"which arrays it is asked for: any of {', '.join(RESULTS)} {_by_default('want')}", CASES, "NAME,…"),
    Option("cases", f"core, edges, files, folders, with commas between them {_by_default('cases')}", CASES, "SUITE,…"),
    Option("case", "single cases, by their ids", CASES, "ID,…"),
    Option("data", "whole numbers, compared to the bit, or real ones, by what the type allows", CASES, choices=DATA),
    Option("layout", "the order of axes, as in NHWC,HWIO", PROGRAM, "LAYOUT"),
    Option("kind", "what a function takes and gives", PROGRAM, choices=("numpy", "torch"), flag="--as"),
    Option("signature", "how a function takes it, as in 'dZ, (A_prev, W, b, hparameters)'", PROGRAM, "NAMES"),
    Option("call", "the function's name in every file of a folder", PROGRAM, "NAME"),
    Option("loop", "one process that speaks JSON Lines, not one a case", PROGRAM, kind=bool, flag="--loop"),
    Option("accumulate_into", "results are to be added to what is there", PROGRAM, kind=bool, flag="--accumulate-into"),
    Option("timeout", f"seconds that a case may take {_by_default('timeout')}", PROGRAM, "SECONDS"),
    Option("start_timeout", f"seconds until a process is ready {_by_default('start_timeout')}", PROGRAM, "SECONDS"),
    Option("runs", f"runs of every case {_by_default('runs')}", PROGRAM, "N", int, least=1, most=100),
    Option("jobs", f"commands that run at the same time {_by_default('jobs')}", PROGRAM, "N", int, least=1, most=1024),
    Option("template", "print an adapter to start from, and nothing else", PROGRAM, choices=TEMPLATES),
    Option("known", "a file of failures that are known, an id and an array a line", FAILURES, "FILE"),
    Option("keep", "write every case that fails into this folder, with its claim", FAILURES, "FOLDER"),
    Option("shrink", "look for the smallest case that fails", FAILURES, kind=bool, flag="--shrink/--no-shrink"),
    Option("feedback", "how much is told of what is wrong", FAILURES, choices=("full", "names", "counts")),
    Option("junit", "write a report for CI into this file as well", OUTPUT, "FILE"),
    Option("min_cases", "exit with 4 unless so many cases were run", FAILURES, "N", int),
    Option("min_strength", "exit with 4 unless so many mistakes could have been seen", FAILURES, "N", int),
    Option("format", "how to write the result", OUTPUT, choices=GRADE_FORMATS),
    Option("output", "write to this file, whole or not at all", OUTPUT, "FILE"),
    *_SHOWN,
    *RUNNING,
)  # fmt: skip
CASES_OF = (
    *_CHOSEN,
    Option("suite", "core, edges or both, with a comma (core)", CASES, "SUITE,…"),
    Option("need", "the fewest cases that catch these mistakes, by id", CASES, "MISTAKE,…"),
    Option("like", "your shape with our numbers: a line of benchdnn or MIOpenDriver", CASES, "SHAPE"),
    Option(
        "output", f"write the cases to a file of {', '.join(SUITE_SUFFIXES)}, or into a folder, which ends in /",
        OUTPUT, "FILE",
    ),
    Option("format", "how to write the table", OUTPUT, choices=("table", "json", "jsonl", "yaml")),
    *_SHOWN,
    *RUNNING,
)  # fmt: skip
