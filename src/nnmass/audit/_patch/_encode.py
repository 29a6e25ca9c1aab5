"""Ablated images as a network sees them: what is ablated differs from every real pixel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nnmass.audit._patch._ablation import Ablation
from nnmass.errors import SpecError, did_you_mean

ENCODINGS = ("complement", "mask")


def encode(
    images: Tensor,
    ablation: Ablation,
    positions: Sequence[int] | Tensor | None = None,
    *,
    encoding: str = "complement",
) -> Tensor:
    """Every image under every ablation; the images themselves are left as they are.

    Args:
        images: Float (B, C, H, W).
        ablation: Of images of H x W.
        positions: Which copies, each in 0 .. n - 1; all n of them unless told.
        encoding: ``complement`` gives (x, 1 - x) where a pixel is kept and (0, 0) where it is not,
            2 C channels; ``mask`` gives x and one more channel with 1 where it is kept, C + 1.

    Returns:
        (B, len(positions), channels, H, W).

    Raises:
        SpecError: The images have another size, or there is no such encoding or position.

    Source:
        A. Levine, S. Feizi, NeurIPS 2020 (arXiv:2002.10733), section 3.1 (complement);
        H. Salman et al., CVPR 2022 (arXiv:2110.07719) for masks.

    Example:
        >>> bands = Ablation(mode="column", size=1, image=(1, 3))
        >>> encode(torch.tensor([[[[0.0, 0.5, 1.0]]]]), bands, [0])[0, 0, :, 0].tolist()
        [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    check_encoding(encoding)
    if images.ndim != 4 or tuple(images.shape[2:]) != ablation.image:
        raise SpecError(
            f"images must be (B, C, {ablation.image[0]}, {ablation.image[1]}) for {ablation}, got "
            f"shape {tuple(images.shape)}"
        )
    kept = masks_of(ablation, positions, device=images.device)[None]
    return encode_with(images[:, None], kept, encoding=encoding)


def encode_with(images: Tensor, kept: Tensor, *, encoding: str) -> Tensor:
    """Images (.., C, H, W) where ``kept``, booleans of (.., 1, H, W) that broadcast to them."""
    zero = images.new_zeros(())
    if encoding == "mask":
        shown = torch.where(kept, images, zero)
        mask = kept.to(images.dtype).expand(*shown.shape[:-3], 1, *shown.shape[-2:])
        return torch.cat((shown, mask), dim=-3)
    return torch.where(kept, torch.cat((images, 1 - images), dim=-3), zero)


def masks_of(
    ablation: Ablation,
    positions: Sequence[int] | Tensor | None,
    *,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Pixels that the copies at ``positions`` keep, booleans (n, 1, H, W).

    Raises:
        SpecError: There is no such position.
    """
    masks = torch.from_numpy(ablation.masks)[:, None]
    if positions is not None:
        at = torch.as_tensor(positions, dtype=torch.long).cpu()
        if len(at) and not (int(at.min()) >= 0 and int(at.max()) < len(masks)):
            raise SpecError(
                f"positions must lie in 0 .. {len(masks) - 1} for {ablation}, got {at.tolist()}"
            )
        masks = masks[at]
    return masks.to(device)


def check_encoding(encoding: str) -> None:
    """Check the name of an encoding.

    Raises:
        SpecError: There is none of this name.
    """
    if encoding not in ENCODINGS:
        hint = did_you_mean(str(encoding), ENCODINGS)
        raise SpecError(f"encoding must be {' or '.join(ENCODINGS)}, got {encoding!r}.{hint}")


def n_channels(channels: int, encoding: str) -> int:
    """Channels of encoded images that have ``channels`` before."""
    return 2 * channels if encoding == "complement" else channels + 1
