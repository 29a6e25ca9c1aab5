"""The predictor that comes with the package: ImageNet, fitted to torchvision's networks."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from nnmass.studies._network_predictor import NetworkPredictor


@cache
def imagenet_predictor() -> NetworkPredictor:
    """Top-1 accuracy on ImageNet-1k of convolutional networks, from their traced topologies.

    Fitted to torchvision's published weights without transformers and without other training data;
    ``bench/predict.py`` makes it and prints how well it predicts families that it has not seen.

    Returns:
        The fitted predictor. Without a recipe told it predicts for one between torchvision's plain
        (V1) and strong (V2) ones.

    Source:
        Accuracies: ``torchvision/models/*.py`` (BSD-3-Clause). Features: ours.
    """
    text = files("nnmass.studies").joinpath("imagenet.json").read_text(encoding="utf-8")
    return NetworkPredictor.from_dict(json.loads(text))
