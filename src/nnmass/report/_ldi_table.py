"""Layer Jacobians as a table."""

from __future__ import annotations

import math

from nnmass.probes import LDI, LayerSpectrum
from nnmass.report._table import Column, Table

NOTHING = "-"


def ldi_table(ldi: LDI) -> Table:
    """One row a layer, in the order in which they run.

    Means are over images and initialisations. What stands behind ± is the error of an estimate
    (95 %); an exact layer has none.

    Args:
        ldi: What `nnmass.ldi` returned.

    Example:
        >>> from nnmass.probes import LDI, LDIDraw, LayerSpectrum
        >>> layer = LayerSpectrum(
        ...     path="head", kind="linear", activation="elu", rows=10, columns=9, method="exact",
        ...     n_images=4, mean=0.5, mean_error=0.0, std=0.25, quantiles=(0.1, 0.3, 0.5, 0.7, 1.0),
        ...     near_one=0.5, max_abs_log=2.5, zero_share=0.0, largest=1.1,
        ... )
        >>> ldi = LDI(
        ...     network="net", draws=(LDIDraw(seed=0, layers=(layer,)),), n_images=4,
        ...     batch_norm="batch", is_legacy=False, elapsed_s=0.1, environment={},
        ... )
        >>> print(ldi_table(ldi).to_csv().splitlines()[1])
        1,head,linear,elu,10 x 9,exact,0.5000,0.2500,50.0 %,2.50,0.0 %
    """
    columns = (
        Column("#"),
        Column("layer", "left"),
        Column("kind", "left", is_optional=True),
        Column("after", "left", is_optional=True),
        Column("rows x columns", is_optional=True),
        Column("method", "left"),
        Column("mean"),
        Column("std"),
        Column("in 0.5..2"),
        Column("max |log|"),
        Column("zero"),
    )
    rows = (_row(rank, layer) for rank, layer in enumerate(ldi.layers, start=1))
    return Table(columns, tuple(rows), f"Layer Jacobians of {ldi.network}")


def ldi_line(ldi: LDI) -> str:
    """The mean over all layers, with its interval over the initialisations, as a sentence."""
    images = f"{ldi.n_images} image{'' if ldi.n_images == 1 else 's'}"
    n = len(ldi.draws)
    over = f"over {images} and {n} initialisation{'' if n == 1 else 's'}"
    if n == 1 and ldi.draws[0].seed is None:
        over = f"over {images}, of the weights as they are"
    kind = " as the released code measures it" if ldi.is_legacy else ""
    if ldi.mean is None:
        return f"mean singular value{kind}: failed ({over})"
    interval = ldi.interval
    known = ""
    if interval:
        low, high = map(singular_value, interval)
        known = f" (95 % interval {low} to {high})"
    std = "" if ldi.std is None else f", standard deviation {singular_value(ldi.std)}"
    return f"mean singular value{kind} {singular_value(ldi.mean)}{known}{std}, {over}"


def _row(rank: int, layer: LayerSpectrum) -> tuple[str, ...]:
    return (
        str(rank),
        layer.path,
        layer.kind,
        layer.activation or NOTHING,
        f"{layer.rows} x {layer.columns}",
        layer.method,
        _value(layer.mean, layer.mean_error),
        _value(layer.std),
        _share(layer.near_one),
        NOTHING if layer.max_abs_log is None else f"{layer.max_abs_log:.2f}",
        _share(layer.zero_share),
    )


def _value(mean: float | None, error: float | None = None) -> str:
    return NOTHING if mean is None else value_with_error(mean, error)


def value_with_error(mean: float, error: float | None) -> str:
    """``mean`` with what stands behind ±, to as many decimals; alone where that is 0 or not known.

    Example:
        >>> value_with_error(0.46412, 0.0031), value_with_error(0.46412, 0.0)
        ('0.4641 ± 0.0031', '0.4641')
    """
    shown = singular_value(mean)
    if not error or math.isnan(error):
        return shown
    bar = f"{error:.2e}" if "e" in shown else f"{error:.4f}"
    return shown if bar == "0.0000" else f"{shown} ± {bar}"


def singular_value(value: float) -> str:
    """``value`` to four decimals; in powers of ten where that would not show it.

    Example:
        >>> singular_value(0.46412), singular_value(3.2e-9), singular_value(12345.6)
        ('0.4641', '3.20e-09', '1.23e+04')
    """
    if value and not 1e-3 <= abs(value) < 1e4:
        return f"{value:.2e}"
    return f"{value:.4f}"


def _share(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:z.1f} %"
