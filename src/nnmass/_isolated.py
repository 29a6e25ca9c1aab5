"""Running a model so that it is afterwards exactly what it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nnmass._randomness import unchanged_randomness


@contextmanager
def isolated(
    model: nn.Module,
    replace: Callable[[Tensor], Tensor],
    *,
    requires_grad: bool = False,
    batch_statistics: bool = False,
) -> Iterator[list[Tensor]]:
    """Put stand-ins for the model's tensors in their places, in evaluation mode, for a while.

    After it every module has the attributes that it had, the very same objects, whatever was done
    with the model meanwhile; lists, dicts and sets among them have the items they had. Global
    random generators stand where they stood.

    Args:
        model: Any module.
        replace: Gives the stand-in of a parameter or buffer; `meta_tensor` and `copied` are two.
        requires_grad: Whether the stand-ins of parameters ask for gradients.
        batch_statistics: Whether batch norms normalise with the statistics of the batch, as in
            training; everything else is in evaluation mode.

    Yields:
        The stand-ins of the parameters.
    """
    with unchanged_randomness(), ExitStack() as afterwards:
        for module in model.modules():
            is_script = isinstance(module, torch.jit.ScriptModule)
            afterwards.callback(_kept_script(module) if is_script else _kept(module))
        stand_ins = _stand_ins(model, replace, requires_grad=requires_grad)
        if batch_statistics:
            for module in model.modules():
                if isinstance(module, _BatchNorm):
                    module.__dict__["training"] = True
        yield stand_ins


def meta_tensor(tensor: Tensor) -> Tensor:
    """The tensor without memory; one of indices keeps its values, which say what is chosen."""
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return tensor.clone() if tensor.is_meta else tensor.cpu().clone()
    if tensor.layout is not torch.strided:
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def copied(tensor: Tensor) -> Tensor:
    """A copy where the tensor is."""
    return tensor.clone()


def _stand_ins(
    model: nn.Module, replace: Callable[[Tensor], Tensor], *, requires_grad: bool
) -> list[Tensor]:
    """Replace all tensors of ``model``, leave training mode, and give those of its parameters."""
    stand_ins: dict[int, Tensor] = {}

    def stand_in(tensor: Tensor) -> Tensor:
        new = replace(tensor.detach())
        if not isinstance(tensor, nn.Parameter):
            return new
        return nn.Parameter(new, requires_grad=requires_grad and new.is_floating_point())

    parameters: list[Tensor] = []
    for module in model.modules():
        if isinstance(module, torch.jit.ScriptModule):
            parameters += module.parameters(recurse=False)
            continue  # its tensors live in C++ and cannot be replaced
        parameters += _replace(module._parameters, stand_ins, stand_in)
        _replace(module._buffers, stand_ins, stand_in)
        module.__dict__["training"] = False
    for module in model.modules():
        if not isinstance(module, torch.jit.ScriptModule):
            _replace_plain(module.__dict__, stand_ins)
    return parameters


def _replace_plain(attributes: dict[str, Any], stand_ins: dict[int, Tensor]) -> None:
    """Tensors that are neither parameters nor buffers may be written to as well."""
    for name, value in attributes.items():
        if isinstance(value, Tensor):
            known = stand_ins.get(id(value))
            attributes[name] = copied(value.detach()) if known is None else known


def _replace(
    named: MutableMapping[str, Any],
    stand_ins: dict[int, Tensor],
    stand_in: Callable[[Tensor], Tensor],
) -> list[Tensor]:
    """Replace the tensors in ``named``, one that is there twice by one stand-in."""
    replaced = []
    for name, tensor in list(named.items()):
        if tensor is None:
            continue
        if id(tensor) not in stand_ins:
            stand_ins[id(tensor)] = stand_in(tensor)
        named[name] = stand_ins[id(tensor)]
        replaced.append(stand_ins[id(tensor)])
    return replaced


def _kept_script(module: nn.Module) -> Callable[[], None]:
    """The same for a compiled module, whose attributes live in C++; it leaves training mode."""
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers(recurse=False)]
    was_training = getattr(module, "training", None)  # a frozen one has no modes
    if was_training:
        module.training = False

    def restore() -> None:
        if was_training:
            module.training = True
        for buffer, before in buffers:
            if not (buffer.is_meta or torch.equal(buffer, before)):
                buffer.copy_(before)

    return restore


def _kept(module: nn.Module) -> Callable[[], None]:
    """What puts the attributes of ``module`` back, and the items of its containers."""
    own = module.__dict__
    attributes = dict(own)
    mappings = [(value, dict(value)) for value in own.values() if isinstance(value, dict)]
    lists = [(value, list(value)) for value in own.values() if isinstance(value, list)]
    sets = [(value, set(value)) for value in own.values() if isinstance(value, set)]

    def restore() -> None:
        own.clear()
        own.update(attributes)
        for mapping, items in mappings:
            mapping.clear()
            mapping.update(items)
        for values, things in lists:
            values[:] = things
        for group, members in sets:
            group.clear()
            group.update(members)

    return restore
