"""Training for votes: one random ablation a step, the same for all images of the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.audit._patch._encode import n_channels
from nnmass.audit._patch._smoothed import SmoothedNet
from nnmass.data import ImageData
from nnmass.errors import SpecError
from nnmass.nets import generator_for
from nnmass.train import (
    Figures,
    Moment,
    Objective,
    Recipe,
    Step,
    Subject,
    TrainResult,
    train_module,
)

_LEVEL = "one band an image"


class BandObjective(Objective):
    """Cross entropy on one ablation of the whole batch, drawn anew for each step.

    The validation figure is the accuracy of single votes: image j is judged by copy j mod n, which
    costs one forward pass; the accuracy of the vote itself is measured by `collect_votes`.

    Source:
        A. Levine, S. Feizi, NeurIPS 2020 (arXiv:2002.10733), training of the released code: one
        start for a mini-batch, all starts equally likely.
    """

    def backward(
        self, net: nn.Module, images: Tensor, labels: Tensor, moment: Moment
    ) -> tuple[Tensor, Tensor]:
        """Gradients of the mean loss on one copy of each image of the batch.

        Args:
            net: In training mode.
            images: Pixels in [0, 1], (B, C, H, W).
            labels: Whole numbers, (B,).
            moment: Where the training is: seed, epoch and step draw the copy.

        Returns:
            The loss, a single number, and the logits of the copies, (B, classes).

        Raises:
            SpecError: The network does not vote.
        """
        if not isinstance(net, SmoothedNet):
            raise SpecError(f"BandObjective trains a SmoothedNet, got {type(net).__name__}")
        draws = generator_for(moment.seed, f"band:{moment.epoch}:{moment.step}")
        position = int(torch.randint(net.ablation.n, (), generator=draws))
        with moment.autocast():
            logits = net.logits_at(images, position)
            loss = F.cross_entropy(
                logits.float(), labels, label_smoothing=moment.recipe.label_smoothing
            )
        loss.backward()
        return loss, logits

    def levels(self, net: nn.Module) -> Mapping[str, Figures]:
        """One: what single votes are worth."""
        return {_LEVEL: {}}

    def at_level(self, net: nn.Module, index: int) -> AbstractContextManager[object]:
        """One copy of each image is judged."""
        assert isinstance(net, SmoothedNet)
        return net.one_band_each()

    def to_dict(self) -> dict[str, object]:
        """Its name; the ablation is the network's."""
        return {"name": "one random band a step"}


def train_smoothed(
    net: SmoothedNet,
    data: ImageData,
    *,
    name: str,
    recipe: Recipe | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    on_step: Callable[[Step], None] | None = None,
) -> TrainResult:
    """Train a copy of ``net`` for its votes; the loop is that of `nnmass.train.train_module`.

    The network gets pixels in [0, 1], as audits give them, not normalised ones: its own ``mean``
    and ``std`` are what normalises.

    Args:
        net: What to train, from the weights that it has.
        data: From `nnmass.data.load_dataset`, images of the ablation's size.
        name: What the record calls the network.
        recipe: As in `nnmass.train.train`.
        seed: Of the order of images and of the bands.
        folder: As in `nnmass.train.train`.
        resume: The same.
        device: The same.
        on_step: The same.

    Returns:
        The trained copy in evaluation mode, the record and the curve; the record's accuracies are
        those of single votes.

    Raises:
        SpecError: The network does not fit the data, or an argument is out of range.
        NNMassError: As `nnmass.train.train_module`.

    Source:
        A. Levine, S. Feizi, NeurIPS 2020; the schedule is the recipe's.
    """
    if data.info.has_features or tuple(data.info.shape[1:]) != net.ablation.image:
        raise SpecError(
            f"the ablation is of images of {'x'.join(map(str, net.ablation.image))}, but "
            f"{data.info.name} has inputs of {'x'.join(map(str, data.info.shape))}"
        )
    channels = data.info.shape[0]
    seen = (n_channels(channels, net.encoding), *net.ablation.image)
    raw = replace(data.info, mean=(0.0,) * channels, std=(1.0,) * channels)
    return train_module(
        net,
        replace(data, info=raw),
        subject=Subject.of_module(net.base, seen, name=name),
        objective=BandObjective(),
        recipe=recipe,
        seed=seed,
        folder=folder,
        resume=resume,
        device=device,
        on_step=on_step,
    )
