"""What comes back, what is said, and what is refused."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nnmass
from nnmass.errors import NNMassError, SpecError, TraceError
from nnmass.tracing import register_rule, trace, unregister_rule


class Forward(nn.Module):
    """Three 1x1 convolutions of 4 channels and a forward given as a function."""

    def __init__(self, forward, **modules):
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(4, 4, 1) for _ in range(3))
        for name, module in modules.items():
            setattr(self, name, module)
        self._forward = forward

    def forward(self, *inputs):
        return self._forward(self, *inputs)


def residual(net, x):
    x = net.a(x)
    return x + net.c(net.b(x).relu())


SHAPE = (4, 6, 6)


def test_what_a_topology_tells():
    got = trace(Forward(residual), SHAPE, name="mine")
    (cell,) = got.cells
    assert (got.name, got.input_shape, got.mass, got.density) == ("mine", SHAPE, 8.0, 1.0)
    assert (got.params, got.macs, got.depth) == (3 * 20, 3 * 16 * 36, 3)
    assert (got.links, got.possible_links) == (4, 4)
    assert cell.chain == ("a", "b", "add")
    assert got.notes == ()
    assert json.loads(json.dumps(got.to_dict()))["cells"][0]["link_list"] == [
        {"source": 0, "target": 2, "channels": 4, "has_layer": False}
    ]


def test_the_name_is_the_class_unless_told():
    assert trace(Forward(residual), SHAPE).name == "Forward"


def test_nnmass_trace_is_this_one():
    assert nnmass.trace is trace


# --- what is refused -----------------------------------------------------------------------------


def two_inputs(net, x, y):
    return net.a(x) + net.b(y)


def failing(net, x):
    net.a(x)
    raise KeyError("no such thing")


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Linear(5, 2))

    def forward(self, x):
        return self.inner(x)


def asks_for_values(net, x):
    x = net.a(x)
    return x + net.c(net.b(x)) if x.mean() > -1e9 else x


REFUSED = {
    "no module": (None, SHAPE, r"needs a torch.nn.Module, got None; of a spec, nnmass.build"),
    "a class": (nn.Linear, SHAPE, r"got <class .*; call Linear to make one"),
    "a name": ("resnet18", SHAPE, r"got 'resnet18'; nnmass.open_network opens"),
    "a number": (Forward(residual), 224, r"input_shape must be whole numbers.*got 224"),
    "an empty shape": (Forward(residual), (), r"input_shape must be .*got \(\)"),
    "a negative size": (Forward(residual), (4, -1, 6), r"got \(4, -1, 6\)"),
    "a fraction": (Forward(residual), (4, 6.0, 6), r"got \(4, 6.0, 6\)"),
    "a truth": (Forward(residual), (4, True, 6), r"got \(4, True, 6\)"),
    "text": (Forward(residual), "4x6x6", r"got '4x6x6'"),
    "wrong channels": (Forward(residual), (3, 6, 6), r"3x6x6 \(plus the batch\): a \(Conv2d\) "
                       r"raised RuntimeError: .*to have 4 channels.*Check the input shape"),
    "with the batch": (Forward(residual), (1, 4, 6, 6), r"1x4x6x6.*without the batch"),
    "too small": (nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)), (4, 3, 3),
                  r"1 \(Conv2d\) raised"),
    "two inputs": (Forward(two_inputs), SHAPE, r"missing 1 required positional argument.*"
                   r"several inputs\? Give input_shape as a list"),
    "three for two": (Forward(two_inputs), [SHAPE] * 3, r"raised TypeError.*"),
    "raises": (Forward(failing), SHAPE, r"its forward raised KeyError: 'no such thing'.*by itself"),
    "deep inside": (Deep(), SHAPE, r"inner.1 \(Linear\) raised RuntimeError"),
    "empty": (nn.Sequential(), SHAPE, r"no weight layer .* nothing to score"),
    "no layer": (nn.Sequential(nn.ReLU(), nn.Flatten()), SHAPE, r"no weight layer"),
    "text out": (Forward(lambda net, x: "text"), SHAPE, r"returned str without a tensor"),
    "nothing out": (Forward(lambda net, x: None), SHAPE, r"returned NoneType without a tensor"),
    "not its input": (Forward(lambda net, x: net.a(torch.zeros(1, 4, 6, 6))), SHAPE,
                      r"does not depend on its input"),
    "tokens": (nn.Embedding(9, 4), (5,), r"raised RuntimeError: Expected tensor.*'indices'.*"
               r"whole numbers \(tokens\); trace gives features: take what comes behind"),
    "no shape yet": (nn.LazyConv2d(3, 1), SHAPE, r"parameters without a shape yet \(weight"),
    "values on meta": (Forward(asks_for_values).to("meta"), SHAPE,
                       r"asks for values, which a model on the meta device has not"),
    "an unknown output": (Forward(lambda net, x: {"logits": net.a(x)}), SHAPE, None),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_reason(name):
    model, shape, message = REFUSED[name]
    if message is None:
        with pytest.raises(
            TraceError, match=r"no output 'logit'. Did you mean 'logits'\? It gives 1"
        ):
            trace(model, shape, output="logit")
        return
    with pytest.raises(TraceError, match=message):
        trace(model, shape)


def test_a_trace_error_is_caught_with_all_others():
    with pytest.raises(NNMassError):
        trace(None, SHAPE)


def test_an_exported_program_says_what_to_take():
    program = torch.export.export(Forward(residual).eval(), (torch.randn(1, *SHAPE),))
    with pytest.raises(TraceError, match=r"take .module\(\)"):
        trace(program, SHAPE)
    assert trace(program.module(), SHAPE).mass == 8.0


# --- what is taken -------------------------------------------------------------------------------


def test_values_do_not_matter():
    broken = Forward(residual)
    for parameter in broken.parameters():
        parameter.data.fill_(math.nan)
    assert trace(broken, SHAPE) == trace(Forward(residual), SHAPE)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_number_format(dtype):
    assert trace(Forward(residual).to(dtype), SHAPE).mass == 8.0


CONTEXTS = {
    "inference": torch.inference_mode,
    "no gradients": torch.no_grad,
    "gradients": torch.enable_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "meta": lambda: torch.device("meta"),
}


@pytest.mark.parametrize("name", CONTEXTS)
def test_within_any_context(name):
    model, again = Forward(residual), Forward(asks_for_values)
    with CONTEXTS[name]():
        assert trace(model, SHAPE) == trace(Forward(residual), SHAPE)
        assert trace(again, SHAPE).mass == 8.0


def test_in_several_threads():
    with ThreadPoolExecutor(4) as pool:
        models = [Forward(residual) for _ in range(8)]
        assert {got.mass for got in pool.map(lambda m: trace(m, SHAPE), models)} == {8.0}


@pytest.mark.parametrize("shape", [list(SHAPE), torch.Size(SHAPE), tuple(np.array(SHAPE))])
def test_any_sequence_of_whole_numbers_is_a_shape(shape):
    assert trace(Forward(residual), shape).input_shape == SHAPE


def test_one_pixel():
    gated = Forward(lambda net, x: residual(net, x * net.a(x.mean((2, 3), True)).sigmoid()))
    assert trace(gated, (4, 1, 1)).mass == trace(gated, SHAPE).mass == 8.0


def test_several_inputs():
    got = trace(Forward(two_inputs), [SHAPE, SHAPE])
    assert got.input_shape == (SHAPE, SHAPE)
    assert got.to_dict()["input_shape"] == [list(SHAPE), list(SHAPE)]
    assert (got.depth, got.macs) == (1, 2 * 16 * 36)


def test_a_forward_that_asks_for_values_is_run_on_them():
    got = trace(Forward(asks_for_values), SHAPE)
    assert got.mass == 8.0
    assert got.notes == (
        "the forward pass asks for values: it was run on the real weights, with random input",
    )


@pytest.mark.parametrize(
    "wrap", [torch.compile, torch.fx.symbolic_trace, nn.DataParallel, nn.Sequential]
)
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # of torch.compile itself
def test_wrapped(wrap):
    model = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1))
    assert trace(wrap(model), SHAPE).depth == 2


HEADS = {
    "a dictionary": lambda net, x: {"features": net.a(x), "logits": net.b(net.a(x)).mean((2, 3))},
    "the flat one": lambda net, x: (net.a(x), net.b(net.a(x)).mean((2, 3))),
    "nested": lambda net, x: [{"aux": net.a(x)}, (net.b(net.a(x)).mean((2, 3)), None)],
}


@pytest.mark.parametrize("name", HEADS)
def test_of_several_outputs_the_classification_head(name):
    got = trace(Forward(HEADS[name]), SHAPE)
    assert got.depth == 2
    assert any(note.startswith("output ") and "of 2 was followed" in note for note in got.notes)


@pytest.mark.parametrize(("output", "depth"), [("features", 1), (0, 1), (-1, 2), ("logits", 2)])
def test_the_output_can_be_named(output, depth):
    got = trace(Forward(HEADS["a dictionary"]), SHAPE, output=output)
    assert got.depth == depth
    assert not any("output" in note for note in got.notes)


def test_of_feature_maps_the_last():
    got = trace(Forward(lambda net, x: [net.a(x), net.b(net.a(x))]), SHAPE)
    assert got.depth == 2


# --- what is said --------------------------------------------------------------------------------


def test_parameters_that_take_no_part_are_named():
    got = trace(Forward(lambda net, x: net.b(net.a(x))), SHAPE)
    assert got.params == 60
    assert "20 parameters are counted but take no part in this forward pass (c)" in got.notes


def test_a_plain_network_is_0_with_a_note():
    got = trace(Forward(lambda net, x: net.c(net.b(net.a(x)))), SHAPE)
    assert (got.mass, got.cells) == (0.0, ())
    assert got.notes == ("plain network: no skip, so its mass is 0",)


@torch.library.custom_op("nnmass_tests::odd", mutates_args=())
def odd(x: torch.Tensor) -> torch.Tensor:
    return x * 1.0


@odd.register_fake
def _(x):
    return torch.empty_like(x)


def with_odd(net, x):
    x = net.a(x)
    return x + net.c(odd(net.b(x)))


def test_what_cannot_be_followed_gives_no_number():
    got = trace(Forward(with_odd), SHAPE)
    assert math.isnan(got.mass)
    assert math.isnan(got.cells[0].mass)
    assert got.read_mass_by() == 0.0
    assert not got.is_read
    assert got.to_dict()["mass"] is got.to_dict()["density"] is None
    first, second, *_ = got.notes
    assert first.startswith(
        "not followed: nnmass_tests.odd.default (1 call, in the model itself); the cells with it "
        "hold 2 of 3 weight layers (66.7 %). Tell how"
    )
    assert second == "no mass: 1 of 1 cells hold an operation that was not followed"
    assert got.count.uncounted == {"nnmass_tests.odd.default": 1}
    assert "nnmass_tests.odd.default" in got.cells[0].unread[0]


def test_outside_cells_it_touches_no_mass():
    got = trace(Forward(lambda net, x: odd(residual(net, x))), SHAPE)
    assert got.mass == 8.0
    assert "outside all cells, so no mass depends on it" in got.notes[0]


def test_in_a_gate_it_touches_no_mass():
    def gated(net, x):
        return residual(net, x * odd(net.c(x.mean((2, 3), True))))

    got = trace(Forward(gated), SHAPE)
    assert got.mass == 8.0
    assert "only in a side branch, which no mass depends on" in got.notes[0]


@pytest.fixture
def rule():
    yield lambda rule, **options: register_rule("nnmass_tests::odd", rule, **options)
    unregister_rule("nnmass_tests::odd")


def test_an_own_rule_that_passes(rule):
    rule(lambda step: step.passes())
    got = trace(Forward(with_odd), SHAPE)
    assert (got.mass, got.notes) == (8.0, ())


def test_an_own_rule_for_a_layer(rule):
    rule(lambda step: step.layer(size=step.out.shape[2:]), macs=lambda step: step.out.numel())
    got = trace(Forward(with_odd), SHAPE)
    assert got.cells[0].depth == 3
    assert got.depth == 4
    assert got.count.by_kind["own"] == 4 * 36
    assert got.macs == 3 * 16 * 36 + 4 * 36


def test_an_own_rule_that_mixes_is_a_flag(rule):
    rule(lambda step: step.mix("odd mixing"))
    got = trace(Forward(with_odd), SHAPE)
    assert got.mass == 8.0
    assert got.cells[0].flags == ("odd mixing",)
    assert got.notes == ("not what the metric was made for: odd mixing, in 1 of 1 cells",)


@pytest.mark.parametrize(
    "name", ["aten::relu", "relu", "aten::relu.default"], ids=["namespace", "bare", "overload"]
)
def test_a_built_in_rule_can_be_replaced_and_comes_back(name):
    register_rule(name, lambda step: step.mix("relu"))
    try:
        assert trace(Forward(residual), SHAPE).cells[0].flags == ("relu",)
    finally:
        unregister_rule(name)
    assert trace(Forward(residual), SHAPE).cells[0].flags == ()


@pytest.mark.parametrize(("name", "own"), [("", len), (3, len), ("lib::op", "passes")])
def test_rules_are_checked(name, own):
    with pytest.raises(SpecError, match=r"must be a (name|function)|operation must be"):
        register_rule(name, own)


# --- writing in place ----------------------------------------------------------------------------


def filled(net, x):
    u = net.a(x)
    v = net.b(u)
    room = torch.zeros(1, 12, *x.shape[2:])
    room[:, :4] = u
    room[:, 4:8].add_(v)
    room[:, 8:] = F.relu(u)
    return net.d(room)


def test_slices_written_in_place():
    got = trace(Forward(filled, d=nn.Conv2d(12, 2, 1)), SHAPE)
    (cell,) = got.cells
    assert cell.widths == (4, 4, 2)
    assert [(link.source, link.target, link.channels) for link in cell.link_list] == [(0, 2, 4)]
    assert cell.flags == ()


def test_a_view_sees_what_is_written_to_its_base():
    def forward(net, x):
        u = net.a(x)
        v = net.b(u)
        view = v.view(1, 4, 36)
        v += u
        return net.c(view.view(1, 4, 6, 6))

    got = trace(Forward(forward), SHAPE)
    assert [cell.kind for cell in got.cells] == ["addition"]
    assert got.depth == 3


def test_a_shape_changed_in_place():
    def forward(net, x):
        x = net.a(x)
        y = net.b(x).unsqueeze_(0).squeeze_(0).transpose_(2, 3)
        return x + net.c(y)

    assert trace(Forward(forward), SHAPE).mass == 8.0


def test_where_features_are_looked_up_is_no_feature():
    def warped(net, x):
        theta = net.d(x.mean((2, 3))).view(-1, 2, 3)
        grid = F.affine_grid(theta, x.shape, align_corners=False)
        return residual(net, F.grid_sample(x, grid, align_corners=False))

    got = trace(Forward(warped, d=nn.Linear(4, 6)), SHAPE)
    assert (got.mass, got.notes) == (8.0, ())


def test_a_depthwise_convolution_is_one_layer_with_its_neighbours():
    def forward(net, x):
        x = net.a(x)
        y = x
        for name in ("d1", "b", "d2", "c"):  # two separable convolutions in a row
            y = getattr(net, name)(y)
        return net.e(torch.cat([x, y], 1))

    depthwise = {name: nn.Conv2d(4, 4, 3, padding=1, groups=4) for name in ("d1", "d2")}
    (cell,) = trace(Forward(forward, e=nn.Conv2d(8, 2, 1), **depthwise), SHAPE).cells
    assert (cell.chain, cell.widths) == (("a", "b", "c", "e"), (4, 4, 4, 2))
    assert [(link.source, link.target, link.channels) for link in cell.link_list] == [(0, 3, 4)]


def test_no_two_nodes_are_linked_by_more_than_there_is():
    def forward(net, x):
        x = net.a(x)
        return x + net.c(net.b(x)) + net.d(x) + net.e(x)

    extra = {name: nn.Conv2d(4, 4, 1) for name in "de"}
    (cell,) = trace(Forward(forward, **extra), SHAPE).cells
    assert (cell.density, cell.mass) == (1.0, 8.0)
    assert [(link.channels, link.has_layer) for link in cell.link_list] == [(4, False)]
