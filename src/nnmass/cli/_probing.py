"""Networks opened and probed one by one, whatever becomes of each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnmass.cli._errors import CANNOT, WRONG_USE, exit_code
from nnmass.cli._inspection import Inspection
from nnmass.cli._probe_progress import Watch, watching_probes
from nnmass.cli._probe_runs import RUNS, Subject
from nnmass.cli._probe_settings import ProbeSettings
from nnmass.errors import NNMassError, SpecError

if TYPE_CHECKING:
    from nnmass.nets import OpenedNetwork
    from nnmass.probes import ProbedNetwork


@dataclass(slots=True, kw_only=True)
class Probing:
    """One network that was asked for, and what came of it.

    Attributes:
        name: As tables show it; the text that asked for it where it could not be opened.
        costs: Mass, parameters, MACs and depth; empty where ``error`` is not ``None``.
        results: What each probe returned.
        errors: Why a probe returned nothing.
        error: Why nothing could be measured.
        seconds: Opening, tracing and probing.
    """

    name: str
    costs: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, NNMassError] = field(default_factory=dict)
    error: NNMassError | None = None
    seconds: float = 0.0

    @property
    def probed(self) -> ProbedNetwork | None:
        """The network with its results; ``None`` where nothing could be measured."""
        from nnmass.probes import ProbedNetwork

        if self.error is not None or not self.costs:
            return None
        return ProbedNetwork(
            name=self.name,
            results=self.results,
            failures={name: str(error) for name, error in self.errors.items()},
            seconds=self.seconds,
            **self.costs,
        )

    @property
    def all_errors(self) -> list[NNMassError]:
        """Whatever went wrong with it."""
        return [*([self.error] if self.error else []), *self.errors.values()]


def probed(
    asked: Sequence[str | Inspection],
    settings: ProbeSettings,
    *,
    keep: Callable[[Sequence[Probing]], None],
    quiet: bool,
) -> tuple[list[Probing], bool]:
    """Each network of ``asked``, with the probes of ``settings``.

    Args:
        asked: Names, and what failed already.
        settings: What to measure.
        keep: Called after each network with what is done so far, so that a kill loses little.
        quiet: Show no progress.

    Returns:
        What is done, and whether it was cut short.
    """
    done = list[Probing]()
    with watching_probes(len(asked), quiet=quiet) as watch:
        for entry in asked:
            if isinstance(entry, Inspection):
                probing = Probing(name=entry.name, error=entry.error)
            else:
                probing = Probing(name=entry)
            is_whole = isinstance(entry, Inspection) or _is_filled(probing, settings, watch)
            if is_whole or probing.results:
                done.append(probing)
                keep(done)
            if not is_whole:
                return done, True
            watch.done(probing.name, "failed" if probing.error else f"{probing.seconds:.2f} s")
    return done, False


def _is_filled(probing: Probing, settings: ProbeSettings, watch: Watch) -> bool:
    """Measure the network into ``probing``; False if that was interrupted."""
    start = time.perf_counter()
    try:
        watch.at(probing.name, "")
        _fill(probing, settings, watch)
    except NNMassError as error:
        probing.error = error
    except KeyboardInterrupt:
        return False
    finally:
        probing.seconds = time.perf_counter() - start
    return True


def _fill(probing: Probing, settings: ProbeSettings, watch: Watch) -> None:
    from nnmass.nets import has_weights, open_network

    text = probing.name
    opened = open_network(text)
    is_saved = has_weights(text)  # nobody can draw them again
    probing.name = text if is_saved else opened.name
    shape = settings.input_shape or opened.input_shape
    if shape is None:
        raise SpecError(
            f"{opened.name} does not tell the shape of its inputs: give --input with the sizes of "
            "one input without the batch, such as --input 3x224x224"
        )
    images, labels = settings.images.of(shape, _n_outputs(opened))
    probing.costs = costs_of(opened, shape)
    subject = Subject(
        network=opened.model if is_saved else opened.name,
        seeds=None if is_saved else settings.n_seeds,
        input_shape=shape,
        images=images,
        labels=labels,
    )
    for probe in settings.probes:

        def tell(*where: object, probe: str = probe) -> None:
            watch.at(probing.name, _told(probe, where))

        tell()
        try:
            probing.results[probe] = RUNS[probe](subject, settings, tell)
        except NNMassError as error:
            probing.errors[probe] = error


def costs_of(opened: OpenedNetwork, shape: tuple[int, ...]) -> dict[str, Any]:
    """Mass, parameters, MACs and depth.

    Traced, but for dense MLPs: their closed forms say the same, and tracing would take a quarter of
    the time of probing many of them.
    """
    from nnmass.specs import DenseMLP

    spec = opened.spec
    if isinstance(spec, DenseMLP) and opened.name == str(spec) and shape == spec.input_shape:
        known = {"params": spec.params, "macs": spec.macs, "depth": spec.depth}
        return {"mass": spec.mass, **known}
    from nnmass.tracing import trace

    topology = trace(opened.model, shape, name=opened.name)
    mass = None if math.isnan(topology.mass) else topology.mass
    known = {"params": topology.params, "macs": topology.macs, "depth": topology.depth}
    return {"mass": mass, **known}


def _told(probe: str, where: Sequence[object]) -> str:
    """Where a probe is: the seed first, where it has one, then the layer or the score."""
    if not where:
        return probe
    seed, *rest = where
    place = f"seed {seed}" if isinstance(seed, int) else str(seed or "")
    return " ".join(filter(None, [probe, place, *map(str, rest)]))


def _n_outputs(opened: OpenedNetwork) -> int:
    """Classes, for the labels of noise: as the spec or the model says, else its last layer's."""
    from torch import nn

    told = opened.spec.values().get("classes") if opened.spec else None
    told = told or getattr(opened.model, "num_classes", None)
    if isinstance(told, int) and told > 0:
        return told
    wide = [layer for layer in opened.model.modules() if isinstance(layer, nn.Linear)]
    return wide[-1].out_features if wide else 2


def probe_outcome(done: Sequence[Probing]) -> int:
    """0 if all went well, 2 if nothing did for wrong use alone, 3 else."""
    codes = [exit_code(error) for entry in done for error in entry.all_errors]
    has_results = any(entry.results for entry in done)
    if codes:
        return WRONG_USE if not has_results and set(codes) == {WRONG_USE} else CANNOT
    return CANNOT if any(_has_failed(entry) for entry in done) else 0


def _has_failed(entry: Probing) -> bool:
    """Whether layers that should have a number have none."""
    network = entry.probed
    ldi = network.ldi if network else None
    return ldi is not None and ldi.mean is None
