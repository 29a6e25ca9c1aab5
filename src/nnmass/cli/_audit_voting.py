"""The voting network that `nnmass audit patch` certifies: a saved one, or trained on the spot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnmass.cli._errors import say
from nnmass.errors import SpecError

if TYPE_CHECKING:
    from nnmass.audit import SmoothedNet
    from nnmass.data import ImageData
    from nnmass.runs import RunRecord
    from nnmass.train import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class VotingSettings:
    """How a network is made to vote; all of it matters with ``--train`` only.

    ``patches`` are what it will be certified against: they are checked before hours of training.
    """

    patches: tuple[tuple[int, int], ...]
    bands: str
    stride: int
    wrap: bool
    recipe: Recipe
    seed: int
    resume: bool
    device: str
    is_trained_here: bool


def voting_network(
    model: str, images: ImageData, settings: VotingSettings, *, out: Path | None, quiet: bool
) -> tuple[SmoothedNet, str, RunRecord | None]:
    """The network, its name, and the record of its training if that was made now.

    Raises:
        SpecError: ``model`` is an ordinary network, and ``--train`` is not asked for.
    """
    from nnmass.audit import SMOOTHED_FILE, load_smoothed

    if (Path(model) / SMOOTHED_FILE).is_file():
        if settings.is_trained_here:
            raise SpecError(f"{model} votes already: leave --train out, or name its base network")
        return load_smoothed(model), model, None
    if not settings.is_trained_here:
        raise SpecError(
            f"{model!r} was not trained to vote on bands, so that its votes would say nothing: add "
            "--train to train it (a network that is to be certified is trained for it), or name "
            "the folder that --train --out wrote"
        )
    return _trained(model, images, settings, out=out, quiet=quiet)


def _trained(
    model: str, images: ImageData, settings: VotingSettings, *, out: Path | None, quiet: bool
) -> tuple[SmoothedNet, str, RunRecord]:
    from nnmass.audit import SmoothedNet, adapt_stem, parse_ablation, save_smoothed, train_smoothed
    from nnmass.cli._progress import watching
    from nnmass.nets import has_weights, open_network

    shape = images.info.shape
    if len(shape) != 3:
        raise SpecError(f"{images.info.name} has no images: a patch needs some")
    ablation = parse_ablation(
        settings.bands, (shape[1], shape[2]), stride=settings.stride, wrap=settings.wrap
    )
    for patch in settings.patches:
        ablation.checked_patch(patch)
    opened = open_network(model, seed=settings.seed, weights=True)
    base = adapt_stem(opened.model, shape, seed=None if has_weights(model) else settings.seed)
    net = SmoothedNet(base, ablation)
    name = f"{opened.name} {ablation}"
    with watching(quiet=quiet) as watch:
        result = train_smoothed(
            net,
            images,
            name=name,
            recipe=settings.recipe,
            seed=settings.seed,
            folder=None if out is None else out / "run",
            resume=settings.resume,
            device=settings.device,
            on_step=lambda step: watch(name, step, done=0, total=1),
        )
    trained = result.net
    assert isinstance(trained, SmoothedNet)
    if out is not None:
        save_smoothed(trained, out, network=_reopened(model, opened.name), channels=shape[0])
        say(f"saved to {out}; the same command with {out} as MODEL and no --train reads it")
    return trained, name, result.record


def _reopened(model: str, name: str) -> str:
    """What opens the same module again: a saved folder's spec, or the name itself."""
    return name if "(" in name or ":" in name else model
