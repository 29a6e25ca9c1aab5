"""Singular values by layer, as the numbers of their drawing."""

from __future__ import annotations

from nnmass.probes import LDI, LayerSpectrum
from nnmass.report._chart import Chart, Trace
from nnmass.report._ldi_figure import BANDS, layer_name


def ldi_chart(ldi: LDI) -> Chart:
    """The numbers of `ldi_figure`: mean and quantiles of each layer, and the line of isometry."""
    layers = list(enumerate(ldi.layers, start=1))
    ranks = [float(rank) for rank, _ in layers]
    bands = tuple(_band(layers, low, high, name) for low, high, name, _ in BANDS)
    ends = [ranks[0] - 0.5, ranks[-1] + 0.5]
    isometry = Trace(name="isometry", x=ends, y=[1.0, 1.0], kind="line", look=1, is_dashed=True)
    means = Trace(
        name="mean",
        x=ranks,
        y=[layer.mean or None for _, layer in layers],
        kind="both",
        texts=[layer_name(item) for item in layers],
        copies=[layer.path for _, layer in layers],
    )
    return Chart(
        traces=(*bands, isometry, means),
        x_labels=("layer, from input to output",),
        y_label="singular value",
        title=f"Singular values by layer: {ldi.network}",
        log_y=True,
    )


def _band(layers: list[tuple[int, LayerSpectrum]], low: int, high: int, name: str) -> Trace:
    """The outline, along the upper edge and back along the lower one; only what is above 0."""
    known = [
        (float(rank), layer.quantiles[low], layer.quantiles[high])
        for rank, layer in layers
        if layer.quantiles and layer.mean and layer.quantiles[low] > 0
    ]
    return Trace(
        name=name,
        x=[rank for rank, _, _ in known] + [rank for rank, _, _ in reversed(known)],
        y=[top for _, _, top in known] + [bottom for _, bottom, _ in reversed(known)],
        kind="band",
    )
