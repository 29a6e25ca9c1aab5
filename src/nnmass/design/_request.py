"""What is asked of a design, checked: reference, space, limits, objective."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from nnmass.design._accuracy import AccuracyFit
from nnmass.design._choices import Number
from nnmass.design._front import Candidate
from nnmass.design._guards import check_widths, outside_of
from nnmass.design._latency_table import LatencyTable
from nnmass.design._limits import OBJECTIVES, Limits, Objective
from nnmass.design._parts import depths_of
from nnmass.design._read_limits import BUDGETS, Mass, read_limits
from nnmass.design._reference import Reference, reference_of
from nnmass.design._roles import DEPTHS, LINKED, PARTS, WIDTHS
from nnmass.design._search import Found, best_networks
from nnmass.design._space import Space
from nnmass.errors import SpecError, did_you_mean
from nnmass.specs import Spec, family_class, parse

Match = Literal["network", "cells"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a search needs to know.

    Attributes:
        reference: What is to be matched; ``None`` where only a mass is given.
        space: What is searched.
        limits: What candidates must keep to.
        objective: What they are to be best at.
        match: Whether the network's mass or that of every part must be reached.
        latency: Measured layers of this machine.
        fit: Predicts accuracies.
        notes: What to say beside the result.
    """

    reference: Spec | None
    space: Space
    limits: Limits
    objective: Objective
    match: Match
    latency: LatencyTable | None
    fit: AccuracyFit | None
    notes: tuple[str, ...]

    def candidate(self, spec: Spec) -> Candidate:
        """``spec`` with all that is known of it."""
        outside = outside_of(spec, self.reference)
        return Candidate.of(spec, latency=self.latency, fit=self.fit, outside=outside)

    def search(
        self, limits: Limits | None = None, objective: Objective | None = None
    ) -> Iterator[Found]:
        """The best networks, best first; within other limits or for another objective, if told."""
        return best_networks(
            self.space.frames(),
            limits or self.limits,
            objective or self.objective,
            table=self.latency,
        )

    @property
    def reference_candidate(self) -> Candidate | None:
        """The reference with all that is known of it."""
        return None if self.reference is None else self.candidate(self.reference)


def read_request(
    family: str | None,
    *,
    like: object = None,
    input_shape: Sequence[int] | None = None,
    space: Space | str | None = None,
    mass: Mass | None = None,
    max_params: float | None = None,
    max_macs: float | None = None,
    max_latency_ms: float | None = None,
    max_memory: float | None = None,
    depth: tuple[int, int] | None = None,
    width: str | Sequence[Number] | None = None,
    objective: str = "params",
    match: str | None = None,
    across_widths: bool = False,
    latency: LatencyTable | str | Path | None = None,
    fit: AccuracyFit | None = None,
    is_front: bool = False,
) -> Request:
    """The request; see `nnmass.design`. For a front no mass is needed, nor a budget.

    Args:
        family: Of the networks; may be ``None`` with ``like`` or ``space``.
        like: The reference: a spec, a spec string, or the name of any network.
        input_shape: Of one input without the batch, for a network that does not tell it.
        space: What is searched; that of `Space.like` unless told.
        mass: The least mass, or (least, most).
        max_params: The most parameters.
        max_macs: The most multiply-adds of one image.
        max_latency_ms: The most milliseconds, by the latency table.
        max_memory: The most bytes of feature maps at one moment.
        depth: Lowest and highest depth of every part.
        width: What the field that sets the width may be.
        objective: ``params``, ``macs``, ``latency``, ``memory``, ``mass`` or ``accuracy``.
        match: ``network`` or ``cells``: where the mass must be reached.
        across_widths: Compare masses of different widths all the same.
        latency: A measured table of this machine, or its file.
        fit: Predicts the accuracy of every candidate.
        is_front: The request is of a front, which sets the masses itself.

    Raises:
        SpecError: An argument is wrong, or two contradict each other.
    """
    found = None if like is None else reference_of(like, family=family, input_shape=input_shape)
    searched = _space(family, found, space, depth, width)
    reference = None if found is None else found.spec
    depths_of(searched.spec())  # a family without skips is refused
    check_widths(searched, reference, across_widths=across_widths)
    goal = _objective(objective, fit)
    table = _table(latency)
    if table is None and (goal == "latency" or max_latency_ms is not None):
        raise SpecError(
            "latency needs a measured table of this machine: give latency= a LatencyTable or its "
            "file (--latency-table FILE measures one)"
        )
    matched = _match(match, searched, reference, mass)
    budgets = (max_params, max_macs, max_latency_ms, max_memory)
    limits = read_limits(
        mass,
        dict(zip(BUDGETS, budgets, strict=True)),
        reference=reference,
        match=matched,
        is_cost=goal != "mass",
    )
    if goal == "mass" and not limits.given and not is_front:
        raise SpecError(
            "objective 'mass' needs a budget: max_params, max_macs, max_latency_ms or max_memory "
            "(--max-params ..); without one the largest network of the space wins"
        )
    return Request(
        reference=reference,
        space=searched,
        limits=limits,
        objective=goal,
        match=matched,
        latency=table,
        fit=fit,
        notes=() if found is None else (*found.notes, *_other_fields(searched, found.spec)),
    )


def _other_fields(space: Space, reference: Spec) -> tuple[str, ...]:
    """A note where costs do not compare, since image, classes or the like are others."""
    own, others = reference.values(), space.spec().values()
    design = (*WIDTHS[space.family], DEPTHS[space.family], "t", "depth", "first")
    differing = [key for key in own if key not in design and own[key] != others[key]]
    if not differing:
        return ()
    pairs = ", ".join(f"{key}={others[key]} for {own[key]}" for key in differing)
    return (f"the space has other fields than the reference ({pairs}): costs do not compare",)


def _space(
    family: str | None,
    found: Reference | None,
    space: Space | str | None,
    depth: tuple[int, int] | None,
    width: str | Sequence[Number] | None,
) -> Space:
    if space is None:
        if found is None and family is None:
            raise SpecError(
                "a design needs a reference (like=, --like), a space (space=, --space) or a family "
                "with a mass; none was given"
            )
        spec = parse(family_class(family or "").example) if found is None else found.spec
        return Space.like(spec, depth=depth, width=width)
    searched = Space.parse(space) if isinstance(space, str) else space
    if not isinstance(searched, Space):
        raise SpecError(f"space must be a Space or its text, got {space!r}")
    for name, value in (("depth", depth), ("width", width)):
        if value is not None:
            raise SpecError(
                f"{name}={value!r} and space={str(searched)!r} contradict each other: the space "
                f"tells the {name}; leave one of them out"
            )
    wanted = found.spec.family if found is not None else family
    if wanted is not None and wanted != searched.family:
        raise SpecError(
            f"the space is of the family {searched.family!r}, and {wanted!r} is asked for: masses "
            "are compared within one family"
        )
    return searched


def _objective(objective: object, fit: AccuracyFit | None) -> Objective:
    known = (*OBJECTIVES, "accuracy")
    if not isinstance(objective, str) or objective not in known:
        raise SpecError(
            f"objective must be one of {', '.join(known)}, got {objective!r}."
            f"{did_you_mean(str(objective), known)}"
        )
    if objective != "accuracy":
        return objective  # type: ignore[return-value]
    if fit is None:
        raise SpecError(
            "objective 'accuracy' needs a fit that predicts it (fit=); without one, maximise the "
            "mass: objective='mass'"
        )
    if not fit.rises_with_mass:
        raise SpecError(
            "objective 'accuracy' needs a fit in which accuracy rises with mass, and this one "
            "does not say so: no proof could be given. Minimise a cost instead, and read off the "
            "predictions"
        )
    return "mass"


def _table(latency: LatencyTable | str | Path | None) -> LatencyTable | None:
    if latency is None or isinstance(latency, LatencyTable):
        return latency
    if isinstance(latency, str | Path):
        return LatencyTable.load(latency)
    raise SpecError(f"latency must be a LatencyTable or its file, got {latency!r}")


def _match(match: object, space: Space, reference: Spec | None, mass: Mass | None) -> Match:
    if match is None:
        is_linked = space.family in LINKED and reference is not None
        has_shares = is_linked and (mass is None or reference.mass > 0)  # type: ignore[union-attr]
        match = "cells" if has_shares else "network"
    if match not in get_args(Match):
        raise SpecError(f"match must be 'network' or 'cells', got {match!r}")
    if match == "cells" and reference is None:
        raise SpecError(
            "match='cells' keeps the mass of every cell of a reference, and there is none: give "
            "like= (--like), or match='network'"
        )
    if match == "cells" and reference is not None:
        _check_parts(space, reference)
    return match  # type: ignore[return-value]


def _check_parts(space: Space, reference: Spec) -> None:
    own, others = len(depths_of(reference)), len(depths_of(space.spec()))
    if own != others:
        part = PARTS[space.family]
        raise SpecError(
            f"match='cells' keeps the mass of every {part}, but the reference has {own} {part}s "
            f"and networks of {space} have {others}; use match='network'"
        )
