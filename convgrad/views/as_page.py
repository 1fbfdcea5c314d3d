"""Blocks -> a page in one file: whole without JavaScript, and with it a backward pass to step through."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array, Plain
from convgrad.core.nested import Numbers
from convgrad.passes.gradients import Gradients
from convgrad.views import blocks
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import index, printable
from convgrad.views.html import escaped, html
from convgrad.views.page_steps import can_step, steps_of, sums_of
from convgrad.views.text_words import Pen

STYLED = re.compile(r' style="([^"]*)"')
MOST_DOCUMENT = 40_000
"""Numbers of a document up to which a page holds it, so that it can be checked again."""
PAPER = ";background:#fff;padding:0 .3em"
"""What a coloured word stands on, also in the dark."""
MARKED = ";color:#111;outline:2px solid;outline-offset:-2px"
"""What a cell with a fill has besides: its fill is not all that says so, and its ink is dark in the dark."""
WRITTEN_OUT = 200
"""Products of a case up to which every sum is written out, and overlays up to which the ledger has them all."""
TOO_LARGE = "there are too many numbers to step through; --layer, --only or a smaller case can be stepped through"


class Panel(NamedTuple):
    """A backward pass to step through: the name of its layer, and what is claimed of it."""

    name: str
    gradients: Gradients
    claimed: dict[str, tuple[Array, Array]]


def of_record(record: Any, asked: Asked, pen: Pen) -> Iterator[str]:
    """A record as a page that makes no request, under a policy that allows its own style and script alone."""
    overlays = len(record.full_overlays) if isinstance(record, Gradients) else 0
    if asked.overlays is None and 0 < overlays <= WRITTEN_OUT:
        asked = asked._replace(overlays="all")
    body = html(blocks(record, asked), pen)
    panels = list(_panels(record))
    stepped = [panel for panel in panels if can_step(panel.gradients)]
    start = _start(record)
    data = [{"id": f"panel-{number}", **_data(panel), "start": start} for number, panel in enumerate(stepped)]
    shown = "".join(_section(panel, one, pen) for panel, one in zip(stepped, data, strict=True))
    if panels and not stepped:
        shown = f"<p>{escaped(TOO_LARGE)}</p>"
    body, styles = _classes(f"{_tables(body)}")
    yield from _page(_title(record), body, shown, _resource("page.css") + styles, data, _document(record))


def _page(title: str, body: str, shown: str, style: str, data: list[Any], document: str) -> Iterator[str]:
    script = _resource("page.js") if data else ""
    allowed = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n<h1>{escaped(title)}</h1>\n"
    )
    yield f"{body}\n{shown}\n</main>\n"
    if document:
        yield f'<script type="application/json" id="convgrad-document">{document}</script>\n'
    if data:
        yield f'<script type="application/json" id="convgrad-steps">{_json(data)}</script>\n<script>{script}</script>\n'
    yield "</body>\n</html>\n"


def _resource(name: str) -> str:
    return (files("convgrad.views") / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(value: Any) -> str:
    """JSON that ends no script, whatever its texts hold."""
    return _harmless(json.dumps(value, separators=(",", ":"), allow_nan=False))


def _harmless(text: str) -> str:
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028")


def _classes(body: str) -> tuple[str, str]:
    """The same page with classes in place of styles, which the policy would not let stand, and the rules of these."""
    styles: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return f' class="{styles.setdefault(found[1], f"s{len(styles)}")}"'

    body = STYLED.sub(named, body)
    readable = {style: style.replace("color:gray", "opacity:.8") for style in styles}  # in the dark as well
    readable |= {style: style + PAPER for style in styles if style.startswith("color:#")}
    marked = {style: text + (MARKED if "background" in style else "") for style, text in readable.items()}
    return body, "".join(f".{name}{{{marked[style]}}}\n" for style, name in styles.items())


def _tables(body: str) -> str:
    """Tables that scroll by themselves where the page is narrow."""
    opened = body.replace("<table", '<div class="scroll" tabindex="0" role="group" aria-label="table"><table')
    return opened.replace("</table>", "</table></div>")


def _title(record: Any) -> str:
    """What the document calls itself, or what the record is."""
    case = getattr(record, "case", None)
    name = None if case is None else case.document.get("name")
    subject = getattr(record, "network", getattr(record, "subject", None))
    name = name if subject is None else subject.chain.document.get("name")
    return (
        printable(name) if isinstance(name, str) and printable(name) else KINDS.get(type(record).__name__, "convgrad")
    )


KINDS = {"Gradients": "backward", "Forward": "forward", "Explanation": "explain", "Report": "check", "Shown": "network",
         "LossExplanation": "the loss", "Installation": "check of the installation"}  # fmt: skip


# -- Panels ------------------------------------------------------------------------------------------------------------


def _panels(record: Any) -> Iterator[Panel]:
    """The backward passes of a record: of a network those of the layers that slide windows."""
    if isinstance(record, Gradients):
        yield Panel("", record, {})
        return
    subject = getattr(record, "network", getattr(record, "subject", None))
    if subject is None or getattr(record, "name", "") == "y":
        return
    for part in subject.parts:
        if part.layer.windowed and part.case.delta is not None:
            yield Panel(part.name, part.gradients, _claimed(record, part.name))


def _start(record: Any) -> str:
    """The link to the entry that a record explains; none where it is another's."""
    name = getattr(record, "name", "")
    if name not in ("dX", "dW") or not hasattr(record, "terms"):
        return ""
    own = f"{record.part.name}." if record.part.name else ""
    return f"#{own}{name}={','.join(map(str, record.index))}"


def _claimed(record: Any, name: str) -> dict[str, tuple[Array, Array]]:
    """What is claimed of the gradients of a part, and where it is wrong."""
    return {
        finding.array: (finding.claimed, finding.wrong_at)
        for finding in getattr(record, "findings", ())
        if finding.against == "claim" and finding.place.part == name and finding.comparable
        and finding.array in ("dX", "dW")
    }  # fmt: skip


def _data(panel: Panel) -> dict[str, Any]:
    claims = {
        name: [float(v) if np.isfinite(float(v)) else None for v in claimed.ravel()]
        for name, (claimed, _) in panel.claimed.items()
    }
    return {"name": panel.name, **steps_of(panel.gradients), **({"claim": claims} if claims else {})}


def _section(panel: Panel, data: dict[str, Any], pen: Pen) -> str:
    """The controls, hidden until a script is there, and the arrays."""
    title = f"Step through {panel.name}" if panel.name else "Step through"
    name = escaped(printable(title))
    arrays = "".join(
        f'<div data-array="{array}">{_array(array, one, panel.claimed.get(array), pen)}</div>'
        for array, one in data["arrays"].items()
    )
    return (
        f'<section id="{data["id"]}" aria-label="{name}"><h2>{name}</h2>\n<div class="controls" hidden>'
        '<button type="button">back</button> '
        '<input type="range" min="0" value="0" aria-label="overlay"> <button type="button">next</button> '
        '<span class="step" role="status"></span></div>\n<p class="said" aria-live="polite"></p>\n'
        f'<div class="arrays">{arrays}</div>\n<p class="self"></p>{_details(data, pen)}</section>\n'
    )


def _details(data: dict[str, Any], pen: Pen) -> str:
    """Of a hand-sized case every entry's sum, to be folded out; it needs no script."""
    terms = sum(len(data["patterns"][pattern]) for _, _, pattern in data["steps"])
    if terms > WRITTEN_OUT:
        return ""
    names = [name for name in ("dW", "dX") if name in data["arrays"]]
    lines = "".join(f"<li>{escaped(line)}" for name in names for line in sums_of(data, name, pen.numbers.text))
    return f"<details><summary>every entry as its sum</summary><ul>{lines}</ul></details>"


def _array(name: str, array: dict[str, Any], claimed: tuple[Array, Array] | None, pen: Pen) -> str:
    """Every plane as a table with headings; entries that are claimed wrongly are marked."""
    shape, values = array["shape"], array["values"]
    columns = shape[-1] if shape else 1
    rows = shape[-2] if len(shape) > 1 else 1
    wrong = claimed[1].ravel() if claimed else np.zeros(len(values), bool)
    texts = [f"<td data-wrong>{pen.numbers.text(v)}" if bad else f"<td>{pen.numbers.text(v)}"
             for v, bad in zip(values, wrong, strict=True)]  # fmt: skip
    size = rows * columns
    leads = list(np.ndindex(*shape[:-2])) if len(shape) > 2 else [()]
    return "".join(
        _plane(
            name + (index(lead) if lead else ""), texts[number * size : (number + 1) * size], columns, len(shape) > 1
        )
        for number, lead in enumerate(leads)
    )


def _plane(caption: str, texts: list[str], columns: int, headed: bool) -> str:
    head = "".join(f'<th scope="col">{j}' for j in range(columns))
    corner = "<th>i,j" if headed else ""
    rows = [texts[first : first + columns] for first in range(0, len(texts), columns)]
    lines = "".join(f"<tr>{f'<th scope=row>{i}' if headed else ''}{''.join(row)}" for i, row in enumerate(rows))
    return (
        f'<div class="scroll"><table aria-label="{caption}"><caption>{caption}</caption>'
        f"<thead><tr>{corner}{head}<tbody>{lines}</table></div>"
    )


# -- The document ------------------------------------------------------------------------------------------------------


def _document(record: Any) -> str:
    """What was computed, as the document that it was, so that a page can be read again; empty where it is too large."""
    subject = getattr(record, "network", getattr(record, "subject", None))
    held = subject.chain.document if subject is not None else getattr(getattr(record, "case", None), "document", None)
    if held is None or _size(held) > MOST_DOCUMENT:
        return ""
    return _harmless(_flow(held))


def _size(value: Any) -> int:
    if isinstance(value, np.ndarray | Numbers):
        return int(np.prod(value.shape))
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 1


def _flow(value: Any) -> str:
    """A part of a document as YAML in braces, each number as it was written."""
    if isinstance(value, Plain):
        return str(value)
    if isinstance(value, Numbers):
        value = np.array(value.values, object).reshape(value.shape)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    if value is None or isinstance(value, bool | str | int | float):
        return json.dumps(value)
    return str(value) if str(value).lstrip("-").replace(".", "", 1).isdigit() else json.dumps(str(value))
