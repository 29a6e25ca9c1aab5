"""Which networks are trained side by side."""

from __future__ import annotations

from collections.abc import Sequence

from nnmass.specs import DenseMLP

_MOST_NETWORKS = 128
_MOST_BYTES = 256 * 2**20

# A pack pads the inputs of its networks to those of the widest. In microseconds of a step, one
# core, width 8, batch 100: a padded input costs its part of three products; one more pack costs
# eight calls a layer, and its batch of images for each seed; and a large pack leaves the caches, so
# that of two equal cuts the even one is better.
_PADDED_INPUT_US = 0.2
_LAYER_US = 60.0
_SEED_US = 30.0
_PAIR_US = 0.01


def pack(pairs: Sequence[tuple[DenseMLP, int]], *, batch_size: int) -> list[list[int]]:
    """Cut networks into packs of similar link caps, at the least estimated time of a step.

    Args:
        pairs: The spec and the seed of each network; specs of one width and depth.
        batch_size: Images of a step.

    Returns:
        The positions of each pack's networks, those of one seed next to each other.
    """
    order = sorted(range(len(pairs)), key=lambda i: (pairs[i][0].link_cap, pairs[i][1]))
    specs = [pairs[place][0] for place in order]
    links = [spec.cells[0].links for spec in specs]
    n_seeds = len({seed for _, seed in pairs})
    one_pack = _LAYER_US * specs[0].depth + _SEED_US * n_seeds
    padded = _PADDED_INPUT_US * specs[0].width / 8 * max(batch_size / 100, 0.1)
    # least[end]: time of the best packs of the first ``end`` networks, and where the last begins
    least: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(specs) + 1):
        low = max(0, end - most_networks(specs[end - 1], batch_size=batch_size))
        waste, best = 0.0, (float("inf"), 0)
        for start in range(end - 1, low - 1, -1):
            waste += padded * (links[end - 1] - links[start])
            crowd = _PAIR_US * (end - start) ** 2
            best = min(best, (least[start][0] + waste + crowd + one_pack, start))
        least.append(best)
    packs, end = [], len(specs)
    while end:
        start = least[end][1]
        packs.append(sorted(order[start:end], key=lambda i: (pairs[i][1], i)))
        end = start
    return packs[::-1]


def most_networks(spec: DenseMLP, *, batch_size: int) -> int:
    """How many networks like the widest of a pack may share it, for their memory."""
    cell = spec.cells[0]
    reads = cell.links + (spec.depth - 1) * (spec.width + 1)  # their gradient is kept
    activations = (spec.depth - 1) * spec.width
    # Weights: now, gradient, two states, best, last, decay.
    numbers = (reads + 2 * activations) * batch_size + 7 * spec.params
    return max(1, min(_MOST_NETWORKS, _MOST_BYTES // (4 * numbers)))
