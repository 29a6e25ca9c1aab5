"""Which of a model's outputs is the network's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from nnmass.errors import TraceError, did_you_mean

Output = int | str | None
_USUAL = ("logits", "out", "output", "x", "pred")


def choose_output(result: Any, wanted: Output, name: str) -> tuple[Tensor, str]:
    """The tensor to take as the output, and a note where there were others.

    Of several, the classification head: a key such as ``logits``, else the first tensor of two
    axes, else the last tensor.

    Raises:
        TraceError: There is no tensor, or none where ``wanted`` says.
    """
    found = dict(_flattened(result, ""))
    if not found:
        raise TraceError(
            f"{name} returned {type(result).__name__} without a tensor; its forward must return "
            "a tensor, or a list, tuple, dict or dataclass of tensors"
        )
    keys = list(found)
    if wanted is not None:
        return found[_wanted_key(keys, wanted, name)], ""
    if len(found) == 1:
        return found[keys[0]], ""
    usual = [key for key in keys if key.rpartition(".")[2] in _USUAL]
    flat = [key for key in keys if found[key].ndim == 2]
    chosen = [*usual, *flat, keys[-1]][0]
    others = ", ".join(key for key in keys if key != chosen)
    return found[chosen], f"output {chosen!r} of {len(found)} was followed; not {others}"


def tensors_returned(result: Any) -> list[Tensor]:
    """Every tensor in what a model returned."""
    return [tensor for _, tensor in _flattened(result, "")]


def _wanted_key(keys: list[str], wanted: int | str, name: str) -> str:
    if isinstance(wanted, int) and -len(keys) <= wanted < len(keys):
        return keys[wanted]
    if wanted in keys:
        return str(wanted)
    raise TraceError(
        f"{name} has no output {wanted!r}.{did_you_mean(str(wanted), keys)} It gives "
        f"{len(keys)}: {', '.join(map(repr, keys))}; name one of these, or none"
    )


def _flattened(value: Any, path: str) -> list[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        return [(path or "0", value)]
    if isinstance(value, Mapping):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        names = getattr(value, "_fields", None) or range(len(value))
        items = [(str(key), item) for key, item in zip(names, value, strict=True)]
    elif dataclasses.is_dataclass(value):
        items = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    else:
        return []
    return [pair for key, item in items for pair in _flattened(item, f"{path}.{key}".strip("."))]
