"""How steady the gradients are between batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnmass.errors import ProbeError
from nnmass.probes._proxies._layers import gradients_of, layer_weights, loss_of

_N_BATCHES = 2


def zico(model: nn.Module, images: Tensor, labels: Tensor | None) -> float:
    """Inverse coefficient of variation of the gradients; higher is better.

        zico = sum_l log( sum_i E_b |g_li| / sqrt(Var_b g_li) )

    g_li is the gradient of the mean cross-entropy of batch b by weight i of layer l; mean and
    variance (of the population) over 2 batches, the two halves of the images. Weights without
    variance are left out, and layers that consist of such. Natural logarithm. Batch norms use the
    batch; random through the first weights.

    Source:
        Li, Yang, Bhardwaj, Marculescu, ICLR 2023 (arXiv:2301.11300); the variance is of
        the absolute gradient there and of the gradient in the released code; ours is as in the
        code. That code does not clear the gradients between batches, so that the second one holds
        the sum of both: a defect, not done here.
    """
    if len(images) < 2 * _N_BATCHES or labels is None:
        raise ProbeError(
            f"ZiCo needs labels and at least {2 * _N_BATCHES} images, two in each of "
            f"{_N_BATCHES} batches, got {len(images)}"
        )
    weights = layer_weights(model)
    parts = zip(images.chunk(_N_BATCHES), labels.chunk(_N_BATCHES), strict=True)
    batches = [gradients_of(loss_of(model, x, y), weights) for x, y in parts]
    sums = [_inverse_variation(torch.stack(of_layer)) for of_layer in zip(*batches, strict=True)]
    logarithms = [x.log() for x in sums if float(x) != 0]  # NaN stays
    if not logarithms:
        raise ProbeError("no gradient differs between the batches: are their images the same?")
    return float(torch.stack(logarithms).sum())


def _inverse_variation(gradients: Tensor) -> Tensor:
    """``sum mean |g| / std g`` over the weights of a layer whose g varies; axis 0: batches."""
    gradients = gradients.double()
    spread = gradients.std(0, correction=0)
    varies = spread != 0
    return (gradients.abs().mean(0)[varies] / spread[varies]).sum()
