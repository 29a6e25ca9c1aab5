"""Residual networks and MobileNetV2: stages of equal blocks behind a first one, priced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from nnmass.design._choices import Choices
from nnmass.design._frame import Frame, Priced, Slot
from nnmass.design._roles import WIDTHS
from nnmass.specs import (
    FLOAT32_BYTES,
    InvertedResidual,
    Layer,
    MobileNetV2,
    ResidualBlock,
    ResidualSpec,
    Spec,
    block_layers,
    layers_of,
    strided,
)

if TYPE_CHECKING:
    from nnmass.design._latency_table import LatencyTable
    from nnmass.design._space import Space

Block = ResidualBlock | InvertedResidual


def residual_frames(space: Space) -> Iterator[Frame]:
    """One frame for each width; what varies is the number of blocks of each stage."""
    choices = space.blocks
    kind = {"block": space.spec().values()["block"]} if space.family == "resnet" else {}
    for widths in space.widths:
        coupled = {**dict(zip(WIDTHS[space.family], widths, strict=True)), **kind}
        base = space.spec({**coupled, "blocks": (2,) * len(choices)})
        assert isinstance(base, ResidualSpec)

        def spec(settings: Sequence[Sequence[int]], fixed: dict[str, Any] = coupled) -> Spec:
            return space.spec({**fixed, "blocks": tuple(int(n) for (n,) in settings)})

        yield Frame(
            name=space.named(widths),
            sizes=tuple(len(c.values) for c in choices),
            price=partial(_price_stages, base, choices),
            spec=spec,
        )


def _price_stages(
    base: ResidualSpec, choices: Sequence[Choices], table: LatencyTable | None
) -> Priced:
    blocks, slots = base.sized_blocks, list[Slot]()
    for (first, size), (rest, _), counts in zip(blocks[::2], blocks[1::2], choices, strict=True):
        slots.append(_stage(first, rest, size, [(int(n),) for n in counts.values], table))
    return _around(base, tuple(slots), table)


def _stage(
    first: Block,
    rest: Block,
    size: int,
    settings: Sequence[tuple[int, ...]],
    table: LatencyTable | None,
) -> Slot:
    """A stage of n blocks, n being the last number of each setting: all but memory is affine."""
    later = strided(size, first.stride)
    n = np.array([row[-1] for row in settings], dtype=np.int64)
    one, more = first.cost(size), rest.cost(later)
    memory = max(first.alive(size)), max(rest.alive(later))
    ms = None
    if table is not None:
        ms = np.full(len(n), table.layers_ms(block_layers(first, size=size)))
        if n.max() > 1:  # else the table need not know the others
            ms += (n - 1) * table.layers_ms(block_layers(rest, size=later))
    mass = np.asarray(_mass(first) + (n - 1) * _mass(rest), dtype=np.float64)
    return Slot(
        mass=mass,
        parts=mass[:, None],
        params=one.params + (n - 1) * more.params,
        macs=one.macs + (n - 1) * more.macs,
        memory=FLOAT32_BYTES * np.where(n > 1, max(memory), memory[0]),
        ms=ms,
        structure=np.array(settings, dtype=np.int64),
        settings=np.array(settings, dtype=np.int64),
    )


def _mass(block: Block) -> float:
    return 0.0 if block.cell is None else block.cell.mass


def mobilenet_frames(space: Space) -> Iterator[Frame]:
    """One frame for each width; what varies is expansion and number of blocks of each row."""
    base = space.spec()
    assert isinstance(base, MobileNetV2)
    field = space.field("rows") or tuple(tuple(map(Choices.of, row)) for row in base.rows)
    rows = [[c for c in entry if isinstance(c, Choices)] for entry in field]
    for (wm,) in space.widths:

        def spec(settings: Sequence[Sequence[int]], wm: Any = wm) -> Spec:
            filled = [
                (int(t), row[1].first, int(n), row[3].first)
                for (t, n), row in zip(settings, rows, strict=True)
            ]
            return space.spec({"wm": wm, "rows": filled})

        yield Frame(
            name=space.named((wm,)),
            sizes=tuple(len(t.values) * len(n.values) for t, _, n, _ in rows),
            price=partial(_price_rows, spec, rows),
            spec=spec,
        )


def _price_rows(spec: Any, rows: Sequence[Sequence[Choices]], table: LatencyTable | None) -> Priced:
    """Blocks of each row for each expansion; rows meet at fixed channels, so they do not couple."""
    slots = list[Slot]()
    base = spec([(t.first, 2) for t, *_ in rows])
    for index, (expansions, _, counts, _) in enumerate(rows):
        options = list[Slot]()
        for t in expansions.values:
            network = spec([(t, 2) if k == index else (r[0].first, 2) for k, r in enumerate(rows)])
            (first, size), (rest, _) = network.sized_blocks[2 * index : 2 * index + 2]
            settings = list(product([int(t)], [int(n) for n in counts.values]))
            options.append(_stage(first, rest, size, settings, table))
        slots.append(Slot.joined(options))
    return _around(base, tuple(slots), table)


def _around(
    base: ResidualSpec | MobileNetV2, slots: tuple[Slot, ...], table: LatencyTable | None
) -> Priced:
    """The slots with what stands before and behind them: all of ``base`` but its blocks."""
    params, macs, inner = base.params, base.macs, list[Layer]()
    for block, size in base.sized_blocks:
        cost = block.cost(size)
        params, macs = params - cost.params, macs - cost.macs
        inner += block_layers(block, size=size)
    ms = 0.0
    if table is not None:
        layers = layers_of(base)
        first = 2 if layers[1].kind.op == "max-pool" else 1  # the stem
        ms = table.layers_ms(layers[:first] + layers[first + len(inner) :])
    return Priced(slots=slots, params=params, macs=macs, memory=base.outer_activation_bytes, ms=ms)
