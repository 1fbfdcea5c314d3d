"""Blocks -> a LaTeX document of amsmath and graphicx: sums in `aligned`, arrays in `pmatrix`, tables in `tabular`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from convgrad.views.block_kinds import (
    Arrays,
    Beside,
    Block,
    Facts,
    Formula,
    Grid,
    Heading,
    Identities,
    Item,
    Line,
    Part,
    Prose,
    Remark,
    Row,
    Table,
    Verdict,
    printable,
)
from convgrad.views.flattened import Plane, flattened, planes, shown_rows
from convgrad.views.text_words import Pen, identity_text, joined_entry

BEGIN = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{amsmath}
\usepackage{graphicx}
\newsavebox{\wide}
\newcommand{\fitted}[1]{\sbox{\wide}{#1}%
  \ifdim\wd\wide>\linewidth\resizebox{\linewidth}{!}{\usebox{\wide}}\else\usebox{\wide}\fi}
\setlength{\parindent}{0pt}
\setlength{\parskip}{1ex plus 1ex}
\setlength{\textwidth}{17cm}
\setlength{\oddsidemargin}{-0.5cm}
\begin{document}
\small\sloppy\raggedright
"""
END = "\\end{document}\n"
INSIDE = "\\providecommand{\\fitted}[1]{#1}\n\n"
"""What a passage needs in somebody else's document that has amsmath and graphicx."""
WIDEST = 10
"""Columns that a pmatrix takes; wider ones are an array."""
ROWS = 30
"""Rows of a table that one tabular has: TeX does not break it over pages."""
SPACED = r"\setlength{\tabcolsep}{3pt}\renewcommand{\arraystretch}{1.15}"
NAMES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "#": r"\#", "$": r"\$", "%": r"\%", "&": r"\&", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": "$<$", ">": "$>$", "|": "$|$", "×": r"$\times$",
    "Σ": r"$\Sigma$", "·": r"$\cdot$", "→": r"$\rightarrow$", "←": r"$\leftarrow$", "…": r"\dots{}", "−": "$-$",
    '"': "''", "√": r"$\surd$", "≤": r"$\le$", "∂": r"$\partial$", "[": "{[}", "]": "{]}", "`": "`{}", "'": "'{}",
    "-": "-{}",
}  # fmt: skip
SYMBOL = re.compile(r"\b(dX|dW|db|delta|x|w|b|y)\b(?:\[([^\]]*)\])?")
LETTERS = {"delta": r"\delta", "dX": r"\mathit{dX}", "dW": r"\mathit{dW}", "db": r"\mathit{db}"}


def write(parts: Iterable[Part], pen: Pen) -> Iterator[str]:
    """A document that pdflatex takes."""
    yield BEGIN
    yield from passage(parts, pen)
    yield END


def passage(parts: Iterable[Part], pen: Pen) -> Iterator[str]:
    """What stands in it; last that numbers were rounded, if any were."""
    for block in flattened(parts):
        if text := WRITERS[type(block)](block, pen):
            yield f"{text}\n\n"
    if pen.numbers.rounded:
        yield f"\\emph{{rounded to {pen.numbers.digits} digits}}\n"


def escaped(text: str) -> str:
    """A text as it reads; a sign that TeX's fonts lack by its number."""
    return "".join(NAMES.get(sign) or _sign(sign) for sign in printable(text))


def _sign(sign: str) -> str:
    known = sign.isascii() or "\xc0" <= sign <= "\xff"
    return sign if known else f"\\texttt{{U+{ord(sign):04X}}}"


def _words(words: Any, pen: Pen) -> str:
    return escaped(pen.words(words))


def _facts(block: Heading | Facts, pen: Pen) -> str:
    text = r" \quad ".join(_words(item, pen).strip() for item in block.items)
    return f"\\textbf{{{text}}}" if isinstance(block, Heading) or block.lead else text


def _item(block: Item, pen: Pen) -> str:
    return f"\\hspace*{{{1 + 2 * block.level}em}}$\\bullet$ {_words(block.words, pen)}"


def _identities(block: Identities, pen: Pen) -> str:
    return "\n\n".join(escaped(identity_text(one, pen)) for one in block.checked)


# -- Formulas ----------------------------------------------------------------------------------------------------------


def _formula(block: Formula, pen: Pen) -> str:
    """A sum, symbol and numbers, of which each side and each few terms are a line of `aligned`."""
    left, _, right = pen.words(block.words).partition(" = ")
    body, _, note = right.partition(", ")
    terms = re.split(r" (?=[+=] )", body)
    lines = [" ".join(terms[first : first + 4]) for first in range(0, len(terms), 4)]
    shown = " \\\\\n  &\\quad ".join(map(mathematics, lines))
    said = f"\n{escaped(note)}" if note else ""
    return f"\\[\n\\begin{{aligned}}\n  {mathematics(left)} &= {shown}\n\\end{{aligned}}\n\\]{said}"


def mathematics(text: str) -> str:
    """A formula in our letters as one of TeX's; a negative number after a sign is in parentheses.

    >>> mathematics("dX[r] = sum over p of delta[p] w[r-2p] + -0.5×-1")
    '\\\\mathit{dX}_{r} = \\\\sum_{p} \\\\delta_{p}\\\\, w_{r-2p} + (-0.5) \\\\times (-1)'
    """
    text = re.sub(r"(?<=[×+] )(-[\w.]+)|(?<=[×+])(-[\w.]+)", lambda found: f"({found[1] or found[2]})", text)
    text = re.sub(r"sum over ([\w,]+) of", lambda found: f"\\sum_{{{found[1]}}}", text)
    text = SYMBOL.sub(lambda found: LETTERS.get(found[1], found[1]) + (f"_{{{found[2]}}}" if found[2] else ""), text)
    text = re.sub(r"(?<=\}) (?=[\\a-z])", r"\\, ", text).replace("\\sum_", "\\sum_")
    text = re.sub(r"(\\sum_\{[^}]*\})\\, ", r"\1 ", text)
    text = re.sub(r"(?<=\d)e(-?\d+)", r"\\cdot 10^{\1}", text)
    return re.sub(r"[%#&$]", "", text.replace("×", " \\times ").replace("·", "0"))


# -- Tables and arrays -------------------------------------------------------------------------------------------------


def _table(block: Table, pen: Pen) -> str:
    kinds = "".join("l" if column.kind == "left" else "r" for column in block.columns)
    head = _row([_words(column.heading, pen) for column in block.columns])
    rows = [_row(_entries(row, pen)) for row in shown_rows(block)]
    total = ["\\hline", _row(_entries(block.total, pen))] if block.total else []
    pages = [rows[first : first + ROWS] for first in range(0, max(len(rows), 1), ROWS)]
    return "\n\n".join(
        _tabular(kinds, [head, "\\hline", *page, *(total if page is pages[-1] else [])]) for page in pages
    )


def _tabular(kinds: str, lines: list[str]) -> str:
    size = "\\scriptsize" if len(kinds) > 9 else "\\footnotesize"
    body = "\n".join(lines)
    table = f"{SPACED}\\begin{{tabular}}{{{kinds}}}\n{body}\n\\end{{tabular}}"
    return f"\\fitted{{{size}{table}}}"


def _row(texts: Iterable[str]) -> str:
    return " & ".join(texts) + r" \\"


def _entries(row: Row, pen: Pen) -> list[str]:
    return [escaped(_signed(joined_entry(entry, pen))) for entry in row]


def _signed(text: str) -> str:
    """A text whose negative numbers have a minus, and parentheses as factors.

    >>> _signed("-0.2×-1 = 0.2 at x[0,1], 1e-07")
    '−0.2×(−1) = 0.2 at x[0,1], 1e-07'
    """
    text = re.sub(r"(?<=×)-([\d.]\S*)", r"(−\1)", text)
    return re.sub(r"(?<![\w\])-])-(?=[\d.])", "−", text)


def _arrays(block: Arrays, pen: Pen) -> str:
    named = ((name, np.asarray(values)) for name, values in block.named if values is not None)
    return "\n\n".join(_grid(Grid(name, values), pen) for name, values in named)


def _grid(block: Grid, pen: Pen) -> str:
    shown = [_matrix(plane, pen) for plane in planes(block)]
    title = _words(block.title, pen)
    if block.values.size == 0:
        return f"{title}: empty"
    return "\n".join(f"\\fitted{{{title}{escaped(label)} $= {matrix}$}}" for label, matrix in shown)


def _matrix(plane: Plane, pen: Pen) -> tuple[str, str]:
    lines = " \\\\ ".join(" & ".join(_cell(cell, pen) for cell in row) for row in plane.cells)
    if len(plane.columns) <= WIDEST:
        return plane.label, f"\\begin{{pmatrix}} {lines} \\end{{pmatrix}}"
    kinds = "r" * len(plane.columns)
    return plane.label, f"{{\\scriptsize\\left(\\begin{{array}}{{{kinds}}} {lines} \\end{{array}}\\right)}}"


def _cell(cell: tuple[Any, str] | None, pen: Pen) -> str:
    if cell is None:
        return "\\cdots"
    number = mathematics(pen.numbers.text(cell[0]))
    number = f"\\text{{{number}}}" if number.isalpha() else number
    return (
        f"\\mathbf{{[{number}]}}" if cell[1] in ("window", "win") else f"{number}^{{=}}" if cell[1] else f"{{{number}}}"
    )


def _beside(block: Beside, pen: Pen) -> str:
    return "\n\n".join(WRITERS[type(part)](part, pen) for part in block.blocks)


WRITERS: dict[type[Block] | type[Remark], Callable[[Any, Pen], str]] = {
    Heading: _facts,
    Facts: _facts,
    Prose: lambda block, pen: _words(block.words, pen),
    Item: _item,
    Formula: _formula,
    Line: lambda block, pen: _words(block.words, pen),
    Remark: lambda block, pen: f"{_words(block.title, pen)}{_words(block.words, pen)}",
    Verdict: lambda block, pen: f"\\textbf{{{block.word}}}",
    Identities: _identities,
    Arrays: _arrays,
    Grid: _grid,
    Beside: _beside,
    Table: _table,
}
