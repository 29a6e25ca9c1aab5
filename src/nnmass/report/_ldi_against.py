"""Mean singular values of several networks against what they weigh or cost."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any, Literal

from nnmass.errors import SpecError
from nnmass.probes import ProbedNetwork
from nnmass.report._document import Figure
from nnmass.report._figures import scatter_figure
from nnmass.report._numbers import half_width
from nnmass.report._plot import N_GROUPS
from nnmass.report._scatter import Point, scatter
from nnmass.studies import LineFit, line_fit

Cost = Literal["mass", "params", "macs"]
NAMES: dict[Cost, str] = {"mass": "NN-Mass", "params": "parameters", "macs": "MACs"}

_SHORT: dict[Cost, str] = {"mass": "mass", "params": "params", "macs": "MACs"}

_ENOUGH = 8  # of networks: a line through fewer points is easily steep by chance
_MOST_LABELLED = 8  # more names than that cover the points
_LOG_FROM = 20.0  # largest over smallest


def drawable(results: Sequence[ProbedNetwork], what: Cost) -> list[tuple[ProbedNetwork, float]]:
    """The networks with a mean singular value and a number for ``what``, and that number."""
    return [
        (result, float(cost))
        for result in results
        if (cost := getattr(result, what)) is not None and result.mean_singular_value is not None
    ]


def ldi_fit(results: Sequence[ProbedNetwork], what: Cost) -> LineFit | None:
    """The line through mean singular values against ``what``.

    Returns:
        ``None`` where fewer than 3 networks have both, or one of the two is the same for all.
    """
    rows = drawable(results, what)
    try:
        return line_fit([x for _, x in rows], [r.mean_singular_value or 0.0 for r, _ in rows])
    except SpecError:
        return None


def ldi_fits(results: Sequence[ProbedNetwork]) -> dict[Cost, LineFit]:
    """The line against each cost that has one; see `ldi_fit`."""
    fits = {what: ldi_fit(results, what) for what in NAMES}
    return {what: fit for what, fit in fits.items() if fit is not None}


def fit_line(results: Sequence[ProbedNetwork]) -> str:
    """How much of the mean singular value each cost explains; empty where mass has no line.

    Example:
        >>> fit_line([])
        ''
    """
    fits = ldi_fits(results)
    if "mass" not in fits:
        return ""
    told = ", ".join(f"{_SHORT[what]} {fit.r_squared:.2f}" for what, fit in fits.items())
    falling = "" if fits["mass"].slope > 0 else "; it falls with mass"
    doubt = _doubt(results)
    return f"R2 of the mean singular value: {told}{falling}" + (f". {doubt}" if doubt else "")


def fit_sentence(results: Sequence[ProbedNetwork]) -> str:
    """The same as an answer, which says as well where mass is not the best of them."""
    fits = ldi_fits(results)
    if "mass" not in fits:
        return ""
    mass = fits.pop("mass")
    way = "rises" if mass.slope > 0 else "falls"
    others = " and ".join(
        f"{100 * fit.r_squared:.0f} % for {NAMES[what]}" for what, fit in fits.items()
    )
    beside = f" (against {others})" if others else ""
    best = all(mass.r_squared > fit.r_squared for fit in fits.values())
    doubt = _doubt(results)
    verdict = ("" if best else " Here mass is not what tells it best.") + (doubt and f" {doubt}")
    return (
        f"Over {mass.n} networks, the mean singular value {way} with NN-Mass, and a straight line "
        f"explains {100 * mass.r_squared:.0f} % of its variance{beside}.{verdict}"
    )


def _doubt(results: Sequence[ProbedNetwork]) -> str:
    """What speaks against reading much into the lines; empty where nothing does."""
    ldis = [result.ldi for result, _ in drawable(results, "mass") if result.ldi]
    means = [ldi.mean for ldi in ldis if ldi.mean is not None]
    if len(means) < _ENOUGH:
        return f"With {len(means)} networks that may be chance."
    halves = [half_width(ldi.interval) for ldi in ldis if ldi.interval]
    if halves and max(means) - min(means) < 2 * fmean(halves):
        return "But the networks differ by less than their error bars: take more seeds."
    return ""


def ldi_against(results: Sequence[ProbedNetwork], what: Cost = "mass") -> str:
    """Mean singular value against mass, parameters or MACs, as inline SVG.

    Bars are 95 % intervals over the initialisations. Networks of one depth share a colour, where
    the depths are few.

    Args:
        results: Networks of which LDI was measured; the others are left out.
        what: Of the x axis: ``mass``, ``params`` or ``macs``.

    Raises:
        SpecError: ``what`` is none of those, or no network has both numbers.
    """
    points, names = _points(results, what)
    return scatter(points, **names)


def ldi_against_figure(results: Sequence[ProbedNetwork], what: Cost = "mass") -> Figure:
    """`ldi_against` with its caption and its numbers.

    Args:
        results: Networks of which LDI was measured; the others are left out.
        what: Of the x axis: ``mass``, ``params`` or ``macs``.

    Raises:
        SpecError: As `ldi_against`.
    """
    points, names = _points(results, what)
    caption = (
        f"Mean singular value of the layer Jacobians against {NAMES[what]}; bars are 95 % "
        "intervals over the initialisations. Point at a mark for the network's name."
    )
    return scatter_figure(points, caption, **names)


def _points(results: Sequence[ProbedNetwork], what: Cost) -> tuple[list[Point], dict[str, Any]]:
    """The marks, and the other arguments of `scatter`."""
    if what not in NAMES:
        raise SpecError(f"what must be one of {', '.join(NAMES)}, got {what!r:.40}")
    rows = drawable(results, what)
    if not rows:
        raise SpecError(
            f"none of {len(results)} networks has both a mean singular value and {NAMES[what]}: "
            "measure ldi of at least one that has"
        )
    depths = {result.depth for result, _ in rows}
    by_depth = 1 < len(depths) <= N_GROUPS and len(rows) > len(depths)
    ordered = sorted(rows, key=lambda row: row[0].depth or 0) if by_depth else rows
    points = [_point(*row, by_depth=by_depth, labelled=len(rows)) for row in ordered]
    fit = ldi_fit(results, what)
    costs = [x for _, x in rows]
    told = f" (R² of the line {fit.r_squared:.2f})" if fit else ""
    return points, {
        "x_label": NAMES[what],
        "y_label": "mean singular value",
        "title": f"Mean singular value against {NAMES[what]}{told}",
        "log_x": min(costs) > 0 and max(costs) > _LOG_FROM * min(costs),
        "line": (fit.intercept, fit.slope) if fit else None,
    }


def _point(result: ProbedNetwork, x: float, *, by_depth: bool, labelled: int) -> Point:
    mean = result.mean_singular_value or 0.0
    depth = "depth unknown" if result.depth is None else f"depth {result.depth}"
    return Point(
        x,
        mean,
        half_width(result.ldi.interval if result.ldi else None),
        result.name if labelled <= _MOST_LABELLED else "",
        depth if by_depth else "",
        hint=result.name,
        copy=result.name,
    )
