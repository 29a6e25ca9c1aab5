"""A study as data: which networks are trained how often, on what, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nnmass.runs import Trial
from nnmass.specs import Spec, parse
from nnmass.train import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """What is measured beside the training.

    Attributes:
        ldi: Whether LDI of each network at initialisation is.
        ldi_images: On how many training images, as many of each class up to one; at least 1.
    """

    ldi: bool = False
    ldi_images: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Where and how wide a study runs; no result hangs on it but for the last digits.

    Attributes:
        name: ``local`` or ``ray``.
        workers: Processes at once; None for as many as cores.
        threads: CPU threads of each; None shares the cores out.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        address: Of a Ray cluster; None starts one on this machine.
    """

    name: str = "local"
    workers: int | None = None
    threads: int | None = None
    device: str = "cpu"
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study as `read_study_file` reads it.

    Attributes:
        name: In file names.
        title: For people.
        specs: Canonical spec strings, no two alike, in the order of the file.
        seeds: Each network is trained once with each.
        data: Names of data sets, usually one.
        recipe: How all are trained.
        train_images: How many training images, balanced over the classes; None for all.
        test_images: The same of the test images.
        measure: What is measured beside.
        engine: Where it runs.
        is_quick: The changes of ``[quick]`` are made.
        text: The file.
    """

    name: str
    title: str = ""
    specs: tuple[str, ...]
    seeds: tuple[int, ...]
    data: tuple[str, ...]
    recipe: Recipe = field(default_factory=Recipe)
    train_images: int | None = None
    test_images: int | None = None
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    is_quick: bool = False
    text: str = ""

    @property
    def n_trials(self) -> int:
        """Trainings in all."""
        return len(self.data) * len(self.specs) * len(self.seeds)

    def trials(self) -> tuple[Trial, ...]:
        """All trials in the order of the table: by data set, network, seed."""
        extra = {
            "n_train": self.train_images,
            "n_test": self.test_images,
            "ldi_images": self.measure.ldi_images if self.measure.ldi else 0,
        }
        # Without the defaults: a field that a later version adds leaves the trials what they are.
        defaults = Recipe().to_dict()
        recipe = {k: v for k, v in self.recipe.to_dict().items() if v != defaults[k]}
        specs = [(name, spec_facts(parse(name))) for name in self.specs]
        return tuple(
            Trial(spec=name, seed=seed, recipe=recipe, data=data, extra=extra, facts=facts)
            for data in self.data
            for name, facts in specs
            for seed in self.seeds
        )


def spec_facts(spec: Spec) -> Mapping[str, object]:
    """The columns of a study's table that follow from the spec alone.

    Widths, depths and link caps of networks with several cells are joined with ``/``.

    Example:
        >>> spec_facts(parse("dense-mlp(w=8,d=16,t=1)"))["depth"]
        16
    """
    cells = spec.cells
    return {
        "family": spec.family,
        "mass": spec.mass,
        "params": spec.params,
        "macs": spec.macs,
        "depth": _joined([getattr(cell, "depth", None) for cell in cells]),
        "width": _joined([getattr(cell, "width", None) for cell in cells]),
        "link_cap": _joined([getattr(cell, "link_cap", None) for cell in cells]),
    }


def _joined(values: list[object]) -> object:
    known = [value for value in values if value is not None]
    if len(known) != len(values) or not known:
        return None
    return known[0] if len(known) == 1 else "/".join(map(str, known))
