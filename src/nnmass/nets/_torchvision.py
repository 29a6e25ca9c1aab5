"""The one way to torchvision and timm, open beside a CPU-only torch too.

torchvision's wheel is built for CUDA. Beside a torch without CUDA its C++ half cannot load, so no
operator of it exists, and its Python half then stumbles over ``torchvision::nms``, for which it
registers a shape rule. Models, transforms and data sets need no such operator: once the schemas
are declared, the Python half loads and works. ``torchvision.ops.nms`` and its like stay off and
say so when they are called.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

import torch

from nnmass.errors import MissingExtraError

T = TypeVar("T")

_logger = logging.getLogger(__name__)
_lock = threading.RLock()
_schemas: list[torch.library.Library] = []
"""What was declared; a schema lives as long as its library does."""

_NATIVE = "torchvision::nms"
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def import_torchvision() -> ModuleType:
    """The package torchvision, its Python half at least.

    The normal import comes first; where it works, nothing else is done.

    Raises:
        MissingExtraError: torchvision, or something that it needs, is not installed.
    """
    return _torchvision(purpose="a torchvision network")


def import_timm() -> ModuleType:
    """The package timm; torchvision comes first, since timm imports it.

    Raises:
        MissingExtraError: timm, or something that it needs, is not installed.
    """
    with _lock:
        purpose = "a timm network"
        if "timm" not in sys.modules and importlib.util.find_spec("timm") is not None:
            _torchvision(purpose=purpose)
        return _import("timm", purpose=purpose)


def with_torchvision(action: Callable[[], T]) -> T:
    """What ``action`` returns; called again if all that failed was its import of torchvision.

    Raises:
        MissingExtraError: torchvision is not installed.
    """
    try:
        return action()
    except RuntimeError as error:
        if not _is_native_half_missing(error):
            raise
    import_torchvision()
    return action()


def _torchvision(*, purpose: str) -> ModuleType:
    with _lock:
        try:
            return _import("torchvision", purpose=purpose)
        except RuntimeError as error:
            if not _is_native_half_missing(error):
                raise
            reason = error
        _logger.info("only the Python half of torchvision loads beside this torch: %s", reason)
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        _declare_schemas()
        return _import("torchvision", purpose=purpose)


def _is_native_half_missing(error: RuntimeError) -> bool:
    return _NATIVE in str(error)


def _declare_schemas() -> None:
    if _schemas:
        return
    library = torch.library.Library("torchvision", "DEF")
    _schemas.append(library)
    for operator in ("nms", "qnms"):
        library.define(operator + _SCHEMA)


def _import(package: str, *, purpose: str) -> ModuleType:
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        missing = error.name or package
        if "." in missing:  # a package that is there, of a version that does not fit
            raise
        raise MissingExtraError.of(purpose, package=missing, extra="zoo") from error
