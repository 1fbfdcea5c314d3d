"""Gradients of convolution and pooling: shown overlay by overlay, exact, checked, and diagnosed."""

__version__ = "0.1.0"

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without importing typing: `--version` is to be instant
if TYPE_CHECKING:
    from convgrad.case import Case as Case
    from convgrad.chain.explaining import explain as explain
    from convgrad.chain.passes import network as network
    from convgrad.documents.schemas import schema as schema
    from convgrad.errors import RequestError as RequestError
    from convgrad.gradients import backward as backward
    from convgrad.gradients import forward as forward
    from convgrad.network_checking import check as check

_HOMES = {
    "Case": "convgrad.case",
    "RequestError": "convgrad.errors",
    "backward": "convgrad.gradients",
    "check": "convgrad.network_checking",
    "explain": "convgrad.chain.explaining",
    "forward": "convgrad.gradients",
    "network": "convgrad.chain.passes",
    "schema": "convgrad.documents.schemas",
}

__all__ = ["Case", "RequestError", "backward", "check", "explain", "forward", "network", "schema"]


def __getattr__(name: str) -> object:
    """Public names come from their modules when first used, so that `--version` and `--help` import no numpy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'convgrad' has no attribute '{name}'")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
