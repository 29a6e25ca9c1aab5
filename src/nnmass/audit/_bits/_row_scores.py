"""What rows of one class decide, with all other rows as they are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nnmass.audit._bits._last_layer import LastLayer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowScores:
    """What the row of a class decides, with the other rows as they are, in logits of one batch.

    Attributes:
        features: (B, N), float64.
        bias: Of the row.
        others: log of the sum of the other classes' exponentials, (B,).
        best_other: Largest of the other classes' logits, (B,).
        best_before: Whether the best other class has a smaller index, and so wins a tie, (B,).
        is_right_otherwise: Whether the image is right if the class does not win, (B,).
        true_logits: Logit of the true class, (B,); not read where it is the class itself.
        is_target: Whether the true class is the class itself, (B,).
    """

    features: Tensor
    bias: float
    others: Tensor
    best_other: Tensor
    best_before: Tensor
    is_right_otherwise: Tensor
    true_logits: Tensor
    is_target: Tensor

    @classmethod
    def of(cls, layer: LastLayer, features: Tensor, labels: Tensor, target: int) -> RowScores:
        """The scores of features (B, N) with true classes (B,)."""
        logits = layer.logits(features).double()
        rest = logits.clone()
        rest[:, target] = -torch.inf
        best_other, winner = rest.max(1)
        return cls(
            features=features.double(),
            bias=float(layer.bias[target]),
            others=rest.logsumexp(1),
            best_other=best_other,
            best_before=winner < target,
            is_right_otherwise=winner == labels,
            true_logits=logits.gather(1, labels[:, None])[:, 0],
            is_target=labels == target,
        )

    def logits(self, weights: Tensor) -> Tensor:
        """Logits of the class, (.., B), for rows of weights (.., N)."""
        return weights.double() @ self.features.T + self.bias

    def is_won(self, logits: Tensor) -> Tensor:
        """Whether the class is predicted, (.., B); ties go to the smaller index."""
        return torch.where(self.best_before, logits > self.best_other, logits >= self.best_other)

    def win_rate(self, logits: Tensor) -> Tensor:
        """Share of the images of other classes that are classified as the class, (..)."""
        others = ~self.is_target
        return self.is_won(logits)[..., others].double().mean(-1)

    def accuracy(self, logits: Tensor) -> Tensor:
        """Share of right predictions, (..)."""
        is_right = torch.where(
            self.is_won(logits), self.is_target, self.is_right_otherwise & ~self.is_target
        )
        return is_right.double().mean(-1)
