"""The dense networks with link caps, priced over every depth and link cap."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnmass._arrays import Ints
from nnmass.design._choices import Choices, entries_of
from nnmass.design._frame import Frame, Priced, Slot
from nnmass.specs import (
    FLOAT32_BYTES,
    CellPlan,
    DenseConvSpec,
    DenseMLP,
    Spec,
    layers_of,
    most_kept_channels,
)
from nnmass.topology import Cell, cell_links, cell_mass

if TYPE_CHECKING:
    from nnmass.design._latency_table import LatencyTable
    from nnmass.design._space import Space


def dense_conv_frames(space: Space) -> Iterator[Frame]:
    """One frame for each width, and for each depth where all cells share it."""
    caps = entries_of(space.field("t"))
    depths = entries_of(space.field("d"))
    shared = depths[0] if len(depths) == 1 and len(caps) > 1 else None
    for (wm,) in space.widths:
        layouts = (
            [depths] if shared is None else [[Choices.of(d)] * len(caps) for d in shared.values]
        )
        for of_cells in layouts:
            yield _dense_conv_frame(space, wm, of_cells, caps, is_shared=shared is not None)


def _dense_conv_frame(
    space: Space, wm: Any, depths: Sequence[Choices], caps: Sequence[Choices], *, is_shared: bool
) -> Frame:
    first = tuple(int(choices.first) for choices in depths)
    base = space.spec({"wm": wm, "d": first, "t": (0,) * len(caps)})
    assert isinstance(base, DenseConvSpec)
    widths = [cell.width for cell in base.cells]
    sizes = [
        sum(n_caps_at(w, int(d), t) for d in ds.values)
        for w, ds, t in zip(widths, depths, caps, strict=True)
    ]
    shown = [name for name in (space.named((wm,)), f"d={first[0]}" if is_shared else "") if name]

    def spec(settings: Sequence[Sequence[int]]) -> Spec:
        d, t = zip(*(tuple(int(x) for x in row) for row in settings), strict=True)
        return space.spec({"wm": wm, "d": d, "t": t})

    return Frame(
        name=",".join(shown),
        sizes=tuple(sizes),
        price=partial(_price_dense_conv, base, depths, caps),
        spec=spec,
    )


def _price_dense_conv(
    base: DenseConvSpec,
    depths: Sequence[Choices],
    caps: Sequence[Choices],
    table: LatencyTable | None,
) -> Priced:
    slots = tuple(
        Slot.joined([_dense_slot(base, index, int(d), caps[index], table) for d in ds.values])
        for index, ds in enumerate(depths)
    )
    plans, cost = base.plans, base.cost
    return Priced(
        slots=slots,
        params=cost.params - sum(plan.cost.params for plan in plans),
        macs=cost.macs - sum(plan.cost.macs for plan in plans),
        memory=base.outer_activation_bytes,
        ms=0.0 if table is None else table.layers_ms(layers_of(base)[-2:]),
    )


def _dense_slot(
    base: DenseConvSpec, index: int, depth: int, choices: Choices, table: LatencyTable | None
) -> Slot:
    """One cell at one depth, for all its link caps: all costs are affine in the links."""
    old = base.plans[index]
    bare = Cell(old.cell.width, depth, 0)
    plan: CellPlan = base.plan_cell(bare, inputs=old.inputs, size_in=old.size_in, stride=old.stride)
    caps = caps_at(bare.width, depth, choices)
    links, mass = cell_links(bare.width, depth, caps), cell_mass(bare.width, depth, caps)
    return Slot(
        mass=mass,
        parts=mass[:, None],
        params=plan.base.params + links * plan.per_link.params,
        macs=plan.base.macs + links * plan.per_link.macs,
        memory=FLOAT32_BYTES * plan.alive(caps),
        ms=None if table is None else table.cell_ms(base, index, depth=depth, link_caps=caps),
        structure=np.full((len(caps), 1), depth),
        settings=np.column_stack([np.full(len(caps), depth), caps]),
    )


def dense_mlp_frames(space: Space) -> Iterator[Frame]:
    """One frame for each width: a single cell, every depth and link cap."""
    (depths,), (caps,) = entries_of(space.field("d")), entries_of(space.field("t"))
    for (width,) in space.widths:
        base = space.spec({"w": width})
        assert isinstance(base, DenseMLP)

        def spec(settings: Sequence[Sequence[int]], w: Any = width) -> Spec:
            ((d, t),) = settings
            return space.spec({"w": w, "d": int(d), "t": int(t)})

        yield Frame(
            name=space.named((width,)),
            sizes=(sum(n_caps_at(base.width, int(d), caps) for d in depths.values),),
            price=partial(_price_dense_mlp, base, depths, caps),
            spec=spec,
        )


def _price_dense_mlp(
    base: DenseMLP, depths: Choices, caps: Choices, table: LatencyTable | None
) -> Priced:
    if table is not None:
        layers_of(base)  # has no layer rule: this raises the error that says so
    slots = [_mlp_slot(base, int(d), caps_at(base.width, int(d), caps)) for d in depths.values]
    return Priced(slots=(Slot.joined(slots),))


def _mlp_slot(base: DenseMLP, depth: int, caps: Ints) -> Slot:
    """The whole MLP at one depth: links into the classifier cost ``classes`` each."""
    w, classes = base.width, base.classes
    links, mass = cell_links(w, depth, caps), cell_mass(w, depth, caps)
    last = np.minimum(caps, w * (depth - 2))
    weights = base.inputs * w + (depth - 2) * w * w + w * (links - last) + (w + last) * classes
    alive = np.maximum(
        most_kept_channels(w, depth, caps, last=depth - 2) + 2 * w, last + w + classes
    )
    return Slot(
        mass=mass,
        parts=mass[:, None],
        params=weights + (depth - 1) * w + classes,
        macs=weights,
        memory=FLOAT32_BYTES * np.maximum(alive, base.inputs + w),
        ms=None,
        structure=np.full((len(caps), 1), depth),
        settings=np.column_stack([np.full(len(caps), depth), caps]),
    )


def caps_at(width: int, depth: int, choices: Choices) -> Ints:
    """The link caps of ``choices`` that give different cells, ascending.

    Example:
        >>> caps_at(2, 5, Choices.read("*")).tolist(), caps_at(2, 5, Choices.read("1|9")).tolist()
        ([0, 1, 2, 3, 4, 5, 6], [1, 6])
    """
    full = width * (depth - 2)
    if choices.is_every:
        return np.arange(0, full + 1, choices.step)
    return np.unique(np.array([min(int(t), full) for t in choices.values], dtype=np.int64))


def n_caps_at(width: int, depth: int, choices: Choices) -> int:
    """How many `caps_at` gives, without laying them out.

    Example:
        >>> n_caps_at(2, 5, Choices.read("*")), n_caps_at(2, 5, Choices.read("1|9"))
        (7, 2)
    """
    full = width * (depth - 2)
    if choices.is_every:
        return full // choices.step + 1
    n_below = bisect_left(choices.values, full)
    return n_below + (n_below < len(choices.values))
