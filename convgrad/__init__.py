"""Gradients of convolution and pooling: shown overlay by overlay, exact, checked, and diagnosed."""

__version__ = "0.1.0"

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without importing typing: `--version` is to be instant
if TYPE_CHECKING:
    from convgrad.checking.judging import check as check
    from convgrad.documents.schemas import schema as schema
    from convgrad.errors import RequestError as RequestError
    from convgrad.frameworks.watching import watch as watch
    from convgrad.passes.explanation import explain as explain
    from convgrad.passes.gradients import backward as backward
    from convgrad.passes.gradients import forward as forward
    from convgrad.passes.subject import network as network
    from convgrad.subject.case import Case as Case

_HOMES = {
    "Case": "convgrad.subject.case",
    "RequestError": "convgrad.errors",
    "backward": "convgrad.passes.gradients",
    "check": "convgrad.checking.judging",
    "explain": "convgrad.passes.explanation",
    "forward": "convgrad.passes.gradients",
    "network": "convgrad.passes.subject",
    "schema": "convgrad.documents.schemas",
    "watch": "convgrad.frameworks.watching",
}

__all__ = ["Case", "RequestError", "backward", "check", "explain", "forward", "network", "schema", "watch"]


def __getattr__(name: str) -> object:
    """Public names come from their modules when first used, so that `--version` and `--help` import no numpy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'convgrad' has no attribute '{name}'")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
