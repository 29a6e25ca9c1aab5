"""What the numbers of a latency table hang on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from nnmass.errors import DeviceError
from nnmass.runs import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSetting:
    """Where and how latencies were measured; numbers of two settings are never mixed.

    Attributes:
        machine: Model of the processor and its cores.
        device: ``cpu``, or the name of the GPU.
        threads: That one operation on the CPU could use.
        dtype: ``float32`` or ``bfloat16``.
        batch_size: Images in one run.
        torch: Its version.
    """

    machine: Machine
    device: str = "cpu"
    threads: int = 1
    dtype: str = "float32"
    batch_size: int = 1
    torch: str = ""

    def check_same(self, asked: Mapping[str, Any], *, what: str) -> None:
        """Check that the fields named in ``asked`` have these values; ``None`` is not asked.

        Args:
            asked: Values by the names of fields.
            what: What was measured, for the message.

        Raises:
            DeviceError: One has another; the message names both.
        """
        other = {name: value for name, value in asked.items() if value is not None}
        differing = [name for name, value in other.items() if getattr(self, name) != value]
        if differing:
            here = ", ".join(f"{_word(name)} {other[name]}" for name in differing)
            there = ", ".join(f"{_word(name)} {getattr(self, name)}" for name in differing)
            raise DeviceError(
                f"{what} was measured with {there}, and is asked for {here}: latencies hold for "
                "one setting alone. Measure a table of its own, in another file"
            )

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TableSetting:
        """The setting of `to_dict`; raises ValueError, TypeError or KeyError for other data."""
        kinds = {"threads": int, "batch_size": int}
        for field in fields(cls)[1:]:
            value: object = values[field.name]
            is_right = isinstance(value, kinds.get(field.name, str))
            if not is_right or isinstance(value, bool) or (isinstance(value, int) and value < 1):
                raise ValueError(f"{field.name} is {value!r}")
        machine = Machine(**values["machine"])
        if type(machine.cpu) is not str or type(machine.cores) is not int:
            raise ValueError(f"machine is {values['machine']!r}")
        return cls(**{**values, "machine": machine})


def _word(name: str) -> str:
    return name.replace("_", " ")
