"""How fast each level of a family is on one machine, and which fits a budget."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nnmass.design import TableSetting
from nnmass.errors import SpecError, StoreError, positive_number
from nnmass.runs import write_atomic
from nnmass.slim._subnets._subnet import Subnet

SCHEMA = "nnmass.subnet-table/1"
_ONE_BUDGET = "give one budget: latency_ms=25.0 or macs=500e6"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetTime:
    """One level, exported and measured as a whole.

    Attributes:
        level: Its number in the family; 0 is the whole network.
        name: Its name there.
        macs: Multiply-adds of one image.
        params: Trainable parameters.
        median_ms: Of a batch.
        p95_ms: The least time that 95 % of the runs did not exceed.
        n_runs: Timed runs.
        accuracy: In [0, 1], on images not trained on; ``None`` where it was not told.
    """

    level: int
    name: str
    macs: int
    params: int
    median_ms: float
    p95_ms: float
    n_runs: int
    accuracy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetPick:
    """The level for a budget.

    Attributes:
        level: Its number in the family.
        is_met: It meets the budget; else it is the smallest that there is, and nothing does.
        expected: What it is expected to take, in the unit of the budget, slack included.
        budget: What was asked for.
    """

    level: int
    is_met: bool
    expected: float
    budget: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetTable:
    """Measured latencies of all levels in one setting.

    Attributes:
        setting: Machine, device, threads, number format, batch size, torch.
        input_shape: Of one image.
        times: One for each level, the largest first.

    Example:
        >>> from nnmass.runs import Machine
        >>> setting = TableSetting(machine=Machine(cpu="AMD EPYC 7763", cores=8))
        >>> rows = [(0, 400, 9.0, 10.0), (1, 200, 7.0, 12.0), (2, 100, 3.0, 4.0)]
        >>> times = tuple(
        ...     SubnetTime(level=n, name=f"level {n}", macs=macs, params=1, median_ms=median,
        ...                p95_ms=p95, n_runs=100)
        ...     for n, macs, median, p95 in rows
        ... )
        >>> table = SubnetTable(setting=setting, input_shape=(3, 8, 8), times=times)
        >>> [time.level for time in table.useful]  # level 1 is smaller than 0 and slower
        [0, 2]
        >>> table.pick_for(latency_ms=10.0)  # 10 ms with a tenth of slack are too many
        SubnetPick(level=2, is_met=True, expected=4.4, budget=10.0)
        >>> table.pick_for(latency_ms=1.0).is_met, table.pick_for(macs=150).level
        (False, 2)
    """

    setting: TableSetting
    input_shape: tuple[int, ...]
    times: tuple[SubnetTime, ...]

    @property
    def useful(self) -> tuple[SubnetTime, ...]:
        """The levels that no other beats in both worth and 95th percentile, largest first.

        The worth is the accuracy where it is known of all, else multiply-adds. Of two equal in
        both, the first stays.
        """
        kept = list[SubnetTime]()
        for time in sorted(self.times, key=lambda time: (time.p95_ms, -self._worth(time))):
            if not kept or self._worth(time) > self._worth(kept[-1]):
                kept.append(time)
        return tuple(reversed(kept))

    def pick_for(
        self, *, latency_ms: float | None = None, macs: float | None = None, slack: float = 1.1
    ) -> SubnetPick:
        """The best level within a budget; where none is, the fastest (or smallest) of all.

        Args:
            latency_ms: For a batch: the level's 95th percentile times ``slack`` must not be more.
            macs: Instead, multiply-adds of one image.
            slack: At least 1; for latencies alone.

        Raises:
            SpecError: Not exactly one budget is given, or it is no number above 0.
        """
        if (latency_ms is None) == (macs is None):
            raise SpecError(_ONE_BUDGET)
        if latency_ms is not None:
            budget, slack = positive_number(latency_ms, "latency_ms"), checked_slack(slack)
            expected = {time.level: time.p95_ms * slack for time in self.useful}
        else:
            budget = positive_number(macs, "macs")
            expected = {time.level: float(time.macs) for time in self.times}
        within = [level for level, value in expected.items() if value <= budget]
        worth = {time.level: self._worth(time) for time in self.times}
        if within:
            level = max(within, key=lambda level: worth[level])
        else:
            level = min(expected, key=lambda level: expected[level])
        return SubnetPick(
            level=level, is_met=bool(within), expected=round(expected[level], 6), budget=budget
        )

    def to_dict(self) -> dict[str, object]:
        """Plain data, as it is stored."""
        return {
            "schema": SCHEMA,
            "setting": self.setting.to_dict(),
            "input_shape": list(self.input_shape),
            "times": [asdict(time) for time in self.times],
        }

    def save(self, path: str | Path) -> None:
        """Write the table as JSON, all of it or nothing.

        Raises:
            StoreError: It cannot be written.
        """
        write_atomic(path, json.dumps(self.to_dict(), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path, **asked: object) -> SubnetTable:
        """Read a table, and check that it was measured as ``asked``.

        Args:
            path: The file.
            asked: Fields of `nnmass.design.TableSetting` that it must have, such as ``threads=2``
                or ``machine=nnmass.runs.this_machine()``.

        Raises:
            StoreError: There is no such file, or it holds no table.
            DeviceError: It was measured in another setting.
        """
        try:
            table = _table(cls, json.loads(Path(path).read_text(encoding="utf-8")))
        except OSError as error:
            raise StoreError(
                f"cannot read the sub-network table {path}: {error.strerror or error}; measure one "
                "with nnmass.slim.profile_subnets"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"{path} is no table of sub-networks ({type(error).__name__}: {error}); move it "
                "away and measure one with nnmass.slim.profile_subnets"
            ) from error
        table.setting.check_same(asked, what=f"the sub-network table {path}")
        return table

    def _worth(self, time: SubnetTime) -> float:
        is_known = all(other.accuracy is not None for other in self.times)
        return time.accuracy if is_known and time.accuracy is not None else float(time.macs)


def pick_by_macs(levels: Sequence[Subnet], macs: float | None) -> SubnetPick:
    """The largest level of at most ``macs`` multiply-adds, or the smallest; no table is needed.

    Raises:
        SpecError: ``macs`` is no number above 0, or ``None``.
    """
    if macs is None:
        raise SpecError(_ONE_BUDGET)
    budget = positive_number(macs, "macs")
    within = (number for number, level in enumerate(levels) if level.macs <= budget)
    number = next(within, len(levels) - 1)
    cost = levels[number].macs
    return SubnetPick(level=number, is_met=cost <= budget, expected=float(cost), budget=budget)


def checked_slack(slack: float) -> float:
    """``slack`` as a number of at least 1.

    Raises:
        SpecError: It is none.
    """
    number = positive_number(slack, "slack")
    if number < 1:
        raise SpecError(f"slack must be at least 1 (1.1 is a tenth of reserve), got {slack!r}")
    return number


def _table(cls: type[SubnetTable], values: Any) -> SubnetTable:
    if values["schema"] != SCHEMA:
        raise ValueError(f"its schema is {values['schema']!r}, not {SCHEMA!r}")
    if not values["times"]:
        raise ValueError("it holds no level")
    return cls(
        setting=TableSetting.from_dict(values["setting"]),
        input_shape=tuple(int(size) for size in values["input_shape"]),
        times=tuple(_time(time) for time in values["times"]),
    )


def _time(values: Mapping[str, Any]) -> SubnetTime:
    time = SubnetTime(**values)
    for name in ("median_ms", "p95_ms"):
        value = getattr(time, name)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 < value < math.inf
        ):
            raise ValueError(f"{name} is {value!r}")
    for name in ("level", "macs", "params", "n_runs"):
        if type(getattr(time, name)) is not int:
            raise ValueError(f"{name} is {getattr(time, name)!r}")
    return time
