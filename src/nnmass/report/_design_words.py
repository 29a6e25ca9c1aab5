"""What was proven about designed networks, and within which limits, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nnmass.design import PARTS
from nnmass.report._numbers import format_bytes, format_count, format_digits, format_mass

if TYPE_CHECKING:
    from nnmass.design import AdditiveError, Candidate, Front, Limits, ParetoFront

_BETTER = {
    "params": "has fewer parameters",
    "macs": "has fewer MACs",
    "latency": "has a lower latency",
    "memory": "needs less memory",
    "mass": "has more NN-Mass",
}


def design_claim(front: Front) -> str:
    """Whether the first is optimal, over what, and what the others are.

    Example:
        >>> from nnmass.design import design
        >>> design_claim(design(like="dense-cnn(wm=1,d=6,t=20/40)", top=1))
        '1 is optimal: of the 15,844 networks of dense-cnn(wm=1,d=3..6,t=*/*) none within the
        limits has fewer parameters.'
    """
    better = _BETTER[front.objective]
    if front.limits.shares is not None:
        better = "keeps a larger share of the reference's NN-Mass in every part"
    networks = f"of the {front.n_covered:,} networks of {front.space}"
    if not front.is_optimal:
        return (
            f"1 is the best that was found {networks}. It is not proven that none within the "
            f"limits {better}: the search ran out of work."
        )
    claim = f"1 is optimal: {networks} none within the limits {better}"
    if len(front) == 1:
        return f"{claim}."
    return f"{claim}; each next one is optimal among those that differ from all before it."


def front_claim(front: ParetoFront) -> str:
    """What a point of a front is the least of, over what.

    Example:
        >>> from nnmass.design import pareto_front
        >>> front_claim(pareto_front("dense-mlp", levels=2))
        'Each is optimal: of the 729 networks of dense-mlp(w=8,d=8..16,t=*) with as much NN-Mass
        none within the limits has less of what it is least in.'
    """
    if not front.is_optimal:
        return (
            "Each is the best that was found, and some may be missing: of the "
            f"{front.n_covered:,} networks of {front.space} not all could be ruled out, since "
            "searches ran out of work."
        )
    return (
        f"Each is optimal: of the {front.n_covered:,} networks of {front.space} with as much "
        "NN-Mass none within the limits has less of what it is least in."
    )


def design_limits(front: Front) -> str:
    """The limits, and which of them are the reference's own; empty where there is none.

    Example:
        >>> from nnmass.design import design
        >>> design_limits(design(like="dense-mlp(w=8,d=16,t=8)", max_macs=8e3))
        "Limits: NN-Mass of at least 17.07, the reference's in every cell; at most 8.0 k MACs; at
        most 8.3 k params, the reference's own."
    """
    return _limits(front.limits, front.reference, PARTS[front.space.family], is_shared=False)


def front_limits(front: ParetoFront) -> str:
    """The limits of all points of a front besides their masses; empty where there is none.

    Example:
        >>> from nnmass.design import pareto_front
        >>> front_limits(pareto_front("dense-mlp", max_params=9e3, levels=2))
        'Limits: at most 9.0 k params.'
    """
    part, is_shared = PARTS[front.space.family], front.match == "cells"
    return _limits(front.limits, front.reference, part, is_shared=is_shared)


def _limits(limits: Limits, reference: Candidate | None, part: str, *, is_shared: bool) -> str:
    masses = list(_masses(limits, reference, part))
    if is_shared:
        masses.insert(0, f"NN-Mass shared out over the {part}s as in the reference")
    own = [words for name, words in _costs(limits) if name in limits.of_reference]
    asked = [words for name, words in _costs(limits) if name not in limits.of_reference]
    most = [f"at most {' and '.join(asked)}"] if asked else []
    most += [f"at most {' and '.join(own)}, the reference's own"] if own else []
    told = "; ".join([*masses, *most])
    return f"Limits: {told}." if told else ""


def _masses(limits: Limits, reference: Candidate | None, part: str) -> Iterator[str]:
    least = limits.least_mass
    own = reference is not None and least is not None and abs(least - reference.mass) < 1e-9 * least
    if limits.parts is not None:
        each = "/".join(format_mass(float(mass)) for mass in limits.parts)
        whose = "the reference's in" if own else "shared out as in the reference over"
        yield f"NN-Mass of at least {each}, {whose} every {part}"
    elif least is not None:
        whose = ", the reference's" if own else ""
        yield f"NN-Mass of at least {format_mass(least)}{whose}"
    if limits.max_mass is not None:
        yield f"NN-Mass of at most {format_mass(float(limits.max_mass))}"


def _costs(limits: Limits) -> Iterator[tuple[str, str]]:
    if limits.params is not None:
        yield "params", f"{format_count(int(limits.params))} params"
    if limits.macs is not None:
        yield "macs", f"{format_count(int(limits.macs))} MACs"
    if limits.latency is not None:
        yield "latency", f"{format_digits(limits.latency)} ms"
    if limits.memory is not None:
        yield "memory", f"{format_bytes(limits.memory)} of feature maps"


def latency_line(error: AdditiveError) -> str:
    """How far latencies by the table lie from whole networks.

    Example:
        >>> from nnmass.design import AdditiveError
        >>> error = AdditiveError(
        ...     n_networks=3, median=0.04, largest=0.071, bias=-0.04, is_corrected=False
        ... )
        >>> latency_line(error)  # doctest: +NORMALIZE_WHITESPACE
        'Latencies are sums of measured layers: beside 3 whole networks they were 4.0 % off in the
        median, 7.1 % at worst, and mostly too low.'
    """
    networks = "1 whole network" if error.n_networks == 1 else f"{error.n_networks} whole networks"
    side = "mostly too low" if error.bias < 0 else "mostly too high"
    return (
        f"Latencies are sums of measured layers: beside {networks} they were "
        f"{100 * error.median:.1f} % off in the median, {100 * error.largest:.1f} % at worst, and "
        f"{side}."
    )
