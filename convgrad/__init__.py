"""Gradients of convolution and pooling: shown overlay by overlay, exact, checked, and diagnosed."""

__version__ = "0.1.0"

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without importing typing: `--version` is to be instant
if TYPE_CHECKING:
    from convgrad.catalogue.listed import mistakes as mistakes
    from convgrad.checking.judging import check as check
    from convgrad.documents.schemas import schema as schema
    from convgrad.errors import RequestError as RequestError
    from convgrad.frameworks.watching import watch as watch
    from convgrad.grading.door import grade as grade
    from convgrad.passes.explanation import explain as explain
    from convgrad.passes.gradients import backward as backward
    from convgrad.passes.gradients import forward as forward
    from convgrad.passes.subject import network as network
    from convgrad.subject.case import Case as Case
    from convgrad.suites.door import cases as cases

_HOMES = {
    "Case": "convgrad.subject.case",
    "RequestError": "convgrad.errors",
    "backward": "convgrad.passes.gradients",
    "cases": "convgrad.suites.door",
    "check": "convgrad.checking.judging",
    "explain": "convgrad.passes.explanation",
    "forward": "convgrad.passes.gradients",
    "mistakes": "convgrad.catalogue.listed",
    "grade": "convgrad.grading.door",
    "network": "convgrad.passes.subject",
    "schema": "convgrad.documents.schemas",
    "watch": "convgrad.frameworks.watching",
}

__all__ = [
    "Case", "RequestError", "backward", "cases", "check", "explain", "forward", "grade", "mistakes", "network",
    "schema", "watch",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Public names come from their modules when first used, so that `--version` and `--help` import no numpy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'convgrad' has no attribute '{name}'")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
