"""One network, many MAC counters: what each says, and where the difference to ours comes from.

    python bench/mac_counters.py                  # the table, then every deviation term by term
    python bench/mac_counters.py --network resnet18 --markdown counters.md

Needs timm for the networks. Counts with every counter that is installed and says which are not:

    pip install --constraint constraints.txt torch==2.13.0 timm==1.0.31 torchvision==0.28.0 \
        fvcore ptflops thop torchinfo torch-pruning calflops transformers

Amounts (elements that pass a norm, an activation, a pooling, ..) are taken from hooks on the
network itself, not from the tool. A deviation counts as explained only when the terms add up to the
last unit; what is left over is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import io
import logging
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

import nnmass
from nnmass.nets import import_timm

NETWORKS = (
    "resnet18",
    "mobilenetv2_100",
    "densenet121",
    "efficientnet_b0",
    "vit_tiny_patch16_224",
)
SHAPE = (3, 224, 224)

Terms = list[tuple[str, int]]
"""A deviation from the plain count: what was counted on top (or left out), in multiply-adds."""


# --- the networks


def network(name: str) -> nn.Module:
    timm = import_timm()  # brings torchvision, which several counters need, on any torch
    torch.manual_seed(0)
    return timm.create_model(name, pretrained=False).eval()


# --- the amounts, from hooks


class Amounts(TorchFunctionMode):
    """What one forward pass does: multiply-adds, and elements by function and by module type.

    Attributes:
        macs: Multiply-adds by ``convolution``, ``linear`` and ``matmul``.
        passes: Elements that go into each function, such as ``relu`` (the first argument's).
        into: Elements that go into the modules of each exact type.
        out_of: Elements that come out of them.
        other: What else the terms below need.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.macs: Counter[str] = Counter()
        self.passes: Counter[str] = Counter()
        self.into: Counter[type] = Counter()
        self.out_of: Counter[type] = Counter()
        self.other: Counter[str] = Counter()
        handles = [module.register_forward_hook(self._hook(name))
                   for name, module in model.named_modules()]  # fmt: skip
        with torch.no_grad(), self:
            model(torch.zeros(1, *SHAPE))
        for handle in handles:
            handle.remove()
        for module in model.modules():
            if any(module.children()):
                continue
            for parameter in module.parameters(recurse=False):
                self.other[f"parameters of leaf {type(module).__name__}"] += parameter.numel()

    def _hook(self, name: str) -> Callable[[nn.Module, tuple[object, ...], Tensor], None]:
        def hook(module: nn.Module, inputs: tuple[object, ...], output: Tensor) -> None:
            if isinstance(inputs[0], Tensor):  # a dense block takes a list
                self.into[type(module)] += inputs[0].numel()
            self.out_of[type(module)] += output.numel()
            if isinstance(module, nn.Conv2d):
                self.macs["convolution"] += output.numel() * module.weight[0].numel()
                if module.bias is not None:
                    self.other["convolution bias"] += output.numel()
            elif isinstance(module, nn.Linear):
                self.macs["linear"] += output.numel() * module.in_features
                bias = module.bias is not None
                self.other["linear bias"] += bias * output.numel()
                self.other["linear bias, one position"] += bias * output.shape[-1]
                self.other["linear weights"] += module.weight.numel()
                if ".attn." in name:
                    self.other["linear in attention"] += output.numel() * module.in_features
                    self.other["linear bias in attention"] += bias * output.numel()
                    self.other["linear bias in attention, one position"] += bias * output.shape[-1]

        return hook

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        first = args[0] if args else None
        if isinstance(first, Tensor):
            name = getattr(func, "__name__", str(func))
            self.passes[name] += first.numel()
            if name == "scaled_dot_product_attention":
                query, key = args[0], args[1]
                assert isinstance(query, Tensor)
                assert isinstance(key, Tensor)
                products = query.numel() * key.shape[-2]
                self.macs["matmul"] += 2 * products  # query by key, weights by value
                self.other["attention weights"] += products // query.shape[-1]
                self.other["query"] += query.numel()
        return func(*args, **(kwargs or {}))

    @property
    def plain(self) -> int:
        return self.macs.total()

    def of(self, *types: type) -> int:
        """Elements that come out of modules of these exact types."""
        return sum(self.out_of[kind] for kind in types)


POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)


def pool_inputs(a: Amounts) -> int:
    return sum(a.into[kind] for kind in POOLS)


# --- the counters: number as reported, and the terms by which it leaves the plain count


@dataclass(frozen=True)
class CounterOf:
    """One tool.

    Attributes:
        name: As people know it.
        package: What must be installed.
        says: What the tool calls its number.
        per_mac: 2 where the number is meant as FLOPs of two a multiply-add.
        count: The number for a network.
        terms: The deviation from ``per_mac`` times the plain count, from the amounts.
    """

    name: str
    package: str
    says: str
    per_mac: int
    count: Callable[[nn.Module], int]
    terms: Callable[[Amounts], Terms]


def image() -> Tensor:
    return torch.zeros(1, *SHAPE)


def by_nnmass(model: nn.Module) -> int:
    return nnmass.trace(model, SHAPE).macs


def by_flop_counter(model: nn.Module) -> int:
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(image())
    return counter.get_total_flops()


def terms_of_flop_counter(a: Amounts) -> Terms:
    return [
        ("products of attention: the fused CPU kernel is not in its table", -2 * a.macs["matmul"])
    ]


def by_profiler(model: nn.Module) -> int:
    from torch.profiler import ProfilerActivity, profile

    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], with_flops=True) as found:
        model(image())
    return sum(event.flops for event in found.key_averages())


def terms_of_profiler(a: Amounts) -> Terms:
    return [
        ("products of attention: the fused kernel has no formula", -2 * a.macs["matmul"]),
        ("a + b, one each (a += b is not counted)", a.passes["add"]),
        ("a * b, one each", a.passes["mul"]),
    ]


def by_fvcore(model: nn.Module) -> int:
    from fvcore.nn import FlopCountAnalysis

    logging.getLogger("fvcore").setLevel(logging.ERROR)
    return int(FlopCountAnalysis(model, image()).total())


def terms_of_fvcore(a: Amounts) -> Terms:
    return [
        ("batch norm, 2 an element", 2 * a.passes["batch_norm"]),
        ("layer norm, 5 an element", 5 * a.passes["layer_norm"]),
        ("adaptive average pooling, 1 an input", a.passes["adaptive_avg_pool2d"]),
        ("products of attention: listed as unsupported", -a.macs["matmul"]),
    ]


def by_ptflops(model: nn.Module, backend: str = "pytorch") -> int:
    from ptflops import get_model_complexity_info

    found, _ = get_model_complexity_info(
        model, SHAPE, as_strings=False, print_per_layer_stat=False, backend=backend
    )
    return int(found)


def terms_of_ptflops(a: Amounts) -> Terms:
    lost = "qkv and projection of attention: the module's own rule hides its layers"
    inside = a.other["linear bias in attention"]
    return [
        ("batch norm of the exact type, 2 an element", 2 * a.into[nn.BatchNorm2d]),
        ("layer norm of the exact type, 1 an element", a.into[nn.LayerNorm]),
        ("ReLU, by the module and again by the function", 2 * a.passes["relu"]),
        ("ReLU6, by the module", a.of(nn.ReLU6)),
        ("SiLU, by the function", a.passes["silu"]),
        ("GELU, by the module", a.of(nn.GELU)),
        ("GELU again, by the function", a.passes["gelu"]),
        ("pooling, by the module", pool_inputs(a)),
        ("pooling again, by the function", pooled_by_function(a)),
        ("bias", a.other["convolution bias"] + a.other["linear bias"] - inside),
        ("softmax and scaling of attention", a.other["attention weights"] + a.other["query"]),
        (lost, -a.other["linear in attention"]),
    ]


def pooled_by_function(a: Amounts) -> int:
    return sum(a.passes[name] for name in ("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d"))


def terms_of_ptflops_aten(a: Amounts) -> Terms:
    return [
        ("bias", a.other["convolution bias"] + a.other["linear bias"]),
        ("products of attention: the fused kernel is not in its table", -a.macs["matmul"]),
    ]


def by_thop(model: nn.Module) -> int:
    from thop import profile

    return int(profile(model, (image(),), verbose=False)[0])


def terms_of_thop(a: Amounts) -> Terms:
    adaptive = nn.AdaptiveAvgPool2d
    return [
        ("batch norm of the exact type, 4 an element", 4 * a.into[nn.BatchNorm2d]),
        ("layer norm of the exact type, 4 an element", 4 * a.into[nn.LayerNorm]),
        ("average pooling, 1 an output", a.of(nn.AvgPool2d)),
        ("adaptive pooling, 1 an input and 1 an output", a.into[adaptive] + a.out_of[adaptive]),
        ("products of attention: functions are not seen", -a.macs["matmul"]),
    ]


def by_torchinfo(model: nn.Module) -> int:
    from torchinfo import summary

    return int(summary(model, input_data=image(), verbose=0).total_mult_adds)


def terms_of_torchinfo(a: Amounts) -> Terms:
    norms = ("BatchNorm2d", "LayerNorm")
    one_each = a.other["linear weights"] - a.macs["linear"]
    return [
        (
            "norms that are leaves, 1 a parameter",
            sum(a.other[f"parameters of leaf {n}"] for n in norms),
        ),
        ("bias, convolution: 1 an output", a.other["convolution bias"]),
        ("bias, linear: 1 a parameter", a.other["linear bias, one position"]),
        ("linear: 1 a weight, whatever the number of positions", one_each),
        ("products of attention: functions are not seen", -a.macs["matmul"]),
    ]


def by_torch_pruning(model: nn.Module) -> int:
    import torch_pruning

    return int(torch_pruning.utils.count_ops_and_params(model, image())[0])


def terms_of_torch_pruning(a: Amounts) -> Terms:
    outside = (
        a.other["linear bias, one position"] - a.other["linear bias in attention, one position"]
    )
    return [
        ("batch norm of the exact type, 2 an element", 2 * a.into[nn.BatchNorm2d]),
        ("layer norm of the exact type, 2 an element", 2 * a.into[nn.LayerNorm]),
        ("ReLU, ReLU6, GELU: 1 an element", a.of(nn.ReLU, nn.ReLU6, nn.GELU)),
        ("pooling, 1 an input", pool_inputs(a)),
        ("bias, convolution", a.other["convolution bias"]),
        ("bias, linear, one position only", outside),
        ("bias of attention, all positions", a.other["linear bias in attention"]),
        ("softmax and scaling of attention", a.other["attention weights"] + a.other["query"]),
    ]


def by_calflops(model: nn.Module, which: int = 1) -> int:
    from calflops import calculate_flops

    found = calculate_flops(
        model, (1, *SHAPE), print_results=False, print_detailed=False, output_as_string=False
    )
    return int(found[which])


def terms_of_calflops_macs(a: Amounts) -> Terms:
    return [("products of attention: the fused function is not patched", -a.macs["matmul"])]


def terms_of_calflops(a: Amounts) -> Terms:
    names = ("relu", "relu6", "silu", "gelu", "softmax")
    return [
        ("batch norm, 2 an element", 2 * a.passes["batch_norm"]),
        ("layer norm, 5 an element", 5 * a.passes["layer_norm"]),
        ("ReLU, SiLU, GELU, 1 an element", sum(a.passes[name] for name in names)),
        ("pooling, 1 an input", pooled_by_function(a)),
        ("bias of convolutions", a.other["convolution bias"]),
        ("products of attention: the fused function is not patched", -2 * a.macs["matmul"]),
    ]


COUNTERS = (
    CounterOf("nnmass", "nnmass", "MACs", 1, by_nnmass, lambda a: []),
    CounterOf("torch FlopCounterMode", "torch", "FLOPs", 2, by_flop_counter, terms_of_flop_counter),
    CounterOf("torch profiler, with_flops", "torch", "FLOPs", 2, by_profiler, terms_of_profiler),
    CounterOf("fvcore", "fvcore", "flops (1 a multiply-add)", 1, by_fvcore, terms_of_fvcore),
    CounterOf("ptflops", "ptflops", "MACs", 1, by_ptflops, terms_of_ptflops),
    CounterOf(
        "ptflops, backend aten", "ptflops", "MACs", 1,
        lambda model: by_ptflops(model, "aten"), terms_of_ptflops_aten,
    ),
    CounterOf("thop", "thop", "MACs", 1, by_thop, terms_of_thop),
    CounterOf("torchinfo", "torchinfo", "mult-adds", 1, by_torchinfo, terms_of_torchinfo),
    CounterOf(
        "Torch-Pruning", "torch-pruning", "MACs", 1, by_torch_pruning, terms_of_torch_pruning
    ),
    CounterOf("calflops, MACs", "calflops", "MACs", 1, by_calflops, terms_of_calflops_macs),
    CounterOf(
        "calflops, FLOPs", "calflops", "FLOPs", 2,
        lambda model: by_calflops(model, 0), terms_of_calflops,
    ),
)  # fmt: skip


# --- the run


@dataclass(frozen=True)
class Row:
    """What one counter said: its numbers by network, or why it has none."""

    counter: CounterOf
    version: str
    numbers: dict[str, int]
    failure: str = ""


def version_of(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return nnmass.__version__ if package == "nnmass" else ""


def count_all(names: list[str]) -> list[Row]:
    rows = []
    for counter in COUNTERS:
        version = version_of(counter.package)
        numbers: dict[str, int] = {}
        failure = "" if version else "not installed"
        for name in names if version else ():
            try:
                with quiet():
                    numbers[name] = counter.count(network(name))
            except Exception as error:  # a tool may fail in any way; its words are the result
                failure = f"{type(error).__name__}: {str(error).splitlines()[0]}"
                break
        rows.append(Row(counter, version, numbers, failure))
    return rows


@contextlib.contextmanager
def quiet():
    """Tools print and warn; the profiler writes to the process's own stderr."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(nowhere.fileno(), 2)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def plain_by_torch(name: str) -> int:
    """Half of FlopCounterMode with attention unfused: the independent check of the plain count."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH):
        flops = by_flop_counter(network(name))
    return flops // 2


def lines(names: list[str]) -> list[str]:
    amounts = {name: Amounts(network(name)) for name in names}
    for name, found in amounts.items():
        if found.plain != (by_torch := plain_by_torch(name)):
            raise SystemExit(f"{name}: hooks give {found.plain:,}, torch gives {by_torch:,}")
    rows = count_all(names)
    text = ["10^9, one image of 3x224x224, as each tool reports its number.", ""]
    text.append(f"| counter | version | says | {' | '.join(names)} |")
    text.append("|---|---|---|" + "--:|" * len(names))
    plain = " | ".join(f"{amounts[name].plain / 1e9:.4f}" for name in names)
    text.append(f"| plain count: convolution, linear, matmul | | MACs | {plain} |")
    for row in rows:
        cells = [f"{row.numbers[n] / 1e9:.4f}" if n in row.numbers else "-" for n in names]
        cells[0] = row.failure if row.failure else cells[0]
        head = f"| {row.counter.name} | {row.version or '-'} | {row.counter.says}"
        text.append(f"{head} | {' | '.join(cells)} |")
    for row in rows:
        text += ["", f"## {row.counter.name}", ""]
        text += [row.failure] if row.failure else ["```"]
        for name, number in row.numbers.items():
            text += explained(row.counter, name, number, amounts[name])
        text += [] if row.failure else ["```"]
    return text


def explained(counter: CounterOf, name: str, number: int, a: Amounts) -> list[str]:
    """Number = plain count + terms + rest, to the last unit."""
    expected = counter.per_mac * a.plain
    terms = [(label, amount) for label, amount in counter.terms(a) if amount]
    rest = number - expected - sum(amount for _, amount in terms)
    times = "" if counter.per_mac == 1 else f"{counter.per_mac} x "
    text = [f"{name}: {number:,} = {times}{a.plain:,} {number - expected:+,}"]
    text += [f"    {amount:+15,}  {label}" for label, amount in terms]
    text += [f"    {rest:+15,}  NOT EXPLAINED"] if rest else []
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--network", nargs="+", default=list(NETWORKS), metavar="NAME")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write it there as well")
    options = parser.parse_args()
    torch.set_num_threads(1)
    import_timm()
    text = "\n".join(lines(options.network))
    print(text)
    if options.markdown:
        options.markdown.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
