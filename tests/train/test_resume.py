"""An interrupted training that is resumed ends as if it had never been interrupted."""

from __future__ import annotations

import dataclasses
import json

import pytest
from safetensors.torch import save_file

from nnmass.data import take
from nnmass.errors import CheckpointError, StoreError
from nnmass.nets import load, read_tensors
from nnmass.runs import read_record
from nnmass.train import Recipe, _loop, _record, train
from nnmass.train._batches import Batches


def tensors_of(folder):
    return read_tensors(folder / "last.safetensors", schema="nnmass.checkpoint/1")[0]


def assert_same_folders(t, a, b):
    assert t.states_equal(tensors_of(a), tensors_of(b))
    assert (a / "curve.jsonl").read_bytes() == (b / "curve.jsonl").read_bytes()
    states = [load(folder / "best").state_dict() for folder in (a, b)]
    assert t.states_equal(*states)
    assert not [f for f in b.rglob("*") if f.name.startswith(".")]


def break_off(t, data, name, folder, stop_at, **at):
    spec, recipe = t.case(name)
    watch, stop = stop_at(at["epoch"], at["step"])
    with pytest.raises(stop):
        train(spec, data, recipe=recipe, seed=3, folder=folder, on_step=watch)


@pytest.mark.parametrize("name", ["sgd", "adam", "plain-sgd", "dropout", "bfloat16-adam-dropout"])
def test_stopped_in_the_middle_of_an_epoch(t, small, tmp_path, stop_at, name):
    spec, recipe = t.case(name)
    whole = train(spec, small, recipe=recipe, seed=3, folder=tmp_path / "whole")
    folder = tmp_path / "broken"
    break_off(t, small, name, folder, stop_at, epoch=3, step=2)
    assert read_record(folder).epochs_done == 2
    steps = []
    resumed = train(
        spec, small, recipe=recipe, seed=3, folder=folder, resume=True, on_step=steps.append
    )
    assert (steps[0].epoch, steps[0].step, len(steps[0].curve)) == (3, 1, 2)
    t.assert_same(whole, resumed)
    assert_same_folders(t, tmp_path / "whole", folder)
    t.assert_same(whole, train(spec, small, recipe=recipe, seed=3))  # and without a folder


def test_stopped_again_and_again(t, small, tmp_path, stop_at):
    spec, recipe = t.case("adam")
    whole = train(spec, small, recipe=recipe, seed=3)
    for epoch in (1, 2, 3, 4):
        watch, stop = stop_at(epoch, 3)
        with pytest.raises(stop):
            train(spec, small, recipe=recipe, seed=3, folder=tmp_path, resume=True, on_step=watch)
    resumed = train(spec, small, recipe=recipe, seed=3, folder=tmp_path, resume=True)
    t.assert_same(whole, resumed)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("name", ["write_curve", "save", "write_record"])
@pytest.mark.parametrize("call", [1, 2, 4, 5])
def test_killed_between_the_resume_point_and_the_rest(t, small, tmp_path, monkeypatch, name, call):
    spec, recipe = t.case("sgd")
    whole = train(spec, small, recipe=recipe, seed=3, folder=tmp_path / "whole")
    folder, calls, real = tmp_path / "broken", [], getattr(_loop, name)

    def dying(*arguments):
        calls.append(name)
        if len(calls) == call:
            raise Killed
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(_loop, name, dying)
        try:
            train(spec, small, recipe=recipe, seed=3, folder=folder)
        except Killed:
            is_killed = True
        else:
            is_killed = False
    assert is_killed or (name, call) == ("write_curve", 5) or name == "save"
    resumed = train(spec, small, recipe=recipe, seed=3, folder=folder, resume=True)
    t.assert_same(whole, resumed)
    assert_same_folders(t, tmp_path / "whole", folder)
    assert read_record(folder) == resumed.record
    assert resumed.record.status == "finished"


def test_a_finished_run_is_given_back_as_it_is(t, small, tmp_path, monkeypatch):
    finished = t.quick(small, folder=tmp_path)
    before = {f: (f.read_bytes(), f.stat().st_mtime_ns) for f in tmp_path.rglob("*.*")}

    def never(*_):
        raise AssertionError("images were read")

    monkeypatch.setattr(Batches, "in_order", never)
    monkeypatch.setattr(Batches, "shuffled", never)
    monkeypatch.setattr(_record, "environment", lambda extra: {"command": "another"})
    steps = []
    again = t.quick(small, folder=tmp_path, resume=True, on_step=steps.append)
    assert steps == []
    assert again.record == finished.record
    t.assert_same(finished, again)
    assert not again.net.training
    assert before == {f: (f.read_bytes(), f.stat().st_mtime_ns) for f in tmp_path.rglob("*.*")}


@pytest.mark.parametrize("resume", [False, True])
def test_resume_begins_where_nothing_is(t, small, tmp_path, resume):
    result = t.quick(small, folder=tmp_path / "new" / "run", resume=resume)
    t.assert_same(result, t.quick(small))
    assert t.facts(result)["status"] == "finished"
    saved = json.loads((tmp_path / "new" / "run" / "run.json").read_text())
    assert saved == json.loads(json.dumps(result.record.to_dict()))
    lines = (tmp_path / "new" / "run" / "curve.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == list(result.curve)


WILD = {"epochs": 6, "optimiser": "adam", "lr": 0.05, "schedule": "constant"}


def test_best_holds_the_weights_of_the_best_epoch(t, small, tmp_path):
    result = t.quick(small, recipe=t.recipe_of(**WILD), folder=tmp_path)
    assert result.record.best_epoch < 6  # too high a rate for the last to be the best
    best = load(tmp_path / "best").state_dict()
    assert t.states_equal(best, result.net.state_dict())


# --- what cannot be gone on with


OTHERS = [
    ({"seed": 4}, ["seed was 3 and is now 4"]),
    ({"recipe": {"lr": 0.3}}, ["recipe.lr was 0.05 and is now 0.3"]),
    (
        {"recipe": {"epochs": 9, "optimiser": "adam"}},
        ["recipe.epochs was 4 and is now 9", "recipe.optimiser was 'sgd' and is now 'adam'"],
    ),
    (
        {"spec": "dense-mlp(w=16,d=4,t=9,in=64)"},
        [
            "spec was 'dense-mlp(w=16,d=4,t=8,in=64)' and is now 'dense-mlp(w=16,d=4,t=9,in=64)'",
        ],
    ),
    (
        {"n_train": 140},
        ["sizes.train was 135 and is now 126", "sizes.validation was 15 and is now 14"],
    ),
    ({"n_test": 30}, ["sizes.test was 40 and is now 30"]),
    ({"name": "letters"}, ["dataset was 'digits' and is now 'letters'"]),
    (
        {"seed": 5, "n_test": 30, "spec": "dense-mlp(w=16,d=5,t=8,in=64)"},
        [
            "spec was 'dense-mlp(w=16,d=4,t=8,in=64)' and is now 'dense-mlp(w=16,d=5,t=8,in=64)'",
            "sizes.test was 40 and is now 30",
            "seed was 3 and is now 5",
        ],
    ),
]


@pytest.mark.parametrize(("other", "differences"), OTHERS)
@pytest.mark.parametrize("epoch", [1, 3])
def test_other_terms(t, digits, small, tmp_path, stop_at, other, differences, epoch):
    break_off(t, small, "sgd", tmp_path, stop_at, epoch=epoch, step=2)
    before = {f: f.read_bytes() for f in tmp_path.rglob("*.*")}
    data = take(digits, n_train=other.get("n_train", 150), n_test=other.get("n_test", 40))
    if "name" in other:
        data = dataclasses.replace(data, info=dataclasses.replace(data.info, name=other["name"]))
    spec, recipe = t.case("sgd")
    with pytest.raises(CheckpointError) as caught:
        train(
            other.get("spec", spec),
            data,
            recipe=dataclasses.replace(recipe, **other.get("recipe", {})),
            seed=other.get("seed", 3),
            folder=tmp_path,
            resume=True,
        )
    where = tmp_path if epoch == 1 else tmp_path / "last.safetensors"
    assert str(caught.value) == (
        f"{where} cannot be continued on other terms: {'; '.join(differences)}. Give the same "
        "ones, or start afresh in another folder"
    )
    assert before == {f: f.read_bytes() for f in tmp_path.rglob("*.*")}


def test_the_resume_point_is_gone(t, small, tmp_path):
    t.quick(small, folder=tmp_path)
    (tmp_path / "last.safetensors").unlink()
    with pytest.raises(CheckpointError) as caught:
        t.quick(small, folder=tmp_path, resume=True, recipe=Recipe(epochs=9))
    assert str(caught.value) == (
        f"{tmp_path} holds a finished run of {t.mlp} with 2 epochs, but its resume point "
        "last.safetensors is missing: put it back, or start afresh in another folder"
    )
    assert read_record(tmp_path).status == "finished"


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_resume_point(t, small, tmp_path, stop_at, share):
    break_off(t, small, "sgd", tmp_path, stop_at, epoch=3, step=1)
    file = tmp_path / "last.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    spec, recipe = t.case("sgd")
    with pytest.raises(CheckpointError) as caught:
        train(spec, small, recipe=recipe, seed=3, folder=tmp_path, resume=True)
    message = str(caught.value)
    assert message.startswith(f"{file} ({int(share * len(content)):,} bytes) is damaged or no ")
    file.write_bytes(content)
    train(spec, small, recipe=recipe, seed=3, folder=tmp_path, resume=True)


def test_a_damaged_record(t, small, tmp_path):
    finished = t.quick(small, folder=tmp_path)
    (tmp_path / "run.json").write_text('{"schema": "nnmass.run/1", ')
    for resume in (False, True):
        with pytest.raises(
            StoreError, match=r"run\.json is no run record of nnmass .* move it away"
        ):
            t.quick(small, folder=tmp_path, resume=resume)
    (tmp_path / "run.json").unlink()  # the advice
    t.assert_same(finished, t.quick(small, folder=tmp_path, resume=True))


def early(t):
    return t.recipe_of(epochs=9, patience=1, lr=0.2, batch_size=20, schedule="constant")


def test_patience_outlives_an_interruption(t, small, tmp_path, stop_at):
    whole = t.quick(small, recipe=early(t))
    n_epochs = len(whole.curve)
    assert whole.record.best_epoch + 1 == n_epochs < 9
    assert whole.record.status == "finished"
    watch, stop = stop_at(n_epochs, 2)
    with pytest.raises(stop):
        t.quick(small, recipe=early(t), folder=tmp_path, on_step=watch)
    t.assert_same(whole, t.quick(small, recipe=early(t), folder=tmp_path, resume=True))
    # finished: not one epoch more
    t.assert_same(whole, t.quick(small, recipe=early(t), folder=tmp_path, resume=True))


def test_a_run_from_before_there_was_patience_goes_on(t, small, tmp_path, stop_at):
    whole = t.quick(small, recipe=t.recipe_of(epochs=3))
    watch, stop = stop_at(2, 2)
    with pytest.raises(stop):
        t.quick(small, recipe=t.recipe_of(epochs=3), folder=tmp_path, on_step=watch)
    file = tmp_path / "last.safetensors"
    tensors, metadata = read_tensors(file, schema="nnmass.checkpoint/1")
    terms = json.loads(metadata["terms"])
    del terms["recipe"]["patience"]
    save_file(tensors, file, metadata | {"terms": json.dumps(terms)})
    resumed = t.quick(small, recipe=t.recipe_of(epochs=3), folder=tmp_path, resume=True)
    t.assert_same(whole, resumed)
    other = t.recipe_of(epochs=3, patience=2)
    with pytest.raises(CheckpointError, match=r"recipe\.patience was 0 and is now 2"):
        t.quick(small, recipe=other, folder=tmp_path, resume=True)
