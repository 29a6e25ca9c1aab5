"""The inverse problem: the cheapest network of a given mass."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

from nnmass.design._accuracy import AccuracyFit
from nnmass.design._choices import Number
from nnmass.design._front import Candidate, Front
from nnmass.design._infeasible import nothing_fits
from nnmass.design._latency_table import LatencyTable
from nnmass.design._parts import masses_of_parts
from nnmass.design._read_limits import Mass
from nnmass.design._request import Request, read_request
from nnmass.design._roles import LINKED, PARTS
from nnmass.design._search import Found
from nnmass.design._space import Space
from nnmass.errors import whole_number
from nnmass.specs import Spec


def design(
    family: str | None = None,
    *,
    like: Spec | str | None = None,
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
    top: int = 10,
) -> Front:
    """The best networks of a space under budgets, exactly: no training, no trials.

    By default the networks with the fewest parameters that have at least the mass of the
    reference and no more multiply-adds than it. The first is the proven optimum over the whole
    space; each next one is the optimum among those that differ from all before it.

    Args:
        family: Of the networks. With ``like`` it must be the reference's, or says what a network
            that is no spec of ours is to be taken for.
        like: The reference: a spec, a spec string, or the name of any network, such as
            ``timm:densenet121``, ``torchvision:mobilenet_v2`` or ``my.module:factory``, whose
            family is told from its layers.
        input_shape: Of one input without the batch, for a network that does not tell it.
        space: What is searched; see `Space`. That of `Space.like` unless told.
        mass: The least mass, or (least, most). The reference's unless told.
        max_params: The most parameters. With a reference its own unless told; infinity for none.
        max_macs: The most multiply-adds of one image. With a reference its own unless told.
        max_latency_ms: The most milliseconds, by the latency table.
        max_memory: The most bytes of feature maps at one moment; see
            `nnmass.specs.Spec.peak_activation_bytes`.
        depth: Lowest and highest depth of every part (layers of a cell or dense block, blocks of
            a stage or row), instead of the space's.
        width: What the field that sets the width may be, such as ``1..1.4..0.1`` or a list.
        objective: What is minimised: ``params``, ``macs``, ``latency``, ``memory``; or maximised:
            ``mass``, ``accuracy`` (with a fit).
        match: ``network``: the sum over the parts must reach the mass. ``cells``: every part must
            reach the reference's at its place, or its share of a given mass, which keeps the
            balance between them; for the most mass, every part keeps as much of the reference's
            as possible. ``cells`` for families with link caps, ``network`` for others unless
            told, since there a part of given width and blocks has one mass.
        across_widths: Compare masses of different widths all the same.
        latency: A measured table of this machine, or its file.
        fit: Predicts the accuracy of every candidate.
        top: The most candidates to give back.

    Returns:
        The candidates, best first, each with mass, parameters, multiply-adds, memory, and
        latency and accuracy where they can be told.

    Raises:
        SpecError: An argument is wrong, two contradict each other, or the reference has no skips.
        BudgetError: Nothing in the space keeps to all budgets; the message says which binds and
            what the smallest feasible value is.
        UnprovenError: The search ran out of work before it found anything; see `Front.is_optimal`
            for one that found something.
        DeviceError: The latency table is of another machine.

    Source:
        Ours; the idea of designing by mass at initialisation is of Bhardwaj, Li, Marculescu,
        CVPR 2021.

    Example:
        >>> front = design(like="dense-cnn(wm=2,d=21,t=40/80/125)")
        >>> str(front[0].spec), front[0].params, front.reference.params
        ('dense-cnn(wm=2,d=10,t=39/77/119)', 3395410, 7821784)
        >>> f"{front.n_covered:,} networks covered"
        '9,291,316,684 networks covered'
    """
    top = whole_number(top, "top", low=1)
    request = read_request(
        family,
        like=like,
        input_shape=input_shape,
        space=space,
        mass=mass,
        max_params=max_params,
        max_macs=max_macs,
        max_latency_ms=max_latency_ms,
        max_memory=max_memory,
        depth=depth,
        width=width,
        objective=objective,
        match=match,
        across_widths=across_widths,
        latency=latency,
        fit=fit,
    )
    return designed(request, top=top)


def designed(request: Request, *, top: int) -> Front:
    """The front of a request."""
    searched = islice(request.search(), min(top + 1, sys.maxsize))
    found = _without_reference(list(searched), request.reference)[:top]
    candidates = tuple(request.candidate(one.spec) for one in found)
    if not candidates:
        raise nothing_fits(request)
    return Front(
        candidates=candidates,
        reference=request.reference_candidate,
        space=request.space,
        limits=request.limits,
        objective=request.objective,
        match=request.match,
        n_covered=request.space.size,
        is_optimal=bool(found[0].bound == found[0].value),
        notes=(
            *request.notes,
            *_unproven(request, found[0]),
            *_own(request, candidates[0]),
            *_starved(request, candidates[0]),
        ),
    )


def _without_reference(found: list[Found], reference: Spec | None) -> list[Found]:
    """Those that are not the reference itself, unless nothing is better."""
    return [one for rank, one in enumerate(found) if rank == 0 or not _is_same(one.spec, reference)]


def _is_same(one: Spec, other: Spec | None) -> bool:
    """The same network, though a link cap beyond all skips may be written in many ways."""
    if other is None or one.family not in LINKED:
        return one == other
    links, others = ([cell.links for cell in spec.cells] for spec in (one, other))
    values, wanted = ({**spec.values(), "t": None} for spec in (one, other))
    return values == wanted and links == others


def _unproven(request: Request, best: Found) -> tuple[str, ...]:
    if best.bound == best.value:
        return ()
    proven = ""
    if math.isfinite(best.bound):
        proven = f": {request.objective} cannot be better than {abs(best.bound):,.6g}"
    return (
        f"the search ran out of work before the first candidate was proven to be the best{proven}. "
        "A smaller space (fewer depths, link caps in steps of 8) or fewer budgets can be proven",
    )


def _own(request: Request, best: Candidate) -> tuple[str, ...]:
    """What to say where the reference is the best network of the space."""
    if not _is_same(best.spec, request.reference):
        return ()
    why, ways = "", "lower depths (--depth)"
    if request.space.family not in LINKED:
        why = ": parts of one width and block have one mass, so that layers can only be moved"
        ways = "other widths (--width, --across-widths)"
    return (
        f"nothing in the space is better than the reference {best.spec} itself{why}. Allow {ways}, "
        "a lower mass (--mass) or another space (--space)",
    )


def _starved(request: Request, best: Candidate) -> tuple[str, ...]:
    """A warning where the sum is kept but a cell with link caps is starved."""
    masses = masses_of_parts(best.spec)
    if request.match == "cells" or request.space.family not in LINKED or not sum(masses):
        return ()
    part, reference = PARTS[request.space.family], request.reference
    wanted = [Fraction(1, 10**6)] * len(masses)  # without a reference: any link at all
    if reference is not None and len(reference.cells) == len(masses) and reference.mass:
        own = masses_of_parts(reference)
        wanted = [mass * sum(masses) / sum(own) / 2 for mass in own]
    starved = [str(i) for i, (low, now) in enumerate(zip(wanted, masses, strict=True)) if now < low]
    if not starved:
        return ()
    cells = f"{part} {starved[0]}" if len(starved) == 1 else f"{part}s {', '.join(starved)}"
    share = "less than half of the share it has in the reference" if reference else "no link"
    advice = "match='cells' (--match cells) keeps the mass of every cell"
    return (
        f"{best.spec} keeps the sum of masses but leaves {cells} with {share}; on a CIFAR-10 "
        "subset such a network lost 3 to 4 points, on digits nothing (docs/measured.md). "
        + (advice if reference else f"With a reference (--like), {advice}"),
    )
