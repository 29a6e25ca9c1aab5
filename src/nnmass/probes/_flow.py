"""Gradient flow: activations, gradients and the first steps of a training, layer by layer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nnmass._device import describe
from nnmass.errors import positive_number, whole_number
from nnmass.probes._batch import Images, checked_images, checked_labels
from nnmass.probes._borrowed import BatchNorm, borrowed, reject_compiled
from nnmass.probes._draws import Network, check_same_layers, draws, name_of, seeds_for
from nnmass.probes._flow_draw import Measured, Start, measure
from nnmass.probes._flow_layer import FlowDraw
from nnmass.probes._flow_result import GradientFlow
from nnmass.probes._machine import device_for
from nnmass.runs import environment


def gradient_flow(
    network: Network,
    images: Images,
    labels: Tensor | npt.NDArray[np.integer],
    *,
    seeds: int | Sequence[int] | None = None,
    steps: int = 0,
    lr: float = 0.01,
    batch_norm: BatchNorm = "batch",
    device: str | torch.device | None = None,
    on_draw: Callable[[FlowDraw], None] | None = None,
) -> GradientFlow:
    """How signals travel forwards and gradients back at the start, and in the first steps.

    For every layer with weights (a module with a parameter of two dimensions or more that the
    forward pass calls), in the order of the forward pass and for every initialisation: variance
    and mean square of its output; root mean square of the gradient by its output; norms of its
    weights and of the gradient by them, at the start and after each step. `nnmass.probes.FlowLayer`
    says exactly what each is. The loss is the cross-entropy, averaged over the images.

    For every initialisation also the losses, and the norm of the Jacobian of an image's logits by
    that image: ``sqrt(mean over n of |d logits_n / d image_n|_F^2)``. With ``batch_norm="batch"``
    an image's logits hang on all images; here the statistics of the batch are held as constants,
    which leaves out the part of the gradient that goes through them. Exact for 16 outputs or
    fewer, otherwise Hutchinson's estimate from 8 cotangents of random signs for each image, drawn
    from the initialisation's seed (0 for a model that is given), with the half width of its 95 %
    interval.

    The model is run in evaluation mode but for the batch norms (no dropout), on copies of its
    tensors, all of which take part in the steps, frozen ones too. It is given back as it was.

    Args:
        network: A module as it is, or what is drawn anew from every seed; see
            `nnmass.probes.Network`.
        images: (N, ...), floating-point, normalised as in training.
        labels: (N,), whole numbers in 0 ... classes - 1.
        seeds: How many initialisations, or which seeds; 5 unless told. Not for a module.
        steps: Of plain gradient descent on the same images, no momentum, no decay.
        lr: Their learning rate.
        batch_norm: See `nnmass.probes.BatchNorm`.
        device: ``cpu``, ``cuda`` or ``cuda:N``; where the images are unless told.
        on_draw: Called with each initialisation as soon as it is measured.

    Raises:
        ProbeError: Images, labels or the network do not fit or cannot be measured; the network
            gives no (N, classes) tensor.
        SpecError: ``steps``, ``lr`` or ``seeds`` are wrong, or the network's name is.
        DeviceError: The device is not there.

    Source:
        Ours. Variance of activations and gradients by depth: Glorot, Bengio, AISTATS 2010.

    Example:
        >>> images, labels = torch.rand(8, 784), torch.arange(8)
        >>> flow = gradient_flow("dense-mlp(w=8,d=6,t=2)", images, labels, seeds=2, steps=1)
        >>> len(flow.draws), len(flow.layers), flow.layers[0].path
        (2, 6, 'layers.0')
        >>> all(layer.weight_gradient.low > 0 for layer in flow.layers)
        True
    """
    began = time.perf_counter()
    steps = whole_number(steps, "steps", low=0)
    lr = positive_number(lr, "lr")
    images = checked_images(images)
    where = device_for(device, otherwise=images.device)
    images, labels = images.to(where), checked_labels(labels, images).to(where)
    name, found = name_of(network), list[Measured]()
    for seed, model in draws(network, seeds_for(network, seeds)):
        reject_compiled(model, name)
        start = Start(images, labels, name, seed, is_batch=batch_norm == "batch")
        with borrowed(model, where, batch_norm=batch_norm, requires_grad=True) as lent:
            found.append(measure(model, lent, start, steps=steps, lr=lr))
        check_same_layers([one.draw for one in found], name)
        if on_draw is not None:
            on_draw(found[-1].draw)
    return GradientFlow(
        network=name,
        draws=tuple(one.draw for one in found),
        n_images=len(images),
        n_outputs=found[0].n_outputs,
        batch_norm=batch_norm,
        steps=steps,
        lr=lr,
        unmeasured=found[0].unmeasured,
        elapsed_s=time.perf_counter() - began,
        environment=environment(describe(where)),
    )
