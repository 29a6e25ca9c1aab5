"""What `nnmass doctor` found, for people, on stdout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nnmass.cli._doctor_checks import CONSTRAINTS, MORE_TIME, Found, core_faults
from nnmass.cli._doctor_packages import PURPOSES
from nnmass.cli._output import emit_line, emit_table


def emit_doctor(document: Mapping[str, Any], found: Sequence[Found]) -> None:
    """All of it: this nnmass, the devices, the packages, the rest, and what to do."""
    _emit(_machine_lines(document))
    emit_line()
    _emit_packages(found)
    emit_line()
    _emit([*_data_lines(document["data"]), _browser_line(document["browser"])])
    _emit(_pin_lines(document["pins"]))
    emit_line()
    _emit(_advice_lines(document, found))
    _emit(_verdict_lines(found))


def _emit(lines: Iterable[str]) -> None:
    for line in lines:
        emit_line(line)


def _machine_lines(document: Mapping[str, Any]) -> list[str]:
    ours, python = document["nnmass"], document["python"]
    dirty = ", dirty" if ours["is_dirty"] else ""
    commit = f" (commit {ours['commit']}{dirty})" if ours["commit"] else ""
    return [
        f"nnmass {ours['version']}{commit} in {ours['folder']}",
        f"Python {python['version']} at {python['executable']}",
        f"platform {document['platform']}",
        f"torch {_torch_words(document['torch'])}",
        *(f"device {_device_words(device)}" for device in document["devices"]),
        f"nnmass would use: {document['device'] or 'nothing, since torch does not work'}",
        *_unused_gpu_lines(document),
    ]


def _unused_gpu_lines(document: Mapping[str, Any]) -> list[str]:
    torch = document["torch"]
    has_gpu = any(device["name"].startswith("cuda") for device in document["devices"])
    if torch is None or has_gpu or not document["has_nvidia_driver"]:
        return []
    if not torch["cuda"]:
        return ["an NVIDIA driver is here, but this torch is a CPU build: install a CUDA build"]
    return [
        f"an NVIDIA driver is here, but torch with CUDA {torch['cuda']} finds no GPU: see what "
        "`nvidia-smi` says of the driver's version, and whether CUDA_VISIBLE_DEVICES hides it"
    ]


def _torch_words(torch: Mapping[str, Any] | None) -> str:
    if torch is None:
        return "does not work; see below"
    build = "CPU build"
    if torch["cuda"] or torch["hip"]:
        build = f"CUDA {torch['cuda']} build" if torch["cuda"] else f"ROCm {torch['hip']} build"
    return f"{torch['version']}, {build}, CPU threads: {torch['threads']}"


def _device_words(device: Mapping[str, Any]) -> str:
    from nnmass.report import format_bytes

    memory = device["memory_bytes"]
    size = f", {format_bytes(memory)}" if memory else ""
    return f"{device['name']}: {device['title']}{size}"


def _emit_packages(found: Sequence[Found]) -> None:
    from nnmass.report import Column, Table

    columns = (
        Column("package", "left"),
        Column("extra", "left"),
        Column("for", "left", is_optional=True),
        Column("version", "left"),
        Column("status", "left"),
        Column("import"),
    )
    rows = tuple(
        (
            entry.package.name,
            entry.package.extra or "-",
            PURPOSES[entry.package.extra] if entry.package.extra else "all of nnmass",
            entry.version or "-",
            entry.status,
            "-" if entry.seconds is None else f"{entry.seconds:.2f} s",
        )
        for entry in found
    )
    emit_table(Table(columns, rows))


def _data_lines(data: Mapping[str, Any]) -> list[str]:
    here = [entry["name"] for entry in data["datasets"] if entry["is_found"]]
    away = [entry["name"] for entry in data["datasets"] if not entry["is_found"]]
    folder = data["folder"]
    if folder is None:
        where = "none; give --data-dir DIR or set NNMASS_DATA"
    else:
        where = folder if data["exists"] else f"{folder}, which is not there"
    lines = [f"data folder: {where}", f"data sets here: {', '.join(here)}"]
    if away:
        lines.append(f"not here: {', '.join(away)}; see `nnmass datasets ls`")
    return lines


def _browser_line(browser: str | None) -> str:
    missing = "not found; the tests that look at pages in it are skipped"
    return f"chromium: {browser or missing}"


def _pin_lines(pins: Sequence[Mapping[str, str]] | None) -> list[str]:
    if pins is None:
        return []
    if not pins:
        return [f"versions: those of {CONSTRAINTS}"]
    lines = [f"versions that differ from {CONSTRAINTS}:"]
    lines += [f"  {pin['name']} {pin['installed']}, tested {pin['pinned']}" for pin in pins]
    names = " ".join(pin["name"] for pin in pins)
    return [*lines, f"  pip install --constraint {CONSTRAINTS} {names}"]


def _advice_lines(document: Mapping[str, Any], found: Sequence[Found]) -> list[str]:
    lines = []
    if sum(entry.status == "broken" for entry in found) > 1:
        lines.append("Mend one at a time, from the top, and look again: one can break others.")
    for entry in found:
        if entry.status == "broken":
            where = f" ({entry.file})" if entry.file else ""
            lines += [f"broken: {entry.package.name}{where}: {entry.error}", f"  {entry.mend}"]
        elif entry.status == "missing" and entry.package.extra is None:
            lines += [f"missing: {entry.package.name}", f"  {entry.mend}"]
    late = [entry.package.name for entry in found if entry.status == "late"]
    if late:
        lines += [f"no time was left to import {', '.join(late)}:", f"  {MORE_TIME}"]
    extras: dict[str, Found] = {}
    for entry in found:
        if entry.status == "missing" and entry.package.extra:
            extras.setdefault(entry.package.extra, entry)
    for extra, entry in extras.items():
        lines += [f"missing, needed for {PURPOSES[extra]} only:", f"  {entry.mend}"]
    checkout = document["nnmass"]["checkout"]
    if checkout and lines:
        lines.append(f"These commands are for the folder {checkout}")
    return lines


def _verdict_lines(found: Sequence[Found]) -> list[str]:
    faults = core_faults(found)
    if not faults:
        return ["nnmass works."]
    names = ", ".join(f"{entry.package.name} is {entry.status}" for entry in faults)
    return [f"nnmass does not work: {names}."]
