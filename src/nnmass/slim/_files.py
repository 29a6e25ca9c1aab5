"""Slimmed networks on disk: what was done as JSON, and safetensors; nothing is pickled."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from nnmass._device import named_device
from nnmass._version import __version__
from nnmass.errors import CheckpointError, NNMassError, SpecError, whole_number
from nnmass.nets import (
    SLIM_FILE,
    WEIGHTS_FILE,
    Net,
    OpenedNetwork,
    open_network,
    read_tensors,
)
from nnmass.runs import write_atomic

SLIM_SCHEMA = "nnmass.slim/1"

_KINDS = {"sparse": "nnmass.slim._sparse._files", "subnets": "nnmass.slim._subnets._files"}
"""For each kind of slimmed network the module that tells and makes it; see `SlimKind`."""


class SlimKind(Protocol):
    """What a module of `_KINDS` has."""

    def settings_of(self, model: nn.Module) -> dict[str, object] | None:
        """How to make ``model`` from its network again; ``None`` if it is not of this kind."""

    def base_of(self, model: nn.Module) -> nn.Module:
        """The module in ``model`` that tells which network was slimmed."""

    def restored(self, model: nn.Module, settings: Mapping[str, Any]) -> nn.Module:
        """``model`` slimmed so.

        Raises:
            NNMassError: The settings do not fit it.
            KeyError: One is missing.
            TypeError: One is of another type.
        """


@dataclass(frozen=True, slots=True)
class SlimNetwork:
    """A slimmed network and what its folder tells of it.

    Attributes:
        model: With its weights, in training mode.
        network: The name of the network that was slimmed.
        input_shape: Of one input, without the batch; ``None`` where nobody tells.
    """

    model: nn.Module
    network: str
    input_shape: tuple[int, ...] | None


def _kind(name: str) -> SlimKind:
    return cast(SlimKind, importlib.import_module(_KINDS[name]))


def save(model: nn.Module, folder: str | Path, *, network: str | None = None) -> Path:
    """Save a slimmed network as a folder of ``slim.json`` and ``model.safetensors``.

    Args:
        model: From `sparsify`, or a `SubnetFamily`.
        folder: Made if it is missing.
        network: What was slimmed, as `nnmass.open_network` takes it (``"timm:resnet18"``); a
            network built from a spec knows its own name.

    Returns:
        The folder.

    Raises:
        SpecError: The model was not slimmed, is on the meta device, or is not made from
            ``network`` by its settings.
        StoreError: A file could not be written; what was there before is untouched.

    Source:
        Ours.
    """
    kind, settings = _settings_of(model)
    if any(tensor.is_meta for tensor in model.state_dict().values()):
        raise SpecError(
            "a network on the meta device has no weights to save; build it on another device"
        )
    name, seed = _name_of(_kind(kind).base_of(model), network)
    document = {
        "schema": SLIM_SCHEMA,
        "kind": kind,
        "network": name,
        "seed": seed,
        "settings": settings,
        "nnmass": __version__,
    }
    _check_fits(model, document)
    text = json.dumps(document, indent=2) + "\n"
    metadata = {"schema": SLIM_SCHEMA, "slim": json.dumps(document)}
    write_atomic(Path(folder) / WEIGHTS_FILE, to_bytes(_state_of(model), metadata))
    write_atomic(Path(folder) / SLIM_FILE, text)
    return Path(folder)


def load(folder: str | Path, device: str | torch.device = "cpu") -> nn.Module:
    """Load a network that `save` wrote: weights and statistics bit for bit, in training mode.

    Args:
        folder: With ``slim.json`` and ``model.safetensors``.
        device: Where to put the network.

    Raises:
        CheckpointError: A file is missing or damaged, or the two do not belong together.
        DeviceError: This machine has no such device.
        SpecError: The network that was slimmed cannot be opened.
    """
    return open_slim(folder, device).model


def open_slim(folder: str | Path, device: str | torch.device = "cpu") -> SlimNetwork:
    """`load`, with the name and the input of the network that was slimmed.

    Args:
        folder: With ``slim.json`` and ``model.safetensors``.
        device: Where to put the network.

    Raises:
        NNMassError: As `load`.
        CheckpointError: A file is missing or damaged, or the two do not belong together.
        DeviceError: This machine has no such device.
        SpecError: The network that was slimmed cannot be opened.
    """
    target = named_device(device)
    file = Path(folder) / SLIM_FILE
    document = _read_document(file)
    weights = Path(folder) / WEIGHTS_FILE
    tensors, metadata = read_tensors(weights, schema=SLIM_SCHEMA)
    if json.loads(metadata.get("slim", "null")) != document:
        raise CheckpointError(
            f"{weights} and {file} belong to two networks: save one of them again in another folder"
        )
    model, opened = _made(document, where=file, weights=True)
    _take_formats(model, tensors)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(f"{weights} does not fit what {file} tells: {error}") from error
    return SlimNetwork(model.to(target).train(), opened.name, opened.input_shape)


def _settings_of(model: nn.Module) -> tuple[str, dict[str, object]]:
    if not isinstance(model, nn.Module):
        raise SpecError(f"nnmass.slim.save takes a slimmed network, got {model!r:.80}")
    for name in _KINDS:
        settings = _kind(name).settings_of(model)
        if settings is not None:
            return name, settings
    raise SpecError(
        "nnmass.slim.save takes a slimmed network, as sparsify gives it, or a SubnetFamily, and "
        f"this {type(model).__name__} is neither; a network of a spec is saved with nnmass.save"
    )


def _name_of(model: nn.Module, network: str | None) -> tuple[str, int]:
    if isinstance(model, Net):
        if network is not None and network.strip() != str(model.spec):
            raise SpecError(
                f"network must be {str(model.spec)!r}, which this one was built from, or be left "
                f"out, got {network!r}"
            )
        return str(model.spec), model.seed
    if not isinstance(network, str) or not network.strip():
        raise SpecError(
            f"this {type(model).__name__} does not know its name, and network is {network!r}: say "
            "what was slimmed, as nnmass.open_network takes it, such as network='timm:resnet18'"
        )
    return network.strip(), 0


def _check_fits(model: nn.Module, document: Mapping[str, Any]) -> None:
    made, _ = _made(document, where=Path(SLIM_FILE), weights=False)
    wanted = {key: tuple(value.shape) for key, value in made.state_dict().items()}
    own = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    if wanted != own:
        odd = sorted(key for key in {*wanted, *own} if wanted.get(key) != own.get(key))
        raise SpecError(
            f"slimming {document['network']} in the same way does not give this network: "
            f"{odd[0]!r} is {wanted.get(odd[0])} there and {own.get(odd[0])} here. Name the "
            "network that was slimmed, and do not change its layers afterwards"
        )


def _made(
    document: Mapping[str, Any], *, where: Path, weights: bool
) -> tuple[nn.Module, OpenedNetwork]:
    """The network slimmed again, its weights those of a fresh one."""
    opened = open_network(document["network"], seed=document["seed"], weights=weights)
    try:
        model = _kind(document["kind"]).restored(opened.model, document["settings"])
    except (KeyError, TypeError, NNMassError) as error:
        raise CheckpointError(
            f"{where} has settings that do not fit {document['network']}: {error}; save the "
            "network again"
        ) from error
    return model, opened


def _read_document(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise CheckpointError(
            f"no slimmed network at {file.parent}: it must be a folder that holds {SLIM_FILE} and "
            f"{WEIGHTS_FILE}, as nnmass.slim.save writes it"
        )
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["schema"] != SLIM_SCHEMA or document["kind"] not in _KINDS:
            raise SpecError(
                f"the schema must be {SLIM_SCHEMA!r} and the kind one of {', '.join(_KINDS)}, got "
                f"{document['schema']!r} and {document['kind']!r}"
            )
        if not isinstance(document["network"], str) or not isinstance(document["settings"], dict):
            raise SpecError("network must be a text and settings an object")
        whole_number(document["seed"], "seed", low=0)
    except KeyError as error:
        raise CheckpointError(f"{file} is damaged: {error} is missing; save it again") from error
    except (ValueError, TypeError, OSError) as error:
        raise CheckpointError(f"{file} is damaged: {error}; save it again") from error
    return cast(dict[str, Any], document)


def _state_of(model: nn.Module) -> dict[str, Tensor]:
    """The state dict as CPU tensors of their own: safetensors takes none that share memory."""
    return {
        key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for key, value in model.state_dict().items()
    }


def _take_formats(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give every tensor the number format that it was saved in, so that no bit is lost."""
    for key, own in model.state_dict(keep_vars=True).items():
        if key in tensors and own.is_floating_point() and tensors[key].is_floating_point():
            own.data = own.data.to(tensors[key].dtype)
