"""Which features a class hangs on: gradients of the last layer in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from nnmass.audit._bits._last_layer import LastLayer


def rank_gradient(layer: LastLayer, features: Tensor, labels: Tensor) -> Tensor:
    """Gradient of the mean cross entropy by the layer's weights, float32 (M, N).

        G = (softmax(z) - onehot(y))^T phi / B

    Args:
        layer: Of M classes and N features.
        features: phi, (B, N).
        labels: The true ones, (B,), not the attacker's.

    Source:
        A. S. Rakin, Z. He, D. Fan, CVPR 2020 (arXiv:1909.05193), equation 5; the closed form: ours.
    """
    wrong = layer.logits(features).softmax(1)
    wrong[torch.arange(len(labels)), labels] -= 1
    return wrong.T @ features / len(features)


def top_features(gradient: Tensor, n: int) -> Tensor:
    """The ``n`` features with the largest |G|, the smaller index first among equals; all at most.

    Example:
        >>> top_features(torch.tensor([0.1, -0.5, 0.5, 0.0]), 2).tolist()
        [1, 2]
    """
    order = torch.sort(gradient.abs(), descending=True, stable=True).indices
    return order[: max(n, 0)]
