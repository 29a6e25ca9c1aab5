"""Networks by name: those of timm and torchvision, of a function, of a file, of a spec."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from torch import nn

from nnmass._randomness import unchanged_randomness
from nnmass.errors import SpecError, did_you_mean, whole_number
from nnmass.nets._build import build
from nnmass.nets._call_text import read_call, split_call
from nnmass.nets._factory import DOORS, open_factory
from nnmass.nets._files import WEIGHTS_FILE, load
from nnmass.nets._net import Net
from nnmass.nets._zoo import ZOOS, open_zoo, unknown_network, zoo_names
from nnmass.specs import FAMILIES, SPEC_FILE, Spec, parse, read_spec

SLIM_FILE = "slim.json"
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_WILDCARDS = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedNetwork:
    """A network and what is known about it.

    Attributes:
        name: The canonical text that opens it again, as tables show it; for a network of ours its
            spec string.
        model: The network, in training mode unless its maker says otherwise.
        input_shape: Shape of one input, without the batch; ``None`` where nobody tells.
        spec: What it was built from, for a network of ours.
    """

    name: str
    model: nn.Module
    input_shape: tuple[int, ...] | None
    spec: Spec | None


def open_network(text: str, *, seed: int = 0, weights: bool = False) -> OpenedNetwork:
    """The network that ``text`` names, with weights only where that cannot be helped, or if asked.

    Networks of timm, torchvision and of a spec are on the meta device: they have their shapes and
    links, and no memory for weights. No weights are ever fetched. Saved networks come with their
    weights, and a factory's network as the factory made it. Global random generators are left as
    they were, and ``sys.path`` too: a factory's module is looked for in the current folder if it
    is nowhere else.

    Args:
        text: ``timm:NAME`` or ``torchvision:NAME``, with keyword arguments if wanted
            (``timm:resnet50(num_classes=10)``); ``package.module:factory``, with arguments if
            wanted (``mine.nets:make(2, kind="wide")``), all of them Python literals; the folder
            of a saved network; a spec file; a spec string.
        seed: For the links and first weights of a spec's network; with ``weights``, what the
            makers of other networks draw from.
        weights: First weights as the network's maker draws them, on the CPU.

    Raises:
        SpecError: The text names no network, or the network cannot be made; the message says
            which part of the text is wrong.
        CheckpointError: A saved network is damaged.
        MissingExtraError: timm or torchvision is not installed.

    Example:
        >>> opened = open_network("resnet( depth = 50 )")
        >>> opened.name, opened.input_shape, opened.model.head.weight.device.type
        ('resnet(depth=50)', (3, 224, 224), 'meta')
    """
    if not isinstance(text, str):
        raise SpecError(f"the name of a network must be a str, got {text!r:.80}; it is {DOORS}")
    seed = whole_number(seed, "seed", low=0)
    text = text.strip()
    prefix, colon, rest = _split_door(text)
    with unchanged_randomness():
        if prefix in ZOOS:
            return _open_zoo(prefix, rest, seed=seed if weights else None)
        if _is_path(text):
            return _open_path(text, seed=seed, weights=weights)
        if colon:
            return _open_factory(prefix, rest, seed=seed if weights else None)
        return _open_spec(_parse(text), seed=seed, weights=weights)


def has_weights(text: str) -> bool:
    """Whether ``text`` names a saved network, whose weights no seed draws.

    Example:
        >>> has_weights("resnet(depth=50)")
        False
    """
    text = text.strip()
    return _is_path(text) and (Path(text) / WEIGHTS_FILE).is_file()


def match_networks(pattern: str) -> tuple[str, ...]:
    """The networks that ``pattern`` names, sorted, each as `open_network` takes it.

    Args:
        pattern: ``timm:`` or ``torchvision:`` and a name with ``*``, ``?`` or ``[...]`` in it;
            arguments behind it go to each. Without such a character, any name of a network, which
            is given back unchecked. A timm pattern with a dot is matched against names with tags.

    Raises:
        SpecError: Nothing matches, or these are networks that cannot be listed.
        MissingExtraError: timm or torchvision is not installed.

    Example:
        >>> match_networks("resnet(depth=50)")
        ('resnet(depth=50)',)
    """
    if not isinstance(pattern, str):
        raise SpecError(f"a pattern must be a str, got {pattern!r:.80}; such as 'timm:resnet*'")
    head, arguments = split_call(pattern)
    if not _WILDCARDS.search(head):
        return (pattern.strip(),)
    zoo, _, wanted = head.partition(":")
    if zoo not in ZOOS:
        raise SpecError(
            f"cannot list what matches {pattern!r}: only 'timm:...' and 'torchvision:...' take "
            "* ? and [...]; name other networks one by one"
        )
    known = zoo_names(zoo, tags="." in wanted)
    found = sorted(name for name in known if fnmatchcase(name, wanted))
    if not found:
        raise unknown_network(zoo, wanted, known)
    return tuple(f"{zoo}:{name}{arguments}" for name in found)


def _split_door(text: str) -> tuple[str, str, str]:
    """What stands before the first colon, the colon, and the rest; a colon in arguments is none."""
    head, arguments = split_call(text)
    prefix, colon, name = head.partition(":")
    return prefix.strip(), colon, name.strip() + arguments


def _is_path(text: str) -> bool:
    if not text:
        return False
    try:
        if Path(text).is_dir():  # a folder called "vgg" is no reason to lose the family
            files = (Path(text) / SPEC_FILE, Path(text) / SLIM_FILE)
            return text not in FAMILIES or any(file.is_file() for file in files)
        if Path(text).is_file():
            return text not in FAMILIES
    except (OSError, ValueError):  # too long for a path
        return False
    return "(" not in text and (os.sep in text or text.endswith(".json"))


def _open_zoo(zoo: str, rest: str, *, seed: int | None) -> OpenedNetwork:
    call = read_call(rest, where=f"{zoo}:{rest}")
    model, input_shape = open_zoo(zoo, call, seed=seed)
    return OpenedNetwork(name=f"{zoo}:{call}", model=model, input_shape=input_shape, spec=None)


def _open_factory(module: str, rest: str, *, seed: int | None) -> OpenedNetwork:
    head, _ = split_call(rest)
    if not _MODULE.fullmatch(module) or not _MODULE.fullmatch(head):
        close = did_you_mean(module, ZOOS)
        raise SpecError(f"{f'{module}:{rest}'!r} names no network.{close} A network is {DOORS}")
    call = read_call(rest, where=f"{module}:{rest}")
    model = open_factory(module, call, seed=seed)
    name = f"{module}:{call}"
    if isinstance(model, Net):
        return OpenedNetwork(
            name=name, model=model, input_shape=model.spec.input_shape, spec=model.spec
        )
    shape = _known_shape(getattr(model, "input_shape", None))
    return OpenedNetwork(name=name, model=model, input_shape=shape, spec=None)


def _known_shape(value: object) -> tuple[int, ...] | None:
    if not isinstance(value, list | tuple) or not value:
        return None
    return tuple(value) if all(type(size) is int and size > 0 for size in value) else None


def _open_path(text: str, *, seed: int, weights: bool) -> OpenedNetwork:
    path = Path(text)
    if not path.exists():
        raise SpecError(
            f"there is no file or folder {text!r} (looked in {Path.cwd()}); name the folder of a "
            "saved network, or a spec file such as --out writes"
        )
    if (path / SLIM_FILE).is_file():
        return _open_slim(path)
    if path.is_dir() and not (path / SPEC_FILE).is_file():
        raise SpecError(
            f"the folder {text!r} holds no saved network: {SPEC_FILE} is missing in it; name a "
            "folder that nnmass.save wrote, or a spec file"
        )
    if not (path / WEIGHTS_FILE).is_file():
        return _open_spec(read_spec(path), seed=seed, weights=weights)
    net = load(path)
    return OpenedNetwork(
        name=str(net.spec), model=net, input_shape=net.spec.input_shape, spec=net.spec
    )


def _open_slim(path: Path) -> OpenedNetwork:
    """A network that was slimmed since it was built; its spec's closed forms no longer hold."""
    from nnmass.slim import open_slim

    slim = open_slim(path)
    return OpenedNetwork(name=str(path), model=slim.model, input_shape=slim.input_shape, spec=None)


def _parse(text: str) -> Spec:
    head, _ = split_call(text)
    if not head or not _MODULE.fullmatch(head.replace("-", "_")):
        raise SpecError(f"{text!r} names no network. A network is {DOORS}")
    try:
        return parse(text)
    except SpecError as error:
        if head in FAMILIES:
            raise
        raise SpecError(f"{error}. A network of others has its door in front: {DOORS}") from None


def _open_spec(spec: Spec, *, seed: int, weights: bool) -> OpenedNetwork:
    net = build(spec, seed, device="cpu" if weights else "meta")
    return OpenedNetwork(name=str(spec), model=net, input_shape=spec.input_shape, spec=spec)
