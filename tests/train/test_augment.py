from pathlib import Path

import numpy as np
import pytest
import torch

from nnmass.data import load_dataset, take
from nnmass.errors import CheckpointError, SpecError
from nnmass.nets import generator_for
from nnmass.train import RECIPES, Augment, Recipe, parse_augment, train
from nnmass.train._batches import split
from nnmass.train._checkpoint import check_terms


def images_of(count, shape=(3, 7, 9), seed=0):
    values = np.random.default_rng(seed).integers(1, 256, (count, *shape), dtype=np.uint8)
    return torch.from_numpy(values)


def one_by_one(augment, images, seed):
    """The same draws, but a plain loop over images, with numpy."""
    generator = torch.Generator().manual_seed(seed)
    count, channels, height, width = images.shape
    results = images.numpy().copy()
    if augment.crop:
        p = augment.crop
        down, right = torch.randint(2 * p + 1, (2, count), generator=generator).tolist()
        for n in range(count):
            canvas = np.zeros((channels, height + 2 * p, width + 2 * p), np.uint8)
            canvas[:, p : p + height, p : p + width] = results[n]
            y, x = down[n], right[n]
            results[n] = canvas[:, y : y + height, x : x + width]
    if augment.flip:
        draws = torch.rand(count, generator=generator).tolist()
        for n in range(count):
            if draws[n] < 0.5:
                results[n] = results[n][:, :, ::-1]
    results = results.astype(np.float32)
    if augment.cutout:
        rows = torch.randint(height, (count, 1), generator=generator).flatten().tolist()
        columns = torch.randint(width, (count, 1), generator=generator).flatten().tolist()
        for n in range(count):
            top, left = rows[n] - augment.cutout // 2, columns[n] - augment.cutout // 2
            bottom, side = top + augment.cutout, left + augment.cutout
            results[n][:, max(top, 0) : bottom, max(left, 0) : side] = 0
    return results


@pytest.mark.parametrize("text", ["crop:2", "flip", "cutout:3", "cutout:4", "crop:3+flip+cutout:5"])
def test_batches_as_one_image_after_the_other(text):
    augment, images = parse_augment(text), images_of(40)
    before = images.clone()
    generator = torch.Generator().manual_seed(5)
    moved = augment.moved(images, generator)
    assert moved.dtype == torch.uint8
    found = augment.cut(moved.float(), generator)
    np.testing.assert_array_equal(found.numpy(), one_by_one(augment, images, 5))
    assert torch.equal(images, before)


def test_each_image_has_its_own_draw_and_all_draws_occur():
    images = images_of(1, (1, 6, 6)).expand(3000, -1, -1, -1)
    moved = parse_augment("crop:1+flip").moved(images, torch.Generator().manual_seed(0))
    seen, counts = torch.unique(moved, dim=0, return_counts=True)
    assert len(seen) == 9 * 2
    assert torch.sum((counts - 3000 / 18) ** 2 / (3000 / 18)) < 40.8  # chi squared, p = 0.001
    cut = parse_augment("cutout:1").cut(torch.ones(3000, 1, 6, 6), torch.Generator().manual_seed(0))
    assert torch.all((cut == 0).sum((1, 2, 3)) == 1)
    assert len(torch.unique(cut, dim=0)) == 36


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("none", "none"),
        ("flip", "flip"),
        (" flip + cutout:8 + crop:4 ", "crop:4+flip+cutout:8"),
    ],
)
def test_canonical_text(text, canonical):
    assert str(parse_augment(text)) == canonical
    assert parse_augment(canonical) == parse_augment(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["unknown change ''"]),
        ("crp:4", ["unknown change 'crp'. Did you mean 'crop'?", "Allowed: crop:PIXELS"]),
        ("crop", ["crop must be crop:PIXELS", "got ''"]),
        ("crop:0", ["got '0'"]),
        ("cutout:-1", ["got '-1'"]),
        ("cutout:2.5+flip:1", ["got '2.5'", "flip takes no number, got '1'"]),
        ("flip+flip", ["flip is given twice"]),
        ("crop:4,flip", ["got '4,flip'"]),
        ("none+flip", ["unknown change 'none'"]),
    ],
)
def test_wrong_texts(text, said):
    for make in (parse_augment, lambda text: Recipe(augment=text)):
        with pytest.raises(SpecError) as caught:
            make(text)
        assert all(part in str(caught.value) for part in said), str(caught.value)


@pytest.mark.parametrize("value", [None, 3, ["flip"]])
def test_no_text_at_all(value):
    with pytest.raises(SpecError, match="Allowed: crop:PIXELS"):
        Recipe(augment=value)


def test_what_does_not_fit_the_images():
    with pytest.raises(SpecError, match=r"crop must be less than the side .* 8 pixels, got 8"):
        parse_augment("crop:8").check_fit((1, 8, 8), "digits")
    with pytest.raises(SpecError, match="is for images, and segments"):
        parse_augment("flip").check_fit((2,), "segments(4)")
    Augment().check_fit((2,), "segments(4)")


def test_draws_follow_from_seed_and_epoch_alone():
    data = take(load_dataset("digits"), n_train=60, n_test=20)
    batches = split(data, validation_share=0.1, seed=0, device="cpu").train
    augment = parse_augment("crop:2+flip+cutout:3")

    def epoch(seed, number, augment=augment):
        found = list(batches.shuffled(16, seed=seed, epoch=number, augment=augment))
        return torch.cat([images for images, _ in found]), torch.cat(
            [labels for _, labels in found]
        )

    state = torch.random.get_rng_state()
    first, again, later, other = epoch(0, 1), epoch(0, 1), epoch(0, 2), epoch(1, 1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], later[0])
    assert not torch.equal(first[0], other[0])
    plain = epoch(0, 1, None)
    assert torch.equal(plain[1], first[1])  # the order is the same with and without
    draws = generator_for(0, "augment:1")
    rows = batches.rows[torch.randperm(54, generator=generator_for(0, "order:1"))]
    expected = [
        augment.cut((augment.moved(batches.images[part], draws) - batches.shift) * batches.stretch,
                    draws)
        for part in rows.split(16)
    ]  # fmt: skip
    assert torch.equal(torch.cat(expected), first[0])


def test_resume_of_an_augmented_training_is_exact(tmp_path):
    data = take(load_dataset("digits"), n_train=150, n_test=40)
    recipe = Recipe(epochs=4, batch_size=32, augment="crop:1+cutout:2")
    spec = "dense-mlp(w=8,d=4,t=2,in=64)"
    whole = train(spec, data, recipe=recipe, seed=3)

    class StopError(Exception):
        pass

    def stop(step):
        if step.epoch == 3 and step.step == 2:
            raise StopError

    with pytest.raises(StopError):
        train(spec, data, recipe=recipe, seed=3, folder=tmp_path, on_step=stop)
    resumed = train(spec, data, recipe=recipe, seed=3, folder=tmp_path, resume=True)
    assert resumed.curve == whole.curve
    assert resumed.record.test_accuracy == whole.record.test_accuracy


def test_recipes_of_the_paper():
    cifar, imagenet = RECIPES["cifar"], RECIPES["imagenet"]
    assert (cifar.lr, cifar.momentum, cifar.weight_decay) == (0.02, 0.9, 5e-4)
    assert (cifar.schedule, cifar.augment) == ("cosine", "crop:4+flip")
    assert (imagenet.lr, imagenet.weight_decay, imagenet.epochs) == (0.05, 4e-5, 150)
    assert (imagenet.batch_size, imagenet.schedule) == (256, "cosine")


def test_a_run_that_is_older_than_the_field_goes_on():
    now = {"spec": "s", "recipe": Recipe().to_dict()}
    before = {name: value for name, value in now["recipe"].items() if name != "augment"}
    check_terms({"spec": "s", "recipe": before}, now, where=Path("run"))
    changed = {"spec": "s", "recipe": Recipe(augment="flip").to_dict()}
    with pytest.raises(CheckpointError, match=r"recipe.augment was 'none' and is now 'flip'"):
        check_terms({"spec": "s", "recipe": before}, changed, where=Path("run"))
