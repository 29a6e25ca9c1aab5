"""A family's levels: sizes of the spec, the same numbers however they are run, switching."""

import copy
import hashlib
import json
import threading

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

import nnmass
from nnmass.errors import SpecError, TraceError
from nnmass.slim import SubnetFamily, find_groups
from nnmass.slim._subnets._masks import masked
from oracles.families import (
    R20,
    Tail,
    images,
    network,
    prefix_levels,
    random_levels,
    relative_error,
)

C32 = (3, 32, 32)
R8 = "resnet(depth=8,classes=10,stem=cifar)"
CASES = [
    (R8, C32),
    ("wide-resnet(depth=10,widen=1,classes=10)", C32),
    ("mobilenet-v2(wm=0.35,classes=10)", C32),
    ("densenet(blocks=3/3,growth=8,classes=10)", C32),
    ("gated", (3, 8, 8)),
]


def family_of(text, shape, **options):
    net = network(text)
    return SubnetFamily(net, random_levels(net, shape), input_shape=shape, **options).eval()


def state_hash(module, prefix=""):
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if name.startswith(prefix):
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def test_sizes_of_resnet18_at_four_widths():
    net = nnmass.build("resnet(depth=18)", device="meta")
    shape = (3, 224, 224)
    family = SubnetFamily(net, prefix_levels(net, shape, (0.75, 0.5, 0.25)), input_shape=shape)
    assert [subnet.params for subnet in family.subnets] == [11689512, 6675352, 3055880, 831096]
    assert [subnet.macs for subnet in family.subnets] == [
        1814073344,
        1042639872,
        483149824,
        135603200,
    ]
    assert [subnet.mass for subnet in family.subnets] == [3392.0, 2544.0, 1696.0, 848.0]


def test_sizes_of_resnet20_at_four_widths():
    net = nnmass.build(R20, device="meta")
    family = SubnetFamily(net, prefix_levels(net, C32, (0.75, 0.5, 0.25)), input_shape=C32)
    assert [subnet.params for subnet in family.subnets] == [269722, 152182, 68050, 17326]
    assert [subnet.macs for subnet in family.subnets] == [40551040, 22893024, 10248512, 2617504]


@pytest.mark.parametrize(("text", "shape"), CASES)
def test_levels_exports_and_the_masked_network_agree(text, shape):
    family, x = family_of(text, shape), images(shape)
    for level, subnet in enumerate(family.subnets):
        with torch.no_grad(), family.using(level):
            found = family(x)
        with torch.no_grad(), masked(family.model, family._found, family._counts[level]):
            assert relative_error(family.model(x), found) < 1e-5
        for channels_last in (False, True):
            with torch.no_grad():
                served = family.export(level, channels_last=channels_last)(x)
            assert relative_error(found, served) < 1e-5
        traced = nnmass.trace(family.export(level, fold_bn=False), shape)
        assert (traced.macs, traced.params) == (subnet.macs, subnet.params)
        assert traced.mass == subnet.mass


def test_masks_on_convolutions_alone_are_wrong():
    family, x = family_of(R8, C32), images(C32)
    counts, found = family._counts[2], family._found
    for layer in found.layers:
        rows = torch.arange(found.groups[layer.makes].channels) >= int(counts[layer.makes])
        family.model.get_submodule(layer.path).weight.data[rows] = 0
    with torch.no_grad(), family.using(2):
        assert relative_error(family(x), family.model(x)) > 0.05  # shifts of norms leak


@pytest.mark.parametrize(("text", "shape"), CASES)
@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_another_order_of_channels_computes_the_same(text, shape, dtype, most):
    net = network(text).to(dtype)
    before = copy.deepcopy(net.state_dict())
    family = SubnetFamily(net, random_levels(net, shape), input_shape=shape).eval()
    x = images(shape, dtype=dtype)
    with torch.no_grad():
        assert relative_error(net(x), family(x)) < most
    assert any(list(order) != sorted(order) for order in family._kept.order.values())
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


@pytest.mark.parametrize("batch_norm", ["statistics", "private"])
def test_switching_has_no_memory(batch_norm):
    family, x = family_of(R8, C32, batch_norm=batch_norm), images(C32)
    before = state_hash(family)
    outputs = {0: [], 1: [], 2: []}
    for level in (0, 2, 1, 2, 0):
        family.set_subnet(level)
        assert family.current == level
        with torch.no_grad():
            outputs[level].append(family(x))
    with torch.no_grad():
        for level, found in outputs.items():
            assert all(torch.equal(family.view(level)(x), output) for output in found)
    assert state_hash(family) == before


def test_training_a_level_moves_its_own_statistics_and_the_shared_weights():
    family, x = family_of(R8, C32).train(), images(C32, 4)
    before = [state_hash(family, f"levels.{level}.") for level in (1, 2)]
    norm = state_hash(family, "model.blocks.0.norm1.running_mean")
    with family.using(1):
        family(x).square().sum().backward()
    assert state_hash(family, "levels.1.") != before[0]
    assert state_hash(family, "levels.2.") == before[1]
    assert state_hash(family, "model.blocks.0.norm1.running_mean") == norm
    used = family.used(1)
    for name, parameter in family.named_parameters():
        inside = used.get(name, torch.ones_like(parameter, dtype=torch.bool))
        assert not parameter.grad[~inside].any(), name
    assert (
        family.model.blocks[1].conv1.weight.grad[used["model.blocks.1.conv1.weight"]] != 0
    ).any()


def test_gradients_are_those_of_the_narrow_network():
    family, x = family_of("gated", (3, 8, 8)), images((3, 8, 8))
    narrow = family.export(2, fold_bn=False)
    with family.using(2):
        family(x).square().sum().backward()
    narrow(x).square().sum().backward()
    used = family.used(2)
    for name, parameter in narrow.named_parameters():
        full = family.model.get_parameter(name)
        inside = used.get(f"model.{name}", torch.ones_like(full, dtype=torch.bool))
        torch.testing.assert_close(
            full.grad[inside], parameter.grad.flatten(), rtol=1e-4, atol=1e-6
        )


def test_threads_run_levels_side_by_side():
    family, x = family_of(R8, C32), images(C32)
    with torch.no_grad():
        wanted = [family.view(level)(x) for level in range(3)]
    wrong = []

    def serve(level):
        for _ in range(5):
            with torch.no_grad(), family.using(level):
                if not torch.equal(family(x), wanted[level]):
                    wrong.append(level)

    threads = [threading.Thread(target=serve, args=(level,)) for level in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_each_thread_has_its_level():
    family, seen = family_of("gated", (3, 8, 8)), {}
    family.set_subnet(1)

    def work():
        seen["before"] = family.current
        family.set_subnet(2)
        seen["after"] = family.current

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == {"before": 0, "after": 2}
    assert family.current == 1
    with pytest.raises(ZeroDivisionError), family.using(2):
        raise ZeroDivisionError
    assert family.current == 1


def test_state_and_description_restore_every_level():
    family, x = family_of(R8, C32, batch_norm="private", names=["a", "b", "c"]), images(C32, 4)
    family.train()
    for level in range(3):
        with family.using(level), torch.no_grad():
            family(x)
    family.eval()
    document = json.loads(json.dumps(family.to_dict()))
    blob = save({name: tensor.contiguous() for name, tensor in family.state_dict().items()})
    for device in ("cpu", "meta"):
        other = SubnetFamily.from_dict(document, nnmass.build(R8, seed=5, device=device)).eval()
        other.load_state_dict(load(blob), assign=device == "meta")
        assert [subnet.to_dict() for subnet in other.subnets] == [
            subnet.to_dict() for subnet in family.subnets
        ]
        for level in range(3):
            with torch.no_grad(), other.using(level), family.using(level):
                assert torch.equal(other(x), family(x))


def test_conversion_reaches_every_level_and_a_copy_stands_alone():
    family, x = family_of(R8, C32), images(C32)
    twin = copy.deepcopy(family).double()
    for level in range(3):
        with torch.no_grad(), family.using(level), twin.using(level):
            assert relative_error(twin(x.double()), family(x).double()) < 1e-5
    nn.init.zeros_(twin.model.head.weight)
    assert family.model.head.weight.any()
    assert {p.dtype for p in family.parameters()} == {torch.float32}


@pytest.mark.gpu
@pytest.mark.parametrize("text", [R8, "gated"])
def test_levels_move_to_a_device_and_are_made_there(text):
    shape = C32 if text == R8 else (3, 8, 8)
    family, x = family_of(text, shape), images(shape)
    with torch.no_grad():
        wanted = [family.view(level)(x) for level in range(3)]
    there = family_of(text, shape).cuda()
    net = network(text).cuda()
    made = SubnetFamily(net, random_levels(net, shape), input_shape=shape).eval()
    for level in range(3):
        with torch.no_grad(), there.using(level), made.using(level):
            assert relative_error(wanted[level], there(x.cuda()).cpu()) < 1e-2  # TF32
            assert relative_error(wanted[level], made(x.cuda()).cpu()) < 1e-2
            assert relative_error(wanted[level], made.export(level)(x.cuda()).cpu()) < 1e-2


def test_no_parameter_is_there_twice():
    family = family_of(R8, C32)
    assert sum(p.numel() for p in family.parameters()) == family.subnets[0].params
    own = family_of(R8, C32, batch_norm="private")
    extra = sum(
        2 * norm.running_mean.numel()
        for norm in own.levels.modules()
        if norm._buffers and "running_mean" in norm._buffers
    )
    assert sum(p.numel() for p in own.parameters()) == own.subnets[0].params + extra


def test_nothing_of_the_caller_changes():
    net, state = network(R20).train(), torch.get_rng_state()
    flags = [module.training for module in net.modules()]
    SubnetFamily(net, random_levels(net, C32), input_shape=C32)
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in net.modules()] == flags
    assert not any(module._forward_hooks for module in net.modules())


def test_a_level_in_training_and_export_modes():
    family = family_of(R8, C32).train()
    assert all(module.training for module in family.view(2).modules())
    assert not any(module.training for module in family.export(2).modules())
    assert family.training
    family.eval()
    assert not any(module.training for module in family.view(2).modules())


def test_a_hidden_coupling_is_refused_with_its_place():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), Tail(8), nn.Linear(8, 4))
    with pytest.raises(TraceError, match=r"level-1 of Sequential fails in 2: .*all channels"):
        SubnetFamily(net, [{}, {"0": 5}], input_shape=(3, 8, 8))


class Averaging(nn.Conv2d):
    """Depends on how many channels it is given."""

    def forward(self, x):
        return super().forward(x) / x.shape[1]


def test_a_level_that_computes_something_else_is_refused_with_its_place():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), Averaging(8, 8, 1), nn.Conv2d(8, 4, 1))
    with pytest.raises(TraceError, match=r"level-1 of Sequential: 2 has values that differ by"):
        SubnetFamily(net, [{}, {"0": 5}], input_shape=(3, 8, 8))


def test_coarse_numbers_are_no_reason_to_refuse():
    net = network(R8).bfloat16()
    family = SubnetFamily(net, random_levels(net, C32), input_shape=C32).eval()
    with torch.no_grad(), family.using(2):
        assert family(images(C32).bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize(
    "make",
    [
        lambda: (nn.Flatten(), nn.Linear(48, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(20, 5)),
        lambda: (
            nn.Conv2d(3, 8, 3),
            nn.BatchNorm2d(8, affine=False),
            nn.Conv2d(8, 8, 1, padding=1, padding_mode="reflect"),
            nn.BatchNorm2d(8, track_running_stats=False),
            nn.Flatten(),
            nn.Linear(128, 3),
        ),
    ],
)
@pytest.mark.parametrize("batch_norm", ["statistics", "private"])
def test_norms_of_all_kinds(make, batch_norm):
    net = nn.Sequential(*make())
    levels = random_levels(net, (3, 4, 4))
    family = SubnetFamily(net, levels, input_shape=(3, 4, 4), batch_norm=batch_norm).eval()
    x = images((3, 4, 4), 5)
    for level in range(3):
        with torch.no_grad(), family.using(level):
            assert relative_error(family(x), family.export(level)(x)) < 1e-5


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([], "levels must be a sequence"),
        ({"stem": 4}, "levels must be a sequence"),
        ([{"stem": 4}], r"level 0 must be the full network, but keeps 4 of the 16 .*put \{\}"),
        ([{}, 3], "level 1 must be a mapping"),
        ([{}, {"stern": 4}], "unknown channel group 'stern'. Did you mean 'stem'"),
        ([{}, {"head": 4}], "head cannot be narrowed: they are the output"),
        ([{}, {"stem": 0}], "the width of stem in level 1 must be at least 1, got 0"),
        ([{}, {"stem": 17}], "must be some of those of the level before, got 16 too"),
        ([{}, {"stem": []}], "must be at least one, got none"),
        ([{}, {"stem": [1, 1]}], "is there twice: 1, 1"),
        ([{}, {"stem": [1, 2]}, {"stem": [3]}], "in level 2 must be some of .* got 3 too"),
        ([{}, {"stem": "4"}], "must be a whole number of at least 1, got '4'"),
        ([{}, {"stem": [1.5]}], "a channel of stem in level 1 must be a whole number"),
    ],
)
def test_wrong_levels(levels, message):
    with pytest.raises(SpecError, match=message):
        SubnetFamily(nnmass.build(R20, device="meta"), levels, input_shape=C32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_norm": "shared"}, "batch_norm must be one of statistics, private, got 'shared'"),
        ({"names": ["a"]}, "names must be 2 different words"),
        ({"names": ["a", "a"]}, "names must be 2 different words"),
        (
            {"scores": {"stem": [1.0]}},
            "the scores of stem must be 16 numbers, one a channel, got 1",
        ),
    ],
)
def test_wrong_options(options, message):
    net = nnmass.build(R20, device="meta")
    with pytest.raises(SpecError, match=message):
        SubnetFamily(net, [{}, {"stem": 4}], input_shape=C32, **options)


def test_wrong_calls():
    net = nnmass.build(R20, device="meta")
    family = SubnetFamily(net, [{}, {"stem": 4}], input_shape=C32)
    with pytest.raises(
        SpecError, match=r"there is no level 2; there are 0 \(full\), 1 \(level-1\)"
    ):
        family.set_subnet(2)
    with pytest.raises(SpecError, match="meta device"):
        family.export(1)
    with pytest.raises(SpecError, match="no description of a family"):
        SubnetFamily.from_dict({"order": {}}, net)


def test_every_level_has_the_first_channels_and_they_are_those_it_was_told():
    net = network(R8)
    levels = random_levels(net, C32)
    family = SubnetFamily(net, levels, input_shape=C32)
    rows = {tuple(row.flatten().tolist()): n for n, row in enumerate(net.stem.weight)}
    for level in (1, 2):
        weight = family.view(level).stem.weight
        assert torch.equal(weight, family.model.stem.weight[: len(weight)])
        kept = sorted(rows[tuple(row.flatten().tolist())] for row in weight)
        assert kept == levels[level]["stem"]
        assert set(levels[level]["stem"]) <= set(levels[level - 1].get("stem", range(16)))


def test_scores_order_the_channels():
    net = nnmass.build(R20, device="meta")
    scores = {name: list(range(n)) for name, n in find_groups(net, C32).full.items()}
    family = SubnetFamily(net, [{}], input_shape=C32, scores=scores)
    assert family._kept.order["stem"] == tuple(range(15, -1, -1))
