"""What is asked to be shown of a network: all of it, a layer, or some steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from convgrad.passes.gradients import Gradients
    from convgrad.passes.subject import Subject
    from convgrad.subject.case import Case


class Shown(NamedTuple):
    """All layers of a network or the one of a name, and the losses of so many steps."""

    network: Subject
    layer: str | None = None
    steps: int | None = None

    @property
    def gradients(self) -> Gradients | None:
        """Those of the one layer, where it slides a window: it is looked at as a case is."""
        part = None if self.layer is None else self.network.layer(self.layer)
        return part.gradients if part is not None and part.layer.windowed else None

    @property
    def case(self) -> Case:
        """The case whose kind of number the view has."""
        return self.network.case if (gradients := self.gradients) is None else gradients.case

    def streamed(self, overlays: str | int | None = None) -> dict[str, Any]:
        """What the JSON says; overlays only of one layer."""
        return self.network.streamed(self.steps, self.layer, overlays)
