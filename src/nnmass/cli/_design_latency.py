"""The latency table of `nnmass design`: measured where it lacks something, then checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nnmass.cli._counting import ticking
from nnmass.cli._errors import say

if TYPE_CHECKING:
    from pathlib import Path

    from nnmass.cli._design_search import Designing
    from nnmass.design import Candidate, LatencyTable
    from nnmass.specs import Spec

CHECK_SECONDS = 2.0
"""For the timed runs of each whole network."""


def measured_table(designing: Designing, asked: dict[str, Any]) -> LatencyTable:
    """The table of the file, after what the space needs and it lacks was measured."""
    from nnmass.design import LatencyTable

    file, networks = designing.latency_file, _networks(designing, asked)
    assert file is not None
    threads = designing.threads
    if file.exists():
        table = LatencyTable.load(file, threads=threads)
        if not table.missing(networks):
            return table
        threads = table.setting.threads
    return _measured(networks, file, designing, threads=threads or 1)


def _networks(designing: Designing, asked: dict[str, Any]) -> tuple[Spec, ...]:
    """Those that span the space, and the reference; all else is checked before the minutes go."""
    from nnmass.design import read_request, space_ends
    from nnmass.specs import layers_of

    known = {name: value for name, value in asked.items() if name != "max_latency_ms"}
    objective = designing.objective or "params"
    request = read_request(
        **known, objective="params" if objective == "latency" else objective, is_front=True
    )
    layers_of(request.space.spec())  # a family without layer rules has no sum of layers
    ends = space_ends(request.space)
    return ends if request.reference is None else (*ends, request.reference)


def _measured(
    networks: Sequence[Spec], file: Path, designing: Designing, *, threads: int
) -> LatencyTable:
    from nnmass.design import LayerTime, measure_latency_table

    if not designing.quiet:
        threaded = "1 thread" if threads == 1 else f"{threads} threads"
        say(
            f"measuring what {file} lacks of this space, on {threaded}, about "
            f"{designing.latency_seconds:g} s; better on a quiet machine"
        )
    try:
        with ticking(quiet=designing.quiet) as tick:

            def on_entry(time: LayerTime, done: int, total: int) -> None:
                tick(f"{time.layer}: {time.median_ms:.3g} ms", done, total)

            return measure_latency_table(
                networks,
                threads=threads,
                max_seconds=designing.latency_seconds,
                path=file,
                on_entry=on_entry,
            )
    except KeyboardInterrupt:
        if file.exists():
            say(f"\nstopped; what was measured is in {file}: the same command goes on from there")
        raise


def checked_table(
    table: LatencyTable,
    designing: Designing,
    reference: Candidate | None,
    candidates: Sequence[Candidate],
) -> LatencyTable:
    """The table after the reference, the first and the last candidate were measured as a whole.

    Those that were measured before are not measured again.
    """
    assert designing.latency_file is not None
    wanted = [one for one in (reference, candidates[0], candidates[-1]) if one is not None]
    specs = dict.fromkeys(one.spec for one in wanted)
    known = {check.network for check in table.checks}
    fresh = [spec for spec in specs if str(spec) not in known]
    if fresh and not designing.quiet:
        networks = "1 whole network" if len(fresh) == 1 else f"{len(fresh)} whole networks"
        say(f"measuring {networks} beside the sums of layers")
    return table.check(fresh, max_seconds=CHECK_SECONDS, path=designing.latency_file)
