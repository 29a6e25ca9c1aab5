"""A network of sparse convolutions as a table and a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nnmass.report._document import Figure, Report, Section
from nnmass.report._numbers import format_count, format_percent
from nnmass.report._pattern_figure import pattern_figure
from nnmass.report._table import Column, Table

if TYPE_CHECKING:
    from nnmass.slim import Sparsification

_MOST_DRAWN = 3
_TEXT = (
    "Which taps of a kernel are live is fixed before any training and costs no storage of its "
    "own; what is not live is neither kept nor computed."
)


def sparse_table(
    record: Sparsification,
    *,
    network: str,
    before: Mapping[str, int],
    after: Mapping[str, int],
) -> Table:
    """One row a layer: live taps of a kernel, parameters and multiply-adds before and after.

    Args:
        record: From `nnmass.slim.sparse_report`.
        network: What it was made of.
        before: Multiply-adds by module path; see `nnmass.tracing.MacCount.by_module`.
        after: The same of the sparse network.
    """
    columns = (
        Column("layer", "left"),
        Column("taps"),
        Column("params before"),
        Column("after"),
        Column("MACs before", is_optional=True),
        Column("MACs after"),
        Column("left dense", "left", is_optional=True),
    )
    rows = tuple(
        (
            line.path,
            f"{line.taps:.4g}",
            format_count(line.params_before),
            format_count(line.params_after),
            format_count(before.get(line.path, 0)),
            format_count(after.get(line.path, 0)),
            line.reason or "-",
        )
        for line in record.layers
    )
    return Table(columns, rows, f"{network}: {record.n_sparse} sparse layers")


def report_sparse(
    network: str,
    record: Sparsification,
    *,
    before: Mapping[str, int],
    after: Mapping[str, int],
    storage_bits: Mapping[str, Any],
    accuracy: float | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Report:
    """A sparsified network as a page.

    Args:
        network: What it was made of.
        record: From `nnmass.slim.sparse_report`.
        before: Multiply-adds of one image by module path.
        after: The same of the sparse network.
        storage_bits: Bits of the weights by format.
        accuracy: In [0, 1], on test images, where it was trained.
        provenance: Where the numbers come from.
    """
    params = f"{format_count(record.params_after)} of {format_count(record.params_before)}"
    macs = f"{format_count(sum(after.values()))} of {format_count(sum(before.values()))}"
    trained = "" if accuracy is None else f"; trained, {format_percent(accuracy)} are right"
    formats = {name: bits for name, bits in storage_bits.items() if name != "value_bits"}
    rows = tuple((name.replace("_", " "), f"{bits:,}") for name, bits in formats.items())
    title = f"Storage of weights of {storage_bits['value_bits']} bits"
    storage = Table((Column("format", "left"), Column("bits in all")), rows, title)
    table = sparse_table(record, network=network, before=before, after=after)
    return Report(
        title=f"Sparse convolutions in {network}",
        answer=f"{record.settings} leaves {params} parameters and {macs} MACs{trained}.",
        sections=(
            Section("Which taps are live", _TEXT, tuple(_patterns(record))),
            Section("The layers", tables=(table, storage)),
        ),
        provenance=dict(provenance or {}),
    )


def _patterns(record: Sparsification) -> Iterator[Figure]:
    drawn = [line for line in record.layers if line.pattern is not None][:_MOST_DRAWN]
    for line in drawn:
        assert line.pattern is not None
        title = f"{line.path}: {line.pattern.kss} of {line.pattern.kernel**2} taps"
        caption = f"Live taps of some kernels of {line.path}; a row is a filter."
        yield Figure(pattern_figure(line.pattern, title=title), caption)
