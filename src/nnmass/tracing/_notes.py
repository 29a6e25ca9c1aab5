"""What a reader of a topology's numbers must know, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from nnmass.tracing._cell import TracedCell
from nnmass.tracing._graph import Node
from nnmass.tracing._regions import regions
from nnmass.tracing._run import Recording

_MOST_NAMED = 3


def notes_of(
    recording: Recording, nodes: Sequence[Node], cells: Sequence[TracedCell]
) -> tuple[str, ...]:
    """The notes, the weightiest first.

    Args:
        recording: Of the forward pass.
        nodes: Those on some way from input to output.
        cells: Of these nodes.
    """
    return (
        *_on_unread(recording, nodes, cells),
        *_on_flags(cells),
        *([] if cells else ["plain network: no skip, so its mass is 0"]),
        *_on_unused(recording),
        *recording.notes,
    )


def _on_unread(
    recording: Recording, nodes: Sequence[Node], cells: Sequence[TracedCell]
) -> Iterator[str]:
    """Operations without a rule: what, where, and how much of the network they touch."""
    calls = Counter(operation for operation, _ in recording.recorder.unread)
    for operation, times in calls.items():
        paths = dict.fromkeys(p for op, p in recording.recorder.unread if op == operation)
        places = _named([path or "the model itself" for path in paths])
        yield (
            f"not followed: {operation} ({times} call{'s' if times > 1 else ''}, in {places}); "
            f"{_share_touched(operation, nodes, cells)}. Tell how channels go through it with "
            "nnmass.tracing.register_rule"
        )
    lost = sum(1 for cell in cells if cell.unread)
    if lost:
        yield f"no mass: {lost} of {len(cells)} cells hold an operation that was not followed"


def _share_touched(operation: str, nodes: Sequence[Node], cells: Sequence[TracedCell]) -> str:
    if not any(node.kind == "unread" and node.why == operation for node in nodes):
        return "only in a side branch, which no mass depends on"
    n_layers = sum(node.kind == "layer" for node in nodes)
    touched = sum(
        sum(node.kind == "layer" for node in region.nodes[1:])
        for region, cell in zip(regions(nodes), cells, strict=True)
        if any(what.startswith(operation) for what in cell.unread)
    )
    if not touched:
        return "outside all cells, so no mass depends on it"
    share = 100 * touched / n_layers
    return f"the cells with it hold {touched} of {n_layers} weight layers ({share:.1f} %)"


def _on_flags(cells: Sequence[TracedCell]) -> Iterator[str]:
    flags = Counter(flag for cell in cells for flag in cell.flags)
    for flag, times in flags.items():
        yield f"not what the metric was made for: {flag}, in {times} of {len(cells)} cells"


def _on_unused(recording: Recording) -> Iterator[str]:
    unused = recording.unused
    if unused:
        total = sum(unused.values())
        yield (
            f"{total:,} parameters are counted but take no part in this forward pass "
            f"({_named([path or 'the model itself' for path in unused])})"
        )


def _named(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:_MOST_NAMED])
    return shown if len(paths) <= _MOST_NAMED else f"{shown} and {len(paths) - _MOST_NAMED} more"
