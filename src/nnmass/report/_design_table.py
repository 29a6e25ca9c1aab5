"""Designed networks as tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import TYPE_CHECKING, Literal

from nnmass.report._design_names import network_names
from nnmass.report._numbers import format_bytes, format_count, format_digits, format_mass
from nnmass.report._table import Column, Table

if TYPE_CHECKING:
    from nnmass.design import Candidate, Front, Limits, ParetoFront

_DEPTH = re.compile(r"has depth \d+, ")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a table is made of.

    Attributes:
        reference: Stands first; ``None`` without one.
        candidates: In order.
        limits: Budgets: what they bound is never left out.
        objective: What the candidates are best at.
        least: Of which costs each has the least; empty for a list of candidates.
    """

    reference: Candidate | None
    candidates: Sequence[Candidate]
    limits: Limits
    objective: str = ""
    least: tuple[str, ...] = ()

    @property
    def ranked(self) -> list[tuple[str, Candidate]]:
        """Reference first."""
        first = [] if self.reference is None else [("ref", self.reference)]
        return [*first, *((str(i), c) for i, c in enumerate(self.candidates, start=1))]

    def bounds(self, name: str) -> bool:
        """Whether a reader must see this cost."""
        return getattr(self.limits, name) is not None or self.objective == name


def design_table(front: Front) -> Table:
    """One row a network, the reference first: mass, costs, and how much less than the reference.

    Memory and predicted accuracy are left out on a narrow terminal, unless a budget bounds them.
    Letters in the last column are those of `flag_lines`.

    Example:
        >>> from nnmass.design import design
        >>> table = design_table(design(like="dense-cnn(wm=2,d=21,t=40/80/125)", top=1))
        >>> table.rows[1][:5]
        ('1', 'dense-cnn(wm=2,d=10,t=39/77/119)', '516.67', '3.40 M', '2.30x')
    """
    return _table(_Shown(front.reference, front, front.limits, front.objective))


def front_table(front: ParetoFront) -> Table:
    """One row a network of the front, lightest first, with the costs that it has the least of.

    Example:
        >>> from nnmass.design import pareto_front
        >>> table = front_table(pareto_front("dense-mlp", levels=2))
        >>> [(row[1], row[5]) for row in table.rows]
        [('dense-mlp(w=8,d=8,t=48)', 'all'), ('dense-mlp(w=8,d=16,t=112)', 'all')]
    """
    candidates = tuple(point.candidate for point in front.points)
    n_costs = 2 + any(one.latency_ms is not None for one in candidates)
    least = tuple(
        "all" if len(point.least) == n_costs else " ".join(_COSTS[name] for name in point.least)
        for point in front.points
    )
    return _table(_Shown(front.reference, candidates, front.limits, least=least))


_COSTS = {"params": "params", "macs": "MACs", "latency": "latency"}
"""As column headers have them."""


def _table(shown: _Shown) -> Table:
    columns = [(column, cells) for column, cells in _columns(shown) if cells]
    rows = zip(*(cells for _, cells in columns), strict=True)
    return Table(tuple(column for column, _ in columns), tuple(rows))


def _columns(shown: _Shown) -> Iterator[tuple[Column, list[str]]]:
    """Columns with their cells; those without cells have nothing to say."""
    ranks, found = zip(*shown.ranked, strict=True)
    reference, flags = shown.reference, flags_of(found)
    no_least = [""] * (len(found) - len(shown.candidates)) if shown.least else []
    yield Column("", "left"), list(ranks)
    yield Column("network", "left"), network_names([one.spec for one in found])
    yield Column("NN-Mass"), [format_mass(one.mass) for one in found]
    yield Column("params"), [format_count(one.params) for one in found]
    yield Column("fewer"), _fewer(found, reference, "params")
    yield Column("MACs"), [format_count(one.macs) for one in found]
    yield Column("fewer"), _fewer(found, reference, "macs")
    yield Column("latency", unit="ms"), _latencies(found)
    yield Column("least in", "left"), [*no_least, *shown.least]
    memory = Column("memory", is_optional=not shown.bounds("memory"))
    yield memory, [format_bytes(one.memory) for one in found]
    yield Column("accuracy", is_optional=True), list(map(_accuracy, found))
    yield Column("flag"), [_letters(one, flags) for one in found] if flags else []


def _fewer(
    found: Sequence[Candidate], reference: Candidate | None, cost: Literal["params", "macs"]
) -> list[str]:
    """How many times fewer than the reference has."""
    if reference is None:
        return []
    return [f"{getattr(reference, cost) / getattr(one, cost):.2f}x" for one in found]


def _latencies(found: Sequence[Candidate]) -> list[str]:
    values = [one.latency_ms for one in found]
    if all(value is None for value in values):
        return []
    return ["n/a" if value is None else format_digits(value) for value in values]


def _accuracy(one: Candidate) -> str:
    """Predicted, with the ends of its interval."""
    found = one.accuracy
    if found is None:
        return one.unpredicted or "no fit"
    beyond = ", extrapolated" if found.extrapolates else ""
    return f"{found.accuracy:.1f} ({found.low:.1f} to {found.high:.1f}{beyond})"


def flags_of(found: Iterable[Candidate]) -> dict[str, str]:
    """A letter for each reason why a mass may not compare; depths of one part are one reason."""
    reasons = dict.fromkeys(_reason(text) for one in found for text in one.outside)
    return {reason: _letter(index) for index, reason in enumerate(reasons)}


def flag_lines(candidates: Sequence[Candidate]) -> list[str]:
    """What the letters of the last column stand for, and at which ranks.

    Args:
        candidates: Those of the table, in order, without the reference.

    Example:
        >>> from nnmass.design import design
        >>> flag_lines(design(like="dense-mlp(w=8,d=16,t=8)", depth=(4, 16), top=3))
        ['flag a: cell 0 has a depth outside 8 to 16 (all)']
    """
    lines = list[str]()
    for reason, letter in flags_of(candidates).items():
        ranked = enumerate(candidates, start=1)
        of = [rank for rank, one in ranked if reason in map(_reason, one.outside)]
        whose = "all" if len(of) == len(candidates) else _ranges(of)
        lines.append(f"flag {letter}: {reason} ({whose})")
    return lines


def _ranges(ranks: Sequence[int]) -> str:
    """``1 to 4, 7``."""
    runs = list[list[int]]()
    for rank in ranks:
        if runs and runs[-1][-1] == rank - 1:
            runs[-1].append(rank)
        else:
            runs.append([rank])
    return ", ".join(
        f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )


def _reason(text: str) -> str:
    return _DEPTH.sub("has a depth ", text)


def _letters(one: Candidate, flags: Mapping[str, str]) -> str:
    return "".join(dict.fromkeys(flags[_reason(text)] for text in one.outside))


def _letter(index: int) -> str:
    """a, b, .. z, a2, b2, .."""
    lap, place = divmod(index, len(ascii_lowercase))
    return ascii_lowercase[place] + (str(lap + 1) if lap else "")
