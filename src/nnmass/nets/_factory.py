"""Networks that a function of somebody's module makes."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from torch import nn

from nnmass._randomness import drawing_from
from nnmass.errors import MissingExtraError, SpecError, did_you_mean
from nnmass.nets._call_text import CallText
from nnmass.nets._torchvision import with_torchvision

DOORS = (
    "'timm:NAME', 'torchvision:NAME', 'package.module:factory', a saved network's folder, a spec "
    "file, or a spec string such as 'resnet(depth=50)'"
)


def open_factory(module: str, call: CallText, *, seed: int | None = None) -> nn.Module:
    """What the function ``call.head`` of ``module`` returns, called with the arguments.

    The current folder is looked in last, and only if the module is nowhere else: it is on
    ``sys.path`` while the module is imported and the function runs, and not afterwards.

    Args:
        module: Its full name, with dots.
        call: The function in it (dots reach into a class), and its arguments.
        seed: Where the global generators start when it runs; ``None`` leaves them.

    Raises:
        SpecError: The module cannot be imported or has no such function, the function fails, or
            it returns no network.
        MissingExtraError: It needs an extra of ours that is not installed.
    """
    with _current_folder_if_needed(module):
        factory = _find(_import(module), module, call.head)
        if isinstance(factory, nn.Module) and not call.args and not call.kwargs:
            return factory
        if not callable(factory):
            raise SpecError(
                f"{module}:{call.head} must be a function that returns a network, got "
                f"{_described(factory)}; write one that takes no arguments and returns it"
            )
        made = _called(factory, f"{module}:{call}", call, seed)
    if not isinstance(made, nn.Module):
        raise SpecError(
            f"{module}:{call} must return a torch.nn.Module, got {_described(made)}; "
            f"{_what_to_return(made)}"
        )
    return made


def _called(factory: Callable[..., object], name: str, call: CallText, seed: int | None) -> object:
    with drawing_from(seed):  # not around the import, which may draw the first time
        try:
            return with_torchvision(lambda: factory(*call.args, **call.kwargs))
        except MissingExtraError:
            raise
        except (Exception, SystemExit) as error:
            raise SpecError(
                f"{name} failed with {type(error).__name__}: {error}; it is called as "
                f"{call.head}{_signature(factory)}: check the arguments, or call it in Python "
                "yourself"
            ) from error


@contextlib.contextmanager
def _current_folder_if_needed(module: str) -> Iterator[None]:
    if _is_findable(module.partition(".")[0]):
        yield
        return
    folder = str(Path.cwd())
    sys.path.append(folder)
    importlib.invalidate_caches()  # the module may have been written a moment ago
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the module itself may have taken it off
            sys.path.remove(folder)


def _is_findable(package: str) -> bool:
    return package in sys.modules or importlib.util.find_spec(package) is not None


def _import(module: str) -> ModuleType:
    try:
        return with_torchvision(lambda: importlib.import_module(module))
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):
            raise _no_module(module, error.name) from error
        raise SpecError(
            f"cannot import {module!r}: it needs the module {error.name!r}, which is not found; "
            "install it, or start where it can be imported"
        ) from error
    except MissingExtraError:
        raise
    except (Exception, SystemExit) as error:
        raise SpecError(
            f"cannot import {module!r}: {type(error).__name__}: {error}; a module that is named "
            "here must import without errors, and do nothing but define things"
        ) from error


def _no_module(module: str, missing: str) -> SpecError:
    if "." not in module:
        close = did_you_mean(module, ("timm", "torchvision"))
        return SpecError(
            f"no door and no module is called {module!r}.{close} A network is {DOORS}. For a "
            f"factory, {module}.py must lie on the Python path or in the current folder "
            f"({Path.cwd()})"
        )
    return SpecError(
        f"cannot import {module!r}: there is no module {missing!r} on the Python path or in the "
        f"current folder ({Path.cwd()}); go to the folder that holds {module.partition('.')[0]!r}, "
        "or add it to PYTHONPATH"
    )


def _find(found: ModuleType, module: str, path: str) -> object:
    holder: object = found
    where = module
    for name in path.split("."):
        if not hasattr(holder, name):
            raise _no_attribute(found, where, holder, name)
        holder = getattr(holder, name)
        where = f"{where}.{name}"
    return holder


def _no_attribute(found: ModuleType, where: str, holder: object, name: str) -> SpecError:
    everything = {
        key: value
        for key, value in inspect.getmembers(holder)
        if callable(value) and not key.startswith("_")
    }
    own = [
        key
        for key, value in everything.items()
        if getattr(value, "__module__", None) == found.__name__
    ]
    shown = own or list(everything)
    listed = ", ".join(shown[:8]) + (", ..." if len(shown) > 8 else "")
    file = getattr(found, "__file__", None) or "which has no file"
    return SpecError(
        f"{where!r} ({file}) has no {name!r}.{did_you_mean(name, everything)} "
        f"Functions and classes there: {listed or 'none'}"
    )


def _signature(factory: object) -> str:
    try:
        return str(inspect.signature(factory))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "(...)"


def _described(value: object) -> str:
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    text = " ".join(repr(value).split())
    return f"{text:.60}, of type {type(value).__name__}"


def _what_to_return(made: object) -> str:
    if made is None:
        return "does it miss a return?"
    if isinstance(made, type):
        return f"return {made.__name__}(...), an instance of it"
    if callable(made):
        return "name the function that makes the network itself"
    return "return the network alone"
