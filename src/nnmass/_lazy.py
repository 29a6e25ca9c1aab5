"""Loading public names on first use, so that `import nnmass` stays fast and free of torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping


def lazy_names(package: str, sources: Mapping[str, str]) -> Callable[[str], object]:
    """A module-level ``__getattr__`` that imports each name from its source when it is asked for.

    Args:
        package: The package whose names these are (its ``__name__``).
        sources: For each public name, the module that holds it.
    """

    def load(name: str) -> object:
        if name not in sources:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(sources[name])
        value = module if module.__name__ == f"{package}.{name}" else getattr(module, name)
        setattr(importlib.import_module(package), name, value)
        return value

    return load
