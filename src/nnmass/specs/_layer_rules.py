"""From a spec to its layers, in the order in which the built network runs them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nnmass.errors import SpecError
from nnmass.specs._cost import halved, strided
from nnmass.specs._dense_cnn import CellPlan, DenseConvSpec
from nnmass.specs._densenet import DenseNet
from nnmass.specs._layer import Layer, LayerKind, conv_layer, keeping, linear_layer
from nnmass.specs._mobilenet_v2 import InvertedResidual, MobileNetV2
from nnmass.specs._residual import ResidualSpec
from nnmass.specs._residual_block import ResidualBlock
from nnmass.specs._spec import Spec
from nnmass.specs._vgg import HIDDEN, POOLED, VGG
from nnmass.topology import DenseBlock


def layers_of(spec: Spec) -> tuple[Layer, ...]:
    """What the network of ``spec`` runs, layer after layer, with norms and activations.

    Raises:
        SpecError: The family has no layer rule (dense-mlp).

    Example:
        >>> from nnmass.specs import parse
        >>> spec = parse("dense-cnn(wm=1,d=3,t=5,image=8)")
        >>> for layer in layers_of(spec):
        ...     print(layer)
        conv 3x3 at 8 px, norm after, 3 to 16 channels
        conv 3x3 at 8 px, norm after, 16 to 16 channels
        conv 3x3 at 8 px, norm-relu before, skips beside 16 channels, 21 to 16 channels
        average-pool 2x2 stride 2 at 8 px, 16 channels
        linear, 256 to 10 channels
        >>> sum(layer.cost.macs for layer in layers_of(spec)) == spec.macs
        True
    """
    if isinstance(spec, DenseConvSpec):
        return tuple(_dense_conv(spec))
    if isinstance(spec, ResidualSpec):
        return tuple(_residual(spec))
    if isinstance(spec, MobileNetV2):
        return tuple(_mobilenet(spec))
    if isinstance(spec, DenseNet):
        return tuple(_densenet(spec))
    if isinstance(spec, VGG):
        return tuple(_vgg(spec))
    raise SpecError(
        f"no layer rule is known for the family {spec.family!r}, so its latency cannot be told "
        "layer by layer; measure the whole network, with nnmass.probes.latency"
    )


def _dense_conv(spec: DenseConvSpec) -> Iterator[Layer]:
    plans = spec.plans
    for plan in plans:
        yield from cell_layers(plan)
    yield keeping("average-pool", plans[-1].cell.width, size=plans[-1].size, kernel=2, stride=2)
    yield linear_layer(spec.head_inputs, spec.classes)


def cell_layers(plan: CellPlan) -> Iterator[Layer]:
    """The layers of a cell of a dense CNN, from its first to its last."""
    w, size = plan.cell.width, plan.size
    if plan.is_separable and plan.stride == 2:
        yield from _separable(plan.inputs, w, size=plan.size_in, stride=2, after="norm-norm")
    else:
        yield conv_layer(
            plan.inputs, w, size=plan.size_in, kernel=3, stride=plan.stride, after="norm"
        )
    if plan.is_separable:
        yield from _separable(w, w, size=size, after="norm-norm")
    else:
        yield conv_layer(w, w, size=size, kernel=3, after="norm")
    for layer in range(2, plan.cell.depth):
        inputs = w + plan.cell.links_into(layer)
        yield linked_layer(plan, inputs)
        if plan.is_separable:
            yield from _separable(w, w, size=size, after="norm", has_expansion=False)


def linked_layer(plan: CellPlan, inputs: int) -> Layer:
    """What reads the skip links of a layer from 2 on: its 3x3, or the first of its 1x1.

    Args:
        plan: The layer's cell.
        inputs: Channels that it reads: the cell's width and its links.
    """
    w, size = plan.cell.width, plan.size
    if plan.is_separable:
        return conv_layer(inputs, w, size=size, before="norm-relu", after="norm-relu", linked=w)
    return conv_layer(inputs, w, size=size, kernel=3, before="norm-relu", linked=w)


def _separable(
    inputs: int, w: int, *, size: int, after: str, stride: int = 1, has_expansion: bool = True
) -> Iterator[Layer]:
    if has_expansion:
        yield conv_layer(inputs, w, size=size, after="norm-relu")
    yield conv_layer(w, w, size=size, kernel=3, stride=stride, groups=0, after="norm-relu")
    yield conv_layer(w, w, size=strided(size, stride), after=after)


def _residual(spec: ResidualSpec) -> Iterator[Layer]:
    size, stem = spec.image, spec.stem_channels
    is_imagenet, after = spec.stem == "imagenet", "" if spec.is_preactivated else "norm-relu"
    kernel, stride = (7, 2) if is_imagenet else (3, 1)
    yield conv_layer(spec.in_channels, stem, size=size, kernel=kernel, stride=stride, after=after)
    if is_imagenet:
        yield keeping("max-pool", stem, size=halved(size), kernel=3, stride=2)
    for block, size_in in spec.sized_blocks:
        yield from _residual_block(block, size_in)
    last, before = spec.residual_blocks[-1].outputs, "norm-relu" if spec.is_preactivated else ""
    yield keeping("mean", last, size=spec.last_size, before=before)
    yield linear_layer(last, spec.classes)


def block_layers(
    block: ResidualBlock | InvertedResidual | DenseBlock, *, size: int
) -> Iterator[Layer]:
    """The layers of one block, on feature maps of ``size`` pixels a side.

    Args:
        block: A part of a spec.
        size: Of the maps that the block reads.
    """
    if isinstance(block, ResidualBlock):
        return _residual_block(block, size)
    if isinstance(block, InvertedResidual):
        return _inverted_block(block, size)
    return _dense_block(block, size)


def transition_layers(inputs: int, outputs: int, *, size: int) -> Iterator[Layer]:
    """What stands between two dense blocks: a 1x1 convolution, then 2x2 average pooling.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        size: Side of the feature maps that come in, in pixels.
    """
    yield conv_layer(inputs, outputs, size=size, before="norm-relu")
    yield keeping("average-pool", outputs, size=size, kernel=2, stride=2)


def _residual_block(block: ResidualBlock, size_in: int) -> Iterator[Layer]:
    size, stride = strided(size_in, block.stride), block.stride
    inputs, inner, outputs = block.inputs, block.inner, block.outputs
    is_preactivated = block.kind == "pre-activation"
    if block.kind == "bottleneck":
        yield conv_layer(inputs, inner, size=size_in, after="norm-relu")
        yield conv_layer(
            inner,
            inner,
            size=size_in,
            kernel=3,
            stride=stride,
            groups=block.groups,
            after="norm-relu",
        )
        yield conv_layer(inner, outputs, size=size, after="norm")
    elif is_preactivated:
        yield conv_layer(inputs, inner, size=size_in, kernel=3, stride=stride, before="norm-relu")
        yield conv_layer(inner, outputs, size=size, kernel=3, before="norm-relu")
    else:
        yield conv_layer(inputs, inner, size=size_in, kernel=3, stride=stride, after="norm-relu")
        yield conv_layer(inner, outputs, size=size, kernel=3, after="norm")
    if block.shortcut == "projection":
        after = "" if is_preactivated else "norm"
        yield conv_layer(inputs, outputs, size=size_in, stride=stride, after=after)
    elif block.shortcut == "pad":
        yield Layer(LayerKind(op="pad", size=size_in, stride=stride), inputs, outputs)
    yield keeping("add", outputs, size=size, after="" if is_preactivated else "relu")


def _mobilenet(spec: MobileNetV2) -> Iterator[Layer]:
    size, stride = spec.image, 2 if spec.stem == "imagenet" else 1
    yield conv_layer(
        spec.in_channels, spec.stem_channels, size=size, kernel=3, stride=stride, after="norm-relu6"
    )
    for block, size_in in spec.sized_blocks:
        yield from _inverted_block(block, size_in)
    size, head = spec.last_size, spec.head_channels
    yield conv_layer(spec.blocks[-1].outputs, head, size=size, after="norm-relu6")
    yield keeping("mean", head, size=size)
    yield linear_layer(head, spec.classes)


def _inverted_block(block: InvertedResidual, size: int) -> Iterator[Layer]:
    inner, stride = block.inner, block.stride
    if block.has_expansion:
        yield conv_layer(block.inputs, inner, size=size, after="norm-relu6")
    yield conv_layer(inner, inner, size=size, kernel=3, stride=stride, groups=0, after="norm-relu6")
    size = strided(size, stride)
    yield conv_layer(inner, block.outputs, size=size, after="norm")
    if block.is_residual:
        yield keeping("add", block.outputs, size=size)


def _densenet(spec: DenseNet) -> Iterator[Layer]:
    cells, sizes, size = spec.cells, spec.sizes, spec.image
    if spec.stem == "imagenet":
        yield conv_layer(
            spec.in_channels, spec.first, size=size, kernel=7, stride=2, after="norm-relu"
        )
        yield keeping("max-pool", spec.first, size=halved(size), kernel=3, stride=2)
    else:
        yield conv_layer(spec.in_channels, spec.first, size=size, kernel=3)
    followers = [following.inputs for _, following in pairwise(cells)]
    for index, (cell, size) in enumerate(zip(cells, sizes, strict=True)):
        yield from _dense_block(cell, size)
        if index < len(followers):
            yield from transition_layers(cell.outputs, followers[index], size=size)
    yield keeping("mean", cells[-1].outputs, size=sizes[-1], before="norm-relu")
    yield linear_layer(cells[-1].outputs, spec.classes)


def _dense_block(cell: DenseBlock, size: int) -> Iterator[Layer]:
    for layer in range(cell.layers):
        inputs = cell.inputs + layer * cell.growth
        if cell.inner:
            yield conv_layer(inputs, cell.inner, size=size, before="norm-relu")
        yield conv_layer(cell.inner or inputs, cell.growth, size=size, kernel=3, before="norm-relu")
        yield Layer(LayerKind(op="concat", size=size), inputs, cell.growth)


def _vgg(spec: VGG) -> Iterator[Layer]:
    size, inputs = spec.image, spec.in_channels
    after = "norm-relu" if spec.batch_norm else "relu"
    for channels, count in spec.stages:
        for _ in range(count):
            yield conv_layer(inputs, channels, size=size, kernel=3, bias=True, after=after)
            inputs = channels
        yield keeping("max-pool", channels, size=size, kernel=2, stride=2)
        size //= 2
    if spec.stem != "imagenet":
        yield keeping("mean", inputs, size=size)
        yield linear_layer(inputs, spec.classes)
        return
    yield keeping("adaptive-pool", inputs, size=size, kernel=POOLED)
    yield linear_layer(inputs * POOLED**2, HIDDEN, after="relu")
    yield linear_layer(HIDDEN, HIDDEN, after="relu")
    yield linear_layer(HIDDEN, spec.classes)
