"""Which channels share their indices, and what any widths cost."""

import numpy as np
import pytest
import torch
from torch import nn

import nnmass
from nnmass.errors import SpecError, TraceError
from nnmass.slim import SubnetFamily, WidthCosts, find_groups
from nnmass.tracing import trace_channels
from oracles.families import R20, GatedNet, random_levels


def test_resnet18_has_four_stages_and_eight_inner_groups():
    groups = find_groups(nnmass.build("resnet(depth=18)", device="meta"), (3, 224, 224))
    stages = [group for group in groups.free if len(group.producers) > 1]
    assert [(group.channels, len(group.producers)) for group in stages] == [
        (64, 3), (128, 3), (256, 3), (512, 3),
    ]  # fmt: skip
    assert len(groups.free) - len(stages) == 8
    assert "stem: " not in " ".join(groups.notes())


def test_logits_and_input_are_whole():
    groups = find_groups(nnmass.build(R20, device="meta"), (3, 32, 32))
    assert groups.groups[0].whole == "they are the input of the network"
    head = next(group for group in groups.groups if group.name == "head")
    assert head.whole == "they are the output of the network"
    assert groups.notes() == ("head: all 10 channels stay: they are the output of the network",)


def test_concatenation_gives_offsets_not_ties():
    spec = "densenet(blocks=3/3,growth=8,classes=10)"
    groups = find_groups(nnmass.build(spec, device="meta"), (3, 32, 32))
    first = [layer for layer in groups.layers if len(layer.reads.groups) == 16 + 8]
    reads = first[0].reads
    assert len(set(reads.groups.tolist())) == 2
    assert reads.channels.tolist() == [*range(16), *range(8)]
    kept = reads.kept(np.where(np.arange(len(groups.groups)) == reads.groups[0], 3, 2))
    assert kept.tolist() == [0, 1, 2, 16, 17]


def test_depthwise_gates_and_flat_heads():
    groups = find_groups(GatedNet(), (3, 8, 8))
    by_name = {group.name: group for group in groups.groups}
    assert by_name["stem"].producers == ("stem", "depthwise", "gate.up")
    assert by_name["mix"].consumers == ("head1",)
    head = next(layer for layer in groups.layers if layer.path == "head1")
    assert head.reads.channels.tolist() == [c for c in range(5) for _ in range(16)]
    assert set(groups.full) == {"stem", "gate.down", "side", "mix", "head1"}


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8)), "GroupNorm"),
        (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=2)), "2 groups"),
        (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.PixelShuffle(2)), ""),
        (lambda: nn.Sequential(*2 * [nn.Conv2d(3, 3, 1)]), "more than once"),
    ],
)
def test_what_stays_whole_and_why(make, reason):
    net = nn.Sequential(make(), nn.Flatten(), nn.LazyLinear(10))
    net(torch.zeros(1, 3, 8, 8))
    with pytest.raises(TraceError, match=f"no channels of Sequential can be dropped: .*{reason}"):
        find_groups(net, (3, 8, 8))


def test_tied_and_computed_weights_stay_whole():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 4, 1)
    )
    net[2].weight = net[1].weight
    with pytest.raises(TraceError, match="shares its weights with another module"):
        find_groups(net, (3, 8, 8))
    net = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 4, 1))
    )
    with pytest.raises(TraceError, match="no channels of Sequential can be dropped"):
        find_groups(net, (3, 8, 8))


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (R20, (3, 32, 32)),
        ("vgg(depth=11,classes=10)", (3, 32, 32)),
        ("resnet(depth=50)", (3, 32, 32)),
        ("mobilenet-v2(wm=1)", (3, 32, 32)),
        pytest.param("densenet(depth=121)", (3, 64, 64), marks=pytest.mark.slow),
        ("densenet(blocks=4/4,growth=6,classes=10)", (3, 32, 32)),
    ],
)
def test_costs_of_random_widths_are_those_of_the_traced_networks(text, shape):
    net = nnmass.build(text, device="meta")
    levels = random_levels(net, shape, ratios=(0.6, 0.23), seed=3)
    family = SubnetFamily(net, levels, input_shape=shape)
    for level, subnet in enumerate(family.subnets):
        traced = nnmass.trace(family.export(level, fold_bn=False), shape)
        assert (traced.macs, traced.params) == (subnet.macs, subnet.params)


def test_costs_of_half_a_wide_resnet_are_those_of_the_narrower_spec():
    groups = find_groups(nnmass.build("wide-resnet(depth=16,widen=4)", device="meta"), (3, 32, 32))
    widths = {name: n if name == "stem" else n // 2 for name, n in groups.full.items()}
    narrow, costs = nnmass.parse("wide-resnet(depth=16,widen=2)"), WidthCosts(groups)
    assert (costs.params(widths), costs.macs(widths)) == (narrow.params, narrow.macs)


def test_a_module_called_twice_keeps_what_every_call_reads():
    twice = nn.Conv2d(8, 8, 1)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 1), twice, nn.ReLU(), twice, nn.Conv2d(8, 6, 1), nn.Conv2d(6, 4, 1)
    )
    assert find_groups(net, (3, 8, 8)).full == {"4": 6}


def test_no_module():
    with pytest.raises(TraceError, match=r"need a torch\.nn\.Module, got 'resnet'"):
        find_groups("resnet", (3, 32, 32))


def test_costs_by_hand():
    groups = find_groups(GatedNet(), (3, 8, 8))
    widths = {"stem": 4, "gate.down": 2, "side": 3, "mix": 2, "head1": 7}
    params = {
        "stem": 3 * 9 * 4 + 4,
        "depthwise": 9 * 4,
        "norm": 2 * 4,
        "down": 4 * 2 + 2,
        "up": 2 * 4 + 4,
        "side": 4 * 9 * 3 + 3,
        "both_norm": 2 * 7,
        "mix": 7 * 2 + 2,
        "head": (2 * 16 * 7 + 7) + (7 * 10 + 10),
    }
    macs = 64 * (3 * 9 * 4 + 9 * 4 + 4 * 9 * 3 + 7 * 2) + 4 * 2 + 2 * 4 + 2 * 16 * 7 + 7 * 10
    costs = WidthCosts(groups)
    assert (costs.params(widths), costs.macs(widths)) == (sum(params.values()), macs)


def test_wrong_widths():
    costs = WidthCosts(find_groups(GatedNet(), (3, 8, 8)))
    with pytest.raises(SpecError, match=r"got none for 'gate\.down' and 3 more"):
        costs.macs({"stem": 4})
    with pytest.raises(SpecError, match="the width of stem must be at most 8, got 9"):
        costs.macs({**costs.groups.full, "stem": 9})


def test_uses_of_a_residual_block():
    net = nnmass.build(R20, device="meta")
    kinds = [use.kind for use in trace_channels(net, (3, 32, 32)).uses]
    assert kinds.count("convolution") == 19
    assert kinds.count("norm") == 19
    assert kinds.count("elementwise") == 9
    assert kinds[-2:] == ["linear", "output"]
