"""The first layer of a network, made to take ablated images."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nnmass._evaluating import evaluating
from nnmass._randomness import unchanged_randomness
from nnmass.audit._patch._encode import check_encoding, n_channels
from nnmass.errors import SpecError, TraceError
from nnmass.nets import generator_for

_LOOKS = {"__get__", "size", "dim", "stride", "is_floating_point", "numel", "is_contiguous", "type"}
"""Functions that ask an image what it is and do not read its pixels."""


def adapt_stem(
    model: nn.Module,
    input_shape: Sequence[int],
    *,
    encoding: str = "complement",
    seed: int | None = None,
) -> nn.Module:
    """A copy of ``model`` whose first convolution takes encoded images; nothing else changes.

    The convolution is found by running the model on a black image. With ``complement`` it takes
    2 C channels: its kernels w become (w / 2, -w / 2), which give w * x less half the sum of w
    where nothing is ablated; a bias takes that constant up. With ``mask`` it takes C + 1 channels,
    the kernels of the last one 0; that is for vision transformers too, whose patches are embedded
    by a convolution.

    Args:
        model: Any network that reads its images by one convolution; left as it was.
        input_shape: Of one image, (C, H, W).
        encoding: ``complement`` or ``mask``; see `nnmass.audit.encode`.
        seed: Draws the kernels anew, normal with the deviation that keeps the layer's outputs at
            their scale: for a network that is trained from its first weights. ``None`` keeps them.

    Raises:
        TraceError: The images are read by something else than one convolution, or it cannot be run.
        SpecError: The convolution is grouped, or the model is on the meta device.

    Source:
        A. Levine, S. Feizi, NeurIPS 2020 (complement, trained from scratch); H. Salman et al.,
        CVPR 2022 (mask). Keeping the kernels: ours.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 10))
        >>> adapt_stem(net, (1, 8, 8))[0]
        Conv2d(2, 4, kernel_size=(3, 3), stride=(1, 1))
    """
    check_encoding(encoding)
    if not isinstance(model, nn.Module):
        raise SpecError(f"adapt_stem takes a torch.nn.Module, got {model!r:.80}")
    shape = tuple(input_shape)
    if len(shape) != 3:
        raise SpecError(f"input_shape must be (C, H, W), got {shape}")
    if any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers())):
        raise SpecError(
            f"this {type(model).__name__} is on the meta device and has no weights: open it with "
            "weights=True"
        )
    adapted = copy.deepcopy(model)
    path = _stem_path(adapted, shape)
    stem = adapted.get_submodule(path)
    assert isinstance(stem, nn.Conv2d)
    if stem.groups != 1:
        raise SpecError(
            f"layer {path!r} reads the images in {stem.groups} groups: only an ungrouped "
            "convolution can take further channels"
        )
    _widen(stem, encoding, shape[0])
    if seed is not None:
        _draw(stem, shape[0], generator_for(seed, f"{path}.weight"))
    return adapted


@torch.no_grad()
def _widen(stem: nn.Conv2d, encoding: str, channels: int) -> None:
    weight = stem.weight.detach()
    if encoding == "complement":
        wider = torch.cat((weight, -weight), 1) / 2
        if stem.bias is not None:
            stem.bias += weight.sum((1, 2, 3)) / 2
    else:
        wider = torch.cat((weight, torch.zeros_like(weight[:, :1])), 1)
    stem.in_channels = n_channels(channels, encoding)
    stem.weight = nn.Parameter(wider, requires_grad=stem.weight.requires_grad)


@torch.no_grad()
def _draw(stem: nn.Conv2d, channels: int, draws: torch.Generator) -> None:
    # at most one of a pixel's halves is large, so as many inputs count as before
    deviation = float((stem.weight[:, :channels] * 2).std())
    fresh = torch.randn(stem.weight.shape, generator=draws) * deviation
    stem.weight.copy_(fresh * (channels / stem.in_channels) ** 0.5)


def _stem_path(model: nn.Module, shape: tuple[int, ...]) -> str:
    tensor = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(()))
    image = torch.zeros(1, *shape, device=tensor.device, dtype=tensor.dtype)
    reading = _Reading(image)
    try:
        with evaluating(model), torch.no_grad(), unchanged_randomness(), reading:
            model(image)
    except Exception as error:
        raise TraceError(
            f"this {type(model).__name__} cannot be run on an image of "
            f"{'x'.join(map(str, shape))}: {error}"
        ) from error
    if len(reading.weights) != 1 or reading.others:
        raise TraceError(
            f"the images of this {type(model).__name__} are read by {reading.words(model)}: "
            "ablated images need one convolution that reads them, and nothing else"
        )
    found = _owner(model, reading.weights[0])
    if found is None:
        raise TraceError(
            "the images are read by a convolution whose weights belong to no torch.nn.Conv2d of "
            f"this {type(model).__name__}, or are computed: adapt its code by hand"
        )
    return found


class _Reading(TorchFunctionMode):
    """Notes who reads the image; zero padding and mere looks at it are no reading."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.images = [image]
        self.weights: list[Tensor] = []
        self.others: list[str] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        result = func(*args, **(kwargs or {}))
        given = (*args, *(kwargs or {}).values())
        if not any(self._is_image(value) for value in given):
            return result
        name = getattr(func, "__name__", str(func))
        if self._is_image(result):
            return result
        if name == "conv2d":
            self.weights.append(args[1] if len(args) > 1 else (kwargs or {})["weight"])
        elif name == "pad" and _is_zero_pad(args, kwargs or {}):
            self.images.append(result)
        elif name not in _LOOKS:
            self.others.append(name)
        return result

    def _is_image(self, value: object) -> bool:
        return any(value is image for image in self.images)

    def words(self, model: nn.Module) -> str:
        """Who reads, for a message."""
        paths = [_owner(model, weight) or "a convolution" for weight in self.weights]
        readers = [*map(repr, paths), *self.others]
        return " and ".join(readers) if readers else "nothing that could be seen"


def _is_zero_pad(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    mode = kwargs.get("mode", args[2] if len(args) > 2 else "constant")
    value = kwargs.get("value", args[3] if len(args) > 3 else None)
    return mode == "constant" and not value


def _owner(model: nn.Module, weight: Tensor) -> str | None:
    for path, module in model.named_modules():
        if isinstance(module, nn.Conv2d) and module._parameters.get("weight") is weight:
            return path
    return None
