from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import nnmass
from nnmass.errors import CheckpointError, DeviceError, SpecError, StoreError, TrainingError
from nnmass.nets import build
from nnmass.train import Recipe, train
from nnmass.train._batches import Batches
from nnmass.train._loop import Session

# --- what follows from the seed


@pytest.mark.parametrize("name", ["sgd", "adam", "dropout", "bfloat16-adam-dropout"])
def test_one_seed_one_result(t, small, name):
    spec, recipe = t.case(name)
    results = [train(spec, small, recipe=recipe, seed=seed) for seed in (0, 0, 1)]
    t.assert_same(results[0], results[1])
    assert results[0].curve != results[2].curve
    assert not t.states_equal(results[0].net.state_dict(), results[2].net.state_dict())


def test_dropout_follows_the_seed_not_the_global_generator(t, small):
    spec, recipe = t.case(
        "dropout",
    )
    torch.manual_seed(1)
    first = train(spec, small, recipe=recipe)
    torch.manual_seed(2)
    t.assert_same(first, train(spec, small, recipe=recipe))


def test_every_epoch_has_dropout_of_its_own(t, small):
    def seeds(seed):
        told = []
        t.quick(small, seed=seed, on_step=lambda step: told.append((step.epoch, len(step.curve))))
        drawn = []
        t.quick(small, seed=seed, on_step=lambda step: drawn.append(torch.initial_seed()))
        return {(now, then[0]) for now, then in zip(drawn, told, strict=True) if then[1] < then[0]}

    found = seeds(0) | seeds(1)
    assert seeds(0) == seeds(0)
    assert len(found) == len({seed for seed, _ in found}) == 4  # two seeds of two epochs


@pytest.mark.parametrize("name", ["sgd", "bfloat16-adam-dropout"])
def test_nothing_global_is_changed(t, small, name):
    spec, recipe = t.case(name)

    def world():
        numpy = np.random.get_state()  # noqa: NPY002
        return (
            torch.get_rng_state().tolist(),
            random.getstate(),
            numpy[1].tolist(),
            numpy[2:],
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
            torch.is_autocast_enabled("cpu"),
            torch.get_num_threads(),
            torch.get_default_dtype(),
        )

    before = world()
    train(spec, small, recipe=recipe)
    assert world() == before


def test_broken_off_nothing_global_is_changed_either(t, small, stop_at):
    watch, stop = stop_at(2, 2)
    before = torch.get_rng_state()
    with pytest.raises(stop):
        t.quick(small, on_step=watch)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()


def test_works_where_gradients_are_off(t, small):
    with torch.no_grad():
        inside = t.quick(small)
        assert not torch.is_grad_enabled()
    t.assert_same(inside, t.quick(small))


def test_the_data_and_the_spec_are_left_as_they_are(t, small):
    arrays = (small.train_images, small.train_labels, small.test_images, small.test_labels)
    before = [array.copy() for array in arrays]
    t.quick(small)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))


# --- what is read when


def test_the_test_images_are_read_at_the_end_alone(t, small, monkeypatch):
    read = []
    in_order = Batches.in_order

    def counted(self, batch_size):
        read.append(len(self))
        return in_order(self, batch_size)

    monkeypatch.setattr(Batches, "in_order", counted)
    t.quick(small, recipe=t.recipe_of(epochs=3))
    assert read == [15, 15, 15, 40, 40]  # the last weights and the best ones


def test_garbage_for_test_images_changes_nothing_but_the_test(t, digits):
    data = nnmass.data.take(digits, n_train=150, n_test=40)
    clean = t.quick(data)
    data.test_images[:] = 0
    blind = t.quick(data)
    assert blind.curve == clean.curve
    assert t.states_equal(blind.net.state_dict(), clean.net.state_dict())
    assert blind.record.test_accuracy < clean.record.test_accuracy


def test_every_step_trains_on_images_of_the_training_part(numbered, t, monkeypatch):
    make, numbers = numbered
    seen = []
    step = Session._step

    def noted(self, images, labels, moment):
        seen.append(numbers(images))
        return step(self, images, labels, moment)

    monkeypatch.setattr(Session, "_step", noted)
    t.quick(make(92), recipe=t.recipe_of(epochs=3, batch_size=20))  # 83 and 9
    epochs = [list(itertools.chain(*seen[i : i + 5])) for i in (0, 5, 10)]
    assert [len(batch) for batch in seen] == [20, 20, 20, 20, 3] * 3
    assert all(len(set(epoch)) == 83 for epoch in epochs)
    assert set(epochs[0]) == set(epochs[1]) == set(epochs[2]) < set(range(92))
    assert epochs[0] != epochs[1]


# --- one step by hand


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_one_step_of_sgd_by_hand(t, digits, momentum):
    data = nnmass.data.take(digits, n_train=20, n_test=10)
    recipe = Recipe(
        epochs=1,
        batch_size=100,
        lr=0.5,
        momentum=momentum,
        weight_decay=0.2,
        schedule="constant",
        warmup_epochs=0,
        label_smoothing=0.3,
    )
    spec = "dense-cnn(wm=1,d=3,t=4,in=1,image=8)"  # has batch norms
    after = train(spec, data, recipe=recipe, seed=5).net
    net = build(spec, 5).train()
    kept, _ = nnmass.data.validation_split(data.train_labels, n_val=2, seed=5)
    images = (torch.tensor(data.train_images[kept]) / 16 - 0.3053) / 0.3764
    labels = torch.tensor(data.train_labels[kept])
    log_p = F.log_softmax(net(images), 1)
    picked = -log_p[torch.arange(len(labels)), labels]
    (0.7 * picked + 0.3 * -log_p.mean(1)).mean().backward()
    found = dict(after.named_parameters())
    assert {p.ndim for p in net.parameters()} == {1, 2, 4}
    for name, p in net.named_parameters():
        change = p.grad + (0.2 * p.detach() if p.ndim > 1 else 0)
        change = change * (1 + momentum)  # Nesterov's first step
        torch.testing.assert_close(
            found[name].detach(), p.detach() - 0.5 * change, atol=2e-5, rtol=1e-4
        )


def test_the_first_step_of_adam_by_hand(t, digits):
    data = nnmass.data.take(digits, n_train=20, n_test=10)
    recipe = t.recipe_of(
        epochs=1, batch_size=100, optimiser="adam", lr=1e-3, weight_decay=0.0, warmup_epochs=0
    )
    after = train(t.mlp, data, recipe=recipe).net
    start = dict(build(t.mlp, 0).named_parameters())
    moves = torch.cat([(p - start[name]).flatten() for name, p in after.named_parameters()])
    moved = moves.detach().abs()
    # lr * g / |g|, whatever the gradient; a few weights have next to none
    assert (moved < 1.01e-3).all()
    assert (moved > 0.98e-3).float().mean() > 0.9


def test_the_learning_rates_that_are_used(t, small, monkeypatch):
    used = []
    step = Session._step

    def noted(self, images, labels, moment):
        done = step(self, images, labels, moment)
        used.append([group["lr"] for group in self.optimiser.param_groups])
        return done

    monkeypatch.setattr(Session, "_step", noted)
    recipe = t.recipe_of(epochs=3, batch_size=34, lr=1.0)  # four steps an epoch
    curve = t.quick(small, recipe=recipe).curve
    by_hand = [0.2, 0.4, 0.6, 0.8, 1.0, 0.96193977, 0.85355339, 0.69134172]
    by_hand += [0.5, 0.30865828, 0.14644661, 0.03806023]
    assert [pair[0] for pair in used] == pytest.approx(by_hand, abs=1e-8)
    assert all(a == b for a, b in used)
    assert [point["lr"] for point in curve] == pytest.approx([0.8, 0.69134172, 0.03806023])


# --- what is watched and given back


def test_steps_are_told_in_order(t, small):
    told = []
    result = t.quick(small, recipe=t.recipe_of(epochs=2, batch_size=50), on_step=told.append)
    where = [(s.epoch, s.step, s.steps, s.epochs, len(s.curve)) for s in told]
    assert where == [
        (1, 1, 3, 2, 0), (1, 2, 3, 2, 0), (1, 3, 3, 2, 0), (1, 3, 3, 2, 1),
        (2, 1, 3, 2, 1), (2, 2, 3, 2, 1), (2, 3, 3, 2, 1), (2, 3, 3, 2, 2),
    ]  # fmt: skip
    assert told[-1].curve == result.curve


def accuracy(net, images, labels):
    with torch.no_grad():
        logits = net(torch.tensor((images / 16 - 0.3053) / 0.3764, dtype=torch.float32))
    return float((logits.argmax(1).numpy() == labels).mean())


@pytest.mark.parametrize("name", ["sgd", "dropout"])
def test_the_record_is_of_the_net_given_back(t, small, name):
    spec, recipe = t.case(name)
    result = train(spec, small, recipe=recipe, seed=2)
    record = result.record
    assert not result.net.training
    assert record.test_accuracy == accuracy(result.net, small.test_images, small.test_labels)
    _, held = nnmass.data.validation_split(small.train_labels, n_val=15, seed=2)
    images, labels = small.train_images[held], small.train_labels[held]
    assert record.validation_accuracy == accuracy(result.net, images, labels)
    accuracies = [point["validation_accuracy"] for point in result.curve]
    assert record.validation_accuracy == max(accuracies)
    best = max(result.curve, key=lambda p: (p["validation_accuracy"], -p["validation_loss"]))
    assert record.best_epoch == best["epoch"]
    assert (record.status, record.epochs_done, record.seed) == ("finished", 4, 2)
    parsed = nnmass.parse(spec)
    assert (record.spec, record.mass) == (str(parsed), parsed.mass)
    assert (record.params, record.macs) == (parsed.params, parsed.macs)
    assert record.sizes == {"train": 135, "validation": 15, "test": 40}
    assert record.recipe == recipe.to_dict()
    assert record.train_seconds > 0
    assert {"torch", "device", "threads", "nnmass"} <= set(record.environment)


@pytest.mark.parametrize(
    ("losses", "best"),
    [((1.0, 1.0, 1.0, 1.0), 2), ((1.0, 0.9, 0.8, 0.1), 3), ((0.1, 0.8, 0.9, 0.1), 2)],
)
def test_of_equally_accurate_epochs_the_lowest_loss_then_the_first(
    t, small, monkeypatch, losses, best
):
    recipe = t.recipe_of(epochs=4, schedule="constant", warmup_epochs=0, lr=0.05)
    kept = build(t.mlp, 0)

    def keep(step):
        if len(step.curve) == step.epoch == best:
            kept.load_state_dict(session[-1].net.state_dict())

    session = []
    values = iter([*zip(losses, (0.2, 0.5, 0.5, 0.4), strict=True), (1.0, 0.31), (1.0, 0.32)])

    def evaluate(self, batches):
        session.append(self)
        return next(values)

    monkeypatch.setattr(Session, "_evaluate", evaluate)
    result = t.quick(small, recipe=recipe, on_step=keep)
    record = result.record
    assert (record.best_epoch, record.validation_accuracy) == (best, 0.5)
    assert (record.last_test_accuracy, record.test_accuracy) == (0.31, 0.32)
    assert t.states_equal(result.net.state_dict(), kept.state_dict())


def test_losses_are_means_over_images(t, small):
    recipe = t.recipe_of(epochs=1, batch_size=100, lr=1e-30)  # batches of 100 and 35
    result = t.quick(small, recipe=recipe)
    net = build(t.mlp, 0).eval()
    kept, held = nnmass.data.validation_split(small.train_labels, n_val=15, seed=0)
    for name, part in (("train", kept), ("validation", held)):
        x = torch.tensor((small.train_images[part] / 16 - 0.3053) / 0.3764, dtype=torch.float32)
        loss = F.cross_entropy(net(x), torch.tensor(small.train_labels[part])).item()
        assert result.curve[0][f"{name}_loss"] == pytest.approx(loss, rel=1e-5)
        share = accuracy(net, small.train_images[part], small.train_labels[part])
        assert result.curve[0][f"{name}_accuracy"] == pytest.approx(share)


def test_single_images_as_batches(t, small):
    recipe = t.recipe_of(epochs=1, batch_size=1, lr=0.01)
    told = []
    t.quick(small, recipe=recipe, on_step=told.append)
    assert told[0].steps == 135 == len(told) - 1


def test_a_last_batch_of_one_image_is_left_out(small):
    spec = "dense-cnn(wm=1,d=3,t=2/2,in=1,image=4)"  # one pixel a channel at the end of a cell
    steps = []
    recipe = Recipe(epochs=1, batch_size=67)  # 135 = 67 + 67 + 1
    train(spec.replace("image=4", "image=8"), small, recipe=recipe, on_step=steps.append)
    assert [step.steps for step in steps] == [2, 2, 2]


def test_a_small_mlp_learns_the_digits(t, digits):
    result = t.quick(digits, spec="dense-mlp(w=32,d=4,t=16,in=64)", recipe=Recipe(epochs=6))
    assert result.record.test_accuracy > 0.85
    losses = [point["train_loss"] for point in result.curve]
    assert losses[-1] < losses[0] / 4


# --- what goes wrong


def test_a_loss_that_is_no_number(t, small, tmp_path):
    recipe = t.recipe_of(epochs=3, lr=1e20, warmup_epochs=0)
    with pytest.raises(TrainingError) as caught:
        t.quick(small, recipe=recipe, folder=tmp_path)
    assert str(caught.value) == (
        f"the loss of {t.mlp} became nan in epoch 1 (lr 1e+20, float32): try a lower lr or a "
        "longer warmup_epochs"
    )
    assert not (tmp_path / "last.safetensors").exists()


def test_weights_that_break_in_the_last_step(t, small):
    recipe = t.recipe_of(epochs=1, batch_size=200, lr=1e20, warmup_epochs=0)
    with pytest.raises(
        TrainingError, match=r"^the validation loss of .* became (nan|inf) in epoch 1 "
    ):
        t.quick(small, recipe=recipe)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"spec": "dense-mlp(w=8,d=4,t=1)"}, SpecError, "add in=64 to the spec"),
        ({"spec": "dense-mlp(w=8,d=4,t=1,in=64,classes=3)"}, SpecError, "add classes=10 to"),
        ({"spec": "dense-mlp(w=8)"}, SpecError, "d is missing"),
        ({"spec": None}, SpecError, "train needs a spec or a spec string, got None"),
        ({"seed": -1}, SpecError, "seed must be at least 0, got -1"),
        ({"seed": 1.5}, SpecError, "seed must be a whole number of at least 0, got 1.5"),
        ({"device": "gpu"}, DeviceError, "device must be auto, cpu, cuda or cuda:N, got 'gpu'"),
        ({"device": "cuda:77"}, DeviceError, "device 'cuda:77' is not on this machine"),
        ({"recipe": Recipe(validation_share=0.999)}, SpecError, "validation_share 0.999 keeps 150"),
    ],
)
def test_bad_arguments_leave_no_folder(t, small, tmp_path, arguments, error, message):
    with pytest.raises(error) as caught:
        t.quick(small, folder=tmp_path / "run", **arguments)
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_a_file(t, small, tmp_path):
    file = tmp_path / "run"
    file.write_text("mine")
    with pytest.raises(StoreError, match=r"^cannot write .*run\.json "):
        t.quick(small, folder=file)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("finish", [True, False])
def test_a_folder_with_a_run_is_not_begun_again(t, small, tmp_path, stop_at, finish):
    watch, stop = stop_at(2, 1)
    if finish:
        t.quick(small, folder=tmp_path)
    else:
        with pytest.raises(stop):
            t.quick(small, folder=tmp_path, on_step=watch)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(CheckpointError) as caught:
        t.quick(small, folder=tmp_path)
    status = "finished" if finish else "running"
    assert str(caught.value) == (
        f"{tmp_path} holds a {status} run of {t.mlp} already: go on with it (resume, --resume), or "
        "choose another folder"
    )
    (tmp_path / "run.json").unlink()
    with pytest.raises(CheckpointError, match=" holds a checkpoint already: "):
        t.quick(small, folder=tmp_path)
    del before[tmp_path / "run.json"]
    assert before == {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
