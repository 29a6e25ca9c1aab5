"""Training all sub-networks of a network together."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.errors import SpecError, did_you_mean, whole_number
from nnmass.nets import generator_for
from nnmass.slim._subnets._masked_step import masked_step
from nnmass.slim._subnets._switching import figures_of, switchable
from nnmass.train import Figures, Moment, Objective

RULES = ("sandwich", "all", "single")


@dataclass(frozen=True, slots=True, kw_only=True)
class SandwichObjective(Objective):
    """Joint training of the sub-networks of a `SubnetFamily` on shared weights.

    Every batch goes through several sub-networks, the full one first, with the same images and the
    same random state of dropout; their losses are summed and the weights move once. Every
    sub-network is validated, and the best epoch is that of the highest mean accuracy.

    Args:
        rule: Which sub-networks a batch goes through. ``sandwich``: the full one, the smallest one
            and others drawn for each batch; ``all``: every one; ``single``: one for a whole epoch,
            in turn, each once in every round and in an order drawn for the round. A single one
            changes no weight outside itself, whatever the momentum and the weight decay.
        n_subnets: Of the sandwich, at least 2.
        is_distilled: All but the full one learn the full one's probabilities of the batch in place
            of the labels; their gradients do not reach the full one. No part of ``single``.

    Raises:
        SpecError: A rule is unknown, or a sandwich is too thin.

    Source:
        Sandwich and in-place distillation: J. Yu, T. Huang, ICCV 2019 (arXiv:1903.05134), with
        losses summed as there; ``all``: J. Yu et al., ICLR 2019 (arXiv:1812.08928). ``single`` is
        the sampling of L. Yang, D. Fan, ASP-DAC 2021, without its selection of channels; that it
        leaves all other weights alone is ours.

    Example:
        >>> SandwichObjective(n_subnets=3).to_dict()
        {'rule': 'sandwich', 'n_subnets': 3, 'is_distilled': True}
    """

    rule: str = "sandwich"
    n_subnets: int = 4
    is_distilled: bool = True

    def __post_init__(self) -> None:
        """Check all fields."""
        if self.rule not in RULES:
            hint = did_you_mean(str(self.rule), RULES)
            raise SpecError(f"rule must be {', '.join(RULES)}, got {self.rule!r}.{hint}")
        why = "the full sub-network and the smallest one are always in"
        whole_number(self.n_subnets, "n_subnets", low=2, why=why)

    def chosen(self, n_all: int, moment: Moment) -> list[int]:
        """Numbers of the sub-networks that a batch goes through, the largest first.

        Args:
            n_all: How many sub-networks there are.
            moment: Epoch and step, and the seed of what is drawn.
        """
        if self.rule == "single":
            turn, place = divmod(moment.epoch - 1, n_all)
            draws = generator_for(moment.seed, f"subnets:round {turn}")
            return [int(torch.randperm(n_all, generator=draws)[place])]
        if self.rule == "all" or n_all <= self.n_subnets:
            return list(range(n_all))
        draws = generator_for(moment.seed, f"subnets:{moment.epoch}:{moment.step}")
        between = torch.randperm(n_all - 2, generator=draws)[: self.n_subnets - 2] + 1
        return [0, *sorted(between.tolist()), n_all - 1]

    def backward(
        self, net: nn.Module, images: Tensor, labels: Tensor, moment: Moment
    ) -> tuple[Tensor, Tensor]:
        """Add up the gradients of the chosen sub-networks.

        Returns:
            The sum of the losses, and the logits of the largest.
        """
        family = switchable(net)
        chosen = self.chosen(len(family.subnets), moment)
        targets, smoothing = labels, moment.recipe.label_smoothing
        total, largest = torch.zeros((), device=moment.device), None
        devices = [moment.device] if moment.device.type == "cuda" else []
        for index in chosen:
            # all but the last put the random state back: dropout is the same in each
            state = torch.random.fork_rng(devices=devices, enabled=index != chosen[-1])
            with family.using(index):
                with state, moment.autocast():
                    logits = _wide(net(images))
                    loss = F.cross_entropy(logits, targets, label_smoothing=smoothing)
                loss.backward()
            total = total + loss.detach()
            if largest is None:
                largest = logits.detach()
                if self.is_distilled:
                    targets, smoothing = largest.softmax(1), 0.0
        assert largest is not None  # at least one is chosen
        return total, largest

    def step(self, net: nn.Module, optimiser: torch.optim.Optimizer, moment: Moment) -> None:
        """Move the weights; after a single sub-network its own ones alone."""
        if self.rule != "single":
            optimiser.step()
            return
        family = switchable(net)
        (index,) = self.chosen(len(family.subnets), moment)
        used = family.used(index)
        named = dict(net.named_parameters())
        masked_step(optimiser, {named[name]: mask for name, mask in used.items()})

    def levels(self, net: nn.Module) -> Mapping[str, Figures]:
        """All sub-networks with their sizes."""
        return figures_of(switchable(net))

    def at_level(self, net: nn.Module, index: int) -> AbstractContextManager[object]:
        """A block in which the sub-network ``index`` runs."""
        return switchable(net).using(index)

    def to_dict(self) -> dict[str, object]:
        """The settings by name."""
        return asdict(self)


def _wide(logits: Tensor) -> Tensor:
    """Logits of half precision as float32, for the loss."""
    return logits.float() if logits.element_size() < 4 else logits
