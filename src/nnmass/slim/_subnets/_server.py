"""Serving a family under a latency budget."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nnmass._device import named_device
from nnmass.errors import SpecError, positive_number, whole_number
from nnmass.slim._subnets._controller import LevelController
from nnmass.slim._subnets._profile import Family
from nnmass.slim._subnets._subnet_table import SubnetTable, checked_slack

_IMAGE_DIMS = 4  # with the batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One request.

    Attributes:
        level: Of the family, that answered it.
        latency_ms: What it took.
        predicted_ms: What was expected.
        next_level: Of the family, for the next request.
    """

    level: int
    latency_ms: float
    predicted_ms: float
    next_level: int


class SubnetServer:
    """Answers requests with the largest level that keeps the budget on the machine as it is now.

    Levels are exported when they are first needed, and the last used are kept; making an export
    is not counted as latency. Levels that are no faster than a larger one are never used.

    Args:
        family: A `SubnetFamily`.
        table: Its latencies on this machine, in the setting in which it is served.
        budget_ms: That one request may take.
        slack: At least 1: what is aimed at is ``budget_ms`` over this, so that a slow request
            is within the budget, too.
        keep: Exports kept.
        clock: Gives seconds.

    Attributes:
        last: The last request; ``None`` before the first.

    Raises:
        SpecError: An argument is wrong, or the table is not of this family.
        DeviceError: The table's device is not on this machine.

    Source:
        Ours.
    """

    def __init__(
        self,
        family: Family,
        table: SubnetTable,
        *,
        budget_ms: float,
        slack: float = 1.1,
        keep: int = 3,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        _check_same(family, table)
        self._family, self._clock = family, clock
        self._batch_size = table.setting.batch_size
        self._keep = whole_number(keep, "keep", low=1)
        self._device = named_device(table.setting.device.partition(" ")[0])
        self._slack = checked_slack(slack)
        self._levels = [time.level for time in table.useful]
        self._controller = LevelController(
            [time.p95_ms for time in table.useful],
            positive_number(budget_ms, "budget_ms") / self._slack,
        )
        self._exports: OrderedDict[int, nn.Module] = OrderedDict()
        self._lock = threading.Lock()
        self.last: Served | None = None

    @property
    def level(self) -> int:
        """Of the family, for the next request."""
        return self._levels[self._controller.level]

    @property
    def budget_ms(self) -> float:
        """That one request may take; it may be set at any time."""
        return self._controller.budget_ms * self._slack

    @budget_ms.setter
    def budget_ms(self, budget_ms: float) -> None:
        with self._lock:
            self._controller.budget_ms = positive_number(budget_ms, "budget_ms") / self._slack

    def __call__(self, images: Tensor) -> Tensor:
        """The network's answer to ``images`` (N, ...), N as in the table.

        Raises:
            SpecError: There are more or fewer images than the table was measured with.
        """
        if len(images) != self._batch_size:
            raise SpecError(
                f"the table was measured with {self._batch_size} images at once, got "
                f"{len(images)}: measure one with profile_subnets(.., batch_size={len(images)})"
            )
        with self._lock:
            level, predicted = self.level, self._controller.predicted_ms(self._controller.level)
            export = self._export(level)
            answer, took_ms = self._timed(export, images)
            self._controller.observe(took_ms)
            self.last = Served(
                level=level, latency_ms=took_ms, predicted_ms=predicted, next_level=self.level
            )
        return answer

    @torch.inference_mode()
    def _timed(self, export: nn.Module, images: Tensor) -> tuple[Tensor, float]:
        began = self._clock()
        images = images.to(self._device)
        if images.ndim == _IMAGE_DIMS:
            images = images.contiguous(memory_format=torch.channels_last)
        answer: Tensor = export(images)
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return answer, 1000 * (self._clock() - began)

    def _export(self, level: int) -> nn.Module:
        """The export of ``level``, and it the last to be dropped."""
        if level not in self._exports:
            self._exports[level] = self._family.export(level).to(self._device)
        self._exports.move_to_end(level)
        while len(self._exports) > self._keep:
            self._exports.popitem(last=False)
        return self._exports[level]


def _check_same(family: Family, table: SubnetTable) -> None:
    measured = [(time.macs, time.params) for time in table.times]
    here = [(subnet.macs, subnet.params) for subnet in family.subnets]
    if measured != here or tuple(family.input_shape) != table.input_shape:
        raise SpecError(
            f"the table is of another family: {len(measured)} levels on {table.input_shape}, the "
            f"largest with {measured[0][0]:,} MACs, against {len(here)} on "
            f"{tuple(family.input_shape)} with {here[0][0]:,}. Measure one with profile_subnets"
        )
