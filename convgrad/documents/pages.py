"""A page that convgrad wrote is a document: the case or network, and the claim, that it was made of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from convgrad.documents.document import Document
from convgrad.documents.reading import of_text
from convgrad.documents.sources import YAML, Source, decoded, refuse

HELD = re.compile(r'<script type="application/json" id="convgrad-document">(.*?)</script>', re.DOTALL)


def of_page(source: Source, *, exact: bool, nonfinite: bool) -> Iterator[Document]:
    """The document in a page. Raises RequestError for a page that holds none."""
    found = HELD.search(decoded(source.data(), source.name))
    if not found:
        refuse(source.name, "this page holds no document of convgrad", "name a page that --output FILE.html wrote")
    return of_text(Source(source.name, YAML, inline=found[1]), exact=exact, nonfinite=nonfinite)
