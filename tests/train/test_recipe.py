from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass.errors import SpecError
from nnmass.train import RECIPES, Recipe, recipe_named


def lrs(recipe: Recipe, steps: int) -> list[float]:
    return [recipe.lr_at(step, steps_per_epoch=steps) for step in range(recipe.epochs * steps)]


def test_warm_up_then_cosine_by_hand():
    recipe = Recipe(epochs=3, lr=1.0, warmup_epochs=1)
    by_hand = [0.2, 0.4, 0.6, 0.8]  # up to lr at the first step after the warm-up
    by_hand += [1.0, 0.9619397663, 0.8535533906, 0.6913417162]  # (1 + cos(k pi / 8)) / 2
    by_hand += [0.5, 0.3086582838, 0.1464466094, 0.0380602337]
    assert lrs(recipe, 4) == pytest.approx(by_hand, abs=1e-10)


def test_part_of_an_epoch_of_warm_up():
    # 2.5 steps: 1/3, 2/3, 3/3, then the cosine of 0.5, 1.5, .. of the 5.5 steps that remain
    recipe = Recipe(epochs=2, lr=3.0, warmup_epochs=0.625)
    by_hand = [1.0, 2.0, 3.0, 2.9392390, 2.4822911, 1.7134723, 0.8768775, 0.2381197]
    assert lrs(recipe, 4) == pytest.approx(by_hand, abs=1e-6)


def test_constant():
    assert lrs(Recipe(epochs=2, lr=0.3, warmup_epochs=0, schedule="constant"), 3) == [0.3] * 6
    warmed = lrs(Recipe(epochs=2, lr=0.3, warmup_epochs=1, schedule="constant"), 3)
    assert warmed == pytest.approx([0.075, 0.15, 0.225, 0.3, 0.3, 0.3])


def test_warm_up_longer_than_the_training():
    values = lrs(Recipe(epochs=2, lr=1.0, warmup_epochs=4), 5)
    assert values == pytest.approx([(k + 1) / 21 for k in range(10)])


@given(
    st.integers(1, 12),
    st.integers(1, 40),
    st.floats(1e-6, 10),
    st.floats(0, 3),
    st.sampled_from(["cosine", "constant"]),
)
def test_up_then_down_and_never_above_lr(epochs, steps, lr, warmup, schedule):
    recipe = Recipe(epochs=epochs, lr=lr, warmup_epochs=warmup, schedule=schedule)
    values = lrs(recipe, steps)
    assert all(0 < value <= lr * (1 + 1e-12) for value in values)
    peak = values.index(max(values))
    assert values[: peak + 1] == sorted(values[: peak + 1])
    assert values[peak:] == sorted(values[peak:], reverse=True)
    if schedule == "cosine" and warmup <= epochs - 1:
        assert values[-1] <= lr / 2 or steps * epochs < 3


def test_the_end_is_near_zero():
    assert lrs(Recipe(epochs=10, lr=1.0), 50)[-1] < 1e-4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"epochs": 2.0}, "epochs must be a whole number of at least 1, got 2.0"),
        ({"epochs": True}, "epochs must be a whole number of at least 1, got True"),
        ({"batch_size": "64"}, "batch_size must be a whole number of at least 1, got '64'"),
        ({"optimiser": "adm"}, "optimiser must be sgd or adam, got 'adm'. Did you mean 'adam'?"),
        ({"optimiser": None}, "optimiser must be sgd or adam, got None."),
        (
            {"schedule": "cosin"},
            "schedule must be cosine or constant, got 'cosin'. Did you mean 'cosine'?",
        ),
        (
            {"precision": "bf16"},
            "precision must be float32 or bfloat16, got 'bf16'. Did you mean 'bfloat16'?",
        ),
        ({"lr": 0}, "lr must be a number above 0, got 0"),
        ({"lr": float("nan")}, "lr must be a number above 0, got nan"),
        ({"lr": float("inf")}, "lr must be a number above 0, got inf"),
        ({"momentum": 1}, "momentum must be a number at least 0 and below 1, got 1"),
        ({"weight_decay": -1e-9}, "weight_decay must be a number at least 0, got -1e-09"),
        ({"warmup_epochs": -1}, "warmup_epochs must be a number at least 0, got -1"),
        ({"patience": -1}, "patience must be a whole number of at least 0, got -1"),
        ({"patience": 0.5}, "patience must be a whole number of at least 0, got 0.5"),
        (
            {"label_smoothing": "0"},
            "label_smoothing must be a number at least 0 and below 1, got '0'",
        ),
        ({"validation_share": 0}, "validation_share must be a number above 0 and below 1, got 0"),
        (
            {"validation_share": True},
            "validation_share must be a number above 0 and below 1, got True",
        ),
    ],
)
def test_faults(fields, message):
    with pytest.raises(SpecError) as caught:
        Recipe(**fields)
    assert str(caught.value) == f"recipe: {message}"


def test_all_faults_at_once():
    with pytest.raises(SpecError) as caught:
        Recipe(epochs=-1, batch_size=0, optimiser="x", lr=-1, momentum=2, precision="y")
    message = str(caught.value)
    for name in ("epochs", "batch_size", "optimiser", "lr", "momentum", "precision"):
        assert message.count(f"{name} must be") == 1
    assert "schedule" not in message


@pytest.mark.parametrize(
    ("patience", "done", "best", "over"),
    [
        (0, 9, 1, False), (0, 10, 1, True), (2, 0, None, False), (2, 3, 2, False),
        (2, 4, 2, True), (2, 9, 9, False), (2, 10, 10, True), (1, 2, 1, True),
    ],
)  # fmt: skip
def test_when_it_is_over(patience, done, best, over):
    recipe = Recipe(epochs=10, patience=patience)
    assert recipe.is_over(epochs_done=done, best_epoch=best) is over


def test_replaced_from_text():
    recipe = Recipe().replaced({"epochs": "3", "lr": "1e-2", "optimiser": "adam"})
    assert recipe == Recipe(epochs=3, lr=0.01, optimiser="adam")
    assert type(recipe.epochs) is int
    assert Recipe().replaced({}) == Recipe()


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_number_may_be_given_as_text(name):
    texts = {"lr": "1", "momentum": "0.5", "weight_decay": "0", "warmup_epochs": "0.5"}
    changed = RECIPES[name].replaced(texts)
    assert (changed.lr, changed.momentum, changed.warmup_epochs) == (1.0, 0.5, 0.5)


@given(
    st.builds(
        Recipe,
        epochs=st.integers(1, 99),
        lr=st.floats(1e-9, 1e9),
        warmup_epochs=st.floats(0, 9) | st.integers(0, 9),
        validation_share=st.floats(0.01, 0.99),
    )
)
def test_texts_and_json_round_trip(recipe):
    fields = recipe.to_dict()
    assert RECIPES["adam"].replaced({key: str(value) for key, value in fields.items()}) == recipe
    assert Recipe(**json.loads(json.dumps(fields))) == recipe
    assert set(fields) == {field.name for field in dataclasses.fields(Recipe)}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"epochs": "2.5"}, "recipe: epochs must be a whole number, got '2.5'"),
        ({"lr": "fast"}, "recipe: lr must be a number, got 'fast'"),
        ({"lr": ""}, "recipe: lr must be a number, got ''"),
        ({"lr": "nan"}, "recipe: lr must be a number above 0, got nan"),
        ({"epochs": "0"}, "recipe: epochs must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_texts(texts, message):
    with pytest.raises(SpecError) as caught:
        Recipe().replaced(texts)
    assert str(caught.value) == message


def test_all_bad_texts_at_once():
    with pytest.raises(SpecError) as caught:
        Recipe().replaced({"momentun": "3", "batch_size": "x", "lr": "y"})
    message = str(caught.value)
    assert message.startswith(
        "recipe: unknown key 'momentun'. Did you mean 'momentum'? Known: epochs, "
    )
    assert message.endswith(
        "batch_size must be a whole number, got 'x'; lr must be a number, got 'y'"
    )


def test_named():
    assert recipe_named("adam") is RECIPES["adam"]
    with pytest.raises(SpecError) as caught:
        recipe_named("adm")
    assert str(caught.value) == (
        "unknown recipe 'adm'. Did you mean 'adam'? Known: sgd, quick, adam, cifar, imagenet; "
        "single fields are changed with --set key=value"
    )
