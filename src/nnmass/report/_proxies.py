"""Zero-cost proxies as a table."""

from __future__ import annotations

from collections.abc import Sequence

from nnmass.errors import SpecError
from nnmass.probes import ProxyScore
from nnmass.report._table import Column, Table

_BASELINES = ("params", "macs")


def proxy_table(scores: Sequence[ProxyScore]) -> Table:
    """One row a proxy; the baselines, parameters and multiply-adds, are the first rows.

    Args:
        scores: From `nnmass.probes.score_proxies`, of one network or of several, which follow each
            other. A baseline that is not among them has a row that says so.

    Returns:
        Value, standard deviation over the seeds, what is better, how it was measured; for a proxy
        that failed, why.

    Raises:
        SpecError: There are no scores.

    Source:
        Ours.

    Example:
        >>> import torch
        >>> from nnmass.probes import score_proxies
        >>> found = score_proxies(torch.nn.Linear(4, 2), torch.ones(3, 4), None, proxies=["macs"])
        >>> [row[:2] for row in proxy_table(found).rows]
        [('params', 'not measured'), ('macs', '8')]
    """
    if not scores:
        raise SpecError("there are no scores: measure some with nnmass.probes.score_proxies")
    networks = list(dict.fromkeys(score.network for score in scores))
    rows: list[tuple[str, ...]] = []
    for network in networks:
        for row in _rows([score for score in scores if score.network == network]):
            rows.append((network, *row) if len(networks) > 1 else row)
    columns: tuple[Column, ...] = (
        Column("proxy", "left"),
        Column("value"),
        Column("sd"),
        Column("unit", "left"),
        Column("better", "left"),
        Column("seeds"),
        Column("batch norm", "left", is_optional=True),
        Column("images", is_optional=True),
        Column("note", "left"),
    )
    if len(networks) > 1:
        columns = (Column("network", "left"), *columns)
    title = "" if len(networks) > 1 else networks[0]
    return Table(columns, tuple(rows), title)


def _rows(scores: Sequence[ProxyScore]) -> list[tuple[str, ...]]:
    """Rows of one network, the baselines first, known or not."""
    known = {score.proxy for score in scores}
    missing = [name for name in _BASELINES if name not in known]
    rows: list[tuple[str, ...]] = [
        (name, "not measured", "", "", "", "", "", "", "") for name in missing
    ]
    rows += map(_row, scores)
    order = {name: index for index, name in enumerate(_BASELINES)}
    return sorted(rows, key=lambda row: order.get(row[0], len(order)))


def _row(score: ProxyScore) -> tuple[str, ...]:
    return (
        score.proxy,
        "failed" if score.value is None else proxy_value(score.value),
        "" if score.spread is None else f"{score.spread:.2g}",
        "" if score.unit in ("1", score.proxy) else score.unit,
        "higher" if score.higher_is_better else "lower",
        "" if score.seeds[0] is None else str(len(score.seeds)),
        score.batch_norm or "",
        str(score.n_images),
        score.reason,
    )


def proxy_value(value: float) -> str:
    """Counts in full, everything else to four digits.

    Example:
        >>> proxy_value(6760.0), proxy_value(0.36312)
        ('6,760', '0.3631')
    """
    return f"{int(value):,}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
