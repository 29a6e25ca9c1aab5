"""Networks on disk: spec JSON and safetensors in one folder; nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from nnmass._version import __version__
from nnmass.errors import CheckpointError, DeviceError, SpecError, whole_number
from nnmass.nets._build import build, existing_device
from nnmass.nets._net import Net
from nnmass.runs import write_atomic
from nnmass.specs import SPEC_FILE, Spec, read_spec, spec_from_dict

WEIGHTS_FILE = "model.safetensors"
MODEL_SCHEMA = "nnmass.model/1"
WEIGHTS_SCHEMA = "nnmass.weights/1"


def save(net: Net, path: str | Path) -> Path:
    """Save a network as a folder of ``spec.json`` and ``model.safetensors``.

    Each file is written whole or not at all. The weights carry the spec too, so that a folder
    whose files belong to two networks is noticed on loading.

    Args:
        net: A network from `build` or `load`.
        path: The folder; made if it is missing.

    Returns:
        The folder.

    Raises:
        SpecError: ``net`` was not built from a spec, was slimmed since, or is on the meta device.
        StoreError: A file could not be written; what was there before is untouched.
    """
    if not isinstance(net, Net):
        raise SpecError(
            f"nnmass.save takes a network from nnmass.build or nnmass.load, got a "
            f"{type(net).__name__}; save other modules with safetensors.torch.save_model"
        )
    if net.changed_by:
        raise SpecError(
            f"nnmass.save keeps networks as their spec tells them, and {net.changed_by} changed "
            f"this {net.spec}: save it with nnmass.slim.save"
        )
    if any(tensor.is_meta for tensor in net.state_dict().values()):
        raise SpecError(
            f"nnmass.save got {net.spec} on the meta device, where it has no weights; build it on "
            f"another device, or write its spec alone: Path(..).write_text(net.spec.to_json())"
        )
    folder = Path(path)
    metadata = {
        "schema": MODEL_SCHEMA,
        "spec": json.dumps(net.spec.to_dict()),
        "seed": str(net.seed),
        "nnmass": __version__,
    }
    write_atomic(folder / WEIGHTS_FILE, to_bytes(state_of(net), metadata))
    write_atomic(folder / SPEC_FILE, net.spec.to_json())
    return folder


def save_weights(net: nn.Module, path: str | Path, *, name: str) -> Path:
    """Save the weights of any module as ``model.safetensors`` in a folder, whole or not at all.

    Args:
        net: Any module; tensors that it shares are written once for each of their names.
        path: The folder; made if it is missing.
        name: What the network is called, for the file's metadata.

    Returns:
        The folder.

    Raises:
        StoreError: The file could not be written; what was there before is untouched.
    """
    copies = {key: value.clone() for key, value in state_of(net).items()}
    metadata = {"schema": WEIGHTS_SCHEMA, "network": name, "nnmass": __version__}
    write_atomic(Path(path) / WEIGHTS_FILE, to_bytes(copies, metadata))
    return Path(path)


def load(path: str | Path, *, device: str | torch.device = "cpu") -> Net:
    """Load a network that `save` wrote.

    Args:
        path: The folder.
        device: Where to put the network.

    Returns:
        The network in training mode: weights, statistics and links bit for bit as saved.

    Raises:
        SpecError: The folder has no spec.
        CheckpointError: The weights are missing, damaged, or of another spec.
        DeviceError: This machine has no such device, or it is ``meta``.
    """
    device = existing_device(device)
    if device.type == "meta":
        raise DeviceError(
            "nnmass.load cannot use the device 'meta', which holds no weights; for the network "
            "without them use nnmass.build(spec, device='meta')"
        )
    folder = Path(path)
    if not folder.is_dir():
        raise CheckpointError(
            f"no saved network at {folder}: it must be a folder that holds {SPEC_FILE} and "
            f"{WEIGHTS_FILE}, as nnmass.save writes it"
        )
    spec = read_spec(folder)
    tensors, metadata = read_tensors(folder / WEIGHTS_FILE, schema=MODEL_SCHEMA)
    check_same_spec(spec, metadata, where=folder / WEIGHTS_FILE)
    net = build(spec, _saved_seed(metadata, where=folder / WEIGHTS_FILE), device=device)
    _take_formats(net, tensors)
    load_state(net, tensors, where=folder / WEIGHTS_FILE)
    return net


def _saved_seed(metadata: dict[str, str], *, where: Path) -> int:
    try:
        return whole_number(int(metadata["seed"]), "seed", low=0)
    except (KeyError, ValueError):
        raise CheckpointError(
            f"{where} must tell the seed of its network, a whole number of at least 0, got "
            f"{metadata.get('seed')!r}; save the network again"
        ) from None


def _take_formats(net: Net, tensors: dict[str, Tensor]) -> None:
    """Give every tensor the number format that it was saved in, so that no bit is lost."""
    for key, own in net.state_dict(keep_vars=True).items():
        if key in tensors and own.is_floating_point() and tensors[key].is_floating_point():
            own.data = own.data.to(tensors[key].dtype)


def state_of(net: nn.Module) -> dict[str, Tensor]:
    """The state dict as contiguous CPU tensors.

    Example:
        >>> {name: tuple(value.shape) for name, value in state_of(nn.Linear(3, 2)).items()}
        {'weight': (2, 3), 'bias': (2,)}
    """
    return {key: value.detach().cpu().contiguous() for key, value in net.state_dict().items()}


def read_tensors(file: Path, *, schema: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file of ours.

    Args:
        file: What is read.
        schema: What its metadata must say, such as ``nnmass.weights/1``.

    Returns:
        The tensors by name, on the CPU, and the metadata.

    Raises:
        CheckpointError: The file is missing, damaged, or not of this schema.
    """
    if not file.is_file():
        raise CheckpointError(f"no file {file}: nothing was saved there, or it was moved")
    try:
        with safe_open(file, framework="pt") as handle:
            metadata = handle.metadata() or {}
            tensors = {key: handle.get_tensor(key) for key in handle.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        size = file.stat().st_size
        raise CheckpointError(
            f"{file} ({size:,} bytes) is damaged or no safetensors file: {error}; save it again"
        ) from error
    if metadata.get("schema") != schema:
        raise CheckpointError(
            f"{file} must have the schema {schema!r}, got {metadata.get('schema')!r}: it was "
            "written by something else"
        )
    return tensors, metadata


def check_same_spec(spec: Spec, metadata: dict[str, str], *, where: Path) -> None:
    """Check that the weights belong to ``spec``.

    Args:
        spec: Of the network that is wanted.
        metadata: Of the weights, as `read_tensors` gives it.
        where: Their file, for messages.

    Raises:
        CheckpointError: They belong to another one (the message names both), or do not tell.
    """
    try:
        saved = spec_from_dict(json.loads(metadata["spec"]), where="its metadata")
    except (KeyError, ValueError) as error:
        raise CheckpointError(
            f"{where} must name the spec of its weights, and does not ({error}); save the network "
            "again"
        ) from error
    if saved != spec:
        raise CheckpointError(
            f"{where} holds the weights of {saved}, but {spec} is wanted: point to the folder of "
            "that network, or start afresh in another one"
        )


def load_state(net: nn.Module, tensors: dict[str, Tensor], *, where: Path) -> None:
    """Load a state dict, with our own words if it does not fit.

    Args:
        net: Takes the values.
        tensors: A value for each name of its state dict.
        where: Their file, for messages.

    Raises:
        CheckpointError: A tensor is missing, unknown, or of another shape.
    """
    try:
        net.load_state_dict(tensors)
    except (RuntimeError, SpecError) as error:
        name = net.spec if isinstance(net, Net) else f"this {type(net).__name__}"
        raise CheckpointError(f"{where} does not fit {name}: {error}") from error
