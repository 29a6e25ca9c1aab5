"""Networks side by side against the same networks one after the other."""

from __future__ import annotations

import dataclasses
from itertools import product

import pytest
import torch
import torch.nn.functional as F

import nnmass
from nnmass.data import take, validation_split
from nnmass.errors import DeviceError, SpecError, TrainingError
from nnmass.nets import DenseMLPNet, build, generator_for
from nnmass.specs import DenseMLP
from nnmass.train import Recipe, TrainResult, _pack_run, check_fit, train, train_many
from nnmass.train._many import _train
from nnmass.train._pack_state import PackState
from nnmass.train._rows import Rows

CAPS, SEEDS = (0, 3, 40), (4, 1)


def spec_of(t, **fields):
    keys = {"w": 8, "d": 5, "t": t, "in": 64, **fields}
    return f"dense-mlp({','.join(f'{key}={value}' for key, value in keys.items())})"


def pairs_of(**fields):
    return [(spec_of(t, **fields), seed) for t, seed in product(CAPS, SEEDS)]


def side_by_side(pairs, data, recipe, **arguments):
    specs, seeds = zip(*pairs, strict=True)
    return train_many(specs, data, seeds=seeds, recipe=recipe, **arguments)


def in_float64(pairs, data, recipe):
    parsed = [(nnmass.parse(spec), seed) for spec, seed in pairs]
    where = torch.device("cpu")
    return _train(parsed, data, recipe=recipe, device=where, dtype=torch.float64)


def plain_float64(spec, seed, data, recipe):
    """The definition, with autograd and PyTorch's optimisers: weights after the last epoch."""
    net = build(spec, seed).double()
    n_val = max(1, round(recipe.validation_share * len(data.train_labels)))
    kept, _ = validation_split(data.train_labels, n_val=n_val, seed=seed)
    shift, scale = torch.tensor(0.3053) * 16, 1 / (torch.tensor(0.3764) * 16)
    images = (torch.tensor(data.train_images[kept]).double() - shift) * scale
    labels = torch.tensor(data.train_labels[kept])
    groups = [
        {"params": [p for p in net.parameters() if p.ndim > 1]},
        {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimiser == "adam":
        optimiser = torch.optim.Adam(groups, lr=recipe.lr, weight_decay=recipe.weight_decay)
    else:
        optimiser = torch.optim.SGD(
            groups,
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
        )
    losses = []
    for epoch in range(1, recipe.epochs + 1):
        order = torch.randperm(len(labels), generator=generator_for(seed, f"order:{epoch}"))
        total = 0.0
        for part in order.split(recipe.batch_size):
            optimiser.zero_grad()
            smoothing = recipe.label_smoothing
            loss = F.cross_entropy(net(images[part]), labels[part], label_smoothing=smoothing)
            loss.backward()
            optimiser.step()
            total += loss.item() * len(part)
        losses.append(total / len(labels))
    return net, losses


# --- equal to one by one


@pytest.mark.parametrize("wiring", ["uniform", "legacy"])
@pytest.mark.parametrize("act", ["elu", "relu", "tanh"])
def test_one_step_against_autograd_in_float64(act, wiring):
    """A step of plain SGD with a rate of 1 leaves the weights less the gradient."""
    specs = [spec_of(t, act=act, wiring=wiring) for t in CAPS for _ in SEEDS]
    nets = [build(spec, seed) for seed in SEEDS for spec in specs]
    recipe = Recipe(lr=1.0, momentum=0.0, weight_decay=0.0, label_smoothing=0.2)
    state = PackState.of(nets, recipe, like=torch.empty(0, dtype=torch.float64))
    generator = torch.Generator().manual_seed(0)
    rows = Rows(
        raw=torch.randn(30, 64, generator=generator),
        labels=torch.randint(0, 10, (30,), generator=generator),
        shift=torch.tensor(0.1),
        stretch=torch.tensor(1.5),
        dtype=torch.float64,
    )
    part = torch.randint(0, 30, (2, 20), generator=generator)
    losses, correct = state.step(rows, part, lr=1.0)
    for row, net in enumerate(nets):
        plain = build(net.spec, net.seed).double()
        index = part[SEEDS.index(net.seed)]
        logits = plain((rows.raw[index].double() - 0.1) * 1.5)
        loss = F.cross_entropy(logits, rows.labels[index], label_smoothing=0.2)
        loss.backward()
        assert losses[row].item() == pytest.approx(loss.item(), abs=1e-7)
        assert correct[row].item() == (logits.argmax(1) == rows.labels[index]).sum().item()
        state.layout.hand_back(state.flat, row, net.double())
        for p, q in zip(plain.parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(q.detach(), p.detach() - p.grad, atol=1e-7, rtol=0)


RECIPES = {
    "adam": {"optimiser": "adam", "lr": 3e-3, "weight_decay": 0.0, "schedule": "constant"},
    "adam-decay": {"optimiser": "adam", "lr": 3e-3, "weight_decay": 0.01, "label_smoothing": 0.1},
    "sgd": {"lr": 0.05},
    "plain-sgd": {"momentum": 0.0, "weight_decay": 0.0, "schedule": "constant"},
}


@pytest.mark.parametrize("name", ["adam", "adam-decay", "sgd", "plain-sgd"])
def test_many_steps_in_float64(t, small, name):
    fields = {"warmup_epochs": 0, "schedule": "constant", **RECIPES[name]}
    recipe = t.recipe_of(epochs=3, batch_size=25, **fields)  # 135 images: five of 25 and 10
    pairs = pairs_of()
    # the last epoch is given back where it is the best one; all losses are compared anyway
    for (spec, seed), result in zip(pairs, in_float64(pairs, small, recipe), strict=True):
        net, losses = plain_float64(spec, seed, small, recipe)
        found = [point["train_loss"] for point in result.curve]
        assert found == pytest.approx(losses, rel=0, abs=1e-9)
        if result.record.best_epoch == recipe.epochs:
            for p, q in zip(net.parameters(), result.net.parameters(), strict=True):
                torch.testing.assert_close(q.detach().double(), p.detach(), atol=1e-7, rtol=0)


def assert_close(many, one, *, abs=1e-5):
    assert isinstance(many, TrainResult)
    for a, b in zip(many.curve, one.curve, strict=True):
        assert a.keys() == b.keys()
        assert list(a.values()) == pytest.approx(list(b.values()), abs=abs)
    skipped = ("train_seconds", "environment", "validation_accuracy")
    a, b = ({k: v for k, v in r.record.to_dict().items() if k not in skipped} for r in (many, one))
    assert a == b
    assert many.record.validation_accuracy == pytest.approx(one.record.validation_accuracy)
    states = many.net.state_dict(), one.net.state_dict()
    assert states[0].keys() == states[1].keys()
    for key in states[0]:
        torch.testing.assert_close(states[0][key], states[1][key], atol=abs, rtol=0)
    assert not many.net.training
    assert (many.net.seed, many.net.spec) == (one.net.seed, one.net.spec)


@pytest.mark.parametrize("name", ["adam-decay", "sgd"])
@pytest.mark.parametrize("wiring", ["uniform", "legacy"])
def test_results_are_those_of_train(t, small, name, wiring):
    recipe = t.recipe_of(epochs=3, batch_size=40, **RECIPES[name])
    pairs = pairs_of(wiring=wiring)
    for (spec, seed), many in zip(pairs, side_by_side(pairs, small, recipe), strict=True):
        assert_close(many, train(spec, small, recipe=recipe, seed=seed))


@pytest.mark.parametrize("act", ["relu", "tanh"])
def test_results_with_other_activations(t, small, act):
    recipe = t.recipe_of(epochs=2, **RECIPES["adam"])
    pairs = pairs_of(act=act)[:3]
    for (spec, seed), many in zip(pairs, side_by_side(pairs, small, recipe), strict=True):
        assert_close(many, train(spec, small, recipe=recipe, seed=seed))


def test_one_network_and_a_batch_of_all(t, small):
    recipe = t.recipe_of(epochs=2, batch_size=1000)
    (many,) = side_by_side([(spec_of(2, d=3), 7)], small, recipe)
    assert_close(many, train(spec_of(2, d=3), small, recipe=recipe, seed=7))


def test_a_last_batch_of_one_image_is_left_out(t, small):
    recipe = t.recipe_of(epochs=2, batch_size=67)  # 135 = 67 + 67 + 1
    pairs = pairs_of()[:2]
    for (spec, seed), many in zip(pairs, side_by_side(pairs, small, recipe), strict=True):
        assert_close(many, train(spec, small, recipe=recipe, seed=seed))


def test_the_company_changes_nothing_but_rounding(t, small):
    recipe = t.recipe_of(epochs=2, **RECIPES["adam"])
    pairs = pairs_of()
    together = side_by_side(pairs, small, recipe)
    for pair, many in zip(pairs[::-1], together[::-1], strict=True):
        (alone,) = side_by_side([pair], small, recipe)
        assert_close(many, alone)


def test_the_same_twice(t, small):
    first, second = (side_by_side(pairs_of(), small, t.recipe_of(epochs=2)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        t.assert_same(a, b)


def test_nothing_global_is_changed(t, small):
    before = torch.get_rng_state(), torch.is_grad_enabled(), torch.get_num_threads()
    side_by_side(pairs_of()[:2], small, t.recipe_of(epochs=1))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (torch.is_grad_enabled(), torch.get_num_threads()) == before[1:]


# --- ends of their own


def test_early_ends_are_those_of_train(t, small):
    recipe = t.recipe_of(
        epochs=9, patience=1, batch_size=40, optimiser="adam", lr=0.03, weight_decay=0.0
    )
    pairs = [(spec_of(cap), seed) for cap in (0, 40) for seed in (0, 1, 2)]
    results = side_by_side(pairs, small, recipe)
    ends = set()
    for (spec, seed), many in zip(pairs, results, strict=True):
        one = train(spec, small, recipe=recipe, seed=seed)
        n_epochs = len(one.curve)
        ends.add(n_epochs)
        assert n_epochs == 9 or n_epochs == one.record.best_epoch + 1
        # the larger rate lets rounding grow
        assert_close(many, one, abs=1e-3)
    assert len(ends) > 2


def test_a_network_that_diverges_leaves_the_others_alone(t, small, monkeypatch):
    recipe = t.recipe_of(epochs=3)
    pairs = pairs_of()
    clean = side_by_side(pairs, small, recipe)
    real = _pack_run.PackState.of

    def poisoned(nets, recipe, *, like):
        for net in nets:
            if (net.spec.link_cap, net.seed) == (3, 1) and len(nets) == len(pairs):
                net.layers[2].weight.data[0, 0] = float("nan")
        return real(nets, recipe, like=like)

    monkeypatch.setattr(_pack_run.PackState, "of", poisoned)
    results = side_by_side(pairs, small, recipe)
    for pair, result, before in zip(pairs, results, clean, strict=True):
        if pair == (spec_of(3), 1):
            assert isinstance(result, TrainingError)
            assert str(result).startswith(f"the loss of {spec_of(3)} became nan in epoch 1 (lr ")
        else:
            assert_close(result, before)


def test_all_diverge_with_the_errors_of_train(t, small):
    recipe = t.recipe_of(epochs=2, batch_size=200, lr=1e20, warmup_epochs=0)
    pairs = pairs_of()[:2]
    for (spec, seed), result in zip(pairs, side_by_side(pairs, small, recipe), strict=True):
        with pytest.raises(TrainingError) as caught:
            train(spec, small, recipe=recipe, seed=seed)
        assert isinstance(result, TrainingError)
        assert str(result).split(" became")[0] == str(caught.value).split(" became")[0]


def test_what_is_told(t, small):
    told = []
    side_by_side(pairs_of(), small, t.recipe_of(epochs=3), on_epoch=told.append)
    assert [(s.epoch, s.epochs, s.n_trained, s.n_networks) for s in told] == [
        (epoch, 3, 6, 6) for epoch in (1, 2, 3)
    ]
    assert [s.share_done for s in told] == pytest.approx([1 / 3, 2 / 3, 1])


def test_a_time_of_its_own_for_each_network(t, small):
    results = side_by_side(pairs_of(), small, t.recipe_of(epochs=2))
    assert all(result.record.train_seconds > 0 for result in results)


# --- features in place of images


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_of_features_and_of_images(digits, dtype):
    features = torch.arange(12, dtype=torch.float32).view(4, 3).numpy()
    info = dataclasses.replace(digits.info, mean=(1.0, 2.0, 3.0), std=(2.0, 4.0, 8.0), scale=1)
    labels = digits.train_labels[:4]
    rows = Rows.of(info, features, labels, dtype, torch.device("cpu"))
    out = torch.ones(2, 4, dtype=dtype)
    rows.fill(out, torch.tensor([3, 0]))
    assert out.tolist() == [[4, 2, 1, 1], [-0.5, -0.25, -0.125, 1]]
    two = dataclasses.replace(digits.info, mean=(0.5, 0.25), std=(0.5, 0.25), scale=16)
    images = digits.train_images[:4].repeat(2, axis=1)  # (4, 2, 8, 8)
    rows = Rows.of(two, images, labels, dtype, torch.device("cpu"))
    out = torch.ones(4, 129, dtype=dtype)
    rows.fill(out, torch.arange(4))
    pixels = torch.tensor(images).to(dtype)
    by_hand = torch.stack([(pixels[:, 0] - 8) / 8, (pixels[:, 1] - 4) / 4], 1).flatten(1)
    assert torch.equal(out[:, :128], by_hand)
    assert (out[:, 128] == 1).all()


# --- bad arguments


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"specs": []}, SpecError, "at least one of both, got 0 specs and 1 seeds"),
        ({"seeds": [0, 1]}, SpecError, "one seed for each spec"),
        ({"specs": spec_of(1)}, SpecError, "specs must be a list, one entry for each network"),
        ({"seeds": 3}, SpecError, "seeds must be a list, one entry for each network, got 3"),
        ({"seeds": [-1]}, SpecError, "seed must be at least 0, got -1"),
        ({"seeds": [0.5]}, SpecError, "seed must be a whole number of at least 0, got 0.5"),
        ({"specs": ["resnet(depth=18)"]}, SpecError, "takes dense-mlp specs, got 'resnet(depth=18"),
        ({"specs": [None]}, SpecError, "takes dense-mlp specs, got 'None' at place 0"),
        ({"specs": ["dense-mlp(w=8)"]}, SpecError, "d is missing"),
        ({"specs": ["dense-mlp(w=8,d=4,t=1)"]}, SpecError, "add in=64 to the spec"),
        ({"specs": [spec_of(1, classes=3)]}, SpecError, "add classes=10 to"),
        (
            {"specs": [spec_of(1), spec_of(2, w=4, act="relu")], "seeds": [0, 0]},
            SpecError,
            "cannot be trained side by side: w is 8 and 4, act is elu and relu. Only the link cap",
        ),
        ({"recipe": Recipe(precision="bfloat16")}, SpecError, "got precision 'bfloat16'"),
        ({"recipe": Recipe(augment="flip")}, SpecError, "and augment 'flip': set precision"),
        ({"recipe": Recipe(validation_share=0.999)}, SpecError, "validation_share 0.999 keeps 150"),
        ({"device": "gpu"}, DeviceError, "device must be auto, cpu, cuda or cuda:N, got 'gpu'"),
    ],
)
def test_bad_arguments(small, arguments, error, message):
    with pytest.raises(error) as caught:
        train_many(**{"specs": [spec_of(1)], "data": small, "seeds": [0]} | arguments)
    assert message in str(caught.value)


def test_fit_is_checked_before_anything_starts(digits):
    check_fit(nnmass.parse(spec_of(1)), digits.info)
    with pytest.raises(SpecError, match="add in=64 to the spec"):
        check_fit(DenseMLP(width=8, depth=4, link_cap=1), digits.info)


def test_numpy_seeds_and_generators_of_specs(small, t):
    import numpy as np

    results = train_many(
        (spec_of(cap) for cap in (0, 1)), small, seeds=np.arange(2), recipe=t.recipe_of(epochs=1)
    )
    assert [result.record.seed for result in results] == [0, 1]
    assert all(isinstance(result.net, DenseMLPNet) for result in results)


def test_a_large_part_of_a_data_set(digits, t):
    """More images than one evaluation takes at once, and not a multiple of it."""
    data = take(digits, n_train=900, n_test=300)
    recipe = t.recipe_of(epochs=1, validation_share=0.6, batch_size=100)
    pairs = pairs_of()[:2]
    for (spec, seed), many in zip(pairs, side_by_side(pairs, data, recipe), strict=True):
        assert_close(many, train(spec, data, recipe=recipe, seed=seed))
