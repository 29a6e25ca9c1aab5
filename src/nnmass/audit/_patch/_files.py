"""Voting networks on disk: what votes how as JSON, and safetensors; nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save as to_bytes
from torch import nn

from nnmass._device import named_device
from nnmass._version import __version__
from nnmass.audit._patch._ablation import Ablation
from nnmass.audit._patch._smoothed import SmoothedNet
from nnmass.audit._patch._stem import adapt_stem
from nnmass.errors import CheckpointError, NNMassError, SpecError
from nnmass.nets import WEIGHTS_FILE, open_network, read_tensors
from nnmass.runs import write_atomic

SMOOTHED_FILE = "smoothed.json"
SMOOTHED_SCHEMA = "nnmass.smoothed/1"


def save_smoothed(net: SmoothedNet, folder: str | Path, *, network: str, channels: int) -> Path:
    """Save a voting network as a folder of ``smoothed.json`` and ``model.safetensors``.

    Args:
        net: What to save.
        folder: Made if it is missing.
        network: Its base, as `nnmass.open_network` takes it: before `adapt_stem`
            (``"timm:resnet18"``), or a factory of what takes encoded images already
            (``"mine.nets:voting"``).
        channels: Of an image, before the encoding.

    Returns:
        The folder.

    Raises:
        SpecError: The base is not that network, adapted or as it is.
        StoreError: A file could not be written; what was there before is untouched.

    Source:
        Ours.
    """
    document: dict[str, Any] = {
        "schema": SMOOTHED_SCHEMA,
        "network": network,
        "channels": channels,
        "ablation": net.ablation.to_dict(),
        "threshold": net.threshold,
        "encoding": net.encoding,
        "mean": net.normalised.mean.tolist(),
        "std": net.normalised.std.tolist(),
        "nnmass": __version__,
    }
    document["is_adapted"] = _is_adapted(net, network, document)
    text = json.dumps(document, indent=2) + "\n"
    tensors = {name: tensor.cpu().contiguous() for name, tensor in net.base.state_dict().items()}
    metadata = {"schema": SMOOTHED_SCHEMA, "smoothed": json.dumps(document)}
    write_atomic(Path(folder) / WEIGHTS_FILE, to_bytes(tensors, metadata))
    write_atomic(Path(folder) / SMOOTHED_FILE, text)
    return Path(folder)


def load_smoothed(folder: str | Path, device: str = "cpu") -> SmoothedNet:
    """Load what `save_smoothed` wrote, weights bit for bit, in evaluation mode.

    Args:
        folder: With ``smoothed.json`` and ``model.safetensors``.
        device: Where to put the network: ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        CheckpointError: A file is missing or damaged, or the two do not belong together.
        DeviceError: This machine has no such device.
        SpecError: The base network cannot be opened.
    """
    target = named_device(device)
    file, weights = Path(folder) / SMOOTHED_FILE, Path(folder) / WEIGHTS_FILE
    document = _read_document(file)
    tensors, metadata = read_tensors(weights, schema=SMOOTHED_SCHEMA)
    if json.loads(metadata.get("smoothed", "null")) != document:
        raise CheckpointError(
            f"{weights} and {file} belong to two networks: save one of them again in another folder"
        )
    try:
        net = _made(document)
        net.base.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{weights} does not fit what {file} tells: {error}") from error
    return net.to(target).eval()


def _made(document: dict[str, Any]) -> SmoothedNet:
    ablation = Ablation(**document["ablation"])
    base = open_network(document["network"], weights=True).model
    if document["is_adapted"]:
        shape = (document["channels"], *ablation.image)
        base = adapt_stem(base, shape, encoding=document["encoding"])
    return SmoothedNet(
        base,
        ablation,
        threshold=document["threshold"],
        encoding=document["encoding"],
        mean=document["mean"],
        std=document["std"],
    )


def _is_adapted(net: SmoothedNet, network: str, document: dict[str, Any]) -> bool:
    """Whether the base is the named network with its stem adapted, or as it is."""
    reasons = []
    for is_adapted in (False, True):
        try:
            made = _made({**document, "is_adapted": is_adapted})
        except NNMassError as error:
            reasons.append(str(error))
            continue
        if _sizes(made.base) == _sizes(net.base):
            return is_adapted
    why = f" ({reasons[-1]})" if reasons else ""
    raise SpecError(
        f"the base of this network is not {network!r}, neither as it is nor with its stem adapted: "
        f"its parameters have other names or shapes{why}; name the network that it was made from"
    )


def _sizes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _read_document(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{file} cannot be read: {error}; name a folder that save_smoothed wrote"
        ) from error
    if not isinstance(document, dict) or document.get("schema") != SMOOTHED_SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else type(document).__name__
        raise CheckpointError(
            f"{file} is no voting network of this version: its schema is {found!r}, not "
            f"{SMOOTHED_SCHEMA!r}"
        )
    return document
