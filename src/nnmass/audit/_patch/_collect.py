"""Running a voting network over images, once."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from nnmass._evaluating import evaluating
from nnmass.audit._fingerprint import fingerprint
from nnmass.audit._images import checked_images
from nnmass.audit._patch._smoothed import SmoothedNet
from nnmass.audit._patch._votes import VoteTable
from nnmass.errors import DataError, SpecError, whole_number
from nnmass.train import resolve_device

_COMPARED = 4  # images whose votes are taken a second time, in another company


def collect_votes(
    net: SmoothedNet,
    images: object,
    labels: object,
    *,
    network: str = "network",
    images_at_once: int = 1,
    device: str = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
) -> VoteTable:
    """The softmax of every ablated copy of every image, each copy run once.

    Args:
        net: What is deployed; left as it was.
        images: Pixels in [0, 1] or uint8, (B, C, H, W), H x W the ablation's.
        labels: Whole numbers, (B,).
        network: Its name, for tables.
        images_at_once: Images in a forward pass. With 1, an image's votes are bit for bit those
            that ``net`` gives when it is called on any batch; more are faster on a GPU, and a note
            tells if last digits then hang on the company.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        on_progress: Called with the images done and all of them.

    Returns:
        The table, which certificates are made of.

    Raises:
        SpecError: The network does not vote, or does not take the images.
        DataError: Images or labels are out of range, or the network gives no numbers.
        DeviceError: The device is not there.

    Source:
        Ours: votes once, all questions after.
    """
    if not isinstance(net, SmoothedNet):
        raise SpecError(
            f"certificates are about a nnmass.audit.SmoothedNet, got {type(net).__name__}: an "
            "ordinary network does not vote; see docs/patch-certificates.md"
        )
    whole_number(images_at_once, "images_at_once", low=1)
    pixels, found = checked_images(images, labels)
    if tuple(pixels.shape[2:]) != net.ablation.image:
        raise SpecError(
            f"images must be {'x'.join(map(str, net.ablation.image))} for {net.ablation}, got "
            f"shape {tuple(pixels.shape)}"
        )
    where = resolve_device(device)
    was = next(net.parameters()).device
    start = time.perf_counter()
    try:
        net.to(where)
        with evaluating(net), torch.no_grad():
            probabilities = _run(net, pixels, where, images_at_once, on_progress)
            notes = _notes(net, pixels[:_COMPARED].to(where), images_at_once)
    finally:
        net.to(was)
    return VoteTable(
        probabilities=probabilities,
        labels=found.numpy(),
        ablation=net.ablation,
        network=network,
        fingerprint=voting_fingerprint(net),
        forward_copies=probabilities.shape[0] * probabilities.shape[1],
        seconds=time.perf_counter() - start,
        notes=notes,
    )


def voting_fingerprint(net: SmoothedNet) -> str:
    """sha256 of all that decides a copy's softmax."""
    return fingerprint(
        net.base, net.encoding, net.normalised.mean.tolist(), net.normalised.std.tolist()
    )


def _run(
    net: SmoothedNet,
    pixels: Tensor,
    device: torch.device,
    images_at_once: int,
    on_progress: Callable[[int, int], None] | None,
) -> np.ndarray:
    parts = []
    for first in range(0, len(pixels), images_at_once):
        some = pixels[first : first + images_at_once].to(device)
        parts.append(_probabilities(net, some, images_at_once).cpu())
        if on_progress is not None:
            on_progress(min(first + images_at_once, len(pixels)), len(pixels))
    return torch.cat(parts).numpy()


def _probabilities(net: SmoothedNet, images: Tensor, images_at_once: int) -> Tensor:
    try:
        return net.probabilities(images, images_at_once=images_at_once)
    except RuntimeError as error:
        raise SpecError(
            f"the base network cannot be run on encoded images ({net.encoding}) of "
            f"{tuple(images.shape)}: {error}. nnmass.audit.adapt_stem makes its first layer take "
            "them"
        ) from error


def _notes(net: SmoothedNet, images: Tensor, images_at_once: int) -> tuple[str, ...]:
    """Whether an image's votes hang on what else is in the forward pass."""
    alone = _probabilities(net, images, images_at_once)
    backwards = _probabilities(net, images.flip(0), 1).flip(0)
    apart = float((alone - backwards).abs().max())
    if not apart > 0:
        return ()
    if apart > 1e-3:
        raise DataError(
            f"the votes of an image change by {apart:.3g} with the other images of a batch, so "
            "that nothing can be certified: the base network is random, or mixes images (a batch "
            "norm without running statistics)"
        )
    return (
        f"probabilities change by up to {apart:.1e} with the batch that an image is in: set a "
        "tolerance above that, or images_at_once=1",
    )
