"""What `nnmass doctor` concludes: pure functions of what was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from nnmass.cli._doctor_import import Import
from nnmass.cli._doctor_packages import Package

Status = Literal["ok", "missing", "broken", "late"]
CONSTRAINTS = "constraints.txt"
MORE_TIME = "nnmass doctor --seconds 60"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A package as it is here.

    Attributes:
        package: Which.
        status: ``ok``, ``missing``, ``broken`` (it is there and does not work), or ``late``: there
            was no time to see.
        version: The one that is installed.
        seconds: That its import took.
        error: What is wrong, on one line.
        file: Where the module comes from.
        mend: The command that puts it right.
    """

    package: Package
    status: Status
    version: str | None = None
    seconds: float | None = None
    error: str | None = None
    file: str | None = None
    mend: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "name": self.package.name,
            "extra": self.package.extra,
            "minimum": self.package.minimum,
            "status": self.status,
            "version": self.version,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "error": self.error,
            "file": self.file,
            "mend": self.mend,
        }


def judged(
    package: Package,
    *,
    installed: str | None,
    file: str | None,
    outcome: Import | None,
    is_checkout: bool,
) -> Found:
    """The verdict on ``package``.

    Args:
        package: Which.
        installed: The version in pip's records; None if it is not there.
        file: Of the module; None if there is none.
        outcome: Of the import; None if there was nothing to import.
        is_checkout: nnmass runs from a checkout, which has the pins.
    """
    if outcome is None:
        if installed is None:
            command = install_command(package, is_checkout=is_checkout)
            return Found(package=package, status="missing", mend=command)
        absent = f"pip has a record of it, but there is no module {package.module!r}"
        outcome = Import(error=absent)
    version = installed or outcome.version
    error = outcome.error
    mend: str | None = None
    if error is not None:
        mend = _mend_command(package, outcome, is_checkout=is_checkout)
    elif version is not None and not is_at_least(version, package.minimum):
        error = f"{version} is installed, nnmass needs {package.minimum} or newer"
        mend = _pip(f'--upgrade "{package.name}>={package.minimum}"', is_checkout=is_checkout)
    return Found(
        package=package,
        status="late" if outcome.is_late else "ok" if error is None else "broken",
        version=version,
        seconds=outcome.seconds,
        error=error,
        file=file,
        mend=mend,
    )


def install_command(package: Package, *, is_checkout: bool) -> str:
    """The command that installs ``package`` with what belongs to it.

    Example:
        >>> install_command(Package("ray", "2.40", "ray", "ray"), is_checkout=True)
        'pip install --constraint constraints.txt ".[ray]"'
        >>> install_command(Package("numpy", "1.26", "numpy"), is_checkout=False)
        'pip install "numpy>=1.26"'
    """
    if package.extra is None:
        return _pip(f'"{package.name}>={package.minimum}"', is_checkout=is_checkout)
    source = "." if is_checkout else "nnmass"
    return _pip(f'"{source}[{package.extra}]"', is_checkout=is_checkout)


def _mend_command(package: Package, outcome: Import, *, is_checkout: bool) -> str:
    if outcome.is_late:
        return MORE_TIME
    if (outcome.error or "").startswith("ModuleNotFoundError"):  # of what the package needs
        return install_command(package, is_checkout=is_checkout)
    return _pip(f"--force-reinstall --no-deps {package.name}", is_checkout=is_checkout)


def _pip(what: str, *, is_checkout: bool) -> str:
    pins = f"--constraint {CONSTRAINTS} " if is_checkout else ""
    return f"pip install {pins}{what}"


def is_at_least(version: str, minimum: str) -> bool:
    """Whether ``version`` is ``minimum`` or newer, by the numbers at its beginning.

    Example:
        >>> is_at_least("2.13.0+cpu", "2.6"), is_at_least("2.5.1", "2.6"), is_at_least("13", "13.0")
        (True, False, True)
    """
    return _numbers(version) >= _numbers(minimum)


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in match.group().split(".")] if match else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def read_pins(text: str) -> dict[str, str]:
    r"""The versions in a constraints file, by name; lines of another kind are passed over.

    Example:
        >>> read_pins("# tested\nnumpy==2.4.6\ntorch==2.13.0  # CPU\n")
        {'numpy': '2.4.6', 'torch': '2.13.0'}
    """
    lines = re.findall(r"^\s*([A-Za-z0-9._-]+)==([^\s;#]+)", text, re.MULTILINE)
    return dict(lines)


def differing_pins(
    pins: Mapping[str, str], installed: Mapping[str, str | None]
) -> list[dict[str, str]]:
    """The packages that are installed in another version than the pinned one.

    A build's own mark, such as the ``+cpu`` of torch, makes no difference.

    Example:
        >>> differing_pins({"a": "1.0", "torch": "2.13.0"}, {"a": "1.1", "torch": "2.13.0+cpu"})
        [{'name': 'a', 'installed': '1.1', 'pinned': '1.0'}]
    """
    return [
        {"name": name, "installed": version, "pinned": pinned}
        for name, pinned in pins.items()
        if (version := installed.get(name)) is not None
        and version != pinned
        and version.partition("+")[0] != pinned
    ]


def core_faults(found: Iterable[Found]) -> list[Found]:
    """What nnmass cannot work without, and is not in order."""
    return [entry for entry in found if entry.package.extra is None and entry.status != "ok"]
