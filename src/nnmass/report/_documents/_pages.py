"""From the document of a verb to its page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nnmass.errors import SpecError
from nnmass.report._document import Figure, Report, Section
from nnmass.report._numbers import format_count, format_mass

Document = Mapping[str, Any]


def page_of(document: Document) -> Report:
    """The page of a document, chosen by its schema.

    Raises:
        SpecError: No verb writes such documents.
        KeyError: Something is missing in it.
    """
    schema = str(document.get("schema", ""))
    make = PAGES.get(schema)
    if make is None:
        raise SpecError(f"its schema is {schema!r}; known are {', '.join(PAGES)}")
    return make(document)


def _mass(document: Document) -> Report:
    from nnmass.report._spec_arcs import spec_arcs
    from nnmass.report._spec_tables import spec_cells_table, spec_table
    from nnmass.specs import parse
    from nnmass.topology import Cell

    if "spec" not in document:
        (told,) = document["cells"]
        cell = Cell(width=told["width"], depth=told["depth"], link_cap=told["link_cap"])
        name = f"one cell of width {cell.width} and depth {cell.depth}"
        return Report(
            title=f"What {name} weighs",
            answer=f"{name} has NN-Mass {format_mass(cell.mass)}.",
            sections=(Section("The cell", tables=(spec_cells_table([cell]),)),),
            provenance={},
        )
    spec = parse(document["spec"])
    params, macs = format_count(spec.params), format_count(spec.macs)
    caption = "Layers are dots, an arc is a skip; links as seed 0 draws them."
    figures = (Figure(spec_arcs(spec), caption),) if spec.cells else ()
    tables = (spec_table(spec), *([spec_cells_table(spec.cells)] if spec.cells else []))
    return Report(
        title=f"What {spec} weighs",
        answer=f"{spec} has NN-Mass {format_mass(spec.mass)}, {params} parameters and {macs} MACs.",
        sections=(Section("The cells", figures=figures, tables=tables),),
        provenance={},
    )


def _inspect(document: Document) -> Report:
    from nnmass.report._inspect_page import report_inspections
    from nnmass.tracing import Topology

    found = [Topology.from_dict(one) for one in document["networks"]]
    return report_inspections(found, failures=_failures(document))


def _failures(document: Document) -> dict[str, str]:
    return {one["name"]: one["error"] for one in document.get("failures", ())}


def _probe(document: Document) -> Report:
    from nnmass.probes import ProbedNetwork
    from nnmass.report._probes_page import report_probes

    settings = document["settings"]
    told = {"data": settings["data"], "probes": ", ".join(settings["probes"])}
    failed = [f"{name} ({why})" for name, why in _failures(document).items()]
    if failed:
        told["not measured"] = "; ".join(failed)
    networks = [ProbedNetwork.from_dict(network) for network in document["networks"]]
    if not networks:
        return Report("Nothing was measured", told["not measured"], (), told)
    return report_probes(networks, provenance=told)


def _design(document: Document) -> Report:
    from nnmass._from_plain import from_plain
    from nnmass.design import AdditiveError, Front, ParetoFront
    from nnmass.report._design_page import report_design

    pareto, latency = document["front"], document["latency"]
    front = None if document["objective"] == "front" else Front.from_dict(document)
    error = (latency or {}).get("error")
    return report_design(
        front,
        None if pareto is None else ParetoFront.from_dict(pareto),
        error=None if error is None else from_plain(AdditiveError, error),
    )


def _predict(document: Document) -> Report:
    from nnmass.report._predictions_table import extrapolation_lines, predictions_table

    outcome, predictions = document["outcome"], document["predictions"]
    best = max(predictions, key=lambda one: float(one["accuracy"]), default=None)
    answer = (
        "No network could be predicted."
        if best is None
        else f"Of {len(predictions)} the best prediction has {best['name']}: "
        f"{best['accuracy']:.1f} ({best['low']:.1f} to {best['high']:.1f}), {outcome}."
    )
    return Report(
        title=f"Predicted {outcome}",
        answer=answer,
        sections=(
            Section(
                "The predictions",
                "\n\n".join(extrapolation_lines(predictions)),
                tables=(predictions_table(predictions, outcome),),
            ),
        ),
        provenance={},
    )


def _train(document: Document) -> Report:
    from nnmass._from_plain import from_plain
    from nnmass.report._training_page import report_training
    from nnmass.runs import RunRecord

    return report_training(from_plain(RunRecord, document["record"]), document.get("curve", ()))


def _run(document: Document) -> Report:
    return _train({"record": document})


def _fit(document: Document) -> Report:
    from nnmass.report._fit_tables import terms_line, terms_table
    from nnmass.studies import TermsFit

    outcome, top = document["outcome"], document["top"]
    fits = [TermsFit.from_dict(fit) for fit in document["configurations"]]
    rows = [TermsFit.from_dict(fit) for fit in document["rows"]]
    tables = [terms_table(fits, f"{outcome} over {document['n_configurations']} means", top=top)]
    if rows:
        tables.append(terms_table(rows, f"{outcome} over {document['n_rows']} trainings", top=top))
    text = "\n\n".join(document["notes"])
    return Report(
        title=f"What {outcome} follows in {document['path']}",
        answer=terms_line(fits, outcome) or f"{len(fits)} sets of terms were fitted.",
        sections=(Section("The terms", text, tables=tuple(tables)),),
        provenance={"resamples": str(document["n_resamples"]), "seed": str(document["seed"])},
    )


def _sparse(document: Document) -> Report:
    from nnmass.report._sparse_page import report_sparse
    from nnmass.slim import Sparsification

    record = document["record"]
    return report_sparse(
        document["network"],
        Sparsification.from_dict(document),
        before=document["dense"]["macs_by_module"],
        after=document["sparse"]["macs_by_module"],
        storage_bits=document["storage_bits"],
        accuracy=None if record is None else record["test_accuracy"],
        provenance=_of_record(record),
    )


def _subnets(document: Document) -> Report:
    from nnmass.report._levels import report_levels

    latency = document["latency"]
    told = _of_record(document["record"])
    if latency is not None:
        setting = {**latency["setting"], **latency["setting"]["machine"]}
        del setting["machine"]
        told |= {"latencies": ", ".join(f"{key} {value}" for key, value in setting.items())}
    return report_levels(
        document["network"], document["subnets"], notes=document["notes"], provenance=told
    )


def _of_record(record: Document | None) -> dict[str, str]:
    if record is None:
        return {}
    told = {"data": record["dataset"], "seed": str(record["seed"])}
    return told | {str(key): str(value) for key, value in record["environment"].items()}


def _patch(document: Document) -> Report:
    from nnmass.audit import PatchAttack, PatchSummary
    from nnmass.report._patch_page import report_patches

    attack = document["attack"]
    return report_patches(
        PatchSummary.from_dict(document),
        threshold=document["chosen_threshold"],
        attack=None if attack is None else PatchAttack.from_dict(attack),
        provenance=_of_record(document["record"]),
    )


def _bits(document: Document) -> Report:
    from nnmass.audit import BitAudit
    from nnmass.report._bits_page import report_bits

    return report_bits(BitAudit.from_dict(document))


def _study(document: Document) -> Report:
    raise SpecError("it tells of a study: name the study's folder instead, which holds all of it")


PAGES: dict[str, Callable[[Document], Report]] = {
    "nnmass.mass/1": _mass,
    "nnmass.inspect/1": _inspect,
    "nnmass.probe/1": _probe,
    "nnmass.design/1": _design,
    "nnmass.predict/1": _predict,
    "nnmass.train/1": _train,
    "nnmass.run/1": _run,
    "nnmass.study/1": _study,
    "nnmass.study-fit/1": _fit,
    "nnmass.slim-sparse/1": _sparse,
    "nnmass.slim-subnets/1": _subnets,
    "nnmass.audit-patch/1": _patch,
    "nnmass.audit-bits/1": _bits,
}
"""Every document that a page can be made of, by its schema."""


def combined(pages: Sequence[Report], *, title: str = "") -> Report:
    """Several pages as the parts of one; a single one stays as it is.

    Args:
        pages: At least one, in reading order.
        title: Of the whole; what it holds unless told.

    Raises:
        SpecError: There is no page.
    """
    if not pages:
        raise SpecError("a report needs at least one result: name a file or a folder")
    if len(pages) == 1:
        return replace(pages[0], title=title or pages[0].title)
    n = {2: "Two", 3: "Three", 4: "Four", 5: "Five"}.get(len(pages), str(len(pages)))
    answer = f"{n} results, each with its answer below."
    return Report(title or f"{n} results of nnmass", answer, (), {}, tuple(pages))
