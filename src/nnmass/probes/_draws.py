"""A network as it is, or drawn anew from seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, SupportsIndex

import numpy as np
from torch import nn
from torch.nn.parameter import is_lazy

from nnmass._randomness import drawing_from
from nnmass.errors import NNMassError, ProbeError, SpecError, whole_number
from nnmass.nets import Net, build, has_weights, open_network
from nnmass.specs import Spec

Network = nn.Module | Spec | str | Callable[[], nn.Module]
"""What probes take: a module as it is, or what can be drawn from a seed: a spec, the name of a
network (see `nnmass.open_network`), or a function that makes it."""

N_SEEDS = 5  # initialisations, where a network can be drawn and nothing else is said


def seeds_for(network: Network, seeds: int | Sequence[int] | None) -> tuple[int | None, ...]:
    """The seeds to draw ``network`` from; ``(None,)`` for one that is measured as it is.

    As they are measured modules, and the names of saved networks, which come with weights.

    Args:
        network: See `Network`.
        seeds: How many (0, 1, ...), or which; `N_SEEDS` unless told.

    Raises:
        ProbeError: It is no network, there is no seed, one is there twice, or a network that has
            its weights was given together with seeds.
    """
    if isinstance(network, nn.Module) or (isinstance(network, str) and has_weights(network)):
        if seeds is not None:
            is_saved = isinstance(network, str)
            what = f"the saved network {network!r}" if is_saved else f"a {type(network).__name__}"
            raise ProbeError(
                f"{what} has its weights already, and seeds={seeds!r} asks to draw them: leave "
                "seeds out, or give what draws them: a spec, or a function that makes the network "
                "(such as its class)"
            )
        return (None,)
    if not (isinstance(network, Spec | str) or callable(network)):
        raise ProbeError(
            "a network must be a torch.nn.Module, a spec, the name of a network such as "
            f"'timm:resnet18', or a function that makes a module, got {network!r:.80}"
        )
    return tuple(range(N_SEEDS)) if seeds is None else _checked_seeds(seeds)


def _checked_seeds(seeds: object) -> tuple[int, ...]:
    seeds = seeds.tolist() if isinstance(seeds, np.ndarray) else seeds
    if isinstance(seeds, str | bytes | float | bool) or not isinstance(
        seeds, Sequence | SupportsIndex
    ):
        raise SpecError(
            "seeds must be how many (a whole number of at least 1) or which (a list of whole "
            f"numbers), got {seeds!r:.60}"
        )
    if not isinstance(seeds, Sequence):
        return tuple(range(whole_number(seeds, "seeds", low=1)))
    drawn = tuple(whole_number(seed, "a seed", low=0) for seed in seeds)
    if not drawn or len(set(drawn)) < len(drawn):
        raise ProbeError(
            f"seeds must be at least one, each another, got {list(drawn)}: the same seed twice is "
            "the same network twice"
        )
    return drawn


def draws(network: Network, seeds: Sequence[int | None]) -> Iterator[tuple[int | None, nn.Module]]:
    """Each seed (from `seeds_for`) with the network drawn from it; one is held at a time.

    Raises:
        ProbeError: A function returns no module, or the same weights whatever the seed.
        NNMassError: The network cannot be made; see `nnmass.open_network`.
    """
    marks = list[tuple[float, ...]]()
    for seed in seeds:
        model = network if isinstance(network, nn.Module) else _drawn(network, seed or 0)
        if len(seeds) > 1:
            marks.append(_mark_of(model))
            if marks[-1] and marks[-1] in marks[:-1]:
                raise ProbeError(
                    f"{name_of(network)} has the same weights for the seeds "
                    f"{seeds[marks.index(marks[-1])]} and {seed}: what is not drawn has no spread "
                    "over seeds. Give seeds=1, or draw its weights from torch's generator"
                )
        yield seed, model


def _mark_of(model: nn.Module) -> tuple[float, ...]:
    """Numbers that differ wherever the weights do, but for strange luck."""
    return tuple(
        float(tensor.detach().double().sum())
        for tensor in model.parameters()
        if not (is_lazy(tensor) or tensor.is_meta or tensor.is_complex())
    )


def _drawn(network: Spec | str | Callable[[], nn.Module], seed: int) -> nn.Module:
    if isinstance(network, Spec):
        return build(network, seed)
    if isinstance(network, str):
        return open_network(network, seed=seed, weights=True).model
    with drawing_from(seed):
        try:
            made = network()
        except NNMassError:
            raise
        except Exception as error:
            raise ProbeError(
                f"{name_of(network)} failed with {type(error).__name__}: {error}; it is called "
                "without arguments, once for each seed: give a function that takes none"
            ) from error
    if not isinstance(made, nn.Module):
        raise ProbeError(
            f"{name_of(network)} must return a torch.nn.Module, got {made!r:.60}, of type "
            f"{type(made).__name__}"
        )
    return made


class _Layer(Protocol):
    @property
    def path(self) -> str: ...


class _Draw(Protocol):
    @property
    def seed(self) -> int | None: ...
    @property
    def layers(self) -> Sequence[_Layer]: ...


def check_same_layers(found: Sequence[_Draw], name: str) -> None:
    """Check that the last initialisation has the layers of the first, so that both average.

    Raises:
        ProbeError: It has others.
    """
    first, last = found[0], found[-1]
    a, b = ([layer.path for layer in draw.layers] for draw in (first, last))
    if a != b:
        differing = sorted({*a} ^ {*b}) or b
        raise ProbeError(
            f"{name} has other layers in seed {last.seed} than in seed {first.seed} "
            f"({', '.join(differing):.80}), which have no average: measure the seeds one by one"
        )


def name_of(network: Network) -> str:
    """What to call the network in tables: its canonical spec string where it has one."""
    if isinstance(network, Net):
        return str(network.spec)
    if isinstance(network, nn.Module):
        return type(network).__name__
    if isinstance(network, Spec | str):
        return str(network)
    return getattr(network, "__qualname__", type(network).__name__)
