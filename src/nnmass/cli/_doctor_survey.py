"""Looking at this machine: every package imported apart, some side by side; data sets; pins."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from nnmass.cli._build_facts import installed_version
from nnmass.cli._doctor_checks import CONSTRAINTS, Found, differing_pins, judged, read_pins
from nnmass.cli._doctor_import import Import, import_apart
from nnmass.cli._doctor_packages import TORCH, Package

_MOST_AT_ONCE = 4
_EXTRAS_ON_TORCH = ("zoo", "tensorboard")
_LEAST_SECONDS = 1.0  # for what is begun when the time is nearly over

BROWSERS = ("chromium", "chromium-browser")
"""As the browser tests look for it."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The packages, and what torch says of the devices."""

    found: tuple[Found, ...]
    torch: dict[str, object] = field(default_factory=dict)


def survey_packages(packages: Sequence[Package], *, seconds: float, is_checkout: bool) -> Survey:
    """Import ``packages``, those that are there; takes about ``seconds`` at most."""
    deadline = time.monotonic() + seconds
    importlib.invalidate_caches()
    files = {package.name: module_file(package.module) for package in packages}

    def open_group(group: list[Package]) -> list[Import]:
        left = max(deadline - time.monotonic(), _LEAST_SECONDS)
        return import_apart([package.targets for package in group], timeout_s=left)

    groups = _groups([package for package in packages if files[package.name] is not None])
    with ThreadPoolExecutor(min(_MOST_AT_ONCE, os.cpu_count() or 1)) as pool:
        opened = list(pool.map(open_group, groups))
    outcomes = {
        package.name: outcome
        for group, imports in zip(groups, opened, strict=True)
        for package, outcome in zip(group, imports, strict=True)
    }
    found = [
        judged(
            package,
            installed=installed_version(package.name),
            file=files[package.name],
            outcome=outcomes.get(package.name),
            is_checkout=is_checkout,
        )
        for package in packages
    ]
    torch = outcomes.get(TORCH)
    return Survey(tuple(found), torch.facts if torch else {})


def _groups(packages: list[Package]) -> list[list[Package]]:
    """What is imported in one process: torch with what begins by importing it, all others alone.

    They take longest, and so begin first; where one brings the process down, or is late, what was
    imported before it stands.
    """
    on_torch = [p for p in packages if p.name == TORCH or p.extra in _EXTRAS_ON_TORCH]
    alone = [[package] for package in packages if package not in on_torch]
    return [on_torch, *alone] if on_torch else alone


def module_file(module: str) -> str | None:
    """Where ``module`` would come from, nothing imported; a bare folder is no module."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        known = sys.modules.get(module)
        return getattr(known, "__file__", None)
    return spec.origin if spec is not None else None


def survey_data(folder: Path | None) -> dict[str, object]:
    """The data folder, and which data sets are in it."""
    from nnmass.data import DATASETS, dataset_status

    statuses = [dataset_status(name, data_dir=folder) for name in DATASETS]
    return {
        "folder": str(folder) if folder else None,
        "exists": folder is not None and folder.is_dir(),
        "datasets": [
            {
                "name": status.name,
                "is_found": status.is_found,
                "folder": str(status.folder) if status.folder else None,
                "problem": status.problem,
            }
            for status in statuses
        ],
    }


def survey_pins(checkout: Path | None) -> list[dict[str, str]] | None:
    """Versions that differ from the checkout's pins; None without them."""
    if checkout is None:
        return None
    try:
        text = (checkout / CONSTRAINTS).read_text(encoding="utf-8")
    except OSError:
        return None
    pins = read_pins(text)
    return differing_pins(pins, {name: installed_version(name) for name in pins})


def has_nvidia_driver() -> bool:
    """Whether the driver's own tool is there, so that a CUDA build of torch may find a GPU."""
    return shutil.which("nvidia-smi") is not None


def find_browser() -> str | None:
    """Chromium, which the browser tests need."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)
