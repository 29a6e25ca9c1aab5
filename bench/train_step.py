"""Training steps of the dense CNN beside a plain reference, in one run.

The reference has the same weights, but is written as the definition reads and as the released code
does it: at every layer it concatenates all earlier feature maps and selects from them, and it
activates out of place. Both take turns, step by step, so that a machine whose speed drifts slows
them alike. The images are noisy copies of one pattern a class, so that the loss can fall.

    python bench/train_step.py                     # the regular dense CNN
    python bench/train_step.py --kind depthwise
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import nnmass

SPECS = {
    "regular": "dense-cnn(wm=2,d=13,t=40/80/125)",
    "depthwise": "dense-cnn-dw(wm=2,d=13,t=40/80/125)",
}


def plain_conv(conv: nn.Module, x: Tensor) -> Tensor:
    if isinstance(conv, nn.Conv2d):
        return conv(x)
    x = F.relu(conv.norm1(conv.expand(x)))
    x = F.relu(conv.norm2(conv.depthwise(x)))
    return conv.norm3(conv.project(x))


class PlainCell(nn.Module):
    """The definition, word by word: concatenate everything earlier, select, concatenate."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.layers = copy.deepcopy(cell.layers)
        self.wiring = [torch.from_numpy(links) for links in cell.links.wiring]

    def forward(self, x: Tensor) -> Tensor:
        outputs: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            if index < 2:
                x = layer.norm(plain_conv(layer.conv, x))
            else:
                earlier = torch.cat(outputs[:-1], 1)
                x = torch.cat([outputs[-1], earlier[:, self.wiring[index]]], 1)
                x = plain_conv(layer.conv, F.relu(layer.norm(x)))
            outputs.append(x)
        return x


class Plain(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.cells = nn.Sequential(*(PlainCell(cell) for cell in net.cells))
        self.head = copy.deepcopy(net.head)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.avg_pool2d(self.cells(x), 2).flatten(1))


class Runner:
    def __init__(self, name: str, net: nn.Module, *, bfloat16: bool) -> None:
        self.name, self.net, self.bfloat16 = name, net, bfloat16
        self.optimiser = torch.optim.SGD(net.parameters(), lr=0.005, momentum=0.9)
        self.seconds: list[float] = []
        self.losses: list[float] = []

    def step(self, images: Tensor, labels: Tensor) -> None:
        start = time.perf_counter()
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            loss = F.cross_entropy(self.net(images), labels)
        loss.backward()
        self.optimiser.step()
        self.seconds.append(time.perf_counter() - start)
        self.losses.append(loss.item())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=SPECS, default="regular")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=6, help="counted steps, after one warm-up")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    net = nnmass.build(SPECS[options.kind], seed=0)
    runners = [
        Runner("plain, float32", Plain(net), bfloat16=False),
        Runner("ours, float32", copy.deepcopy(net), bfloat16=False),
        Runner("plain, bfloat16", Plain(net), bfloat16=True),
        Runner("ours, bfloat16", copy.deepcopy(net), bfloat16=True),
    ]
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randn(10, 3, 32, 32, generator=generator)
    for _ in range(options.steps + 1):
        labels = torch.randint(0, 10, (options.batch,), generator=generator)
        images = patterns[labels] + torch.randn(options.batch, 3, 32, 32, generator=generator)
        for runner in runners:
            runner.step(images, labels)
    print(f"{SPECS[options.kind]}, batch {options.batch}, {options.threads} threads, "
          f"torch {torch.__version__}")  # fmt: skip
    first = statistics.median(runners[0].seconds[1:])
    for runner in runners:
        median = statistics.median(runner.seconds[1:])
        curve = " ".join(f"{loss:.3f}" for loss in runner.losses)
        print(
            f"{runner.name:16s} {median * 1e3:8.1f} ms/step   {first / median:5.2f}x   loss {curve}"
        )


if __name__ == "__main__":
    main()
