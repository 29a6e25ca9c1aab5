"""The families by name, and reading specs from strings, JSON and files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from nnmass.errors import SpecError, did_you_mean
from nnmass.specs._dense_cnn import DenseCNN, DenseCNNDepthwise
from nnmass.specs._dense_mlp import DenseMLP
from nnmass.specs._densenet import DenseNet
from nnmass.specs._mobilenet_v2 import MobileNetV2
from nnmass.specs._resnet import ResNet
from nnmass.specs._resnext import ResNeXt
from nnmass.specs._spec import SCHEMA, Spec
from nnmass.specs._vgg import VGG
from nnmass.specs._wide_resnet import WideResNet

FAMILIES: Mapping[str, type[Spec]] = {
    cls.family: cls
    for cls in (
        DenseMLP,
        DenseCNN,
        DenseCNNDepthwise,
        DenseNet,
        ResNet,
        WideResNet,
        ResNeXt,
        MobileNetV2,
        VGG,
    )
}

SPEC_FILE = "spec.json"
"""Name of the spec file in the folder of a saved network."""

_PATTERN = re.compile(r"\s*([A-Za-z0-9_-]+)\s*(?:\((.*)\))?\s*", re.DOTALL)


def family_class(name: str) -> type[Spec]:
    """The spec class of the family called ``name``.

    Raises:
        SpecError: There is no such family; the message names the closest.

    Example:
        >>> family_class("resnet").__name__
        'ResNet'
    """
    try:
        return FAMILIES[name]
    except KeyError:
        raise SpecError(
            f"unknown family {name!r}.{did_you_mean(name, FAMILIES)} "
            f"{len(FAMILIES)} are known; list them with `nnmass nets ls`"
        ) from None


def parse(text: str) -> Spec:
    """The spec that ``text`` describes, as ``family(key=value,...)``.

    Lists have ``/`` between their entries. Fields that have a default may be left out.

    Args:
        text: A spec string; `str` of a spec is one.

    Raises:
        SpecError: The text is no spec string, the family or a key is unknown, or a value is not
            allowed. All faults of the fields stand in one message.

    Example:
        >>> spec = parse("dense-cnn(wm=2, d=13, t=40/80/125)")
        >>> parse(str(spec)) == spec
        True
    """
    family, texts = split_spec(text)
    return family_class(family).from_texts(texts)


def split_spec(text: str) -> tuple[str, dict[str, str]]:
    """The family and the text of each field, by key; the fields are not read yet.

    Raises:
        SpecError: The text is no spec string, the family is unknown, or a key stands there twice.

    Example:
        >>> split_spec("dense-cnn(wm=2, d=13)")
        ('dense-cnn', {'wm': '2', 'd': '13'})
    """
    if not isinstance(text, str):
        raise SpecError(f"a spec string must be a str, got {text!r}; a Spec needs no parsing")
    match = _PATTERN.fullmatch(text)
    if not match:
        raise SpecError(
            f"not a spec string: {text!r}; write family(key=value,...), for example "
            "'dense-cnn(wm=2,d=13,t=40/80/125)'"
        )
    name, inner = match.group(1), match.group(2) or ""
    family_class(name)
    return name, _read_pairs(name, inner)


def _read_pairs(family: str, inner: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in inner.split(",") if inner.strip() else ():
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or not value:
            raise SpecError(
                f"{family}: {part.strip()!r} is not key=value; separate fields with commas and the "
                "entries of a list with /"
            )
        if key in pairs:
            raise SpecError(f"{family}: {key} is given twice ({pairs[key]!r} and {value!r})")
        pairs[key] = value
    return pairs


def spec_from_dict(values: Mapping[str, object], *, where: str = "the spec") -> Spec:
    """The spec in a JSON document, as `Spec.to_dict` writes it.

    Args:
        values: The document: ``schema``, ``family``, and the fields by their names.
        where: What the document is called in messages.

    Raises:
        SpecError: The schema or family is missing or unknown, or a field is not allowed.

    Example:
        >>> from nnmass.specs import parse
        >>> spec = parse("resnet(depth=50)")
        >>> spec_from_dict(spec.to_dict()) == spec
        True
    """
    if not isinstance(values, Mapping):
        raise SpecError(f"{where} must be one JSON object, got {values!r:.80}")
    if values.get("schema") != SCHEMA:
        raise SpecError(
            f"{where}: schema must be {SCHEMA!r}, got {values.get('schema')!r}; is it a spec "
            "file written by nnmass?"
        )
    fields = {key: value for key, value in values.items() if key not in ("schema", "family")}
    try:
        return family_class(str(values.get("family"))).from_values(fields)
    except SpecError as error:
        raise SpecError(f"{where}: {error}") from None


def read_spec(path: str | Path) -> Spec:
    """The spec in a file, or in the folder of a saved network.

    Raises:
        SpecError: The file is missing, is not JSON, or is not a spec.
    """
    file = Path(path)
    file = file / SPEC_FILE if file.is_dir() else file
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"cannot read the spec file {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{file} is not JSON ({error}); a spec file is what --out writes") from None
    return spec_from_dict(values, where=str(file))
