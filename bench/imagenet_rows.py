"""Networks with a published top-1 on ImageNet, traced: rows for the predictor's benches.

From torchvision_imagenet.csv: convolutional networks, opened without weights and traced at their
test size. Left out: transformers, and SWAG weights (other training data). From
mobilenetv1_width_resolution_imagenet.csv: MobileNetV1, built here, 4 widths at 4 image sizes.
"""

from __future__ import annotations

import csv
from pathlib import Path

from torch import nn

from nnmass.nets import open_network
from nnmass.studies import network_features
from nnmass.tracing import trace

COARSE = {
    **{name: name for name in ("alexnet", "vgg", "squeezenet", "googlenet", "inception")},
    **{"densenet": "densenet", "resnet": "resnet", "resnext": "resnet", "wide_resnet": "resnet"},
    **{"regnet": "regnet", "shufflenet": "shufflenet", "mobilenet_v2": "mobilenet_v2"},
    **{"mobilenet_v3": "mobilenet_v3", "mnasnet": "mnasnet", "efficientnet_v2": "efficientnet_v2"},
    **{"efficientnet": "efficientnet", "convnext": "convnext", "mobilenet_v1": "mobilenet_v1"},
}
"""Beginnings of names to families that share no design."""
FINE = ("resnext", "wide_resnet", "regnet_x", "regnet_y")
"""Beginnings that torchvision names as families of their own."""
STRONG_V1 = ("convnext", "efficientnet", "resnext101_64x4d")
"""V1 weights that were trained by a strong recipe."""
STAGES = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2))


def coarse_family(model: str) -> str:
    """The longest beginning that is known; empty for a transformer."""
    found = (COARSE[key] for key in sorted(COARSE, key=len)[::-1] if model.startswith(key))
    return next(found, "")


def fine_family(model: str) -> str:
    """As torchvision names it, VGG with batch norm apart."""
    if model.startswith("vgg") and model.endswith("_bn"):
        return "vgg_bn"
    return next((name for name in FINE if model.startswith(name)), coarse_family(model))


def rows_of(tables: Path) -> list[dict]:
    """All rows: model, source, top1, recipe, features, coarse and fine family."""
    rows = [*_torchvision(tables), *_mobilenet_v1(tables)]
    for row in rows:
        row["coarse"], row["fine"] = coarse_family(row["model"]), fine_family(row["model"])
    return rows


def _torchvision(tables: Path) -> list[dict]:
    made, traced = [], {}
    for row in _read(tables / "torchvision_imagenet.csv"):
        name, side = row["model"], int(row["crop_size"])
        if not coarse_family(name) or "SWAG" in row["weights"]:
            continue
        if (name, side) not in traced:
            model = open_network(f"torchvision:{name}").model
            traced[name, side] = network_features(trace(model, (3, side, side)))
        is_strong = row["weights"].endswith("_V2") or name.startswith(STRONG_V1)
        recipe, top1 = "strong" if is_strong else "plain", float(row["top1"])
        features = traced[name, side]
        made.append(
            {"model": name, "side": side, "top1": top1, "recipe": recipe, "features": features}
            | {"source": "torchvision"}
        )
    return made


def _mobilenet_v1(tables: Path) -> list[dict]:
    made = []
    for row in _read(tables / "mobilenetv1_width_resolution_imagenet.csv"):
        if row["quantised"] != "False":
            continue
        side = int(row["img_size"])
        features = network_features(trace(mobilenet_v1(float(row["width_mult"])), (3, side, side)))
        made.append(
            {"model": "mobilenet_v1", "side": side, "top1": float(row["top1"]), "recipe": "plain"}
            | {"features": features, "source": "tensorflow/models"}
        )
    return made


def mobilenet_v1(width: float) -> nn.Sequential:
    """MobileNetV1 with the 1,001 classes of tensorflow/models; Howard and others, 2017, table 1."""

    def scaled(channels: int) -> int:
        return max(8, int(channels * width))

    def unit(inputs, outputs, kernel, stride=1, groups=1):
        where = {"padding": kernel // 2, "groups": groups, "bias": False}
        conv = nn.Conv2d(inputs, outputs, kernel, stride, **where)
        return [conv, nn.BatchNorm2d(outputs), nn.ReLU6()]

    last = scaled(32)
    layers = unit(3, last, 3, 2)
    for channels, stride in (*STAGES, (1024, 1)):
        layers += unit(last, last, 3, stride, groups=last) + unit(last, scaled(channels), 1)
        last = scaled(channels)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, 1001))


def _read(path: Path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
