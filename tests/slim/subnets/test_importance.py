"""Importance of channels, against loops over channels written by hand."""

import hashlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnmass.errors import ProbeError, SpecError
from nnmass.slim._subnets._find_groups import find_groups
from nnmass.slim._subnets._importance import channel_importance, checked_scores

SHAPE = (3, 6, 6)


class Mixed(nn.Module):
    """A residual add, a depthwise layer, a concatenation, a flattened head."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.deep, self.deep_norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.thin = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.side, self.side_norm = nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5)
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.head = nn.Linear(9 * 4, 3)

    def forward(self, x):
        x = self.norm(self.stem(x)).relu()
        x = (x + self.deep_norm(self.deep(x))).relu()
        x = torch.cat([self.thin(x), self.side_norm(self.side(x)).relu()], 1)
        return self.head(self.pool(x).flatten(1))


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = Mixed().double()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
    return net


def by_hand(net, kind):
    """Sums over each channel's slices; the big group is stem + deep + thin, as sums and depthwise
    layers tie channels."""
    made = {"stem": ["stem", "deep", "thin"], "side": ["side"]}
    norms = {"stem": ["norm", "deep_norm"], "side": ["side_norm"]}
    weight = {name: module.weight for name, module in net.named_modules() if name in SLICED}
    columns = net.head.weight.reshape(3, 9, 4)  # class, channel, place
    reads = {
        "stem": lambda c: [weight["deep"][:, c], weight["side"][:, c], columns[:, c]],
        "side": lambda c: [columns[:, 4 + c]],
    }
    scores = {}
    for group, producers in made.items():
        values = []
        for c in range(5 if group == "side" else 4):
            out = [weight[name][c] for name in producers]
            gammas = [getattr(net, name).weight[c] for name in norms[group]]
            values.append(
                {
                    "l1": sum(w.abs().sum() for w in out),
                    "l2": sum((w**2).sum() for w in out) ** 0.5,
                    "gamma": sum(g.abs() for g in gammas) / len(gammas),
                    "group": sum((w**2).sum() for w in [*out, *reads[group](c), *gammas]),
                    "consumer": sum(w.abs().sum() for w in reads[group](c)),
                }[kind].item()
            )
        values = np.array(values)
        scores[group] = values / values.mean() if kind == "group" else values
    return scores


SLICED = ("stem", "deep", "thin", "side")


@pytest.mark.parametrize("kind", ["l1", "l2", "gamma", "group", "consumer"])
def test_scores_are_sums_over_slices(net, kind):
    found = channel_importance(net, find_groups(net, SHAPE), kind)
    expected = by_hand(net, kind)
    assert set(found) == set(expected) == {"stem", "side"}
    for name, score in found.items():
        np.testing.assert_allclose(score, expected[name], rtol=1e-12)
    if kind == "group":
        assert all(score.mean() == pytest.approx(1) for score in found.values())


def test_taylor_is_gradient_times_weight_on_the_batch_in_evaluation_mode(net):
    images = torch.randn(7, *SHAPE, dtype=torch.double, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    found = channel_importance(net, find_groups(net, SHAPE), "taylor", images=images, labels=labels)
    net.eval()
    F.cross_entropy(net(images), labels).backward()
    sizes = {
        name: (module.weight.grad * module.weight).abs().flatten(1).sum(1).detach().numpy()
        for name, module in net.named_modules()
        if name in SLICED
    }
    net.zero_grad()
    np.testing.assert_allclose(found["stem"], sizes["stem"] + sizes["deep"] + sizes["thin"])
    np.testing.assert_allclose(found["side"], sizes["side"])
    assert found["side"].std() > 0


def digest(net):
    tensors = [*net.state_dict().values(), torch.get_rng_state()]
    flags = [net.training, *(p.requires_grad for p in net.parameters())]
    return hashlib.sha256(b"".join(t.numpy().tobytes() for t in tensors)).hexdigest(), flags


def test_the_model_is_left_as_it_was(net):
    net.train()
    before = digest(net)
    batch = {"images": torch.ones(2, *SHAPE).double(), "labels": torch.tensor([0, 1])}
    channel_importance(net, find_groups(net, SHAPE), "taylor", **batch)
    assert digest(net) == before
    assert all(parameter.grad is None for parameter in net.parameters())


def test_scores_of_one_s_own_are_checked(net):
    groups = find_groups(net, SHAPE)
    good = {"stem": np.arange(4), "side": [0, 1, 2, 3, 4]}
    assert checked_scores(groups, good)["side"].dtype == np.float64
    with pytest.raises(SpecError, match=r"has none for 'side'; the groups are stem, side"):
        checked_scores(groups, {"stem": np.ones(4)})
    for bad in (np.ones(3), -np.ones(4), [0, 1, np.nan, 2], [0, 1, np.inf, 2]):
        with pytest.raises(SpecError, match=r"'stem' must be 4 finite numbers of at least 0"):
            checked_scores(groups, {**good, "stem": bad})


def test_messages(net):
    groups = find_groups(net, SHAPE)
    with pytest.raises(SpecError, match=r"got 'tailor'\. Did you mean 'taylor'\?"):
        channel_importance(net, groups, "tailor")
    with pytest.raises(SpecError, match=r"'taylor' needs a batch"):
        channel_importance(net, groups, "taylor")
    images = torch.full((1, *SHAPE), float("nan")).double()
    with pytest.raises(ProbeError, match=r"not finite on this batch of 1 images"):
        channel_importance(net, groups, "taylor", images=images, labels=torch.tensor([0]))
    bare = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.Flatten())
    with pytest.raises(SpecError, match=r"the channels of 0 have none; use 'l2'"):
        channel_importance(bare, find_groups(bare, SHAPE), "gamma")
