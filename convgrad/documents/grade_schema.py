"""The published schemas of what `grade` and `cases` put out."""

from __future__ import annotations

from convgrad.documents.schemas import NUMBERS, Schema, closed, listed
from convgrad.vocabulary import GRADE_VERDICTS, OPERATIONS, RESULTS

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
DTYPE: Schema = {"enum": ["float64", "float32", "float16", "bfloat16"], "description": "the type of number"}
VERDICT: Schema = {"enum": list(GRADE_VERDICTS), "description": "the gravest first"}
ARRAY_NAME: Schema = {"enum": list(RESULTS)}


def schemas_of_grading() -> dict[str, Schema]:
    """By name."""
    return {"grade": _grade(), "cases": _cases()}


def _grade() -> Schema:
    control = closed({"planted": COUNT, "found": COUNT}, ["planted", "found"], "a mistake of ours, to be found first")
    counts: Schema = {"type": "object", "propertyNames": VERDICT, "additionalProperties": COUNT}
    where = closed({"array": ARRAY_NAME, "verdict": VERDICT, "where": TEXT}, ["array", "verdict", "where"])
    coverage = closed(
        {"mistakes": COUNT, "could_be_seen": COUNT, "blind_to": listed(TEXT)}, ["mistakes", "could_be_seen", "blind_to"]
    )
    properties: Schema = {
        "schema": {"const": "convgrad.grade/1"},
        "verdict": VERDICT,
        "target": {"type": "string", "description": "the function or the command that was graded"},
        "suite": TEXT,
        "seed": COUNT,
        "dtype": DTYPE,
        "runs": COUNT,
        "cases": {"type": "integer", "minimum": 0, "description": "how many were run"},
        "control": control,
        "counts": counts,
        "stopped": {"type": "string", "description": "why the run ended before all cases were run"},
        "shared": listed(where),
        "smallest": listed(_smallest()),
        "results": listed(_result()),
        "coverage": coverage,
    }
    required = [name for name in properties if name != "stopped"]
    return closed(properties, required, "somebody's program, run on cases")


def _smallest() -> Schema:
    shapes: Schema = {"type": "object", "additionalProperties": listed(COUNT)}
    properties = {
        "array": ARRAY_NAME, "mistake": TEXT, "id": TEXT, "numbers": COUNT, "shapes": shapes, "file": TEXT,
    }  # fmt: skip
    return closed(properties, ["array", "mistake", "id", "numbers", "shapes"], "the smallest case found that fails")


def _result() -> Schema:
    diagnosis = closed({"mistake": {"type": ["string", "null"]}, "message": TEXT, "fix": TEXT}, ["mistake"])
    properties = {
        "id": TEXT,
        "array": ARRAY_NAME,
        "verdict": VERDICT,
        "detail": TEXT,
        "untested": {"type": "string", "description": "what could not be told of it"},
        "known": {"const": True},
        "stderr": {"type": "string", "description": "what a program that failed wrote to standard error, up to 64 KB"},
        "stdout": {"type": "string", "description": "what it wrote to standard output beside its answers"},
        "diagnosis": listed(diagnosis),
        "reproduce": {"type": "string", "description": "a command line that repeats it"},
        "file": {"type": "string", "description": "a case file with what came back as its claim"},
    }
    return closed(properties, ["id", "array", "verdict"], "one array of one case")


def _cases() -> Schema:
    texts: Schema = {"type": "object", "additionalProperties": TEXT}
    arrays: Schema = {"type": "object", "propertyNames": ARRAY_NAME, "additionalProperties": NUMBERS}
    off: Schema = {"type": "object", "propertyNames": ARRAY_NAME, "additionalProperties": {"type": "number"}}
    case: Schema = {
        "type": "object", "properties": {"op": {"enum": list(OPERATIONS)}}, "required": ["input", "delta"],
        "anyOf": [{"required": ["op"]}, {"required": ["layers"]}], "description": "a case document, or a network's",
    }  # fmt: skip
    row = {
        "id": {"type": "string", "description": "never used for another case"},
        "comment": TEXT,
        "flags": listed(TEXT),
        "source": {"type": "string", "description": "the public issue that the shape stems from"},
        "catches": {**listed(TEXT), "description": "the ids of mistakes that show on it"},
        "case": case,
        "expected": arrays,
        "allowed": {**off, "description": "how far off any entry may be"},
    }
    properties: Schema = {
        "schema": {"const": "convgrad.cases/1"}, "suite": TEXT, "version": TEXT, "dtype": DTYPE, "conventions": texts,
        "exact": TEXT, "notes": texts, "withdrawn": listed(TEXT),
        "cases": listed(closed(row, [name for name in row if name != "source"])),
    }  # fmt: skip
    return closed(properties, list(properties), "test cases with what must come out")
