"""The predictor that comes with the package: ImageNet, fitted to torchvision's networks."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from nnmass.studies._network_predictor import NetworkPredictor


@cache
def imagenet_predictor() -> NetworkPredictor:
    """Top-1 accuracy on ImageNet-1k of convolutional networks, from their traced topologies.

    Fitted to torchvision's published weights without transformers and without other training data,
    and to MobileNetV1 at several widths and image sizes; ``bench/predict.py`` makes it and prints
    how well it predicts families that it has not seen.

    Returns:
        The fitted predictor. Without a recipe told it predicts for the recipes that networks like
        the one asked about were trained with.

    Source:
        Accuracies: ``torchvision/models/*.py`` (BSD-3-Clause) and MobileNetV1's page in
        ``tensorflow/models`` (Apache-2.0). Features: ours.
    """
    text = files("nnmass.studies").joinpath("imagenet.json").read_text(encoding="utf-8")
    return NetworkPredictor.from_dict(json.loads(text))
