"""The layers of a network as data: what runs, one after the other, with its norms."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from nnmass.errors import SpecError
from nnmass.specs._cost import Cost, batch_norm, conv, linear, strided

Operation = Literal[
    "conv", "linear", "max-pool", "average-pool", "adaptive-pool", "mean", "add", "concat", "pad"
]
Before = Literal["", "norm-relu"]
After = Literal["", "relu", "norm", "norm-norm", "norm-relu", "norm-relu6"]

_KEEPS_CHANNELS = ("max-pool", "average-pool", "adaptive-pool", "mean", "add")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerKind:
    """A layer but for its channels.

    Attributes:
        op: ``conv``, ``linear``, a pooling, ``mean`` (over all pixels), ``add`` (of two feature
            maps), ``concat`` (of what there is with new channels), ``pad`` (zeros for new
            channels, every ``stride``-th pixel).
        size: Side of the feature maps that come in, in pixels; 1 for ``linear``.
        kernel: Of a convolution or pooling; side of what an ``adaptive-pool`` gives.
        stride: Of a convolution, pooling or padding.
        groups: Of a convolution; 0: one for each channel.
        bias: Whether a convolution has one.
        before: What is done with the inputs first: ``norm-relu`` or nothing.
        after: What is done with the outputs: ``relu``, ``norm``, ``norm-norm``, ``norm-relu``,
            ``norm-relu6`` or nothing.
        linked: Where skip links may lead into the layer, channels of the layer before it: what
            it reads beyond those is gathered from earlier layers and concatenated. 0 elsewhere.

    Example:
        >>> print(LayerKind(op="conv", size=32, kernel=3, after="norm-relu"))
        conv 3x3 at 32 px, norm-relu after
    """

    op: Operation
    size: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    bias: bool = False
    before: Before = ""
    after: After = ""
    linked: int = 0

    @property
    def is_linked(self) -> bool:
        """Skip links lead into the layer."""
        return self.linked > 0

    @property
    def keeps_channels(self) -> bool:
        """It has as many outputs as inputs."""
        return self.op in _KEEPS_CHANNELS or self.groups == 0

    def __str__(self) -> str:
        words = [self.op, f"{self.kernel}x{self.kernel}"] if self.kernel > 1 else [self.op]
        words += [f"stride {self.stride}"] * (self.stride > 1)
        words += ["depthwise" if not self.groups else f"{self.groups} groups"] * (self.groups != 1)
        words += [f"at {self.size} px"] * (self.op != "linear")
        extra = [f"{self.before} before"] * bool(self.before)
        extra += [f"{self.after} after"] * bool(self.after)
        extra += [f"skips beside {self.linked} channels"] * self.is_linked
        return ", ".join([" ".join(words), *extra])

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> LayerKind:
        """The kind of `to_dict`.

        Raises:
            SpecError: The data are none.
        """
        try:
            kind = cls(**values)
            kind._check()
        except (TypeError, ValueError) as error:
            raise SpecError(f"{values!r} describes no kind of layer: {error}") from None
        return kind

    def _check(self) -> None:
        for name, allowed in (("op", Operation), ("before", Before), ("after", After)):
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(f"{name} must be one of {', '.join(map(repr, get_args(allowed)))}")
        lows = {"size": 1, "kernel": 1, "stride": 1, "groups": 0, "linked": 0}
        for field in fields(self):
            value, low = getattr(self, field.name), lows.get(field.name)
            if low is not None and (type(value) is not int or value < low):
                raise ValueError(f"{field.name} must be a whole number of at least {low}")
        if type(self.bias) is not bool:
            raise ValueError("bias must be true or false")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer with its channels.

    Attributes:
        kind: All else.
        inputs: Channels that it reads; of a ``concat``, those that were there.
        outputs: Channels that it gives; of a ``concat``, those that are new.

    Example:
        >>> layer = Layer(LayerKind(op="conv", size=8, kernel=3, after="norm"), 16, 32)
        >>> layer.cost
        Cost(params=4672, macs=294912)
    """

    kind: LayerKind
    inputs: int
    outputs: int

    @property
    def cost(self) -> Cost:
        """Parameters, norms included, and multiply-adds."""
        kind, cost = self.kind, Cost()
        if kind.op == "linear":
            cost = linear(self.inputs, self.outputs)
        elif kind.op == "conv":
            side = strided(kind.size, kind.stride)
            groups = kind.groups or self.inputs
            cost = conv(
                self.inputs,
                self.outputs,
                kernel=kind.kernel,
                size=side,
                groups=groups,
                bias=kind.bias,
            )
        before = batch_norm(self.inputs) if kind.before else Cost()
        return before + cost + kind.after.count("norm") * batch_norm(self.outputs)

    def __str__(self) -> str:
        channels = f"{self.inputs} channels"
        if not self.kind.keeps_channels:
            channels = f"{self.inputs} to {self.outputs} channels"
        return f"{self.kind}, {channels}"


def keeping(op: Operation, channels: int, **kind: Any) -> Layer:
    """A layer with as many outputs as inputs."""
    return Layer(LayerKind(op=op, **kind), channels, channels)


def conv_layer(inputs: int, outputs: int, **kind: Any) -> Layer:
    """A convolution."""
    return Layer(LayerKind(op="conv", **kind), inputs, outputs)


def linear_layer(inputs: int, outputs: int, after: After = "") -> Layer:
    """A linear layer with bias."""
    return Layer(LayerKind(op="linear", size=1, after=after), inputs, outputs)
