"""Synaptic flow."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nnmass.errors import ProbeError
from nnmass.probes._proxies._layers import check_differentiable, layer_weights, logits_of
from nnmass.probes._proxies._scaled import ScaledNumbers, scale_of


def synflow(model: nn.Module, images: Tensor, labels: Tensor | None) -> float:
    """Logarithm of the synaptic flow: what passes if all weights add up; higher is better.

        synflow = log sum_l sum W_l * dR/dW_l,   R = sum of the outputs for an image of ones

    with the absolute values of all parameters in place of the parameters, and batch norms off: of
    a plain network without biases R is a product of matrices |W|, and the flow that product times
    the number of layers. Natural logarithm. Reads the shape of the images only, no labels; random
    through the first weights.

    The flow grows with every layer by some factor, so that it leaves any number format. It runs in
    double precision, and activations that leave [1e-60, 1e60] are divided by their size, whose
    logarithm is kept beside them; skips are added in the scale of the larger term. Nothing is
    divided in networks that stay within. An operation that does not scale with its input (a
    sigmoid, say) is given the true value; where that is infinite, the proxy fails.

    Source:
        Tanaka, Kunin, Yamins, Ganguli, NeurIPS 2020 (arXiv:2006.05467); sum as a score:
        Abdelfattah et al., ICLR 2021; logarithm: NAS-Bench-Suite-Zero. Their codes overflow where
        ours divides, and take absolute values of buffers as well, which no norm reads here.
    """
    model.double()
    for parameter in model.parameters():
        parameter.data = parameter.data.abs()
    weights = layer_weights(model)
    ones = torch.ones((1, *images.shape[1:]), dtype=torch.float64, device=images.device)
    with ScaledNumbers():
        logits = logits_of(model, ones)
        scale = scale_of(logits)
    check_differentiable(logits)
    gradients = torch.autograd.grad(logits.sum(), weights, allow_unused=True)
    pairs = zip(weights, gradients, strict=True)
    flow = sum(float((w.detach() * g).abs().sum()) for w, g in pairs if g is not None)
    if flow == 0:
        raise ProbeError("nothing flows: every path from the input to the output has a zero weight")
    return math.log(flow) + scale
