"""From exceptions to messages and exit codes."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from nnmass.cli._wrap import wrapped
from nnmass.errors import (
    CheckpointError,
    DataError,
    DeviceError,
    EngineError,
    MissingExtraError,
    NNMassError,
    StoreError,
    TrainingError,
)

P = ParamSpec("P")
R = TypeVar("R")

NOT_MET, WRONG_USE, CANNOT, INTERRUPTED = 1, 2, 3, 130

_CANNOT = (DataError, DeviceError, EngineError, MissingExtraError, StoreError, TrainingError)


def exit_code(error: NNMassError) -> int:
    """2 for wrong use, 3 for what this machine, its disk or its data cannot."""
    if isinstance(error, CheckpointError):
        return WRONG_USE
    return CANNOT if isinstance(error, _CANNOT) else WRONG_USE


def say(message: str) -> None:
    """Talk, on stderr."""
    print(wrapped(message, sys.stderr), file=sys.stderr, flush=True)  # noqa: T201


def reporting(verb: Callable[P, R]) -> Callable[P, R]:
    """``verb``, with the errors of nnmass as one message on stderr and an exit code."""

    @functools.wraps(verb)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(*args, **kwargs)
        except NNMassError as error:
            name = verb.__name__.removesuffix("_verb").replace("_", " ")
            say(f"nnmass {name}: {error}")
            raise typer.Exit(exit_code(error)) from error
        except KeyboardInterrupt:
            say("\ninterrupted")
            raise typer.Exit(INTERRUPTED) from None

    return wrapped
