"""Zero-cost proxies of a network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nnmass._randomness import drawing_from
from nnmass.errors import ProbeError, SpecError, did_you_mean
from nnmass.probes._batch import Images, checked_images, checked_labels
from nnmass.probes._borrowed import borrowed, reject_compiled
from nnmass.probes._draws import Network, draws, name_of, seeds_for
from nnmass.probes._machine import device_for
from nnmass.probes._proxies._norms import norms_off
from nnmass.probes._proxies._proxy import Norms, Proxy, checked_norms
from nnmass.probes._proxies._proxy_score import ProxyScore
from nnmass.probes._proxies._registry import PROXIES

Outcome = tuple[float | None, str, float]
"""Value, reason where there is none, seconds."""


def score_proxies(
    network: Network,
    images: Images,
    labels: Tensor | npt.NDArray[np.integer] | None,
    *,
    proxies: Iterable[str] | None = None,
    seeds: int | Sequence[int] | None = None,
    device: str | torch.device | None = None,
    batch_norm: Norms | None = None,
    on_score: Callable[[ProxyScore], None] | None = None,
) -> tuple[ProxyScore, ...]:
    """Zero-cost proxies of a network: numbers that are meant to tell how well it would train.

    Parameters and multiply-adds are among them: a proxy that orders networks no better than those
    tells nothing (docs/proxies.md has figures). Each proxy's formula, direction
    and source stand in the docstring of its ``compute`` and in `PROXIES`.

    A network that was given is the same afterwards: weights, statistics, flags, gradients; so are
    the global random generators. Dropout is off. Networks in half precision are measured in single
    precision.

    Args:
        network: A module, measured as it is; or what can be drawn from seeds: a spec, a name (see
            `nnmass.open_network`), a function that makes the network.
        images: One batch (N, ...), normalised as in training. Several proxies grow with N.
        labels: Whole numbers (N,) below the number of outputs; ``None`` if no proxy reads them.
        proxies: Keys of `PROXIES`; all of them unless told.
        seeds: How many, or which; 5 unless told. Only for a network that can be drawn.
        device: Where to compute; where the images are unless told.
        batch_norm: What batch norms do, for all proxies that it matters to: ``batch``, ``running``
            or ``off``; each proxy's own unless told.
        on_score: Called with each score as soon as it is known, which is after the last seed.

    Returns:
        One score for each proxy, in the order asked. One that could not be computed has the status
        ``failed`` and the reason, and no number.

    Raises:
        ProbeError: Images, labels or the network are none that anything could be measured with.
        SpecError: There is no such proxy, it is asked for twice, or a network cannot be drawn.
        DeviceError: The device is not on this machine.

    Source:
        Each proxy has its own. The interface and what counts as failure are ours.

    Example:
        >>> images, labels = torch.randn(8, 1, 8, 8), torch.arange(8)
        >>> scores = score_proxies(
        ...     "dense-cnn(wm=1,d=4,t=4/4/4,in=1,image=8)",
        ...     images,
        ...     labels,
        ...     proxies=("params", "naswot"),
        ...     seeds=2,
        ... )
        >>> [(score.proxy, score.status, len(score.values)) for score in scores]
        [('params', 'measured', 1), ('naswot', 'measured', 2)]
    """
    wanted = _wanted(proxies)
    checked_norms(batch_norm)
    batch = checked_images(images)
    batch = batch.to(device_for(device, otherwise=batch.device))
    targets = _targets(labels, batch, wanted)
    drawn = seeds_for(network, seeds)
    outcomes: dict[str, list[Outcome]] = {proxy.name: [] for proxy in wanted}
    scores = []
    for index, (_, model) in enumerate(draws(network, drawn)):
        for proxy in wanted:
            own = outcomes[proxy.name]
            if proxy.is_random or not own:
                own.append(_measured(proxy, model, batch, targets, batch_norm))
            if index == len(drawn) - 1:
                scores.append(_score(proxy, name_of(network), own, drawn, len(batch), batch_norm))
                if on_score is not None:
                    on_score(scores[-1])
    return tuple(scores)


def _targets(
    labels: Tensor | npt.NDArray[np.integer] | None, batch: Tensor, wanted: Sequence[Proxy]
) -> Tensor | None:
    """The labels where there are any; an error where there are none and one of ``wanted`` reads."""
    if labels is not None:
        return checked_labels(labels, batch)
    reading = [proxy.name for proxy in wanted if proxy.needs == "labels"]
    if reading:
        raise ProbeError(
            f"{', '.join(reading)} read labels, got None: give one for each image, or ask for "
            "other proxies"
        )
    return None


def _score(
    proxy: Proxy,
    network: str,
    outcomes: Sequence[Outcome],
    drawn: tuple[int | None, ...],
    n_images: int,
    batch_norm: Norms | None,
) -> ProxyScore:
    seeds = drawn if proxy.is_random else (None,)
    failed = ((seed, why) for seed, (_, why, _) in zip(seeds, outcomes, strict=True) if why)
    seed, reason = next(failed, (None, ""))
    return ProxyScore(
        network=network,
        proxy=proxy.name,
        values=tuple(value for value, _, _ in outcomes),
        reason=reason if seed is None else f"seed {seed}: {reason}",
        unit=proxy.unit,
        higher_is_better=proxy.higher_is_better,
        seeds=seeds,
        batch_norm=_norms(proxy, batch_norm),
        n_images=n_images,
        elapsed_s=sum(seconds for _, _, seconds in outcomes),
    )


def _measured(
    proxy: Proxy, model: nn.Module, images: Tensor, labels: Tensor | None, norms: Norms | None
) -> Outcome:
    """One value, or the reason why there is none."""
    start = time.perf_counter()
    value, reason = None, ""
    try:
        found = _value(proxy, model, images, labels, _norms(proxy, norms))
        if math.isfinite(found):
            value = found
        else:
            reason = f"the value is not finite ({found})"
    except Exception as error:  # whatever the network raises is the reason
        text = str(error).strip().split("\n")[0] or "no message"
        is_ours = isinstance(error, ProbeError)
        reason = text if is_ours else f"the network raised {type(error).__name__}: {text:.300}"
    return value, reason, time.perf_counter() - start


def _value(
    proxy: Proxy, model: nn.Module, images: Tensor, labels: Tensor | None, norms: Norms | None
) -> float:
    if not proxy.is_random:
        return proxy.compute(model, images, labels)
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    reject_compiled(model, type(model).__name__)
    device = images.device
    with (
        borrowed(
            model,
            device,
            batch_norm="batch" if norms == "batch" else "running",
            requires_grad=True,
        ),
        norms_off(norms == "off"),
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
        drawing_from(0),  # for a network that draws while it runs
    ):
        dtype = _precision(model)
        return proxy.compute(model.to(dtype), images.to(dtype), labels)


def _precision(model: nn.Module) -> torch.dtype:
    """Single precision, or double for a network that has it."""
    dtypes = {parameter.dtype for parameter in model.parameters()}
    return torch.float64 if torch.float64 in dtypes else torch.float32


def _norms(proxy: Proxy, norms: Norms | None) -> Norms | None:
    return None if proxy.batch_norm is None else norms or proxy.batch_norm


def _wanted(names: Iterable[str] | None) -> list[Proxy]:
    if names is None:
        return list(PROXIES.values())
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise SpecError(
            f"proxies must be names in a list or tuple, such as ('params', 'snip'), got {names!r}"
        )
    wanted = list(names)
    for name in wanted:
        if name not in PROXIES:
            raise SpecError(
                f"unknown proxy {name!r}.{did_you_mean(str(name), PROXIES)} Known are "
                f"{', '.join(PROXIES)}"
            )
    if not wanted or len(set(wanted)) < len(wanted):
        raise SpecError(f"proxies must be at least one, each once, got {wanted}")
    return [PROXIES[name] for name in wanted]
