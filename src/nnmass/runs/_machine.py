"""Which machine this is, for timings that hold on no other."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What timings hang on, as far as the system tells.

    Attributes:
        cpu: Model of the processor.
        cores: That the system shows.

    Example:
        >>> print(Machine(cpu="AMD EPYC 7763", cores=8))
        AMD EPYC 7763, 8 cores
    """

    cpu: str
    cores: int

    def __str__(self) -> str:
        return f"{self.cpu}, {self.cores} core{'s' * (self.cores != 1)}"

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {"cpu": self.cpu, "cores": self.cores}


def this_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> Machine:
    """The machine that runs this process; two of one model and size are told apart by nothing.

    Args:
        cpuinfo: Where Linux tells the model; elsewhere Python's `platform` does.

    Returns:
        Model of the processor, ``unknown`` where nothing tells it, and logical cores.
    """
    model = _model_name(cpuinfo) or platform.processor() or platform.machine() or "unknown"
    return Machine(cpu=model, cores=os.cpu_count() or 1)


def _model_name(cpuinfo: Path) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return " ".join(value.split())
    return ""
