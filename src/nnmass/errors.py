"""The exceptions of nnmass.

Every message answers four questions in this order: what was wrong (with its value), where,
what is allowed, what to do.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from contextlib import suppress
from numbers import Real


class NNMassError(Exception):
    """Anything that nnmass reports to its caller; catch this to catch them all."""


class SpecError(NNMassError, ValueError):
    """A description (cell, spec string, recipe) that does not describe anything valid."""


class BudgetError(NNMassError, ValueError):
    """A target or budget that nothing in the asked space can meet."""


class UnprovenError(NNMassError, RuntimeError):
    """A search that ran out of work before it found anything, or a proof that there is nothing."""


class DeviceError(NNMassError, RuntimeError):
    """A device or a number format that this machine does not have."""


class DataError(NNMassError, RuntimeError):
    """A data set that is missing, damaged, or does not fit the network."""


class StoreError(NNMassError, OSError):
    """A file that could not be written or read back."""


class CheckpointError(StoreError):
    """A saved network or checkpoint that is damaged or belongs to something else."""


class TraceError(NNMassError, RuntimeError):
    """A network that could not be run or followed."""


class ProbeError(NNMassError, ValueError):
    """Images, labels or a network that a probe cannot measure anything with."""


class TrainingError(NNMassError, RuntimeError):
    """A training that cannot go on, such as a loss that is no longer a number."""


class EngineError(NNMassError, RuntimeError):
    """Workers that cannot be started or reached."""


class MissingExtraError(NNMassError, ImportError):
    """An optional dependency that is not installed."""

    @classmethod
    def of(cls, purpose: str, *, package: str, extra: str) -> MissingExtraError:
        """The error for ``purpose`` that needs ``package`` from ``nnmass[extra]``.

        Args:
            purpose: What was asked for.
            package: What it needs.
            extra: The extra of nnmass that brings it.

        Example:
            >>> print(MissingExtraError.of("reading JPEG", package="pillow", extra="images"))
            reading JPEG needs pillow, which is not installed: pip install 'nnmass[images]' (in a
            checkout with its pins: pip install --constraint constraints.txt '.[images]')
        """
        pinned = f"pip install --constraint constraints.txt '.[{extra}]'"
        install = f"pip install 'nnmass[{extra}]' (in a checkout with its pins: {pinned})"
        return cls(f"{purpose} needs {package}, which is not installed: {install}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``" Did you mean 'a' or 'b'?"`` for the closest of ``known``, or an empty string.

    Capital letters do not count.

    Args:
        word: What was written.
        known: The words that exist.

    Source:
        The standard library's ``difflib``.

    Example:
        >>> did_you_mean("resent", ["resnet", "vgg"])
        " Did you mean 'resnet'?"
    """
    from difflib import get_close_matches

    names = {name.lower(): name for name in sorted(known)}
    close = get_close_matches(word.lower(), sorted(names), n=2, cutoff=0.55)
    return f" Did you mean {' or '.join(repr(names[key]) for key in close)}?" if close else ""


def whole_number(value: object, name: str, *, low: int, why: str = "") -> int:
    """``value`` as an ``int`` of at least ``low``.

    Numpy integers are taken; booleans, floats and strings are not, since a silent conversion
    there hides a mistake.

    Args:
        value: What was given.
        name: What it is called in the message.
        low: The least that is allowed.
        why: Said in the message where ``value`` lies below ``low``.

    Raises:
        SpecError: ``value`` is not a whole number, or lies below ``low``.

    Example:
        >>> whole_number(3, "depth", low=3)
        3
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        # Arrays and tensors have ``__index__`` whatever they hold; it raises TypeError.
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        message = f"{name} must be a whole number of at least {low}, got {value!r}"
        raise SpecError(message) from None
    if number < low:
        reason = f": {why}" if why else ""
        raise SpecError(f"{name} must be at least {low}, got {number}{reason}")
    return number


def positive_number(value: object, name: str) -> float:
    """``value`` as a finite ``float`` above 0; numbers of numpy are taken, booleans are not.

    Args:
        value: What was given.
        name: What it is called in the message.

    Raises:
        SpecError: ``value`` is no number, or none above 0 that a ``float`` can hold.

    Example:
        >>> positive_number(2, "lr")
        2.0
    """
    number = math.nan
    if isinstance(value, Real) and not isinstance(value, bool):
        with suppress(OverflowError):
            number = float(value)
    if not 0 < number < math.inf:
        raise SpecError(f"{name} must be a finite number above 0, got {value!r}")
    return number
