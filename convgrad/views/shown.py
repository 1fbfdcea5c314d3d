"""What is to be shown of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from convgrad.case import Case
    from convgrad.chain.passes import Network


class Shown(NamedTuple):
    """All layers of a network or the one of a name, and the losses of so many steps."""

    network: Network
    layer: str | None = None
    steps: int | None = None

    @property
    def case(self) -> Case:
        return self.network.case
