"""Layer Jacobians against autograd; both ways to their singular values against each other."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nnmass
from nnmass.errors import DeviceError, NNMassError, ProbeError
from nnmass.probes._summary import of_values

ACTIVATIONS = {
    "relu": F.relu,
    "elu": F.elu,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "silu": F.silu,
    "leaky": lambda z: F.leaky_relu(z, 0.2),
    "hardswish": F.hardswish,
    "softplus": F.softplus,
    "swish by hand": lambda z: z * torch.sigmoid(z),
    "mish by hand": lambda z: z * torch.tanh(F.softplus(z)),
    "gelu by hand": lambda z: 0.5 * z * (1 + torch.erf(z / math.sqrt(2))),
    "scaled": lambda z: 3 * F.relu(z) + 0.1 * z,
    "square": lambda z: z**2,
    "in place": lambda z: F.elu_(z.clone()),
}


class Dense(nn.Module):
    """Three layers, the last two with skips; keeps what each activation is given."""

    def __init__(self, act):
        super().__init__()
        self.act = act
        self.one, self.two, self.three = nn.Linear(7, 6), nn.Linear(6, 5), nn.Linear(8, 4)
        self.register_buffer("chosen", torch.tensor([4, 0, 2]))

    def forward(self, x):
        z1 = self.one(x)
        z2 = self.two(self.act(z1))
        self.z = [z1, torch.cat([z2, z1[:, self.chosen]], 1)]
        return self.three(self.act(self.z[1]))


def numbers(jacobians):
    return of_values(torch.linalg.svdvals(jacobians.double()).reshape(1, -1))[0]


def check(layer, jacobians, rel=1e-5):
    want = numbers(jacobians)
    assert layer.method == "exact" and layer.mean_error == 0
    assert (layer.rows, layer.columns) == tuple(jacobians.shape[-2:])
    for key, value in want.items():
        got = getattr(layer, key)
        if key == "quantiles":
            np.testing.assert_allclose(got, value, rtol=1e-4, atol=1e-6)
        elif key == "max_abs_log" and value is not None and value > 8:
            continue  # float32 weights: the smallest values are noise in the oracle too
        else:
            assert got == pytest.approx(value, rel=rel, abs=1e-6), key


def jacobian_of(function, z):
    """(N, out, in) of a function of single images, by autograd."""
    rows = [torch.autograd.functional.jacobian(lambda v: function(v[None])[0], one) for one in z]
    n_in = z[0].numel()
    return torch.stack([row.reshape(-1, n_in) for row in rows])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_layer_equals_autograd(name):
    torch.manual_seed(1)
    act = ACTIVATIONS[name]
    model = Dense(act)
    x = torch.randn(5, 7)
    layers = nnmass.ldi(model, x).layers
    assert [layer.path for layer in layers] == ["one", "two", "three"]
    model(x)
    z1, z2 = (z.detach() for z in model.z)
    check(layers[0], jacobian_of(model.one, x))
    check(layers[1], jacobian_of(lambda z: model.two(act(z)), z1))
    check(layers[2], jacobian_of(lambda z: model.three(act(z)), z2))


CONVOLUTIONS = {
    "3x3": nn.Conv2d(3, 4, 3, padding=1),
    "stride": nn.Conv2d(3, 5, 3, stride=2, padding=1),
    "pointwise": nn.Conv2d(3, 5, 1),
    "pointwise stride": nn.Conv2d(3, 5, 1, stride=2),
    "pointwise few": nn.Conv2d(3, 2, 1, stride=(2, 1)),
    "groups": nn.Conv2d(4, 6, 3, padding=1, groups=2),
    "depthwise": nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4),
    "dilated": nn.Conv2d(3, 2, 3, dilation=2, padding=(2, 0)),
    "same": nn.Conv2d(3, 4, 4, padding="same"),
    "circular": nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"),
    "transposed": nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1),
    "transposed groups": nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2),
    "1d": nn.Conv1d(3, 4, 3, padding=1),
    "3d": nn.Conv3d(2, 3, 2),
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("with_activation", [True, False], ids=["relu", "plain"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_equal_autograd(name, with_activation):
    torch.manual_seed(2)
    conv = copy.deepcopy(CONVOLUTIONS[name])
    act = nn.ReLU() if with_activation else nn.Identity()
    size = {"Conv1d": (6,), "Conv3d": (3, 4, 3)}.get(type(conv).__name__, (5, 6))
    z = torch.randn(3, conv.in_channels, *size)
    layer = nnmass.ldi(nn.Sequential(act, conv), z).layers[0]
    jacobians = jacobian_of(lambda v: conv(act(v)), z)
    if name == "circular":  # padding copies numbers, so what the layer reads starts behind it
        pad = nn.CircularPad2d(1)
        bare = lambda v: F.conv2d(v, conv.weight)  # noqa: E731
        jacobians = jacobian_of(bare, pad(act(z)))
    elif name == "same":  # an even kernel: one row and column of zeros, which count as input
        total = torch.linalg.svdvals(jacobians.double()).sum(1).mean()
        assert layer.mean * layer.n_values == pytest.approx(float(total), rel=1e-5)
        return
    check(layer, jacobians)
    assert layer.activation == ("relu" if with_activation and name != "circular" else "")


@pytest.mark.parametrize("method", ["exact", "estimated"])
def test_few_outputs_of_very_many_inputs(method):
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 2, 60)  # the unit vectors of its 10,800 inputs would take 0.5 GB
    z = torch.randn(4, 3, 60, 60)
    layer = nnmass.ldi(nn.Sequential(nn.ReLU(), conv), z, method=method).layers[0]
    rows = conv.weight.detach().flatten(1) * (z > 0).flatten(1)[:, None]
    want = torch.linalg.svdvals(rows.double()).mean()
    assert (layer.rows, layer.columns) == (2, 10800)
    assert abs(layer.mean - float(want)) <= layer.mean_error + 1e-6


@pytest.mark.parametrize("method", ["exact", "estimated"])
def test_half_precision_is_measured_in_more(method):
    torch.manual_seed(0)
    model = nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)).to(torch.bfloat16)
    z = torch.randn(3, 4, 6, 6, dtype=torch.bfloat16)
    found = nnmass.ldi(model, z, method=method).layers[0]
    exact = nnmass.ldi(model.double(), z.double(), method="exact").layers[0]
    assert abs(found.mean - exact.mean) <= found.mean_error + 1e-6


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_orthogonal_weights_without_activation_give_one(kind):
    if kind == "linear":
        layers = [nn.Linear(12, 12, bias=False) for _ in range(4)]
        x = torch.randn(6, 12)
    else:
        layers = [nn.Conv2d(5, 5, 1, bias=False) for _ in range(4)]
        x = torch.randn(2, 5, 4, 4)
    for layer in layers:
        nn.init.orthogonal_(layer.weight)
    result = nnmass.ldi(nn.Sequential(*layers), x)
    for layer in result.layers:
        assert layer.mean == pytest.approx(1, abs=1e-6)
        assert layer.std == pytest.approx(0, abs=1e-6)
        assert layer.near_one == 1
        assert layer.max_abs_log == pytest.approx(0, abs=1e-6)
    assert result.mean == pytest.approx(1, abs=1e-6)


def test_order_of_images_changes_nothing_and_scale_scales():
    model = Dense(lambda z: z)
    x = torch.randn(9, 7)
    result = nnmass.ldi(model, x)
    turned = nnmass.ldi(model, x.flip(0))
    assert turned.mean == pytest.approx(result.mean, rel=1e-12)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    assert nnmass.ldi(model, x).mean == pytest.approx(3 * result.mean, rel=1e-6)


def test_tokens_are_rows():
    torch.manual_seed(0)
    linear = nn.Linear(5, 3)
    model = nn.Sequential(nn.GELU(), linear)
    z = torch.randn(2, 4, 5)
    layer = nnmass.ldi(model, z).layers[0]
    flat = jacobian_of(lambda v: linear(F.gelu(v)), z.flatten(0, 1))
    want = numbers(flat)
    assert (layer.rows, layer.columns) == (12, 20)
    assert layer.mean == pytest.approx(want["mean"], rel=1e-5)
    assert layer.std == pytest.approx(want["std"], rel=1e-5)


class Product(nn.Module):
    """A linear layer on tokens, written as products of matrices."""

    def __init__(self, form):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 5))
        self.form = form

    def forward(self, z):  # (2, 4, 5)
        return self.form(F.gelu(z), self.weight)


FORMS = {
    "linear": F.linear,
    "of a turned tensor": lambda h, w: F.linear(h.mT.contiguous().mT, w),
    "matmul": lambda h, w: h @ w.T,
    "from the left": lambda h, w: w @ h.mT,
    "einsum": lambda h, w: torch.einsum("nti,oi->not", h, w),
    "bmm": lambda h, w: torch.bmm(h, w.T.expand(2, 5, 3)),
    "convolution": lambda h, w: F.conv1d(h.mT, w[:, :, None]),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_linear_layer_is_one_however_it_is_written(name):
    torch.manual_seed(0)
    model, z = Product(FORMS[name]), torch.randn(2, 4, 5)
    layer = nnmass.ldi(model, z).layers[0]
    want = numbers(jacobian_of(lambda v: F.gelu(v) @ model.weight.T, z.flatten(0, 1)))
    assert (layer.rows, layer.columns, layer.activation) == (12, 20, "gelu")
    assert layer.mean == pytest.approx(want["mean"], rel=1e-5)
    assert layer.quantiles == pytest.approx(want["quantiles"], rel=1e-4)


def test_attention_is_no_layer_and_its_projections_are():
    torch.manual_seed(0)
    model = nn.MultiheadAttention(8, 2, batch_first=True)

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = model

        def forward(self, x):
            return self.attention(x, x, x)[0]

    layers = nnmass.ldi(Attention(), torch.randn(2, 3, 8)).layers
    assert [(layer.path, layer.rows, layer.columns) for layer in layers] == [
        ("attention", 72, 24),
        ("attention#2", 24, 24),
    ]
    assert [layer.activation for layer in layers] == ["", ""]


class Where(nn.Module):
    """An activation with something behind it that may or may not end it."""

    def __init__(self, between, width=6):
        super().__init__()
        self.first, self.between, self.last = nn.Linear(6, 6), between, nn.Linear(width, 3)

    def forward(self, x):
        return self.last(self.between(F.elu(self.first(x))))


ENDS = {
    "norm": (nn.LayerNorm(6), ""),
    "sum of features": (lambda h: h + h.flip(1), ""),
    "softmax": (lambda h: h.softmax(1), ""),
    "gate": (lambda h: h * h.mean(1, keepdim=True), ""),
    "two activations": (torch.tanh, "elu+tanh"),
    "moves": (lambda h: torch.cat(h.flip(1).split(2, 1)[::-1], 1)[:, None].mT[:, :, 0], "elu"),
    "dropout": (nn.Dropout(0.5), "elu"),
    "scale": (lambda h: h * torch.arange(6.0), "elu"),
    "same twice": (lambda h: h + 2 * h, "elu"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_what_ends_an_activation(name):
    torch.manual_seed(3)
    between, names = ENDS[name]
    model = Where(between)
    x = torch.randn(4, 6)
    layer = nnmass.ldi(model, x).layers[1]
    assert layer.activation == names
    z = model.first(x).detach()
    if names:
        inner = between if not isinstance(between, nn.Dropout) else (lambda h: h)
        check(layer, jacobian_of(lambda v: model.last(inner(F.elu(v))), z))
    else:
        check(layer, model.last.weight.detach().expand(4, 3, 6))


def test_writing_through_a_view_is_seen():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            h = torch.relu(self.a(x))
            half = h[:, :2]
            half.add_(x[:, :2])  # h holds sums now
            return self.b(h)

    layer = nnmass.ldi(Model(), torch.randn(3, 4)).layers[1]
    assert layer.activation == "" and layer.zero_share == 0


def test_a_module_that_runs_twice_counts_twice():
    linear = nn.Linear(4, 4)
    layers = nnmass.ldi(nn.Sequential(linear, nn.ReLU(), linear), torch.randn(3, 4)).layers
    assert [layer.path for layer in layers] == ["0", "2"] or [x.path for x in layers] == [
        "0",
        "0#2",
    ]


@pytest.mark.parametrize("act", [F.relu, F.elu, lambda z: z], ids=["relu", "elu", "identity"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (4, 12, 1), (12, 6, 2)])
def test_estimate_agrees_with_exact(act, shape):
    c_in, c_out, stride = shape
    torch.manual_seed(4)
    conv = nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = conv

        def forward(self, z):
            return self.conv(act(z))

    z = torch.randn(6, c_in, 8, 8)
    exact = nnmass.ldi(Model(), z, method="exact").layers[0]
    for tolerance in (0.05, 0.005):
        found = nnmass.ldi(Model(), z, method="estimated", tolerance=tolerance).layers[0]
        assert found.method == "estimated"
        assert abs(found.mean - exact.mean) <= found.mean_error
        assert found.mean_error < 0.1 * exact.mean
        assert found.std == pytest.approx(exact.std, rel=0.1)
        assert found.near_one == pytest.approx(exact.near_one, abs=0.06)
        upper = slice(3 if act is F.relu else 0, None)  # ReLU's many zeros make a step below
        np.testing.assert_allclose(found.quantiles[upper], exact.quantiles[upper], atol=0.12)
        assert found.largest <= exact.largest * (1 + 1e-5)
        assert found.max_abs_log is None and found.zero_share is None


def test_error_bars_hold_as_often_as_they_say():
    torch.manual_seed(5)
    model = nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
    inside = 0
    for draw in range(60):
        z = torch.randn(32, 4, 5, 5, generator=torch.Generator().manual_seed(draw))
        exact = nnmass.ldi(model, z, method="exact").layers[0].mean
        found = nnmass.ldi(model, z, method="estimated", tolerance=0.15).layers[0]
        assert found.n_images < 32  # so that images that were not measured count
        inside += abs(found.mean - exact) <= found.mean_error
    assert inside >= 54  # 95 % of 60 is 57; fewer than 54 has a chance below 4 %


def test_large_matrices_of_tokens_are_estimated_too():
    torch.manual_seed(6)
    model = nn.Sequential(nn.GELU(), nn.Linear(24, 16))
    z = torch.randn(5, 3, 24)
    exact = nnmass.ldi(model, z, method="exact").layers[0]
    found = nnmass.ldi(model, z, method="estimated").layers[0]
    assert abs(found.mean - exact.mean) <= found.mean_error


def small_net():
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
        nn.Dropout(0.5), nn.Conv2d(4, 6, 3, stride=2), nn.Flatten(), nn.Linear(54, 3),
    )  # fmt: skip


def test_the_model_and_the_generators_are_left_as_they_were():
    model = small_net()
    model[3].eval()
    before = copy.deepcopy(model.state_dict())
    modes = [module.training for module in model.modules()]
    parameters = list(model.parameters())
    images = torch.randn(4, 1, 8, 8)
    kept = images.clone()
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    nnmass.ldi(model, images)
    nnmass.ldi(model, images, method="estimated")
    nnmass.ldi(small_net, images, seeds=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert [module.training for module in model.modules()] == modes
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    assert all(parameter.requires_grad and parameter.grad is None for parameter in parameters)
    assert torch.equal(images, kept)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_batch_norm_mode_is_used_and_said():
    model = small_net()
    images = 3 + torch.randn(8, 1, 8, 8)
    batch, running = (nnmass.ldi(model, images, batch_norm=mode) for mode in ("batch", "running"))
    assert (batch.batch_norm, running.batch_norm) == ("batch", "running")
    assert batch.layers[1].mean != running.layers[1].mean
    with pytest.raises(ProbeError, match="batch_norm must be 'batch' or 'running', got 'eval'"):
        nnmass.ldi(model, images, batch_norm="eval")


def test_initialisations_give_an_interval():
    images = torch.rand(10, 16)
    result = nnmass.ldi("dense-mlp(w=4,d=6,t=2,in=16)", images)
    assert [draw.seed for draw in result.draws] == [0, 1, 2, 3, 4]
    means = [draw.mean for draw in result.draws]
    assert result.mean == pytest.approx(np.mean(means))
    low, high = result.interval
    assert high - low == pytest.approx(2 * 2.7764451 * np.std(means, ddof=1) / math.sqrt(5))
    alone = nnmass.ldi(nnmass.build("dense-mlp(w=4,d=6,t=2,in=16)", seed=3), images)
    assert alone.mean == means[3] and alone.interval is None


def test_networks_of_other_layers_have_no_average():
    depths = iter((1, 2))

    def fickle():
        return nn.Sequential(*(nn.Linear(4, 4) for _ in range(next(depths))))

    with pytest.raises(ProbeError, match="other layers in seed 1 than in seed 0"):
        nnmass.ldi(fickle, torch.randn(3, 4), seeds=2)


def legacy_by_hand(net, x):
    """The released measurement, sample by sample."""
    w, layers = net.spec.width, list(net.layers)
    slope = lambda z: torch.where(z > 0, torch.exp(z), 0)  # noqa: E731
    wiring = net.links.wiring
    values = []
    for one in x:
        z0 = layers[0](one)
        outs = [F.elu(z0), layers[1](F.elu(z0))]
        values.append(torch.linalg.svdvals(torch.diag(slope(z0)) @ layers[0].weight))
        values.append(torch.linalg.svdvals(layers[1].weight))
        for index in range(2, len(layers)):
            skips = [outs[int(c) // w][int(c) % w][None] for c in wiring[index]]
            z = torch.cat([outs[-1], *skips])
            values.append(torch.linalg.svdvals(layers[index].weight @ torch.diag(slope(z))))
            outs.append(layers[index](z if index == len(layers) - 1 else F.elu(z)))
    return torch.cat(values)


def test_legacy_equals_the_released_measurement():
    net = nnmass.build("dense-mlp(w=5,d=7,t=3,in=12,wiring=legacy)", seed=2)
    x = torch.rand(6, 12)
    result = nnmass.ldi(net, x, legacy=True)
    with torch.no_grad():
        values = legacy_by_hand(net, x)
    assert result.is_legacy
    assert result.pooled_mean == pytest.approx(float(values.mean()), rel=1e-5)
    assert result.std == pytest.approx(float(values.std(correction=0)), rel=1e-5)
    by_spec = nnmass.ldi("dense-mlp(w=5,d=7,t=3,in=12)", x, legacy=True, seeds=[2])
    assert by_spec.pooled_mean == result.pooled_mean
    assert by_spec.network == "dense-mlp(w=5,d=7,t=3,in=12,wiring=legacy)"


def test_what_is_not_finite_fails_and_says_why():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        model[2].weight[1, 2] = math.nan
    result = nnmass.ldi(model, torch.randn(3, 4))
    assert [layer.method for layer in result.layers] == ["exact", "failed", "failed"]
    assert result.mean is None and result.std is None and result.interval is None
    assert result.failures[0] == "2: 1 of its 16 weights are not finite"
    assert "what it reads is not finite for 3 of 3 rows" in result.failures[1]
    assert result.to_dict()["mean"] is None


def test_layers_without_one_jacobian_are_named():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.bilinear = nn.Linear(4, 4), nn.Bilinear(4, 4, 2)

        def forward(self, x):
            h = self.linear(x)
            return self.bilinear(h, h)

    result = nnmass.ldi(Model(), torch.randn(3, 4))
    assert [layer.method for layer in result.layers] == ["exact", "unsupported"]
    assert result.mean is not None  # of the others
    assert result.failures[0].startswith("bilinear: a bilinear layer")

    class Only(nn.Module):
        def __init__(self):
            super().__init__()
            self.bilinear = nn.Bilinear(4, 4, 2)

        def forward(self, x):
            return self.bilinear(x, x)

    with pytest.raises(ProbeError, match=r"no linear or convolution layer.*bilinear"):
        nnmass.ldi(Only(), torch.randn(3, 4))


MLP = "dense-mlp(w=4,d=4,t=1,in=4)"
BAD = {
    "empty": (lambda: nnmass.ldi(MLP, torch.zeros(0, 4)), "at least one, of shape"),
    "one image": (lambda: nnmass.ldi(MLP, torch.zeros(4)), "images\\[None\\]"),
    "bytes": (lambda: nnmass.ldi(MLP, torch.zeros(2, 4, dtype=torch.uint8)), "uint8.*divide"),
    "list": (lambda: nnmass.ldi(MLP, [[1.0] * 4]), "got a list"),
    "nan": (lambda: nnmass.ldi(MLP, torch.full((2, 4), math.nan)), "2 of 2 hold NaN.*number 0"),
    "shape": (lambda: nnmass.ldi(MLP, torch.zeros(2, 5)), "2 images of 5: layers.0 raised"),
    "no seeds": (lambda: nnmass.ldi(MLP, torch.zeros(2, 4), seeds=0), "seeds must be at least 1"),
    "twice": (lambda: nnmass.ldi(MLP, torch.zeros(2, 4), seeds=[1, 1]), "each another"),
    "module": (lambda: nnmass.ldi(nn.Linear(4, 4), torch.zeros(2, 4), seeds=3), "weights already"),
    "meta": (lambda: nnmass.ldi(nn.Linear(4, 4, device="meta"), torch.zeros(2, 4)), "meta device"),
    "lazy": (lambda: nnmass.ldi(nn.LazyLinear(4), torch.zeros(2, 4)), "has no a shape|no shape"),
    "no network": (lambda: nnmass.ldi(3, torch.zeros(2, 4)), "a network must be"),
    "no module": (lambda: nnmass.ldi(lambda: 3, torch.zeros(2, 4)), "must return a torch.nn"),
    "no layers": (lambda: nnmass.ldi(nn.ReLU(), torch.zeros(2, 4)), "no linear or convolution"),
    "width 0": (lambda: nnmass.ldi(nn.Linear(4, 0), torch.zeros(2, 4)), "width 0"),
    "tolerance": (lambda: nnmass.ldi(MLP, torch.zeros(2, 4), tolerance=0), "in \\(0, 1\\), got 0"),
    "method": (lambda: nnmass.ldi(MLP, torch.zeros(2, 4), method="fast"), "got 'fast'"),
    "device": (lambda: nnmass.ldi(MLP, torch.zeros(2, 4), device="gpu"), "got 'gpu'"),
    "legacy": (lambda: nnmass.ldi("vgg(depth=11)", torch.zeros(2, 4), legacy=True), "dense MLPs"),
    "wiring": (lambda: nnmass.ldi(nnmass.build(MLP), torch.zeros(2, 4), legacy=True), "wiring"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, message = BAD[name]
    with pytest.raises(NNMassError, match=message) as caught:
        call()
    assert isinstance(caught.value, DeviceError if name == "device" else ValueError)
