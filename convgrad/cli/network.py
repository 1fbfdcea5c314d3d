"""The network command, and explain on a network: documents to records, for one layer, or step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from convgrad.cli.cases import Run, prepared
from convgrad.cli.delivery import Result, deliver
from convgrad.cli.requests import Request, has_lifted_arrays, requests
from convgrad.errors import Place, Problem, RequestError
from convgrad.passes.explanation import explain_entry
from convgrad.passes.subject import Subject, network
from convgrad.subject.case import is_hand_sized


class NetworkRequest(Request):
    """A network to run; a problem is placed at its value, one about an unknown key at the key."""

    def _place(self, problem: Problem) -> Place | None:
        if self.document is None or (problem.path and problem.path[0] in self.origins):
            return super()._place(problem)
        return self.document.locate(problem.path, key="unknown key" in problem.message)


def run(options: Mapping[str, Any]) -> int:
    """Run the networks that are asked for; the exit code."""
    settings = prepared(options)
    return deliver_networks(options, lambda made: _result(made, settings, options))


def deliver_networks(options: Mapping[str, Any], result: Callable[[Subject], Result]) -> int:
    """A result of each network that is asked for, written; the exit code."""
    settings = prepared(options)
    made, many = requests(options, exact=True)
    networks = (as_network_request(request) for request in made)
    return deliver(networks, many, lambda request: result(network_of(request, settings, options)), options)


def as_network_request(request: Request) -> NetworkRequest:
    """The same request, its problems placed as a network document's."""
    return NetworkRequest(**vars(request))


def network_of(request: Request, settings: Run, options: Mapping[str, Any]) -> Subject:
    """The network that a request asks for; where it is to be exact, from the text of every number."""
    if request.document is None:
        advice = "name a network document; to explain an entry of a case, leave out the layer"
        raise RequestError(Problem("options make a case, which has no layers", advice))
    keywords = {"arithmetic": options.get("arithmetic"), "nonfinite": settings.nonfinite}
    made = network(request.value, **keywords)
    if has_lifted_arrays(request.value) and made.chain.arithmetic in ("auto", "exact"):
        cases = (layer.forward.case for layer in made.layers if layer.layer.windowed)
        if made.chain.arithmetic == "exact" or all(map(is_hand_sized, cases)):
            return network(request.exact(), **keywords)
    return made


def _result(made: Subject, settings: Run, options: Mapping[str, Any]) -> Result:
    name, steps = options.get("layer"), options.get("steps")
    if name is not None:
        _require_layer(made, name)
    if steps is not None:
        _require_steps(made, steps)
    return Result(lambda: _record(made, settings, name, steps), lambda: _text(made, settings, name, steps))


def _require_layer(made: Subject, name: str) -> None:
    """A layer that there is not is refused before anything is written."""
    try:
        made.layer(name)
    except RequestError as error:
        raise error.at(Place("--layer")) from None


def _require_steps(made: Subject, count: int) -> None:
    """What refuses a step does so before anything is written: a missing rate, an exact number grown too large."""
    for step in made.steps(count if made.arithmetic == "exact" else 1):
        step.to_dict()


def _record(made: Subject, settings: Run, name: str | None, steps: int | None) -> Mapping[str, Any]:
    """What the JSON says; of one layer also its overlays, if they are asked for."""
    record = made.to_dict(steps, name)
    if name is not None and settings.overlays not in (None, "none"):
        layer = made.layer(name)
        count = None if settings.overlays == "all" else int(settings.overlays)
        overlays = layer.gradients.overlays if layer.layer.windowed else ()
        record["layers"][0]["overlays"] = [overlay.to_dict() for overlay in list(overlays)[:count]]
    return record


def _text(made: Subject, settings: Run, name: str | None, steps: int | None) -> Iterator[str]:
    from convgrad.views import Shown, render

    if name is not None and made.layer(name).layer.windowed:
        return render(made.layer(name).gradients, **settings.view)
    return render(Shown(made, name, steps), **settings.view)


def explain(options: Mapping[str, Any]) -> int:
    """Explain one entry of a layer, NAME.dW[0,1]; the exit code."""
    settings = prepared(options)
    return deliver_networks(options, lambda made: settings.result(explain_entry(made, options["entry"])))
