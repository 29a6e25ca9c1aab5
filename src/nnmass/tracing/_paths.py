"""Which module is running: the path of the innermost one, kept by hooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules import module as hooks


class ModulePaths:
    """Knows where in ``model`` a forward pass is.

    Args:
        model: Whose modules are followed.

    Attributes:
        here: Path of the innermost module that is running; ``""`` is the model itself.
    """

    def __init__(self, model: nn.Module) -> None:
        self._path_of = {id(module): path for path, module in model.named_modules()}
        self._stack: list[str] = []
        self.here = ""

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow the calls of the model's modules, of no others."""
        enter = hooks.register_module_forward_pre_hook(self._enter)
        leave = hooks.register_module_forward_hook(self._leave)
        try:
            yield
        finally:
            enter.remove()
            leave.remove()

    def _enter(self, module: nn.Module, _inputs: Any) -> None:
        if id(module) in self._path_of:
            self._stack.append(self.here)
            self.here = self._path_of[id(module)]

    def _leave(self, module: nn.Module, _inputs: Any, _output: Any) -> None:
        if id(module) in self._path_of and self._stack:
            self.here = self._stack.pop()
