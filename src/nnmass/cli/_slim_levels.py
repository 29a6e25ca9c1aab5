"""What `nnmass slim subnets` does: levels, family, training, latencies, and their table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnmass.cli._output import json_text
from nnmass.errors import SpecError, whole_number

if TYPE_CHECKING:
    from nnmass.data import ImageData
    from nnmass.nets import OpenedNetwork
    from nnmass.report import Table
    from nnmass.runs import RunRecord
    from nnmass.slim import ChosenLevels, SubnetFamily, SubnetTable
    from nnmass.train import Recipe

N_LEVELS = 4
_N_HELD_OUT = 256  # images that greedy steps and Taylor scores are judged by


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRequest:
    """What the command line asks for."""

    network: str
    input_shape: tuple[int, ...] | None
    widths: tuple[float, ...]
    method: Any  # any word: `choose_levels` checks it
    importance: Any
    divisor: int
    recipe: Recipe
    rule: str
    seed: int
    is_timed: bool
    device: str
    out: Path | None
    resume: bool
    quiet: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeLevels:
    """What came of it.

    Attributes:
        network: Its name.
        levels: As chosen.
        notes: Which layers keep all channels, and why.
        record: Of the training, if there was one.
        table: Of latencies, if they were measured.
    """

    network: str
    levels: ChosenLevels
    notes: tuple[str, ...]
    record: RunRecord | None
    table: SubnetTable | None

    def to_dict(self) -> dict[str, object]:
        """The JSON document."""
        return {
            "network": self.network,
            "subnets": level_rows(self),
            "chosen": self.levels.to_dict(),
            "notes": list(self.notes),
            "record": None if self.record is None else self.record.to_dict(),
            "latency": None if self.table is None else self.table.to_dict(),
        }


def read_shares(levels: int | None, widths: str | None) -> tuple[float, ...]:
    """``--levels`` and ``--widths`` as shares of the channels, from the whole network down.

    Raises:
        SpecError: They are none, or not as many as levels.

    Example:
        >>> read_shares(None, "1,.5"), read_shares(2, None), read_shares(4, None)
        ((1.0, 0.5), (1.0, 0.5), (1.0, 0.75, 0.5, 0.25))
    """
    if widths is None:
        n_levels = whole_number(N_LEVELS if levels is None else levels, "--levels", low=2)
        return tuple((n_levels - n) / n_levels for n in range(n_levels))
    try:
        shares = tuple(float(text) for text in widths.split(","))
    except ValueError:
        raise SpecError(
            f"--widths must be numbers with commas between them, such as 1,.75,.5, got {widths!r}"
        ) from None
    shares = shares if shares[0] == 1 else (1.0, *shares)
    if levels is not None and levels != len(shares):
        raise SpecError(
            f"--levels {levels} and --widths {widths} do not agree: those are {len(shares)} "
            "levels, the whole network with them; leave --levels out"
        )
    return shares


def make_levels(request: LevelRequest, data: ImageData | None) -> MadeLevels:
    """Choose levels, train them together on ``data`` if there is some, time them if asked."""
    from nnmass.nets import open_network
    from nnmass.slim import SubnetFamily, choose_levels, profile_subnets

    opened = open_network(request.network, seed=request.seed, weights=True)
    shape = _shape(request, opened, data)
    model = opened.model
    levels = choose_levels(
        model,
        shape,
        method=request.method,
        widths=request.widths,
        divisor=request.divisor,
        importance=request.importance,
        batch=_batch(request, shape, data),
    )
    family = SubnetFamily(model, levels.kept, input_shape=shape)
    record = None
    if data is not None:
        family, record = _trained(request, opened.name, family, data)
    table = None
    if request.is_timed:
        accuracies = None if record is None else _accuracies(record)
        table = profile_subnets(family, device=_device(request.device), accuracies=accuracies)
    made = MadeLevels(
        network=opened.name, levels=levels, notes=family.notes, record=record, table=table
    )
    if request.out is not None:
        _write(request.out, made, family)
    return made


def _shape(request: LevelRequest, opened: OpenedNetwork, data: ImageData | None) -> tuple[int, ...]:
    shape = request.input_shape or opened.input_shape
    if shape is None and data is not None:
        shape = data.info.shape
    if shape is None:
        raise SpecError(
            f"{opened.name} does not tell the shape of its images: give --input 3x224x224"
        )
    return shape


def _batch(request: LevelRequest, shape: tuple[int, ...], data: ImageData | None) -> Any:
    """Images and labels to judge by, where the method or the importance wants them."""
    if request.method != "greedy" and request.importance != "taylor":
        return None
    if data is None:
        raise SpecError(
            f"--method {request.method} with --importance {request.importance} judges by images: "
            "give --data, such as --data digits"
        )
    from nnmass.probes import sample_images

    n_images = min(_N_HELD_OUT, len(data.train_labels))
    return sample_images(data, n_images, input_shape=shape, seed=request.seed)


def _trained(
    request: LevelRequest, name: str, family: SubnetFamily, data: ImageData
) -> tuple[SubnetFamily, RunRecord]:
    from nnmass.cli._progress import watching
    from nnmass.slim import SandwichObjective
    from nnmass.train import Subject, train_module

    full = family.subnets[0]
    mass = full.mass if full.mass == full.mass else None  # nan differs from itself
    with watching(quiet=request.quiet) as watch:
        result = train_module(
            family,
            data,
            subject=Subject(name=name, mass=mass, params=full.params, macs=full.macs),
            objective=SandwichObjective(rule=request.rule),
            recipe=request.recipe,
            seed=request.seed,
            folder=None if request.out is None else request.out / "run",
            resume=request.resume,
            device=request.device,
            on_step=lambda step: watch(name, step, done=0, total=1),
        )
    return result.net, result.record  # type: ignore[return-value]  # a copy of the family


def _device(name: str) -> str:
    from nnmass.train import resolve_device

    return str(resolve_device(name))


def _accuracies(record: RunRecord) -> list[float]:
    return [float(figures["test_accuracy"] or 0.0) for figures in record.levels.values()]


def _write(out: Path, made: MadeLevels, family: SubnetFamily) -> None:
    from nnmass.runs import write_atomic

    document = {"network": made.network, "family": family.to_dict(), **made.levels.to_dict()}
    write_atomic(out / "levels.json", json_text(document))
    if made.table is not None:
        made.table.save(out / "latency.json")


def level_rows(made: MadeLevels) -> list[dict[str, object]]:
    """One for each level: sizes, accuracy, mass, latency; ``None`` where it is not known."""
    levels = made.levels
    accuracies: Sequence[float | None] = [None] * len(levels)
    if made.record is not None:
        accuracies = _accuracies(made.record)
    rows = list[dict[str, object]]()
    for number in range(len(levels)):
        mass = levels.mass[number]
        time = None if made.table is None else made.table.times[number]
        rows.append(
            {
                "level": number,
                "accuracy": accuracies[number],
                "macs": levels.macs[number],
                "macs_share": levels.macs[number] / levels.macs[0],
                "params": levels.params[number],
                "params_share": levels.params[number] / levels.params[0],
                "mass": mass if mass == mass else None,
                "median_ms": None if time is None else time.median_ms,
                "p95_ms": None if time is None else time.p95_ms,
            }
        )
    return rows


def level_table(rows: Sequence[dict[str, Any]]) -> Table:
    """The rows for people."""
    from nnmass.report import Column, Table, format_count, format_percent

    names = ["test", "MACs", "of full", "params", "of full", "NN-Mass", "median", "p95", "of full"]
    cells = [
        (
            str(row["level"]),
            "-" if row["accuracy"] is None else format_percent(row["accuracy"]),
            format_count(row["macs"]),
            format_percent(row["macs_share"]),
            format_count(row["params"]),
            format_percent(row["params_share"]),
            "-" if row["mass"] is None else f"{row['mass']:.1f}",
            "-" if row["median_ms"] is None else f"{row['median_ms']:.2f} ms",
            "-" if row["p95_ms"] is None else f"{row['p95_ms']:.2f} ms",
            "-"
            if row["median_ms"] is None
            else format_percent(row["median_ms"] / rows[0]["median_ms"]),
        )
        for row in rows
    ]
    columns = (Column(name="level", align="left"), *(Column(name=name) for name in names))
    return Table(columns=columns, rows=tuple(cells))
