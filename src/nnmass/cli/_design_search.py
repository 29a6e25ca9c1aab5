"""From the options of `nnmass design` to candidates and a front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnmass.cli._counting import ticking
from nnmass.cli._design_latency import checked_table, measured_table
from nnmass.cli._network import read_network
from nnmass.errors import SpecError

if TYPE_CHECKING:
    from nnmass.design import AccuracyFit, Candidate, Front, LatencyTable, ParetoFront, Reference

LEVELS = 12
"""Of the front in a picture, unless ``--front`` tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Designing:
    """What is asked for.

    Attributes:
        asked: Arguments that `nnmass.design` and `nnmass.design.pareto_front` share.
        reference: The spec of ``--like``, and what to say about it.
        objective: ``None`` where it was left out.
        top: ``None`` where it was left out.
        levels: Of ``--front``; ``None`` for a list of candidates.
        has_picture: Whether a front is wanted beside the candidates.
        latency_file: Of the latency table.
        latency_seconds: For measuring what it lacks.
        threads: Of the latency table.
        quiet: Show no progress.
    """

    asked: dict[str, Any]
    reference: Reference | None
    objective: str | None
    top: int | None
    levels: int | None
    has_picture: bool
    latency_file: Path | None
    latency_seconds: float
    threads: int | None
    quiet: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Designed:
    """What came of it.

    Attributes:
        front: The candidates; ``None`` where only a front was asked for.
        pareto: The front; ``None`` where nobody asked for one.
        notes: About the reference and the candidates.
        table: The latency table, with networks checked.
    """

    front: Front | None
    pareto: ParetoFront | None
    notes: tuple[str, ...]
    table: LatencyTable | None

    @property
    def told(self) -> Front | ParetoFront:
        """What the answer is: the candidates, or else the front."""
        told = self.pareto if self.front is None else self.front
        assert told is not None
        return told

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """What is listed and written, in order."""
        if self.front is not None:
            return self.front.candidates
        return tuple(point.candidate for point in self.pareto.points) if self.pareto else ()

    def to_dict(self) -> dict[str, object]:
        """JSON-ready; for a front alone, its points are the candidates."""
        pareto = None if self.pareto is None else self.pareto.to_dict()
        if self.front is not None:
            document = self.front.to_dict()
        else:
            document = {"target_mass": None, "objective": "front"}
            document |= {**(pareto or {})}
            document["candidates"] = document.pop("points")
        latency = None if self.table is None else _latency(self.table)
        return {**document, "notes": list(self.notes), "front": pareto, "latency": latency}


def _latency(table: LatencyTable) -> dict[str, object]:
    return {
        "setting": table.setting.to_dict(),
        "factor": table.factor,
        "error": table.error.to_dict() if table.checks else None,
        "checks": [check.to_dict() for check in table.checks],
    }


def read_reference(
    text: str | None, *, family: str | None, shape: Sequence[int] | None
) -> Reference | None:
    """The reference that ``--like`` names: a spec, a file or folder of one, or any network."""
    if text is None:
        return None
    from nnmass.design import reference_of

    prefix, colon, _ = text.partition(":")
    is_named = bool(colon) and "(" not in prefix and not Path(text).exists()
    like = text if is_named else read_network(text)
    return reference_of(like, family=family, input_shape=shape)


def read_fit(file: Path) -> AccuracyFit:
    """The model of ``--fit``."""
    from nnmass.studies import load_fit

    return load_fit(file)


def searched(designing: Designing) -> Designed:
    """The candidates, the front, or both; with latencies measured first where they are asked."""
    from nnmass.design import design

    asked, reference = dict(designing.asked), designing.reference
    if reference is not None:
        asked["like"] = reference.spec
    _check_options(designing)
    table = measured_table(designing, asked) if designing.latency_file is not None else None
    asked["latency"] = table
    front = None
    if designing.levels is None:
        objective, top = designing.objective or "params", designing.top
        front = design(**asked, objective=objective, top=10 if top is None else top)
    pareto = _front(designing, asked) if front is None or designing.has_picture else None
    notes = () if reference is None else reference.notes
    notes = (*notes, *(() if front is None else front.notes))
    found = Designed(front=front, pareto=pareto, notes=notes, table=table)
    if table is None:
        return found
    checked = checked_table(table, designing, found.told.reference, found.candidates)
    return Designed(front=front, pareto=pareto, notes=notes, table=checked)


def _check_options(designing: Designing) -> None:
    """Refuse options that contradict each other, or that nothing would come of."""
    if designing.threads is not None and designing.latency_file is None:
        raise SpecError(
            f"--threads {designing.threads} is of the latency table, and none is asked for: give "
            "--latency-table, or leave it out"
        )
    for option, value in (("--objective", designing.objective), ("--top", designing.top)):
        if designing.levels is not None and value is not None:
            raise SpecError(
                f"--front {designing.levels} and {option} {value} contradict each other: at each "
                "level of mass a front has the network with the least of every cost; leave one out"
            )


def _front(designing: Designing, asked: dict[str, Any]) -> ParetoFront:
    from nnmass.design import pareto_front

    if designing.levels is None:  # beside candidates: also what less, and what more, would cost
        asked = {**asked, "mass": None}
    with ticking(quiet=designing.quiet) as tick:
        return pareto_front(
            **asked,
            levels=LEVELS if designing.levels is None else designing.levels,
            on_level=lambda done, total: tick("searching the front", done, total),
        )
