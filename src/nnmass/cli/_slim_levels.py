"""What `nnmass slim subnets` does: levels, family, training, latencies, and their table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnmass.cli._output import json_text
from nnmass.cli._training import trained_copy
from nnmass.errors import SpecError, whole_number

if TYPE_CHECKING:
    from torch import nn

    from nnmass.data import ImageData
    from nnmass.nets import OpenedNetwork
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
        family: The network that holds them.
        background: Of the training before, if there was one.
        record: Of the training, if there was one.
        table: Of latencies, if they were measured.
    """

    network: str
    levels: ChosenLevels
    family: SubnetFamily
    background: RunRecord | None
    record: RunRecord | None
    table: SubnetTable | None

    def to_dict(self) -> dict[str, object]:
        """The JSON document."""
        return {
            "network": self.network,
            "subnets": level_rows(self),
            "chosen": self.levels.to_dict(),
            "notes": list(self.family.notes),
            "background": None if self.background is None else self.background.to_dict(),
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
    from nnmass.nets import has_weights, open_network
    from nnmass.slim import SandwichObjective, SubnetFamily, profile_subnets

    SandwichObjective(rule=request.rule)  # a wrong word is told before anything is trained
    opened = open_network(request.network, seed=request.seed, weights=True)
    shape = _shape(request, opened, data)
    model, background = opened.model, None
    levels = _chosen(request, model, shape, data)
    if data is not None and not has_weights(request.network):
        model, background = _trained(request, opened.name, model, data, kind="background")
        levels = _chosen(request, model, shape, data)
    family: Any = SubnetFamily(model, levels.kept, input_shape=shape)
    record = None
    if data is not None:
        family, record = _trained(request, opened.name, family, data, kind="levels")
    table = None
    if request.is_timed:
        accuracies = None if record is None else _accuracies(record)
        table = profile_subnets(family, device=_device(request.device), accuracies=accuracies)
    made = MadeLevels(
        network=opened.name,
        levels=levels,
        family=family,
        background=background,
        record=record,
        table=table,
    )
    if request.out is not None:
        _write(request.out, made)
    return made


def _chosen(
    request: LevelRequest, model: nn.Module, shape: tuple[int, ...], data: ImageData | None
) -> ChosenLevels:
    from nnmass.slim import choose_levels

    return choose_levels(
        model,
        shape,
        method=request.method,
        widths=request.widths,
        divisor=request.divisor,
        importance=request.importance,
        batch=_batch(request, shape, data),
    )


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
    request: LevelRequest, name: str, net: nn.Module, data: ImageData, *, kind: str
) -> tuple[nn.Module, RunRecord]:
    """A copy of ``net``, trained: the background, or all levels of a family together."""
    from nnmass.slim import SandwichObjective

    return trained_copy(
        net,
        data,
        name=name if kind == "background" else f"{name} subnets(method={request.method})",
        objective=SandwichObjective(rule=request.rule) if kind == "levels" else None,
        recipe=request.recipe,
        seed=request.seed,
        folder=None if request.out is None else request.out / kind,
        resume=request.resume,
        device=request.device,
        quiet=request.quiet,
    )


def _device(name: str) -> str:
    from nnmass.train import resolve_device

    return str(resolve_device(name))


def _accuracies(record: RunRecord) -> list[float]:
    return [float(figures["test_accuracy"] or 0.0) for figures in record.levels.values()]


def _write(out: Path, made: MadeLevels) -> None:
    from nnmass.runs import write_atomic
    from nnmass.slim import save

    save(made.family, out, network=made.network)
    write_atomic(out / "levels.json", json_text(made.levels.to_dict()))
    if made.table is not None:
        made.table.save(out / "latency.json")


def level_rows(made: MadeLevels) -> list[dict[str, object]]:
    """One for each level: sizes, accuracy, mass, latency; ``None`` where it is not known."""
    subnets = made.family.subnets
    accuracies: Sequence[float | None] = [None] * len(subnets)
    if made.record is not None:
        accuracies = _accuracies(made.record)
    rows = list[dict[str, object]]()
    for number, subnet in enumerate(subnets):
        time = None if made.table is None else made.table.times[number]
        rows.append(
            {
                "level": number,
                "accuracy": accuracies[number],
                "macs": subnet.macs,
                "macs_share": subnet.macs / subnets[0].macs,
                "params": subnet.params,
                "params_share": subnet.params / subnets[0].params,
                "mass": subnet.mass if subnet.mass == subnet.mass else None,
                "median_ms": None if time is None else time.median_ms,
                "p95_ms": None if time is None else time.p95_ms,
            }
        )
    return rows
