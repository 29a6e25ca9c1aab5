"""Probed networks as tables for people, as one document, and as drawings and pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnmass.cli._errors import say
from nnmass.cli._output import emit_json, emit_line, emit_table
from nnmass.cli._probe_settings import ProbeSettings
from nnmass.cli._probing import Probing

if TYPE_CHECKING:
    from nnmass.probes import ProbedNetwork


def results_of(done: Sequence[Probing]) -> list[ProbedNetwork]:
    """The networks of which anything is known."""
    return [network for entry in done if (network := entry.probed) is not None]


def emit_probes(done: Sequence[Probing]) -> None:
    """One network in full; several with a row each, and what they show together."""
    from nnmass.report import (
        baselines_table,
        equal_mass_line,
        fit_line,
        probes_table,
        verdicts_table,
    )

    results = results_of(done)
    if not results:
        return
    emit_table(probes_table(results))
    if len(results) == 1:
        _emit_one(results[0])
        return
    for table in (baselines_table(results), verdicts_table(results)):
        if table is not None:
            emit_line()
            emit_table(table)
    lines = [line for line in (fit_line(results), equal_mass_line(results)) if line]
    for line in ["", *lines] if lines else []:
        emit_line(line)


def _emit_one(network: ProbedNetwork) -> None:
    from nnmass.report import probe_views

    for view in probe_views(network).values():
        emit_line()
        for table in view.tables:
            emit_table(table)
        emit_line(view.line)
        if view.note:
            emit_line(f"note: {view.note}")
        for failure in view.failures:
            emit_line(f"no number: {failure}")


def emit_probe_document(done: Sequence[Probing], settings: ProbeSettings) -> None:
    """The JSON document: each network with its probes, failures, and the fits over all."""
    from nnmass.report import equal_mass_groups_of, ldi_fits

    results = results_of(done)
    fits: dict[str, object] = {what: fit.to_dict() for what, fit in ldi_fits(results).items()}
    document = {
        "settings": settings.to_dict(),
        "networks": [network.to_dict() for network in results],
        "failures": [
            {"name": entry.name, "error": str(entry.error)} for entry in done if entry.error
        ],
        "fit": {"of": "mean_singular_value", **fits} if "mass" in fits else None,
        "equal_mass_groups": equal_mass_groups_of(results),
    }
    emit_json("probe", document)


def say_probe_failures(done: Sequence[Probing], *, is_single: bool) -> None:
    """What could not be measured, on stderr."""
    for entry in done:
        name = "" if is_single else f"{entry.name}: "
        if entry.error is not None:
            say(f"nnmass probe: {name}{entry.error}")
        for probe, error in entry.errors.items():
            say(f"nnmass probe: {name}{probe}: {error}")
        network = entry.probed
        if network is not None and network.ldi and network.ldi.mean is None and not is_single:
            say(f"nnmass probe: {name}ldi: {'; '.join(network.ldi.failures)}")


def write_page(done: Sequence[Probing], settings: ProbeSettings, path: Path) -> None:
    """The HTML page."""
    from nnmass.report import report_probes, write_report

    results = results_of(done)
    if not results:
        say(f"nothing was measured: {path} is not written")
        return
    images = settings.images
    data = images.name if images.name == "noise" else f"{images.name}, {images.pixels} pixels"
    provenance = {"data": data, "probes": ", ".join(settings.probes)}
    failed = [f"{entry.name} ({entry.error})" for entry in done if entry.error]
    if failed:
        provenance["not measured"] = "; ".join(failed)
    write_report(report_probes(results, provenance=provenance), path)
    say(f"wrote {path}")


def write_figures(done: Sequence[Probing], path: Path) -> None:
    """The drawings, as files: ``path`` for one, its name with a word added for several."""
    from nnmass.runs import write_atomic

    drawn = dict(_drawings(results_of(done)))
    if not drawn:
        say(f"there is nothing to draw: {path} is not written")
    for name, svg in drawn.items():
        file = path if len(drawn) == 1 else path.with_name(f"{path.stem}-{name}.svg")
        write_atomic(file, svg + "\n")
        say(f"wrote {file}")


def _drawings(results: Sequence[ProbedNetwork]) -> Iterator[tuple[str, str]]:
    from nnmass.errors import SpecError
    from nnmass.report import ldi_against, probe_views

    if len(results) == 1:
        for name, view in probe_views(results[0]).items():
            for rank, figure in enumerate(view.figures, start=1):
                yield name if len(view.figures) == 1 else f"{name}-{rank}", figure.svg
    elif any(network.ldi for network in results):
        for what in ("mass", "params"):
            try:
                yield f"against-{what}", ldi_against(results, what)
            except SpecError as error:
                say(str(error))
