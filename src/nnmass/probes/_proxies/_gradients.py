"""Proxies from the gradient of the loss by the weights: gradient norm, SNIP, GraSP."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from nnmass.probes._proxies._layers import gradients_of, layer_weights, loss_of


def grad_norm(model: nn.Module, images: Tensor, labels: Tensor | None) -> float:
    """Sum over the layers of the norm of the gradient; higher is better.

        grad_norm = sum_l || dL/dW_l ||_2

    L is the mean cross-entropy (nats) of one batch, W_l the weight of a convolution or linear
    layer (no biases, no batch norm). Batch norms use the batch; random through the first weights.

    Source:
        Abdelfattah, Mehrotra, Dudziak, Lane, ICLR 2021 (arXiv:2101.08134). Differs from the
        released code only in that dropout is off.
    """
    gradients = gradients_of(loss_of(model, images, labels), layer_weights(model))
    return sum(float(gradient.double().norm()) for gradient in gradients)


def snip(model: nn.Module, images: Tensor, labels: Tensor | None) -> float:
    """Sum of the connection sensitivities; higher is better.

        snip = sum_l sum | W_l * dL/dW_l |

    L and W_l as in `grad_norm`; unit nats, as of L. Batch norms use the batch; random through the
    first weights.

    Source:
        Lee, Ajanthan, Torr, ICLR 2019 (arXiv:1810.02340), not normalised; the sum as a score of
        networks: Abdelfattah et al., ICLR 2021. Their code differentiates by masks that are 1,
        which is the same. Differs only in that dropout is off.
    """
    weights = layer_weights(model)
    gradients = gradients_of(loss_of(model, images, labels), weights)
    pairs = zip(weights, gradients, strict=True)
    return sum(float((w.detach() * gradient).double().abs().sum()) for w, gradient in pairs)


def grasp(model: nn.Module, images: Tensor, labels: Tensor | None) -> float:
    """How much the gradient flow would gain from shrinking the weights; higher is better.

        grasp = - sum_l sum (H g)_l * W_l,   g = dL/dW,   H g = d(g' g / 2)/dW

    L and W_l as in `grad_norm`, g and H from the same batch; unit nats squared, as of (dL)^2.
    Batch norms use the batch; random through the first weights, and with a sign that depends on
    them, so that one seed tells little.

    Source:
        Wang, Zhang, Grosse, ICLR 2020 (arXiv:2002.07376), with temperature 1 (theirs
        is 200, and their batch has 10 images a class); sum and sign: Abdelfattah et al., ICLR 2021,
        whose code multiplies g from one pass with a constant g from another, which is the same.
        Differs only in that dropout is off.
    """
    weights = layer_weights(model)
    with sdpa_kernel(SDPBackend.MATH):  # the fused attentions have no second derivative
        loss = loss_of(model, images, labels)
    gradients = gradients_of(loss, weights, create_graph=True)
    flow = torch.stack([(gradient * gradient.detach()).sum() for gradient in gradients]).sum()
    products = torch.autograd.grad(flow, weights, allow_unused=True)
    return -sum(
        float((w.detach() * product).double().sum())
        for w, product in zip(weights, products, strict=True)
        if product is not None
    )
