"""What libyaml says about broken syntax, in plain words, whatever its version's: where, what is wrong, what to do."""

from __future__ import annotations

from typing import Any

from yaml.reader import Reader

NON_PRINTABLE = Reader.NON_PRINTABLE
SEVERAL = "put a line with --- before each document, or write one document a line in a .jsonl file"
INDENT = "write `name: value` on a line of its own, with names of one mapping in the same column; put text in quotes"

ESCAPE = "write \\\\ for a backslash, or use single quotes"
BLOCK = ("after '|' or '>' the text begins on the next line", "put short text in quotes")
DIRECTIVE = ("a line that begins with '%' directs YAML itself, and this one cannot", "leave it out")

# What libyaml's sentence, or after it the context, contains -> what to say; `{found}` is the character at the place.
SENTENCES = {
    "<document start>": ("the document has ended, but here is {found}", SEVERAL),
    "mapping values are not allowed": ("':' is not expected here", INDENT),
    "unexpected ':'": ("':' is not expected here", INDENT),
    "could not find expected ':'": ("expected `name: value`", INDENT),
    "tab character": ("a tab is used for indentation", "use spaces"),
    "unexpected end of stream": ("this quote is never closed", "close it"),
    "document indicator": ("this quote is never closed", "close it"),
    "cannot start any token": ("nothing can begin with {found}", "put text in quotes"),
    "node content": ("expected a value, found {found}", "remove a comma, or write the value that is missing"),
    "expected '-' indicator": ("expected another '- item', found {found}", "align it with those above"),
    "<block end>": ("this does not line up with what is above", INDENT),
    "expected key": ("this does not line up with what is above", INDENT),
    "block sequence entries": ("'-' is not expected here", INDENT),
    "mapping keys": ("'?' is not expected here", "write `name: value`"),
    "comment or line break": BLOCK,
    "indentation indicator": BLOCK,
    "unknown escape": ("there is no such escape in double quotes", ESCAPE),
    "hexdecimal": ("this escape has too few hexadecimal digits", ESCAPE),
    "Unicode character escape": ("this escape is no character", "surrogates come in pairs"),
    "%": DIRECTIVE,
    "incompatible YAML": DIRECTIVE,
    "tag handle": ("'!' begins a YAML tag", "tags are not read: leave it out, or put text in quotes"),
    "scanning a directive": DIRECTIVE,
    "scanning a %": DIRECTIVE,
    " a tag": ("'!' begins a YAML tag", "tags are not read: leave it out, or put text in quotes"),
    "an anchor": ("'&' names a part for repeating", "anchors are not read: leave it out, or put text in quotes"),
    "an alias": ("'*' repeats another part", "aliases are not read: write the value out, or put text in quotes"),
}


def translated(error: Any, text: str) -> tuple[int, str, str]:
    """The index in the text, the message and the advice for one of libyaml's errors."""
    if getattr(error, "problem_mark", None) is None:
        return _unprintable(text)
    index, problem = _index(error), str(error.problem or "")
    if "expected ',' or" in problem or (_ends(text, index) and "flow" in str(error.context)):
        return _unclosed(error, text, index)
    found = "a tab" if text[index : index + 1] == "\t" else _found(text, index)
    if found == "a tab" and "cannot start" in problem:
        problem = "tab character"
    for sentence in (problem, str(error.context)):
        for part, (message, advice) in SENTENCES.items():
            if part in sentence:
                return index, message.format(found=found), advice
    return index, f"{found} is not expected here", "this is no valid YAML or JSON"


def _index(error: Any) -> int:
    """The place to show: what is never closed begins at the context's mark, all else is at the problem's."""
    problem = str(error.problem)
    opens = "end of stream" in problem or "document indicator" in problem or "could not find expected ':'" in problem
    mark = error.context_mark if opens and error.context_mark else error.problem_mark
    return int(mark.index)


def _unclosed(error: Any, text: str, index: int) -> tuple[int, str, str]:
    opened = error.context_mark.index
    bracket = text[opened : opened + 1]
    if bracket not in ("[", "{"):
        return len(text.rstrip()), "the document ends where a value must be", "close every bracket"
    if _ends(text, index):
        return opened, f"'{bracket}' is never closed", f"write '{']' if bracket == '[' else '}'}' where it ends"
    closing = "]" if bracket == "[" else "}"
    line = error.context_mark.line - error.problem_mark.line
    where = f"{-line} line{'s' * (line < -1)} above" if line else "on this line"
    return index, f"expected ',' or '{closing}', found {_found(text, index)}", f"'{bracket}' is opened {where}"


def _ends(text: str, index: int) -> bool:
    return not text[index:].strip()


def _found(text: str, index: int) -> str:
    """The word at an index, as it is quoted in a message."""
    words = text[index : index + 40].split(maxsplit=1)
    if not words:
        return "the end of the document"
    return f"'{words[0][:1]}'" if words[0][0] in ",:[]{}'\"-" else f"'{words[0].rstrip(',:]}')}'"


def _unprintable(text: str) -> tuple[int, str, str]:
    match = NON_PRINTABLE.search(text)
    if match is None:
        return 0, "this is no text", ""
    return match.start(), f"the character U+{ord(match[0]):04X} cannot be in a document", "remove it"
