"""How few flipped bits win an image: the exact greedy count, and floors that follow from it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nnmass.audit._bits._last_layer import LastLayer
from nnmass.errors import SpecError

UNREACHABLE = 2**31 - 1
"""More flips than there are bits: no flips of these rows win the image."""

_FIRST_LOOK = 64  # flips that nearly every image is decided within; the rest is sorted in full
_ROUNDING = 2.0**-24  # of float32
_VALUES_AT_ONCE = 2**24


def flips_needed(
    layer: LastLayer,
    features: Tensor,
    target: int,
    *,
    whole_layer: bool = False,
    copies: int = 1,
) -> Tensor:
    """Least number of flipped bits after which each image can be classified ``target``.

    A flip of bit i of weight j of row t changes z_t by s * c_i * scale_t * phi_j, with c_i = 2^i
    for i < 7, c_7 = -128, and s = 1 if the bit is 0, else -1. These changes add up independently of
    each other, so the fewest that close the gap max_k z_k - z_t are the largest ones: a greedy
    prefix, and exactly the least. Over the whole layer flips of a rival's row count as well; each
    rival k must be passed, by rows t and k alone, so the largest of those counts is a lower bound.

    In float64 on the stored bytes. The gap is taken smaller by what float32 may err in sums of this
    length, and a tie counts as won: the count is never too high for the deployed arithmetic.

    Args:
        layer: As deployed.
        features: (B, N), finite.
        target: The attacker's class.
        whole_layer: Count flips in rivals' rows, too.
        copies: Copies of the layer that vote byte by byte: 1, or an odd number, of which more than
            half must be changed alike.

    Returns:
        int64 (B,); 0 where the image is ``target`` already, `UNREACHABLE` where nothing is enough.

    Raises:
        SpecError: An argument is out of range.

    Source:
        Ours.

    Example:
        >>> layer = LastLayer(
        ...     codes=torch.tensor([[1], [4]], dtype=torch.int8),
        ...     scale=torch.ones(2, 1),
        ...     bias=torch.zeros(2),
        ... )
        >>> flips_needed(layer, torch.ones(1, 1), 0).tolist()  # bit 6 alone: 1 -> 65
        [1]
    """
    classes = layer.shape[0]
    if not 0 <= target < classes:
        raise SpecError(f"target must be a class in 0 .. {classes - 1}, got {target}")
    if copies < 1 or copies % 2 == 0:
        raise SpecError(f"copies must be 1 or an odd number, got {copies}")
    found = features.double()
    logits = found @ (layer.codes.double() * layer.scale.double()).T + layer.bias.double()
    rivals = [k for k in range(classes) if k != target]
    gaps = logits[:, rivals] - logits[:, target, None] - _slack(layer, found)[:, None]
    needs = torch.zeros(len(found), dtype=torch.long)
    if not whole_layer:
        return _times(_greedy(layer, found, [(target, 1.0)], gaps.amax(1)), copies)
    for column, rival in enumerate(rivals):
        rows = [(target, 1.0), (rival, -1.0)]
        needs = torch.maximum(needs, _greedy(layer, found, rows, gaps[:, column]))
    return _times(needs, copies)


def _times(needs: Tensor, copies: int) -> Tensor:
    most = copies // 2 + 1
    return torch.where(needs == UNREACHABLE, needs, needs * most)


def _slack(layer: LastLayer, features: Tensor) -> Tensor:
    """What two float32 logits of any bytes may err by, (B,); the usual bound of a dot product."""
    largest = features.abs().sum(1) * 128 * float(layer.scale.max()) + float(layer.bias.abs().max())
    return 2 * (features.shape[1] + 2) * _ROUNDING * largest


def bit_values(layer: LastLayer, row: int) -> Tensor:
    """What each flip adds to a weight of ``row``, float64 (N, 8), least significant bit first."""
    bits = (layer.codes[row].view(torch.uint8)[:, None] >> torch.arange(8, dtype=torch.uint8)) & 1
    values = 2.0 ** torch.arange(8, dtype=torch.float64)
    values[7] = -128.0
    return torch.where(bits == 0, values, -values) * float(layer.scale[row])


def _greedy(
    layer: LastLayer, features: Tensor, rows: list[tuple[int, float]], gaps: Tensor
) -> Tensor:
    """Length of the shortest prefix of the sorted gains that reaches each gap, (B,)."""
    steps = torch.cat([sign * bit_values(layer, row) for row, sign in rows])
    columns = torch.arange(layer.shape[1]).repeat(len(rows))
    needs = torch.zeros(len(gaps), dtype=torch.long)
    open_rows = (gaps > 0).nonzero().flatten()
    for some in open_rows.split(max(1, _VALUES_AT_ONCE // steps.numel())):
        gains = (features[some][:, columns, None] * steps).flatten(1).clamp_min_(0)
        needs[some] = _prefix(gains, gaps[some])
    return needs


def _prefix(gains: Tensor, gaps: Tensor) -> Tensor:
    width = min(_FIRST_LOOK, gains.shape[1])
    needs = _within(gains.topk(width, dim=1).values, gaps)
    late = (needs == UNREACHABLE).nonzero().flatten()
    if len(late) and width < gains.shape[1]:
        needs[late] = _within(gains[late].sort(1, descending=True).values, gaps[late])
    return needs


def _within(ordered: Tensor, gaps: Tensor) -> Tensor:
    is_reached = ordered.cumsum(1) >= gaps[:, None]
    first = is_reached.int().argmax(1) + 1
    return torch.where(is_reached.any(1), first, UNREACHABLE)


def floor_of(needs: Tensor, goal: float) -> int | None:
    """The fewest flips with which a share ``goal`` of the images can be won at all.

    Whatever k flips an attacker chooses, they win only images that need k or fewer: for the others
    no k flips are enough. So an attack that wins a share ``goal`` of these images has at least as
    many flips as the ``goal``-quantile of what they need.

    Args:
        needs: From `flips_needed`, of the images that the goal speaks of.
        goal: In (0, 1].

    Returns:
        The floor; ``None`` if no number of flips is enough.

    Raises:
        SpecError: There is no image, or the goal is out of range.

    Source:
        Ours.

    Example:
        >>> floor_of(torch.tensor([0, 1, 3, 9]), 0.75)
        3
    """
    if not len(needs) or not 0 < goal <= 1:
        raise SpecError(
            f"a floor needs images and a goal in (0, 1], got {len(needs)} images, goal {goal}"
        )
    wanted = math.ceil(goal * len(needs) - 1e-9)
    found = int(needs.sort().values[wanted - 1])
    return None if found >= UNREACHABLE else found
