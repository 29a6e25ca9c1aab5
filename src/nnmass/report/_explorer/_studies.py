"""The studies that an explorer can open: charts, fits and the model that predicts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnmass.errors import NNMassError, SpecError, did_you_mean
from nnmass.report._explorer._answers import table_data
from nnmass.report._fit_tables import fit_tables, terms_line

if TYPE_CHECKING:
    from nnmass.runs import StoredStudy
    from nnmass.studies import AccuracyModel, StudyFit


_FRESH_S = 2.0


class Studies:
    """Studies in some folders, read anew every two seconds at most, since they may be running.

    Args:
        folders: Of studies.

    Raises:
        StoreError: One holds no study.
    """

    def __init__(self, folders: Sequence[str | Path]) -> None:
        from nnmass.runs import read_study

        self._folders = {read_study(folder).name: Path(folder) for folder in folders}
        self._fits: dict[tuple[str, int], StudyFit | None] = {}
        self._seen: dict[str, tuple[float, StoredStudy]] = {}

    @classmethod
    def within(cls, folder: Path) -> Studies:
        """Those in ``folder`` and in the folders within it; what cannot be read is left out."""
        from nnmass.runs import STORE_FILE, read_study

        found = list[Path]()
        for file in sorted([*folder.glob(STORE_FILE), *folder.glob(f"*/{STORE_FILE}")]):
            try:
                read_study(file.parent)
            except NNMassError:
                continue
            found.append(file.parent)
        return cls(found)

    @property
    def names(self) -> list[str]:
        """Of the studies, in order."""
        return list(self._folders)

    def show(self, name: str) -> dict[str, Any]:
        """Charts of accuracy against mass and costs, and what explains it.

        Raises:
            SpecError: There is no such study.
        """
        from nnmass.report._study_page import accuracy_figures
        from nnmass.studies import summarise

        stored = self._read(name)
        networks = summarise(stored.results)
        data = networks[0].data if networks else ""
        of = [one for one in networks if one.data == data]
        fit = self._fit(stored)
        charts = [figure.chart.to_dict() for figure in accuracy_figures(of) if figure.chart]
        counts = ", ".join(f"{n} {status}" for status, n in stored.counts.items() if n)
        line = terms_line(fit.configurations, f"{fit.outcome} on {data}") if fit else ""
        return {
            "name": name,
            "line": f"{line} {counts or 'no trial yet'}".strip(),
            "charts": charts,
            "tables": [table_data(table) for table in (fit_tables(fit) if fit else ())],
        }

    def model(self, name: str) -> AccuracyModel | None:
        """What predicts accuracies, fitted to a study; ``None`` where it has too few.

        Raises:
            SpecError: There is no such study.
        """
        fit = self._fit(self._read(name))
        return None if fit is None else fit.model

    def _read(self, name: str) -> StoredStudy:
        from nnmass.runs import read_study

        if name not in self._folders:
            known = ", ".join(self._folders) or "none: start nnmass explore in a folder of studies"
            raise SpecError(
                f"there is no study {name!r}; known: {known}.{did_you_mean(name, self._folders)}"
            )
        folder = self._folders[name]
        seen, now = self._seen.get(name), time.monotonic()
        if seen is None or now > seen[0] + _FRESH_S:
            self._seen[name] = seen = now, read_study(folder)
        return seen[1]

    def _fit(self, stored: StoredStudy) -> StudyFit | None:
        """Fitted again only when more trainings are done."""
        from nnmass.studies import fit_accuracy, study_table

        key = (stored.name, stored.counts["done"])
        if key not in self._fits:
            rows = [row for row in stored.to_rows() if row["status"] == "done"]
            try:
                data = str(rows[0]["data"]) if rows else None
                table = study_table(rows, outcome="accuracy", data=data, where=str(stored.folder))
                self._fits[key] = fit_accuracy(table)
            except SpecError:
                self._fits[key] = None
        return self._fits[key]
