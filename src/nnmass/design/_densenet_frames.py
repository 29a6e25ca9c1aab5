"""DenseNets: a block's width follows from the blocks before it, so all layouts are priced."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnmass._arrays import Floats, Ints
from nnmass.design._frame import Frame, Priced, Slot
from nnmass.design._roles import WIDTHS
from nnmass.errors import SpecError
from nnmass.specs import (
    FLOAT32_BYTES,
    DenseNet,
    Layer,
    Spec,
    block_layers,
    compressed_channels,
    layers_of,
    price_dense_blocks,
    price_transitions,
    transition_layers,
)
from nnmass.topology import DenseBlock, DenseBlocks

if TYPE_CHECKING:
    from nnmass.design._latency_table import LatencyTable
    from nnmass.design._space import Space

MOST_LAYOUTS = 5_000_000
"""Networks of a space, which are all priced: about 130 bytes each."""


def densenet_frames(space: Space) -> Iterator[Frame]:
    """One frame for each width, with one part: the layers of all blocks together."""
    layers = [np.array(choices.values, dtype=np.int64) for choices in space.blocks]
    size = math.prod(map(len, layers))
    if size * len(space.widths) > MOST_LAYOUTS:
        raise SpecError(
            f"a space of DenseNets may hold {MOST_LAYOUTS:,} networks, since all are priced (each "
            f"block's width hangs on those before it), and {space} holds "
            f"{size * len(space.widths):,}; narrow its blocks or widths"
        )
    for widths in space.widths:
        coupled = dict(zip(WIDTHS["densenet"], widths, strict=True))

        def spec(settings: Sequence[Sequence[int]], fixed: dict[str, Any] = coupled) -> Spec:
            (row,) = settings
            return space.spec({**fixed, "blocks": tuple(int(n) for n in row)})

        yield Frame(
            name=space.named(widths),
            sizes=(size,),
            price=partial(_price_layouts, spec([[int(n[0]) for n in layers]]), layers),
            spec=spec,
        )


def _price_layouts(base: Spec, layers: Sequence[Ints], table: LatencyTable | None) -> Priced:
    """Block after block, for all layouts at once."""
    assert isinstance(base, DenseNet)
    layouts = np.stack(np.meshgrid(*layers, indexing="ij"), axis=-1).reshape(-1, len(layers))
    total = _Running.start(base, layouts, table)
    for index, size in enumerate(base.sizes):
        total.add_block(layouts[:, index], size)
        if index + 1 < len(base.sizes):
            total.add_transition(size)
    total.add_head(base.sizes[-1])
    stem = 2 if base.stem == "imagenet" else 1
    return Priced(
        slots=(total.slot(layouts),),
        params=base.stem_cost.params,
        macs=base.stem_cost.macs,
        memory=base.outer_activation_bytes,
        ms=0.0 if table is None else table.layers_ms(layers_of(base)[:stem]),
    )


@dataclass(slots=True)
class _Running:
    """Sums over the blocks so far, one entry for each layout."""

    base: DenseNet
    table: LatencyTable | None
    channels: Ints
    mass: list[Floats]
    params: Ints
    macs: Ints
    alive: Ints
    ms: Floats

    @classmethod
    def start(cls, base: DenseNet, layouts: Ints, table: LatencyTable | None) -> _Running:
        def zero() -> Ints:
            return np.zeros(len(layouts), dtype=np.int64)

        n = len(layouts)
        channels = np.full(n, base.first)
        return cls(base, table, channels, [], zero(), zero(), zero(), np.zeros(n))

    def add_block(self, layers: Ints, size: int) -> None:
        growth, inner = self.base.growth, self.base.bottleneck * self.base.growth
        blocks = DenseBlocks(inputs=self.channels, growth=growth, layers=layers, inner=inner)
        prices = price_dense_blocks(blocks, size=size)
        self.mass.append(blocks.mass)
        self._add(prices.params, prices.macs, (blocks.outputs + inner) * size**2)
        if self.table is not None:
            most = int(layers.max())
            self.ms += _by_distinct(self.channels, lambda c: self._block_ms(c, most, size), layers)
        self.channels = blocks.outputs

    def _block_ms(self, inputs: int, layers: int, size: int) -> Floats:
        """Milliseconds of 0, 1, .. ``layers`` dense layers behind ``inputs`` channels."""
        assert self.table is not None
        growth, inner = self.base.growth, self.base.bottleneck * self.base.growth
        block = DenseBlock(inputs=inputs, growth=growth, layers=layers, inner=inner)
        run = list(block_layers(block, size=size))
        each = len(run) // layers
        parts = [self.table.layers_ms(run[k : k + each]) for k in range(0, len(run), each)]
        return np.concatenate([[0.0], np.cumsum(parts)])

    def add_transition(self, size: int) -> None:
        table, before = self.table, self.channels
        after = compressed_channels(before, self.base.compression)
        prices = price_transitions(before, after, size=size)
        pooled = after * (size**2 + (size // 2) ** 2)
        self._add(prices.params, prices.macs, np.maximum((before + after) * size**2, pooled))
        if table is not None:
            share = self.base.compression

            def ms(c: int) -> Floats:
                outputs = int(compressed_channels([c], share)[0])
                return np.array([table.layers_ms(transition_layers(c, outputs, size=size))])

            self.ms += _by_distinct(before, ms)
        self.channels = after

    def add_head(self, size: int) -> None:
        last, classes, table = self.channels, self.base.classes, self.table
        alive = np.maximum(last * (size**2 + 1), last + classes)
        self._add((classes + 2) * last + classes, classes * last, alive)
        if table is not None:
            mean, linear = layers_of(self.base)[-2:]

            def ms(c: int) -> Floats:
                head = (Layer(mean.kind, c, c), Layer(linear.kind, c, classes))
                return np.array([table.layers_ms(head)])

            self.ms += _by_distinct(last, ms)

    def _add(self, params: Ints, macs: Ints, alive: Ints) -> None:
        self.params += params
        self.macs += macs
        np.maximum(self.alive, alive, out=self.alive)

    def slot(self, layouts: Ints) -> Slot:
        return Slot(
            mass=sum(self.mass[1:], start=self.mass[0]),
            parts=np.column_stack(self.mass),
            params=self.params,
            macs=self.macs,
            memory=FLOAT32_BYTES * self.alive,
            ms=None if self.table is None else self.ms,
            structure=layouts,
            settings=layouts,
        )


def _by_distinct(
    values: Ints, of_value: Callable[[int], Floats], entry: Ints | None = None
) -> Floats:
    """``of_value(value)[entry]`` for each value; called once for each different one."""
    distinct, places = np.unique(values, return_inverse=True)
    rows = np.stack([of_value(int(value)) for value in distinct])
    return np.asarray(rows[places, 0 if entry is None else entry])
