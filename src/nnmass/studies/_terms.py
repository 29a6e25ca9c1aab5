"""The terms of a line through accuracies: costs, masses and their logarithms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError, did_you_mean

Floats = npt.NDArray[np.float64]

TERMS = ("params", "ln params", "macs", "ln macs", "mass", "ln mass")
"""Baselines first."""

BASELINES = TERMS[:4]

PREDICTORS: tuple[tuple[str, ...], ...] = (
    *((term,) for term in BASELINES),
    ("ln params", "ln macs"),
    ("mass",),
    ("ln mass",),
    ("ln mass", "ln params"),
    ("ln mass", "ln macs"),
    ("ln mass", "ln params", "ln macs"),
)
"""What a study is fitted with: the baselines, then mass, alone and with them."""


def name_of(terms: Sequence[str]) -> str:
    """``ln mass + ln params``."""
    return " + ".join(terms)


def read_terms(text: str) -> tuple[str, ...]:
    """``"ln mass + params"`` as terms.

    Raises:
        SpecError: A term is not known, or stands there twice.

    Example:
        >>> read_terms("ln mass + params")
        ('ln mass', 'params')
    """
    terms = tuple(" ".join(part.lower().split()) for part in text.replace(",", "+").split("+"))
    for term in terms:
        if term not in TERMS:
            raise SpecError(
                f"unknown term {term!r}.{did_you_mean(term, TERMS)} Known: {', '.join(TERMS)}; "
                "join several with +"
            )
    if len(set(terms)) < len(terms):
        raise SpecError(f"a term stands twice in {text!r}: give each once")
    return terms


def term_values(columns: Mapping[str, Floats], terms: Sequence[str]) -> Floats:
    """One column a term; ``nan`` where it has no value, such as the logarithm of a mass of 0."""
    made = []
    for term in terms:
        values = columns[term.removeprefix("ln ")]
        if term.startswith("ln "):
            values = np.log(np.where(values > 0, values, np.nan))
        made.append(values)
    return np.stack(made, axis=1)
