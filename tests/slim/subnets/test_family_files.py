"""One folder holds all levels of a family."""

import json

import pytest
import torch
from torch import nn

import nnmass
from nnmass.errors import CheckpointError, SpecError
from nnmass.slim import SubnetFamily, calibrate, choose_levels, find_groups

SPEC = "resnet(depth=8,classes=10,stem=cifar)"
SHAPE = (3, 32, 32)


def family_of(batch_norm="statistics"):
    net = nnmass.build(SPEC, seed=3)
    levels = choose_levels(net, SHAPE, method="norm", divisor=4)
    family = SubnetFamily(net, levels.kept, input_shape=SHAPE, batch_norm=batch_norm)
    images = torch.randn(8, *SHAPE, generator=torch.Generator().manual_seed(0))
    calibrate(family, [images])
    return family.eval(), images


@pytest.mark.parametrize("batch_norm", ["statistics", "private"])
def test_every_level_comes_back_bit_for_bit(tmp_path, batch_norm):
    family, images = family_of(batch_norm)
    assert nnmass.slim.save(family, tmp_path / "levels") == tmp_path / "levels"
    names = sorted(file.name for file in (tmp_path / "levels").iterdir())
    assert names == ["model.safetensors", "slim.json"]
    back = nnmass.slim.load(tmp_path / "levels").eval()
    assert [s.to_dict() for s in back.subnets] == [s.to_dict() for s in family.subnets]
    for level in range(len(family.subnets)):
        with torch.no_grad(), family.using(level), back.using(level):
            assert torch.equal(family(images), back(images))


def test_the_folder_is_opened_like_any_network(tmp_path):
    family, _ = family_of()
    nnmass.slim.save(family, tmp_path / "levels")
    opened = nnmass.open_network(str(tmp_path / "levels"))
    assert isinstance(opened.model, SubnetFamily)
    assert opened.input_shape == SHAPE
    assert nnmass.trace(opened.model, SHAPE).macs == nnmass.parse(SPEC).macs


def test_levels_that_do_not_fit_the_network_are_refused(tmp_path):
    family, _ = family_of()
    nnmass.slim.save(family, tmp_path / "levels")
    file = tmp_path / "levels" / "slim.json"
    document = json.loads(file.read_text())
    document["settings"]["widths"][1]["stem"] = 99
    file.write_text(json.dumps(document))
    with pytest.raises(CheckpointError, match="belong to two networks"):
        nnmass.slim.load(tmp_path / "levels")


def test_a_family_of_an_unnamed_network_needs_a_name(tmp_path):
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(32, 4))
    full = find_groups(net, (3, 4, 4)).full
    half = {name: width // 2 for name, width in full.items()}
    family = SubnetFamily(net, [{}, half], input_shape=(3, 4, 4))
    with pytest.raises(SpecError, match="does not know its name"):
        nnmass.slim.save(family, tmp_path / "levels")
