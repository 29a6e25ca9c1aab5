"""Everything about a study that can be known before anything is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nnmass.errors import NNMassError, SpecError
from nnmass.runs import Trial
from nnmass.specs import parse
from nnmass.studies._engine import Engine
from nnmass.studies._job import Job, jobs_of
from nnmass.studies._run_job import open_data
from nnmass.studies._study import Study
from nnmass.train import check_fit, parse_augment, resolve_device

_MOST_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """What a study comes to.

    Attributes:
        study: The study.
        trials: In the order of the table.
        jobs: Trials by what is trained together.
        train_images: Images of a training, validation included, by data set.
    """

    study: Study
    trials: tuple[Trial, ...]
    jobs: tuple[Job, ...]
    train_images: dict[str, int]

    def cost(self, trial: Trial) -> float:
        """Multiply-adds of the forward passes of a trial's training; for estimates of time."""
        macs = trial.facts["macs"]
        assert isinstance(macs, int)
        return float(macs) * self.study.recipe.epochs * self.train_images[trial.data]


def check_study(
    study: Study, *, data_dir: str | Path | None = None, engine: Engine | None = None
) -> StudyPlan:
    """Check that a study can run; nothing is started.

    The data are read, every network is held against them, the device and the workers are looked
    for.

    Args:
        study: From `read_study_file`.
        data_dir: Folder of the data sets.
        engine: Where it would run; not looked at unless given.

    Raises:
        SpecError: A network or the recipe does not fit the data, or a part of them is larger than
            the whole.
        DataError: Data are missing or damaged.
        DeviceError: The device is not there.
        EngineError: The workers cannot be had.
        MissingExtraError: The engine needs a package that is not installed.
    """
    if engine is not None:
        engine.check()
    if engine is None or engine.name == "local":
        resolve_device(study.engine.device, precision=study.recipe.precision)
    train_images = {}
    for name in study.data:
        folder = None if data_dir is None else str(data_dir)
        data = open_data(name, study.train_images, study.test_images, folder)
        train_images[name] = len(data.train_labels)
        parse_augment(study.recipe.augment).check_fit(data.info.shape, data.info.name)
        faults = []
        for spec in study.specs:
            try:
                check_fit(parse(spec), data.info)
            except NNMassError as error:
                faults.append(str(error))
        _raise_faults(faults, len(study.specs), name)
    trials = study.trials()
    return StudyPlan(
        study=study, trials=trials, jobs=tuple(jobs_of(trials)), train_images=train_images
    )


def _raise_faults(faults: list[str], n_specs: int, data: str) -> None:
    if not faults:
        return
    if len(faults) == 1:
        raise SpecError(faults[0])
    more = len(faults) - _MOST_TOLD
    told = [*faults[:_MOST_TOLD], *([f".. and {more} more"] if more > 0 else [])]
    raise SpecError(
        f"{len(faults)} of {n_specs} networks do not fit {data}:\n  " + "\n  ".join(told)
    )
