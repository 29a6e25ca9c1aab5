"""Voting networks: stems, training, folders, bad input."""

import json
from importlib.util import find_spec

import pytest
import torch
from torch import nn

from nnmass import build, open_network
from nnmass.audit import (
    Ablation,
    BandObjective,
    SmoothedNet,
    adapt_stem,
    attack_patches,
    encode,
    load_smoothed,
    save_smoothed,
    train_smoothed,
)
from nnmass.audit._fingerprint import fingerprint
from nnmass.data import load_dataset, take
from nnmass.errors import CheckpointError, SpecError, TraceError
from nnmass.train import Moment, Recipe

RESNET = "resnet(depth=8,classes=10,stem=cifar,in=1,image=8)"
BANDS = Ablation(mode="column", size=2, image=(8, 8))
needs_zoo = pytest.mark.skipif(not find_spec("timm"), reason="timm is not installed")


def images(n=3, channels=1, side=8):
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0))


def smoothed(seed=0):
    return SmoothedNet(adapt_stem(build(RESNET, 0), (1, 8, 8), seed=seed), BANDS)


@pytest.mark.parametrize("bias", [True, False])
def test_kept_kernels_give_what_they_gave_where_nothing_is_lost(bias):
    net = nn.Sequential(nn.Conv2d(3, 5, 3, bias=bias), nn.ReLU()).double()
    wider = adapt_stem(net, (3, 8, 8))
    x = images(channels=3).double()
    found = wider[0](torch.cat((x, 1 - x), 1))
    constant = 0 if bias else net[0].weight.sum((1, 2, 3))[:, None, None] / 2
    assert torch.allclose(found, net[0](x) - constant, atol=1e-12)
    masked = adapt_stem(net, (3, 8, 8), encoding="mask")
    assert torch.allclose(masked(torch.cat((x, torch.ones(3, 1, 8, 8)), 1)), net(x), atol=1e-12)


@pytest.mark.parametrize(
    "spec",
    [
        RESNET,
        "dense-cnn(wm=1,d=5,t=4/4/4,in=1,image=8)",
        "dense-cnn-dw(wm=1,d=5,t=4/4/4,in=1,image=8)",
        "mobilenet-v2(stem=cifar,image=32,classes=10)",
        "densenet(blocks=2/2,growth=4,first=8,image=32,classes=10)",
    ],
)
def test_every_family_can_be_adapted_and_is_left_as_it_was(spec):
    net = build(spec, 0)
    before = fingerprint(net)
    shape = net.spec.input_shape
    wider = adapt_stem(net, shape, seed=1)
    assert fingerprint(net) == before
    grown = [
        name
        for (name, a), b in zip(net.named_parameters(), wider.parameters(), strict=True)
        if a.shape != b.shape
    ]
    assert len(grown) == 1
    assert wider.get_parameter(grown[0]).shape[1] == 2 * shape[0]
    assert torch.equal(
        adapt_stem(net, shape, seed=1).get_parameter(grown[0]), wider.get_parameter(grown[0])
    )
    assert wider.eval()(torch.zeros(1, 2 * shape[0], *shape[1:])).shape[0] == 1


@needs_zoo
@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("timm:resnet18(num_classes=10)", "complement"),
        ("timm:tf_efficientnet_b0", "complement"),  # pads the image before its stem
        ("timm:vit_tiny_patch16_224", "mask"),
        ("torchvision:mobilenet_v3_small", "complement"),
    ],
)
def test_networks_of_the_zoos(name, encoding):
    opened = open_network(name, weights=True)
    shape = (3, 64, 64) if "vit" not in name else (3, 224, 224)
    wider = adapt_stem(opened.model, shape, encoding=encoding).eval()
    with torch.no_grad():
        x = torch.rand(1, *shape)
        bands = Ablation(mode="column", size=shape[1], image=shape[1:])
        seen = encode(x, bands, [0], encoding=encoding)[:, 0]
        found = wider(seen)
        if encoding == "mask":
            assert torch.allclose(found, opened.model.eval()(x), atol=1e-4)
        assert found.isfinite().all()


class TwoReaders(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how = how
        self.a, self.b = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, x):
        if self.how == "two":
            return self.a(x) + self.b(x)
        if self.how == "skip":
            return self.a(x) + x
        if self.how == "scaled":
            return self.a(x * 2)
        if self.how == "reflect":
            return self.a(nn.functional.pad(x, (1, 1, 1, 1), "reflect"))
        return nn.functional.conv2d(x, self.a.weight * 2)


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        (TwoReaders("two"), TraceError, "read by 'a' and 'b'"),
        (TwoReaders("skip"), TraceError, "read by 'a' and add"),
        (TwoReaders("scaled"), TraceError, "read by mul"),
        (TwoReaders("reflect"), TraceError, "read by pad"),
        (TwoReaders("computed"), TraceError, "belong to no torch.nn.Conv2d"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), TraceError, "read by flatten"),
        (nn.Conv2d(3, 2, 3), TraceError, "cannot be run on an image of 1x8x8"),
        (nn.Conv2d(1, 2, 3, device="meta"), SpecError, "on the meta device"),
    ],
)
def test_stems_that_cannot_take_more_channels(model, error, words):
    with pytest.raises(error, match=words):
        adapt_stem(model, (1, 8, 8))


def test_grouped_stems_and_parametrised_ones_are_refused():
    with pytest.raises(SpecError, match="reads the images in 3 groups"):
        adapt_stem(nn.Conv2d(3, 3, 3, groups=3), (3, 8, 8))
    normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 2, 3))
    with pytest.raises(TraceError, match="or are computed"):
        adapt_stem(nn.Sequential(normed), (1, 8, 8))


def test_bands_are_drawn_from_all_positions_and_from_the_step_alone():
    net = smoothed()
    seen = []
    net.logits_at = lambda x, position: (
        seen.append(position) or net.base(torch.zeros(len(x), 2, 8, 8))
    )
    objective = BandObjective()
    for repeat in range(2):
        for step in range(1, 101):
            moment = Moment(
                recipe=Recipe(), seed=0, device=torch.device("cpu"), epoch=1, step=step, steps=100
            )
            objective.backward(net, images(2), torch.zeros(2, dtype=torch.long), moment)
        assert set(seen[:100]) == set(range(8))
        assert seen[:100] == seen[100 * repeat :]
    with pytest.raises(SpecError, match="trains a SmoothedNet"):
        objective.backward(nn.Linear(1, 1), images(), torch.zeros(3), moment)


def test_a_stopped_training_ends_as_one_that_was_not(tmp_path):
    data = take(load_dataset("digits"), n_train=200, n_test=50)
    recipe = Recipe(epochs=3, lr=0.02)
    whole = train_smoothed(smoothed(), data, name="a", recipe=recipe, seed=3)

    class Stop(Exception):  # noqa: N818
        pass

    def watch(at):
        if (at.epoch, at.step) == (2, 2):
            raise Stop

    again = {"name": "a", "recipe": recipe, "seed": 3, "folder": tmp_path / "run"}
    with pytest.raises(Stop):
        train_smoothed(smoothed(), data, on_step=watch, **again)
    resumed = train_smoothed(smoothed(), data, resume=True, **again)
    assert fingerprint(resumed.net) == fingerprint(whole.net)
    assert resumed.record.test_accuracy == whole.record.test_accuracy
    assert list(resumed.record.levels) == ["one band an image"]


def test_training_gives_pixels_as_an_audit_does():
    data = take(load_dataset("digits"), n_train=50, n_test=20)
    seen = []

    class Looking(SmoothedNet):
        def logits_at(self, x, position):
            seen.append(x)
            return super().logits_at(x, position)

    looking = Looking(smoothed().base, BANDS)
    train_smoothed(looking, data, name="a", recipe=Recipe(epochs=1))
    assert min(float(x.min()) for x in seen) == 0
    assert max(float(x.max()) for x in seen) == 1


def test_a_saved_network_votes_the_same(tmp_path):
    net = smoothed().eval()
    save_smoothed(net, tmp_path / "a", network=RESNET, channels=1)
    back = load_smoothed(tmp_path / "a")
    assert fingerprint(back) == fingerprint(net)
    assert torch.equal(back(images()), net(images()))
    assert (back.ablation, back.threshold, back.encoding) == (BANDS, 0.3, "complement")
    document = json.loads((tmp_path / "a" / "smoothed.json").read_text())
    assert document["schema"] == "nnmass.smoothed/1"
    assert document["is_adapted"]


def test_a_base_that_takes_encoded_images_is_saved_as_it_is(tmp_path):
    spec = "resnet(depth=8,classes=10,stem=cifar,in=2,image=8)"
    net = SmoothedNet(build(spec, 0), BANDS, threshold="top-one", mean=[0.2], std=[0.5]).eval()
    save_smoothed(net, tmp_path, network=spec, channels=1)
    assert torch.equal(load_smoothed(tmp_path)(images()), net(images()))
    assert not json.loads((tmp_path / "smoothed.json").read_text())["is_adapted"]


def test_folders_that_hold_no_voting_network(tmp_path):
    with pytest.raises(SpecError, match="is not 'resnet"):
        save_smoothed(smoothed(), tmp_path, network="resnet(depth=14,stem=cifar)", channels=1)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_smoothed(tmp_path)
    save_smoothed(smoothed(0), tmp_path / "a", network=RESNET, channels=1)
    other = SmoothedNet(smoothed(1).base, BANDS, threshold=0.4)
    save_smoothed(other, tmp_path / "b", network=RESNET, channels=1)
    (tmp_path / "a" / "smoothed.json").write_bytes((tmp_path / "b" / "smoothed.json").read_bytes())
    with pytest.raises(CheckpointError, match="belong to two networks"):
        load_smoothed(tmp_path / "a")
    (tmp_path / "b" / "smoothed.json").write_text('{"schema": "nnmass.smoothed/2"}')
    with pytest.raises(CheckpointError, match="its schema is 'nnmass"):
        load_smoothed(tmp_path / "b")
    (tmp_path / "b" / "smoothed.json").write_text("[")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_smoothed(tmp_path / "b")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"base": 3}, "base must be a torch.nn.Module"),
        ({"ablation": "column:2"}, "must be a nnmass.audit.Ablation"),
        ({"threshold": 0}, "threshold must lie in"),
        ({"threshold": True}, "threshold must lie in"),
        ({"encoding": "null"}, "encoding must be complement or mask"),
        ({"std": [0.0]}, "std must be above 0"),
        ({"mean": [float("nan")]}, "mean must be finite"),
        ({"mean": ["a"]}, "mean must be numbers"),
        ({"mean": []}, "mean must be finite"),
        ({"mean": [0.1, 0.2]}, "one for each mean"),
    ],
)
def test_voting_networks_that_are_none(wrong, words):
    arguments = {"base": nn.Flatten(), "ablation": BANDS, **wrong}
    with pytest.raises(SpecError, match=words):
        SmoothedNet(arguments.pop("base"), arguments.pop("ablation"), **arguments)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"patch": 9}, "larger than the images"),
        ({"restarts": 0}, "restarts must be at least 1"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"step_size": 0}, "step_size must be a finite number above 0"),
        ({"net": nn.Flatten()}, "takes a SmoothedNet"),
    ],
)
def test_attacks_that_cannot_be_made(wrong, words):
    arguments = {"net": smoothed(), **wrong}
    with pytest.raises(SpecError, match=words):
        attack_patches(arguments.pop("net"), images(), torch.zeros(3).long(), **arguments)


def test_training_needs_images_of_the_ablation_s_size():
    data = take(load_dataset("digits"), n_train=50, n_test=20)
    bands = Ablation(mode="column", size=2, image=(28, 28))
    with pytest.raises(SpecError, match="28x28, but digits has inputs of 1x8x8"):
        train_smoothed(SmoothedNet(smoothed().base, bands), data, name="a")
