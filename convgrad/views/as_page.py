"""Blocks -> a page in one file: whole without JavaScript, and with it a backward pass to step through."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

from convgrad.errors import Problem, RequestError
from convgrad.passes.gradients import Gradients
from convgrad.views import blocks
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Arrays, Block, Facts, Part, Prose, printable
from convgrad.views.flattened import flattened
from convgrad.views.html import escaped, html
from convgrad.views.page_document import held
from convgrad.views.page_panels import MANY_COLUMNS, WRITTEN_OUT, panels, section
from convgrad.views.text_words import Pen

STYLED = re.compile(r' style="([^"]*)"')
TABLE = re.compile("<table([^>]*)>(?=(.*?)</tr>)", re.DOTALL)
"""A table, and its first row."""
UNNEEDED = re.compile("</(?:td|th|tr|thead|tbody|li)>")
"""Ends that HTML lets a page leave out."""
SPACED = re.compile(r"""("[^"\n]*"|`[^`]*`|/\^[^\n]*?\$/)|\s*([{}()\[\],;:?=<>*&|])\s*""")
"""Texts and patterns of a script, left as they are, and signs that need no space around them."""
PAPER = ";background:#fff;padding:0 .3em"
"""What a coloured word stands on, also in the dark."""
MARKED = ";color:#111;outline:2px solid;outline-offset:-2px"
"""What a cell with a fill has besides: its fill is not all that says so, and its ink is dark in the dark."""


def of_record(record: Any, asked: Asked, pen: Pen) -> Iterator[str]:
    """A record as a page that makes no request, under a policy that allows its own style and script alone.

    Raises RequestError, before the first chunk, for a quiz where there is nothing to be typed.
    """
    overlays = len(record.full_overlays) if isinstance(record, Gradients) else 0
    if asked.overlays is None and 0 < overlays <= WRITTEN_OUT:
        asked = asked._replace(overlays="all")
    taken, left = panels(record, asked)
    _require_quiz(taken, left, asked)
    data = [one for _, one in taken]
    sheets = "".join(section(panel, one, pen) for panel, one in taken) + html([Prose(one) for one in left], pen) * bool(
        left
    )
    above, below = _parts(record, asked, data)
    body = _tables(html(above, pen)) + sheets + (_tables(html(below, pen)) if below else "")
    body, styles = _classes(UNNEEDED.sub("", body))
    if data:
        data[0]["start"] = _start(record)
    yield from _page(_title(record, asked), body, _resource("page.css") + styles, data, held(record))


def _require_quiz(taken: list[Any], left: list[str], asked: Asked) -> None:
    if not asked.quiz:
        return
    pictures = any("zoom" in array for _, one in taken for array in one["arrays"].values())
    if not taken or left or pictures:
        why = left[0] if left else "there are too many entries" if pictures else "no layer slides a window"
        raise RequestError(Problem(f"--quiz: {why}", "ask of a smaller case, or of one --layer"))


def _parts(record: Any, asked: Asked, data: list[dict[str, Any]]) -> tuple[list[Block], list[Block]]:
    """What stands above the panels and below: of a case only its header above, and no array that they show already."""
    every: list[Part] = list(blocks(record, asked))
    parts = list(flattened(every))
    if not isinstance(record, Gradients) or not data:
        return ([part for part in parts if isinstance(part, Facts)] if asked.quiz else parts), []
    own = data[0]["arrays"]
    below = [] if asked.quiz else list(_without(parts[1:], own))
    return parts[:1], below


def _without(parts: Iterable[Block], known: dict[str, Any]) -> Iterator[Block]:
    for part in parts:
        if not isinstance(part, Arrays):
            yield part
        elif named := tuple(pair for pair in part.named if pair[0] not in known and pair[1] is not None):
            yield part._replace(named=named)


def _page(title: str, body: str, style: str, data: list[Any], document: str) -> Iterator[str]:
    script = _script(data)
    allowed = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    yield (
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name=viewport content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>{style}</style>\n<main>\n<h1>{escaped(title)}</h1>\n"
    )
    yield f"{body}\n</main>\n"
    if document:
        yield f'<script type="application/json" id="convgrad-document">{_harmless(document)}</script>\n'
    if data:
        yield f'<script type="application/json" id="convgrad-steps">{_json(data)}</script>\n<script>{script}</script>\n'


def _script(data: list[dict[str, Any]]) -> str:
    """What the panels need, no more, in a scope of its own; spaces and remarks stay at home."""
    if not data:
        return ""
    zoomed = any("zoom" in array for one in data for array in one["arrays"].values())
    names = ["sheet", *(["picture"] if zoomed else []), *(["quiz"] if "quiz" in data[0] else []), "page"]
    lines = "\n".join(_resource(f"{name}.js") for name in names).splitlines()
    code = "\n".join(re.sub(r"^//.*|  // .*", "", line) for line in lines)
    return '"use strict";{' + SPACED.sub(lambda found: found[1] or found[2], code).strip() + "}"


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
        return f" class={styles.setdefault(found[1], f's{len(styles)}')}"

    body = STYLED.sub(named, body)
    readable = {style: style.replace("color:gray", "opacity:.8") for style in styles}  # in the dark as well
    readable |= {style: style + PAPER for style in styles if style.startswith("color:#")}
    marked = {style: text + (MARKED if "background" in style else "") for style, text in readable.items()}
    return body, "".join(f".{name}{{{marked[style]}}}\n" for style, name in styles.items())


def _tables(body: str) -> str:
    """Tables that scroll by themselves where the page is narrow, and are small in print where they are wide."""
    return TABLE.sub(_table, body).replace("</table>", "</table></div>")


def _table(found: re.Match[str]) -> str:
    many = " data-many" if len(re.findall("<t[dh]", found[2])) > MANY_COLUMNS else ""
    return f"<div class=scroll tabindex=0 role=group aria-label=table><table{found[1]}{many}>"


def _title(record: Any, asked: Asked) -> str:
    """What the document calls itself, or what the record is."""
    case = getattr(record, "case", None)
    name = None if case is None else case.document.get("name")
    subject = getattr(record, "network", getattr(record, "subject", None))
    name = name if subject is None else subject.chain.document.get("name")
    if isinstance(name, str) and printable(name):
        return printable(name)
    return "quiz" if asked.quiz else KINDS.get(type(record).__name__, "convgrad")


KINDS = {"Gradients": "backward", "Forward": "forward", "Explanation": "explain", "Report": "check", "Shown": "network",
         "LossExplanation": "the loss", "Installation": "check of the installation", "Grade": "grade"}  # fmt: skip


def _start(record: Any) -> str:
    """The link to the entry that a record explains; none where it is another's."""
    name = getattr(record, "name", "")
    if name not in ("dX", "dW", "db") or not hasattr(record, "terms"):
        return ""
    own = f"{record.part.name}." if record.part.name else ""
    return f"#{own}{name}={','.join(map(str, record.index))}"
