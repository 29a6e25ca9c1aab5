"""ResNet, Wide ResNet and ResNeXt from layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from nnmass.recognition._seen import Seen, UnlikeError, most_common
from nnmass.recognition._simplest import simplest
from nnmass.specs import BASIC_STAGES, BOTTLENECK_STAGES, ResNet, ResNeXt, WideResNet
from nnmass.tracing import WeightLayer


@dataclass(frozen=True, slots=True)
class _Stages:
    """The stages of a residual network.

    Attributes:
        widths: Channels of the 3x3 convolutions of each stage.
        counts: Blocks of each stage.
        is_bottleneck: A block is 1x1, 3x3, 1x1.
        has_projections: There are more 1x1 convolutions than that.
        groups: Of the 3x3 convolutions.
        stem: Kind of the stem.
        stem_channels: What it gives.
    """

    widths: tuple[int, ...]
    counts: tuple[int, ...]
    is_bottleneck: bool
    has_projections: bool
    groups: int
    stem: str
    stem_channels: int

    @property
    def kind(self) -> str:
        """The blocks in words."""
        blocks = "bottlenecks (1x1, 3x3, 1x1)" if self.is_bottleneck else "blocks of two 3x3"
        return f"{'/'.join(map(str, self.counts))} {blocks}"


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
    return by_size if _is_known(by_size) or not _is_known(by_width) else by_width


def _read(seen: Seen, threes: Sequence[WeightLayer], parts: list[list[int]]) -> _Stages:
    """The stages, given the channels of the 3x3 convolutions of each."""
    n_ones = sum(layer.shape.kernel == (1, 1) for layer in seen.body)
    is_bottleneck = 2 * n_ones > 3 * len(threes)
    return _Stages(
        widths=tuple(most_common(part) for part in parts),
        counts=tuple(len(part) // (1 if is_bottleneck else 2) for part in parts),
        is_bottleneck=is_bottleneck,
        has_projections=n_ones > 2 * len(threes) * is_bottleneck,
        groups=most_common([layer.shape.groups for layer in threes]),
        stem=seen.stem_kind(threes[0].size),
        stem_channels=seen.stem[-1].shape.outputs,
    )


def _is_known(stages: _Stages) -> bool:
    return bool(_four_stage_depth(stages) or _three_stage_blocks(stages))


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


def _four_stage_depth(stages: _Stages) -> int | None:
    published = BOTTLENECK_STAGES if stages.is_bottleneck else BASIC_STAGES
    return next((depth for depth, counts in published.items() if counts == stages.counts), None)


def _three_stage_blocks(stages: _Stages) -> int | None:
    """Blocks of each stage of the CIFAR kind."""
    is_even = len(stages.counts) == 3 and len(set(stages.counts)) == 1
    return stages.counts[0] if is_even and not stages.is_bottleneck else None


def _depth(stages: _Stages, *, extra: int) -> int:
    depth = _four_stage_depth(stages)
    n_blocks = _three_stage_blocks(stages)
    if depth is None and n_blocks is not None:
        depth = 6 * n_blocks + extra
    if depth is None:
        raise UnlikeError(
            f"it has stages of {stages.kind}; the family has 2/2/2/2 (18) or 3/4/6/3 (34) blocks "
            "of two 3x3, or n/n/n of them, or 3/4/6/3 (50), 3/4/23/3 (101), 3/8/36/3 (152) "
            "bottlenecks"
        )
    return depth


def _common(seen: Seen, stages: _Stages) -> dict[str, Any]:
    return {"stem": stages.stem, **seen.image}


def resnets(seen: Seen) -> Iterator[ResNet]:
    """The ResNet with these stages, its width multiplier from the widths."""
    stages = _stages(seen)
    depth, is_four = _depth(stages, extra=2), _four_stage_depth(stages) is not None
    if not is_four and depth in BOTTLENECK_STAGES:
        raise UnlikeError(
            f"it has stages of {stages.kind}; the family's depth {depth} has four of bottlenecks"
        )
    shape = {
        "depth": depth,
        "shortcut": "projection" if stages.has_projections else "pad",
        **_common(seen, stages),
    }
    first = 64 if is_four else 16
    planes = [first << index for index in range(4 if is_four else 3)]
    seen_widths = [(first, stages.stem_channels), *zip(planes, stages.widths, strict=True)]
    low = max((width - 1) / plane for plane, width in seen_widths)
    high = min((width + 1) / plane for plane, width in seen_widths)
    multiplier = simplest(max(low, 1e-5), high, _widths_are(seen_widths))
    if multiplier is None:  # what most of them have, so that there is something to compare with
        multiplier = most_common([width / plane for plane, width in seen_widths])
    yield ResNet(width_multiplier=multiplier, **shape)


def _widths_are(widths: list[tuple[int, int]]) -> Any:
    return lambda share: all(max(1, round(plane * share)) == width for plane, width in widths)


def wide_resnets(seen: Seen) -> Iterator[WideResNet]:
    """The Wide ResNet with these stages."""
    stages = _stages(seen)
    depth = _depth(stages, extra=4)
    if _four_stage_depth(stages) in BASIC_STAGES:  # 34 is also that of three times five blocks
        raise UnlikeError(f"it has stages of {stages.kind}, as ResNets have")
    first = 64 if depth in BOTTLENECK_STAGES else 16
    widen = max(1, round(stages.widths[0] / first))
    yield WideResNet(depth=depth, widen=widen, **_common(seen, stages))


def resnexts(seen: Seen) -> Iterator[ResNeXt]:
    """The ResNeXt with these stages."""
    stages = _stages(seen)
    depth = _four_stage_depth(stages)
    if depth not in BOTTLENECK_STAGES:
        raise UnlikeError(
            f"it has stages of {stages.kind}; the family has 3/4/6/3 (50), 3/4/23/3 (101) or "
            "3/8/36/3 (152) bottlenecks"
        )
    width = max(1, round(stages.widths[0] / stages.groups))
    yield ResNeXt(depth=depth, groups=stages.groups, width=width, **_common(seen, stages))
