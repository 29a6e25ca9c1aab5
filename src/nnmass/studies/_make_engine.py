"""An engine by its name."""

from __future__ import annotations

from nnmass.errors import SpecError, did_you_mean
from nnmass.studies._engine import Engine
from nnmass.studies._local_engine import LocalEngine
from nnmass.studies._ray_engine import RayEngine
from nnmass.studies._study import EngineSettings

ENGINES = ("local", "ray")


def make_engine(settings: EngineSettings) -> Engine:
    """The engine that a study asks for; nothing is started yet.

    Raises:
        SpecError: There is no such engine, or it takes no address.
    """
    if settings.name == "ray":
        return RayEngine(
            settings.address,
            workers=settings.workers,
            threads=1 if settings.threads is None else settings.threads,
        )
    if settings.name != "local":
        raise SpecError(
            f"engine must be local or ray, got {settings.name!r}."
            f"{did_you_mean(settings.name, ENGINES)}"
        )
    if settings.address is not None:
        raise SpecError(
            f"address {settings.address!r} is for the engine ray; add --engine ray, or leave it out"
        )
    # one device is not shared: more workers only if told so
    is_cuda = settings.device.startswith("cuda")
    workers = 1 if is_cuda and settings.workers is None else settings.workers
    return LocalEngine(workers=workers, threads=settings.threads)
