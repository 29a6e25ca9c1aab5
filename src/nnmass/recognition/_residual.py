"""ResNet, Wide ResNet and ResNeXt from layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from nnmass.recognition._seen import Seen, UnlikeError, most_common
from nnmass.recognition._simplest import simplest
from nnmass.specs import PLANES, ResNet, ResNeXt, WideResNet
from nnmass.tracing import WeightLayer


@dataclass(frozen=True, slots=True)
class _Stages:
    """The stages of a residual network.

    Attributes:
        threes: Output channels of the 3x3 convolutions of each stage.
        is_bottleneck: A block is 1x1, 3x3, 1x1; otherwise it is two 3x3.
        has_projections: There are more 1x1 convolutions than that.
        groups: Of the 3x3 convolutions.
        stem: Kind of the stem.
        stem_channels: What it gives.
    """

    threes: tuple[tuple[int, ...], ...]
    is_bottleneck: bool
    has_projections: bool
    groups: int
    stem: str
    stem_channels: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stage."""
        return tuple(most_common(stage) for stage in self.threes)

    @property
    def counts(self) -> tuple[int, ...]:
        """Blocks of each stage."""
        return tuple(len(stage) // self._each for stage in self.threes)

    @property
    def has_layout(self) -> bool:
        """There are three or four stages of whole blocks."""
        return len(self.threes) in PLANES and not any(len(s) % self._each for s in self.threes)

    @property
    def is_even(self) -> bool:
        """In addition, all 3x3 convolutions of a stage have as many channels."""
        return self.has_layout and all(len(set(stage)) == 1 for stage in self.threes)

    @property
    def kind(self) -> str:
        """The blocks in words."""
        blocks = "bottlenecks (1x1, 3x3, 1x1)" if self.is_bottleneck else "blocks of two 3x3"
        return f"{'/'.join(map(str, self.counts))} {blocks}"

    @property
    def no_layout(self) -> str:
        """Why its stages are of none of the families."""
        found = [str(len(stage)) for stage in self.threes]
        shown = "/".join(found[:6]) + ("/.." if len(found) > 6 else "")
        return (
            f"its {len(found)} stages have {shown} 3x3 convolutions; the families have 3 or 4 "
            "stages of bottlenecks (1x1, 3x3, 1x1), or of blocks of two 3x3"
        )

    @property
    def _each(self) -> int:
        return 1 if self.is_bottleneck else 2


def _stages(seen: Seen) -> _Stages:
    if not any(cell.kind == "addition" for cell in seen.reading.topology.cells):
        raise UnlikeError("it has no residual block: nothing is added")
    threes = [layer for layer in seen.body if layer.shape.kernel == (3, 3)]
    if not threes:
        raise UnlikeError("it has no 3x3 convolution behind the stem")
    deep = [layer for layer in threes if layer.is_depthwise]
    if 2 * len(deep) > len(threes):
        raise UnlikeError(f"its 3x3 convolutions are depthwise ({deep[0].path}, ..)")
    by_size, by_width = (_read(seen, threes, part(threes)) for part in (_by_size, _by_width))
    # Where blurring, not a stride, makes maps smaller, the widths alone tell stages apart.
    best = by_size if by_size.is_even or not by_width.has_layout else by_width
    if not best.has_layout:
        raise UnlikeError(best.no_layout)
    return best


def _read(seen: Seen, threes: Sequence[WeightLayer], parts: list[list[int]]) -> _Stages:
    """The stages, given the channels of the 3x3 convolutions of each."""
    n_ones = sum(layer.shape.kernel == (1, 1) for layer in seen.body)
    is_bottleneck = 2 * n_ones > 3 * len(threes)
    return _Stages(
        threes=tuple(map(tuple, parts)),
        is_bottleneck=is_bottleneck,
        has_projections=n_ones > 2 * len(threes) * is_bottleneck,
        groups=most_common([layer.shape.groups for layer in threes]),
        stem=seen.stem_kind(threes[0].size),
        stem_channels=seen.stem[-1].shape.outputs,
    )


def _by_size(layers: Sequence[WeightLayer]) -> list[list[int]]:
    """Output channels, a list for each stage: one begins where the maps become smaller."""
    stages: list[list[int]] = []
    size: tuple[int, ...] | None = None
    for layer in layers:
        if layer.shape.stride != (1, 1) or layer.size != size:
            stages.append([])
        stages[-1].append(layer.shape.outputs)
        size = layer.size
    return stages


def _by_width(layers: Sequence[WeightLayer]) -> list[list[int]]:
    """Output channels, a list for each run of equal ones."""
    return [list(run) for _, run in groupby(layer.shape.outputs for layer in layers)]


def _common(seen: Seen, stages: _Stages) -> dict[str, Any]:
    return {"blocks": stages.counts, "stem": stages.stem, **seen.image}


def resnets(seen: Seen) -> Iterator[ResNet]:
    """The ResNet with these stages, its width multiplier from the widths."""
    stages = _stages(seen)
    planes = PLANES[len(stages.counts)]
    seen_widths = [(planes[0], stages.stem_channels), *zip(planes, stages.widths, strict=True)]
    low = max((width - 1) / plane for plane, width in seen_widths)
    high = min((width + 1) / plane for plane, width in seen_widths)
    multiplier = simplest(max(low, 1e-5), high, _widths_are(seen_widths))
    if multiplier is None:  # what most of them have, so that there is something to compare with
        multiplier = most_common([width / plane for plane, width in seen_widths])
    yield ResNet(
        block="bottleneck" if stages.is_bottleneck else "basic",
        width_multiplier=multiplier,
        shortcut="projection" if stages.has_projections else "pad",
        **_common(seen, stages),
    )


def _widths_are(widths: list[tuple[int, int]]) -> Any:
    return lambda share: all(max(1, round(plane * share)) == width for plane, width in widths)


def wide_resnets(seen: Seen) -> Iterator[WideResNet]:
    """The Wide ResNet with these stages."""
    stages = _stages(seen)
    if stages.is_bottleneck != (len(stages.counts) == 4):
        raise UnlikeError(
            f"it has stages of {stages.kind}; the family has three of blocks of two 3x3, or four "
            "of bottlenecks"
        )
    widen = max(1, round(stages.widths[0] / PLANES[len(stages.counts)][0]))
    yield WideResNet(widen=widen, **_common(seen, stages))


def resnexts(seen: Seen) -> Iterator[ResNeXt]:
    """The ResNeXt with these stages."""
    stages = _stages(seen)
    if not stages.is_bottleneck or len(stages.counts) != 4:
        raise UnlikeError(f"it has stages of {stages.kind}; the family has four of bottlenecks")
    width = max(1, round(stages.widths[0] / stages.groups))
    yield ResNeXt(groups=stages.groups, width=width, **_common(seen, stages))
