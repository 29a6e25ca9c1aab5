"""Which channel counts to measure, so that those in between can be told from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from nnmass.specs import Layer, LayerKind


def grid_of(layers: Iterable[Layer], n_points: int) -> tuple[Layer, ...]:
    """The layers to measure, so that `LatencyTable` can tell ``layers`` and all between them.

    For each kind the outer product of its input and its output channels, each thinned to
    ``n_points`` values. Where skip links lead in, a layer may have any number of inputs, and
    those that are multiples of the cell's width run faster than their neighbours: there each of
    the ``n_points`` has its two neighbours beside it.

    Example:
        >>> from nnmass.specs import parse, layers_of
        >>> layers = layers_of(parse("dense-cnn(wm=1,d=6,t=999,image=8)"))
        >>> [layer.inputs for layer in grid_of(layers, 3) if layer.kind.is_linked]
        [16, 17, 31, 32, 33, 79, 80]
    """
    by_kind = dict[LayerKind, list[Layer]]()
    for layer in layers:
        by_kind.setdefault(layer.kind, []).append(layer)
    points = list[Layer]()
    for kind, found in by_kind.items():
        inputs = sorted({layer.inputs for layer in found})
        outputs = sorted({layer.outputs for layer in found})
        if kind.keeps_channels:
            points += [Layer(kind, n, n) for n in thinned(inputs, n_points)]
        elif kind.is_linked:
            counts = _beside_multiples(kind.linked, inputs[-1], n_points)
            points += [Layer(kind, n, w) for w in outputs for n in counts]
        else:
            axes = thinned(inputs, n_points), thinned(outputs, n_points)
            points += [Layer(kind, n, m) for n, m in product(*axes)]
    return tuple(points)


def thinned(values: Sequence[int], n_points: int) -> list[int]:
    """At most ``n_points`` of the ascending ``values``: both ends, evenly spaced by ratio.

    Example:
        >>> thinned([8, 16, 24, 32, 64, 128], 4)
        [8, 24, 64, 128]
    """
    if len(values) <= n_points:
        return list(values)
    low, high = values[0], values[-1]
    wanted = [low * (high / low) ** (k / (n_points - 1)) for k in range(1, n_points - 1)]
    return sorted({low, high, *(_nearest(values, one) for one in wanted)})


def _nearest(values: Sequence[int], wanted: float) -> int:
    return min(values, key=lambda value: (abs(value - wanted), value))


def _beside_multiples(width: int, high: int, n_points: int) -> list[int]:
    """From ``width`` to ``high``, by way of multiples of ``width`` and their neighbours."""
    multiples = thinned(range(width, high + 1, width), n_points)
    beside = {n + k for n in (*multiples, high) for k in (-1, 0, 1)}
    return sorted(n for n in beside if width <= n <= high)
