"""Networks opened and traced one by one, whatever becomes of each."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnmass.cli._counting import Tell, counting
from nnmass.cli._errors import CANNOT, WRONG_USE, exit_code
from nnmass.errors import NNMassError, SpecError

if TYPE_CHECKING:
    from nnmass.tracing import Topology

InputShape = tuple[int, ...] | tuple[tuple[int, ...], ...]

KEPT_EVERY_S = 5.0
_SHAPE = re.compile(r"[1-9]\d*(x[1-9]\d*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """One network that was asked for, and what came of it.

    Attributes:
        name: The network's own name; the text that asked for it where there is none.
        seconds: Opening and tracing.
        topology: ``None`` where ``error`` is not.
        error: Why there is no topology.
    """

    name: str
    seconds: float
    topology: Topology | None = None
    error: NNMassError | None = None

    def to_dict(self) -> dict[str, object]:
        """The topology, or the failure, as plain data."""
        if self.topology is None:
            return {"name": self.name, "error": str(self.error)}
        return {**self.topology.to_dict(), "seconds": round(self.seconds, 4)}


def read_shapes(texts: Sequence[str]) -> InputShape | None:
    """``3x224x224`` as numbers; of several inputs, the numbers of each."""
    shapes = tuple(map(read_shape, texts))
    return shapes if len(shapes) > 1 else next(iter(shapes), None)


def read_shape(text: str) -> tuple[int, ...]:
    """``3x224x224`` as numbers."""
    if not _SHAPE.fullmatch(text):
        raise SpecError(
            f"--input must be the sizes of one input without the batch, such as 3x224x224, got "
            f"{text!r}"
        )
    return tuple(int(size) for size in text.split("x"))


def networks_of(texts: Sequence[str]) -> list[str | Inspection]:
    """The networks that names and patterns mean, each once; a pattern without any is a failure."""
    from nnmass.nets import match_networks

    found = dict[str, str | Inspection]()
    for text in texts:
        try:
            found.update({name: name for name in match_networks(text)})
        except NNMassError as error:
            found[text] = Inspection(name=text, seconds=0.0, error=error)
    return list(found.values())


def read_output(text: str | None) -> int | str | None:
    """The number of an output, or its key."""
    return int(text) if text and text.removeprefix("-").isdecimal() else text


def inspected(
    asked: Sequence[str | Inspection],
    shape: InputShape | None,
    *,
    output: int | str | None,
    keep: Callable[[Sequence[Inspection]], None],
    quiet: bool,
) -> tuple[list[Inspection], bool]:
    """Each network of ``asked``, traced with inputs of ``shape`` or else of its own.

    Args:
        asked: Names, and what is settled already.
        shape: Of one input.
        output: Which one to follow.
        keep: Called every few seconds with what is done so far, so that a kill loses little.
        quiet: Show no progress.

    Returns:
        What is done, and whether it was cut short.
    """
    done, kept = list[Inspection](), time.monotonic()
    try:
        with counting(len(asked), quiet=quiet) as tell:
            for entry in asked:
                done.append(_told(entry, shape, output, tell))
                if time.monotonic() > kept + KEPT_EVERY_S:
                    keep(done)
                    kept = time.monotonic()
    except KeyboardInterrupt:
        return done, True
    return done, False


def _told(
    entry: str | Inspection, shape: InputShape | None, output: int | str | None, tell: Tell
) -> Inspection:
    if isinstance(entry, str):
        tell(entry, "")
        entry = _inspection(entry, shape, output)
    tell(entry.name, "failed" if entry.error else f"{entry.seconds:.2f} s")
    return entry


def _inspection(text: str, shape: InputShape | None, output: int | str | None) -> Inspection:
    from nnmass.nets import open_network
    from nnmass.tracing import trace

    start, name = time.perf_counter(), text
    try:
        opened = open_network(text)
        name, shape = opened.name, shape or opened.input_shape
        if shape is None:
            raise SpecError(
                f"{name} does not tell the shape of its inputs: give --input with the sizes of "
                "one input without the batch, such as --input 3x224x224"
            )
        topology = trace(opened.model, shape, name=name, output=output)
    except NNMassError as error:
        return Inspection(name=name, seconds=time.perf_counter() - start, error=error)
    return Inspection(name=name, seconds=time.perf_counter() - start, topology=topology)


def outcome_code(done: Sequence[Inspection]) -> int:
    """0 if all went well, 2 if nothing did for wrong use alone, 3 else."""
    codes = [exit_code(entry.error) for entry in done if entry.error is not None]
    if not codes:
        return 0
    return WRONG_USE if len(codes) == len(done) and set(codes) == {WRONG_USE} else CANNOT


def in_order(done: Sequence[Inspection], key: str | None) -> list[Inspection]:
    """``done`` as asked, by name, or by a number with the largest first; failures come last."""
    if key is None:
        return list(done)
    if key == "name":
        return sorted(done, key=lambda entry: entry.name)
    return sorted(done, key=_falling(key))


def _falling(key: str) -> Callable[[Inspection], float]:
    def rank(entry: Inspection) -> float:
        number = math.nan if entry.topology is None else float(getattr(entry.topology, key))
        return math.inf if math.isnan(number) else -number

    return rank
