"""The networks of timm and torchvision, built without weights."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from torch import nn

from nnmass._randomness import drawing_from
from nnmass.errors import SpecError, did_you_mean
from nnmass.nets._call_text import CallText
from nnmass.nets._torchvision import import_timm, import_torchvision
from nnmass.nets._weightless import without_weights

ZOOS = ("timm", "torchvision")

# What would fetch or read weights; a network is opened without any.
_WEIGHTS = ("pretrained", "checkpoint_path", "weights", "weights_backbone")

# Both warn that their start will change, unless told which one is meant; it is today's.
_STARTS = {"googlenet": {"init_weights": True}, "inception_v3": {"init_weights": True}}


def zoo_names(zoo: str, *, tags: bool = False) -> tuple[str, ...]:
    """The classification networks of ``zoo``, without its name in front.

    Args:
        zoo: One of `ZOOS`.
        tags: timm's names with their training recipes (``resnet50.a1_in1k``) instead.

    Raises:
        MissingExtraError: The extra ``zoo`` is not installed.
    """
    if zoo == "timm":
        return tuple(import_timm().list_models(include_tags=tags))
    models = import_torchvision().models
    return tuple(models.list_models(module=models))


def open_zoo(
    zoo: str, call: CallText, *, seed: int | None = None
) -> tuple[nn.Module, tuple[int, ...]]:
    """A network of ``zoo``, and the shape of one input.

    Args:
        zoo: One of `ZOOS`.
        call: The network's name there, and keyword arguments for its builder.
        seed: What first weights are drawn from, on the CPU; ``None`` for the meta device. Weights
            are there too where it cannot be built without memory for them.

    Raises:
        SpecError: No such network, or the arguments do not fit it.
        MissingExtraError: The extra ``zoo`` is not installed.
    """
    _check_name(zoo, call.head)
    arguments = _checked_arguments(zoo, call)
    make, shape_of = (_timm, _timm_shape) if zoo == "timm" else (_torchvision, _torchvision_shape)
    make_it = partial(make, call.head, arguments)
    with drawing_from(seed):
        try:
            model = without_weights(make_it) if seed is None else make_it()
        except Exception as error:
            given = f" with {_shown(arguments)}" if arguments else ""
            raise SpecError(
                f"{zoo} cannot build {call.head!r}{given}: {type(error).__name__}: {error}; "
                f"check the arguments that {_builder(zoo, call.head)} takes"
            ) from error
    return model, shape_of(call.head, model, arguments)


def unknown_network(zoo: str, name: str, known: Collection[str]) -> SpecError:
    """The error for ``zoo:name``, with the closest names and how to list them all."""
    return SpecError(
        f"{zoo} has no classification network {name!r}.{did_you_mean(name, known)} "
        f"{len(known)} are known; list them with `nnmass nets ls '{zoo}:*'`"
    )


def _check_name(zoo: str, name: str) -> None:
    if not name:
        raise SpecError(
            f"'{zoo}:' needs the name of a network, such as '{zoo}:resnet50'; list them with "
            f"`nnmass nets ls '{zoo}:*'`"
        )
    known = zoo_names(zoo)
    if name in known or (zoo == "timm" and _is_tagged_or_renamed(name)):
        return
    architecture, dot, _ = name.partition(".")
    if zoo == "timm" and dot and architecture in known:
        tagged = [tag for tag in zoo_names(zoo, tags=True) if tag.startswith(architecture + ".")]
        raise SpecError(
            f"timm's {architecture!r} has no tag {name!r}.{did_you_mean(name, tagged)} A tag "
            f"names one of its trainings; 'timm:{architecture}' does without"
        )
    raise unknown_network(zoo, name, known)


def _is_tagged_or_renamed(name: str) -> bool:
    if "." in name:
        return name in zoo_names("timm", tags=True)
    return bool(import_timm().is_model(name))  # timm knows old names, and says what they are now


def _checked_arguments(zoo: str, call: CallText) -> dict[str, object]:
    if call.args:
        raise SpecError(
            f"{zoo}:{call}: arguments need their names, got {call.args[0]!r} without one; write "
            f"{zoo}:{call.head}(num_classes=10), for example"
        )
    for key in _WEIGHTS:
        if call.kwargs.get(key):
            raise SpecError(
                f"{zoo}:{call}: {key} asks for weights, and networks are opened without them; "
                "leave it out"
            )
    return {key: value for key, value in call.kwargs.items() if key not in _WEIGHTS}


def _timm(name: str, arguments: dict[str, object]) -> nn.Module:
    model: nn.Module = import_timm().create_model(name, pretrained=False, **arguments)
    return model


def _torchvision(name: str, arguments: dict[str, object]) -> nn.Module:
    models = import_torchvision().models
    arguments = {**_STARTS.get(name, {}), **arguments}
    model: nn.Module = models.get_model(name, weights=None, **arguments)
    return model


def _timm_shape(_name: str, model: nn.Module, arguments: dict[str, object]) -> tuple[int, ...]:
    config = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None) or {}
    channels, *size = config.get("input_size") or (3, 224, 224)
    wanted = arguments.get("in_chans")
    channels = wanted if isinstance(wanted, int) else channels
    return channels, *_image_size(arguments.get("img_size"), (size[0], size[1]))


def _torchvision_shape(
    name: str, model: nn.Module, _arguments: dict[str, object]
) -> tuple[int, ...]:
    """What the network says itself, or else the crop that its published weights were made for."""
    size = getattr(model, "image_size", None) or _crop_size(name)
    return 3, *_image_size(size, (224, 224))


def _crop_size(name: str) -> object:
    weights = getattr(import_torchvision().models.get_model_weights(name), "DEFAULT", None)
    return getattr(weights.transforms(), "crop_size", None) if weights is not None else None


def _image_size(value: object, default: tuple[int, int]) -> tuple[int, int]:
    """Height and width from a number, a pair, or a list of one number."""
    if isinstance(value, int):
        return value, value
    if isinstance(value, list | tuple) and value:
        return int(value[0]), int(value[-1])
    return default


def _shown(arguments: dict[str, object]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in arguments.items())


def _builder(zoo: str, name: str) -> str:
    return f"timm.create_model({name!r})" if zoo == "timm" else f"torchvision.models.{name}"
