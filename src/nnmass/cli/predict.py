"""`nnmass predict`: the accuracy of networks before any training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nnmass.cli._completion import complete_network
from nnmass.cli._errors import INTERRUPTED, say
from nnmass.cli._inspection import (
    Inspection,
    inspected,
    networks_of,
    outcome_code,
    read_shapes,
)
from nnmass.cli._network import NETWORKS_HELP
from nnmass.cli._output import JsonOption, QuietOption, emit_json, emit_line, emit_table
from nnmass.errors import NNMassError, SpecError

if TYPE_CHECKING:
    from nnmass.design import Prediction
    from nnmass.specs import Spec
    from nnmass.studies import AccuracyModel

_PARAGRAPHS = (
    "Without --fit: top-1 on ImageNet-1k, from torchvision's convolutional networks. Params and "
    "MACs stand beside every prediction; a network outside what was fitted is told so.",
    "Exit code: 0 done; 2 where no network could be predicted; 3 where only some could.",
    "Examples:",
    "  nnmass predict timm:resnet50 torchvision:densenet121",
    '  nnmass predict "dense-mlp(w=8,d=16,t=10)" --fit mnist-fit.json --json',
)
EPILOG = "\n\n".join(_PARAGRAPHS)

Told = tuple["Prediction", tuple[str, ...]]


def predict_verb(
    networks: Annotated[
        list[str],
        typer.Argument(help=NETWORKS_HELP, show_default=False, autocompletion=complete_network),
    ],
    fit: Annotated[
        Path | None,
        typer.Option(help="A model that `nnmass study fit --out` wrote.", show_default=False),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="Sizes of one input, such as 3x224x224.", show_default=False),
    ] = None,
    recipe: Annotated[
        Literal["plain", "strong"] | None,
        typer.Option(
            metavar="RECIPE",
            help="Of the training on ImageNet, plain or strong (torchvision's V1 or V2); that of "
            "networks like it unless told.",
        ),
    ] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Predicted accuracies with intervals, params and MACs beside them; nothing is trained."""
    from nnmass.studies import load_fit

    model = None if fit is None else load_fit(fit)
    if model is not None and recipe is not None:
        raise SpecError("--recipe is of the ImageNet predictor, and --fit names another: leave one")
    shape, asked = read_shapes(inputs or ()), networks_of(networks)
    done, is_interrupted = inspected(
        asked, shape, output=None, keep=lambda _done: None, quiet=quiet
    )
    found = [(entry, _told(entry, model, recipe or "")) for entry in done]
    told = [(entry, one) for entry, one in found if not isinstance(one, NNMassError)]
    failed = [
        Inspection(name=entry.name, seconds=entry.seconds, error=one)
        for entry, one in found
        if isinstance(one, NNMassError)
    ]
    predictions, outcome = [_plain(*pair) for pair in told], _outcome(model)
    if json:
        document = {"predictions": predictions, "outcome": outcome}
        emit_json("predict", {**document, "failures": [one.to_dict() for one in failed]})
    elif predictions:
        from nnmass.report import extrapolation_lines, predictions_table

        emit_table(predictions_table(predictions, outcome))
        for line in extrapolation_lines(predictions):
            emit_line(line)
    for one in failed:
        say(f"nnmass predict: {one.name}: {one.error}")
    if is_interrupted:
        raise typer.Exit(INTERRUPTED)
    succeeded = [entry for entry, _ in told]
    if code := outcome_code([*succeeded, *failed]):
        raise typer.Exit(code)


def _outcome(model: AccuracyModel | None) -> str:
    if model is None:
        return "top-1 on ImageNet-1k"
    assert model.state is not None
    return model.state.outcome + (f" on {model.state.dataset}" if model.state.dataset else "")


def _told(entry: Inspection, model: AccuracyModel | None, recipe: str) -> Told | NNMassError:
    """A prediction and why it extrapolates, or why there is none."""
    from nnmass.studies import imagenet_predictor

    topology = entry.topology
    if topology is None:
        return entry.error or SpecError("it was not traced")
    try:
        if model is None:
            predictor = imagenet_predictor()
            predicted = predictor.predict(topology, recipe=recipe)
            return predicted, predictor.why_extrapolates(topology)
        network = _spec(entry.name) or topology
        return model.predict(network), model.why_extrapolates(network)
    except NNMassError as error:
        return error


def _spec(name: str) -> Spec | None:
    """The spec whose canonical string a network carries as its name."""
    from nnmass.specs import parse

    try:
        return parse(name)
    except SpecError:
        return None


def _plain(entry: Inspection, told: Told) -> dict[str, Any]:
    topology = entry.topology
    assert topology is not None
    return {
        "name": entry.name,
        **told[0].to_dict(),
        "why_extrapolates": list(told[1]),
        "mass": topology.mass,
        "params": topology.params,
        "macs": topology.macs,
    }
