"""The channel groups of any network, from one forward pass without memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from torch import nn

from nnmass.errors import TraceError
from nnmass.slim._subnets._components import Components
from nnmass.slim._subnets._groups import (
    ChannelGroup,
    ChannelGroups,
    GroupedLayer,
    GroupedNorm,
    PaddedShortcut,
    Slots,
)
from nnmass.tracing import ChannelList, ChannelReading, ChannelUse, trace_channels


def find_groups(model: nn.Module, input_shape: Sequence[int], *, name: str = "") -> ChannelGroups:
    """The channel groups of ``model``: which channels are kept or dropped together.

    Additions, gates and depthwise convolutions tie channels; concatenations and flattening do
    not. What cannot be followed channel by channel stays whole, with the reason: the input, the
    output, grouped convolutions, channels that are split, shuffled or mixed by attention, norms
    over several channels, weights that are used in another way.

    Args:
        model: Any module, on any device; it is left as it was.
        input_shape: Of one image, without the batch.
        name: What the network is called in messages; its class unless told.

    Returns:
        The groups in the order of the forward pass.

    Raises:
        TraceError: The model cannot be run, or has no group that may be narrowed.

    Source:
        Ours; the rules for each operation are those of dependency graphs (Fang et al., CVPR 2023).

    Example:
        >>> import nnmass
        >>> net = nnmass.build("resnet(depth=18)", device="meta")
        >>> groups = find_groups(net, (3, 224, 224))
        >>> len(groups.free), groups.groups[1].name, len(groups.groups[1].producers)
        (12, 'stem', 3)
    """
    if not isinstance(model, nn.Module):
        raise TraceError(
            f"sub-networks need a torch.nn.Module, got {model!r:.80}; nnmass.build makes one of a "
            "spec, nnmass.open_network opens one by its name and has it as .model"
        )
    name = name or type(model).__name__
    reading = trace_channels(model, input_shape, name=name)
    found = _Finder(reading, dict(model.named_modules())).found(model)
    if not found.free:
        reasons = "; ".join(found.notes()[:5])
        raise TraceError(
            f"no channels of {name} can be dropped: {reasons}. Sub-networks need layers whose "
            "channels are read by plain convolutions and linear layers"
        )
    return found


class _Finder:
    """From the uses of channels to groups."""

    def __init__(self, reading: ChannelReading, modules: Mapping[str, nn.Module]) -> None:
        self.reading, self.modules = reading, modules
        self.components = Components(reading, modules)
        roots = [self.components.root(node) for node in range(len(reading.widths))]
        order = {root: n for n, root in enumerate(dict.fromkeys(sorted(roots)))}
        self.number = np.array([order[root] for root in roots], dtype=np.int64)
        self.root_of = list(order)

    def found(self, model: nn.Module) -> ChannelGroups:
        layers = tuple(self._layers())
        norms = tuple(self._norms())
        shortcuts = tuple(
            PaddedShortcut(
                path=path,
                source=int(self.number[source]),
                target=int(self.number[target]),
                before=before,
            )
            for path, source, target, before in self.components.shortcuts
        )
        own = {*(layer.path for layer in layers), *(norm.path for norm in norms)}
        return ChannelGroups(
            groups=self._groups(layers, norms),
            layers=layers,
            norms=norms,
            shortcuts=shortcuts,
            rest=_params_outside(model, own),
        )

    def _layers(self) -> list[GroupedLayer]:
        layers = dict[str, GroupedLayer]()
        for use in self.reading.uses:
            module = self.modules.get(use.path)
            is_layer = use.kind in ("convolution", "linear") and use.node is not None
            if not is_layer or use.reads[0] is None or not _has_weight(module):
                continue
            assert isinstance(module, nn.Linear | nn.modules.conv._ConvNd)  # _has_weight
            layers.setdefault(use.path, self._layer(use, use.reads[0], module))
        return list(layers.values())

    def _layer(
        self, use: ChannelUse, reads: ChannelList, module: nn.Linear | nn.modules.conv._ConvNd
    ) -> GroupedLayer:
        assert use.node is not None  # the caller looked
        inputs, outputs = len(reads), self.reading.widths[use.node]
        is_depthwise = use.groups == inputs == outputs > 1
        return GroupedLayer(
            path=use.path,
            reads=self._slots(reads),
            makes=int(self.number[use.node]),
            places=use.places,
            taps=prod(module.weight.shape[2:]),
            has_bias=module.bias is not None,
            is_depthwise=is_depthwise,
            grouped=1 if is_depthwise else use.groups,
        )

    def _norms(self) -> list[GroupedNorm]:
        norms = dict[str, GroupedNorm]()
        for use in self.reading.uses:
            module = self.modules.get(use.path)
            if use.kind != "norm" or use.reads[0] is None:
                continue
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                norm = GroupedNorm(
                    path=use.path, reads=self._slots(use.reads[0]), params=2 * module.affine
                )
                norms.setdefault(use.path, norm)
        return list(norms.values())

    def _slots(self, reads: ChannelList) -> Slots:
        groups = np.where(reads.nodes < 0, -1, self.number[reads.nodes])
        return Slots(groups, reads.channels)

    def _groups(
        self, layers: Sequence[GroupedLayer], norms: Sequence[GroupedNorm]
    ) -> tuple[ChannelGroup, ...]:
        groups = []
        for number, root in enumerate(self.root_of):
            producers = tuple(layer.path for layer in layers if layer.makes == number)
            why = self.components.why.get(root, "")
            groups.append(
                ChannelGroup(
                    name=producers[0] if producers else f"channels {number}",
                    channels=self.reading.widths[root],
                    producers=producers,
                    norms=_readers(norms, number),
                    consumers=_readers(layers, number),
                    whole=why or ("" if producers else "no layer makes them"),
                )
            )
        return tuple(groups)


def _readers(users: Sequence[GroupedLayer] | Sequence[GroupedNorm], group: int) -> tuple[str, ...]:
    return tuple(user.path for user in users if (user.reads.groups == group).any())


def _has_weight(module: nn.Module | None) -> bool:
    return isinstance(module, nn.Linear | nn.modules.conv._ConvNd)


def _params_outside(model: nn.Module, own: set[str]) -> int:
    inside = {
        id(parameter)
        for path in own
        for parameter in model.get_submodule(path).parameters(recurse=False)
    }
    return sum(p.numel() for p in model.parameters() if id(p) not in inside)
