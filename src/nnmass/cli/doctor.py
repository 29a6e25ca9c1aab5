"""`nnmass doctor`: what is installed, whether it works, and what to do."""

from __future__ import annotations

import platform
import sys
from typing import Annotated

import typer

from nnmass._version import __version__
from nnmass.cli._build_facts import checkout_folder, commit_of, package_folder
from nnmass.cli._errors import CANNOT
from nnmass.cli._network import DataDirOption, data_folder
from nnmass.cli._output import JsonOption, emit_json
from nnmass.errors import positive_number

_PARAGRAPHS = (
    "Packages are imported in other processes, so that one that crashes or hangs is told. "
    "Exit code: 0 where nnmass works, whatever extras are missing; 3 where something that it "
    "cannot do without is missing, broken or late.",
    "Examples:",
    "  nnmass doctor --data-dir ~/data",
    "  nnmass doctor --json",
)
EPILOG = "\n\n".join(_PARAGRAPHS)


def doctor_verb(
    data_dir: DataDirOption = None,
    seconds: Annotated[
        float, typer.Option(help="Time for all imports; what is not done then is late.")
    ] = 15.0,
    json: JsonOption = False,
) -> None:
    """Say what is installed, whether it works, and what to do."""
    seconds = positive_number(seconds, "--seconds")
    from nnmass.cli._doctor_checks import core_faults
    from nnmass.cli._doctor_output import emit_doctor
    from nnmass.cli._doctor_packages import PACKAGES
    from nnmass.cli._doctor_survey import find_browser, survey_data, survey_packages, survey_pins

    checkout = checkout_folder()
    survey = survey_packages(PACKAGES, seconds=seconds, is_checkout=checkout is not None)
    document: dict[str, object] = {
        "works": not core_faults(survey.found),
        **_facts(),
        **_devices(survey.torch),
        "packages": [entry.to_dict() for entry in survey.found],
        "data": survey_data(data_folder(data_dir)),
        "browser": find_browser(),
        "pins": survey_pins(checkout),
    }
    if json:
        emit_json("doctor", document)
    else:
        emit_doctor(document, survey.found)
    if not document["works"]:
        raise typer.Exit(CANNOT)


def _facts() -> dict[str, object]:
    checkout = checkout_folder()
    commit = commit_of(checkout) if checkout else None
    return {
        "nnmass": {
            "version": __version__,
            "folder": str(package_folder()),
            "checkout": str(checkout) if checkout else None,
            "commit": commit.name if commit else None,
            "is_dirty": commit.is_dirty if commit else None,
        },
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "platform": platform.platform(),
    }


def _devices(torch: dict[str, object]) -> dict[str, object]:
    """Torch's build, the devices, and the one that ``auto`` stands for."""
    from nnmass.cli._doctor_survey import has_nvidia_driver
    from nnmass.runs import this_machine

    cpu = {"name": "cpu", "title": str(this_machine()), "memory_bytes": None}
    cuda = torch.get("cuda_devices", [])
    assert isinstance(cuda, list)
    mps = {"name": "mps", "title": "Apple GPU, which nnmass does not use", "memory_bytes": None}
    keys = ("version", "cuda", "hip", "threads")
    return {
        "torch": {key: torch[key] for key in keys} if torch else None,
        "devices": [cpu, *cuda, *([mps] if torch.get("has_mps") else [])],
        "device": torch.get("device"),
        "has_nvidia_driver": has_nvidia_driver(),
    }
