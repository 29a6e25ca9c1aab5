"""One network that holds several: nested sub-networks on shared weights, switched at run time."""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from nnmass.errors import SpecError, whole_number
from nnmass.slim._subnets._costs import WidthCosts
from nnmass.slim._subnets._export import export_view
from nnmass.slim._subnets._family_arguments import ranks, read_batch_norm, read_names
from nnmass.slim._subnets._find_groups import find_groups
from nnmass.slim._subnets._groups import ChannelGroup
from nnmass.slim._subnets._kept_channels import Level, Scores, read_kept
from nnmass.slim._subnets._plans import BatchNorms, narrowings
from nnmass.slim._subnets._profile import profile_subnets
from nnmass.slim._subnets._reorder import orders_of, reorder
from nnmass.slim._subnets._self_check import check_level, check_order, example_input, observe
from nnmass.slim._subnets._subnet import Subnet
from nnmass.slim._subnets._subnet_table import SubnetPick, SubnetTable, pick_by_macs
from nnmass.slim._subnets._used import used_elements
from nnmass.slim._subnets._views import plain_copy, view_of
from nnmass.tracing import trace


class _Current(threading.local):
    """The level that this thread runs; a copy begins at the full network."""

    level = 0

    def __deepcopy__(self, memo: object) -> _Current:
        return _Current()


class SubnetFamily(nn.Module):
    """A network and nested sub-networks of its channels, with one set of weights.

    Every level is the network with fewer channels in some groups: convolutions, linear layers and
    batch norms whose weights are slices of the full ones, so that training any level trains all.
    Channels are reordered first (the network computes what it did), so that each level keeps the
    first channels of every group. Batch norms have running statistics of their own in every level.

    Args:
        model: Any network that can be traced; it is left as it was.
        levels: From the full network down, for each channel group the kept channels, or how many
            of the first ones. A group that is left out keeps what it keeps in the level before;
            ``{}`` is the full network.
        input_shape: Of one image, without the batch.
        batch_norm: ``statistics``: running mean and variance are each level's own; ``private``:
            scale and shift too.
        names: Of the levels; ``full``, ``level-1``, .. unless told.
        scores: For each group the importance of its channels, for their order where as many
            levels keep them.

    Raises:
        SpecError: A level is wrong: the message has the level, the group and what is allowed.
        TraceError: The network cannot be traced, no channels can be dropped, or a level does not
            compute what the network computes whose other channels are zero.

    Source:
        Nested sub-networks with non-uniform widths: Yang, He, Cao, Fan, DAC 2020; batch norms of
        their own: Yu et al., ICLR 2019 (arXiv:1812.08928); prefix order: SP-Net. The channel
        groups of any network, views, and the check at construction are ours.

    Example:
        >>> import torch, nnmass
        >>> net = nnmass.build("resnet(depth=20,classes=10,stem=cifar)", seed=0)
        >>> full = nnmass.slim.find_groups(net, (3, 32, 32)).full
        >>> half = {name: channels // 2 for name, channels in full.items()}
        >>> family = SubnetFamily(net, [{}, half], input_shape=(3, 32, 32)).eval()
        >>> [(subnet.name, subnet.macs, subnet.params) for subnet in family.subnets]
        [('full', 40551040, 269722), ('level-1', 10248512, 68050)]
        >>> with family.using(1):
        ...     logits = family(torch.zeros(1, 3, 32, 32))
        >>> family.current, tuple(logits.shape)
        (0, (1, 10))
    """

    def __init__(
        self,
        model: nn.Module,
        levels: Sequence[Level],
        *,
        input_shape: Sequence[int],
        batch_norm: BatchNorms = "statistics",
        names: Sequence[str] | None = None,
        scores: Scores | None = None,
    ) -> None:
        super().__init__()
        model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
        self.batch_norm = read_batch_norm(batch_norm)
        self._found = find_groups(model, input_shape)
        self.input_shape = tuple(int(size) for size in input_shape)
        costs = WidthCosts(self._found)
        self._kept = read_kept(costs, levels, scores)
        self._counts = tuple(costs.counts(widths) for widths in self._kept.widths)
        self._names = read_names(names, len(self._counts))
        self._current = _Current()
        self.model = copy.deepcopy(model)
        x = example_input(self.model, self.input_shape)
        self._set_order(x)
        self.levels = nn.ModuleDict()
        self._views = (self.model, *(self._narrowed(n) for n in range(1, len(self._counts))))
        self._check_levels(x)
        self.subnets = tuple(self._priced(n, costs) for n in range(len(self._counts)))

    @property
    def groups(self) -> tuple[ChannelGroup, ...]:
        """The channel groups, those that must stay whole too."""
        return self._found.groups

    @property
    def notes(self) -> tuple[str, ...]:
        """Which layers keep all channels, and why."""
        return self._found.notes()

    @property
    def current(self) -> int:
        """The level that this thread runs."""
        return self._current.level

    def set_subnet(self, level: int) -> None:
        """Let this thread run ``level`` from now on; others go on with theirs.

        Raises:
            SpecError: There is no such level.
        """
        self._current.level = self._checked(level)

    @contextlib.contextmanager
    def using(self, level: int) -> Iterator[SubnetFamily]:
        """A block in which this thread runs ``level``."""
        number, before = self._checked(level), self._current.level
        self._current.level = number
        try:
            yield self
        finally:
            self._current.level = before

    def profile(self, **settings: Any) -> SubnetTable:
        """Latencies of all levels on this machine; see `profile_subnets` for the settings."""
        return profile_subnets(self, **settings)

    def set_budget(
        self,
        *,
        latency_ms: float | None = None,
        macs: float | None = None,
        table: SubnetTable | None = None,
        slack: float = 1.1,
    ) -> SubnetPick:
        """Let this thread run the best level within a budget, or the smallest where none is.

        Args:
            latency_ms: For a batch as in ``table``.
            macs: Instead, multiply-adds of one image.
            table: Of `profile`; needed for a latency. With accuracies, the best is the most
                accurate, else the largest.
            slack: See `SubnetTable.pick_for`.

        Returns:
            The level, and whether it meets the budget.

        Raises:
            SpecError: Not exactly one budget is given, it is no number above 0, or there is no
                table for a latency.
        """
        if table is None and latency_ms is not None and macs is None:
            raise SpecError(
                "a latency budget needs latencies: give table=family.profile(), or a table that "
                "SubnetTable.load read"
            )
        if table is not None:
            pick = table.pick_for(latency_ms=latency_ms, macs=macs, slack=slack)
        else:
            pick = pick_by_macs(self.subnets, macs)
        self.set_subnet(pick.level)
        return pick

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What the current level makes of the inputs."""
        return self._views[self._current.level](*inputs, **options)

    def view(self, level: int) -> nn.Module:
        """The network of ``level``, on the family's own tensors: what ``forward`` runs.

        Its ``parameters()`` are the full ones; `export` gives a network that stands alone.
        """
        return self._views[self._checked(level)]

    def export(
        self, level: int, *, fold_bn: bool = True, channels_last: bool = True, compile: bool = False
    ) -> nn.Module:
        """The network of ``level`` alone, for inference: a plain module with tensors of its own.

        Args:
            level: Its number.
            fold_bn: Batch norms that follow a convolution become part of it.
            channels_last: Weights of 2-D convolutions are laid out that way, the faster one on
                most devices; it takes inputs in any layout.
            compile: Through `torch.compile`, which compiles at the first call.

        Returns:
            A network of the model's own classes in evaluation mode.

        Raises:
            SpecError: There is no such level, or the network is on the meta device and norms
                cannot be folded.
        """
        return export_view(
            self.view(level),
            self.input_shape,
            fold_bn=fold_bn,
            channels_last=channels_last,
            compiled=compile,
        )

    def used(self, level: int) -> dict[str, Tensor]:
        """Which elements of the parameters ``level`` has: bool, by the parameter's name.

        A parameter that is not named belongs to it as a whole, or is another level's own.
        """
        number = self._checked(level)
        if number == 0:
            return {}
        plans = narrowings(
            self.model, self._found, self._counts[number], batch_norm=self.batch_norm
        )
        return used_elements(self.model, plans, prefix="model.")

    def to_dict(self) -> dict[str, object]:
        """What makes the same family of the same network again, but for tensors: `from_dict`."""
        return {
            "input_shape": list(self.input_shape),
            "batch_norm": self.batch_norm,
            "names": list(self._names),
            "order": {name: list(order) for name, order in self._kept.order.items()},
            "widths": [dict(widths) for widths in self._kept.widths],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], model: nn.Module) -> SubnetFamily:
        """The family of `to_dict`, on the weights of ``model``; its own come by `load_state_dict`.

        Args:
            document: Of `to_dict`.
            model: The network before it became a family, with any weights. On the meta device
                the result has none either, and takes a state with ``assign=True``.

        Raises:
            SpecError: The document is not of a family, or not of this network.
        """
        try:
            order, widths = document["order"], document["widths"]
            levels = [
                {name: order[name][:width] for name, width in level.items()} for level in widths
            ]
            scores = {name: ranks(channels) for name, channels in order.items()}
            return cls(
                model,
                levels,
                input_shape=document["input_shape"],
                batch_norm=document["batch_norm"],
                names=document["names"],
                scores=scores,
            )
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise SpecError(
                f"this is no description of a family: {error!r}; SubnetFamily.to_dict gives one"
            ) from error

    def _set_order(self, x: Tensor | None) -> None:
        """Permute the copy's channels, so that every level keeps the first ones."""
        orders = orders_of(self._found, self._kept.order)
        if x is None:
            reorder(self.model, self._found, orders)
            return
        name = type(self.model).__name__
        before = observe(self.model, self._found.paths, x, name=name)
        reorder(self.model, self._found, orders)
        check_order(before, self.model, self._found, orders, x, name=name)

    def _narrowed(self, number: int) -> nn.Module:
        """The view of a level; tensors of its own are registered."""
        plans = narrowings(
            self.model, self._found, self._counts[number], batch_norm=self.batch_norm
        )
        own = {path: plan.private for path, plan in plans.items() if plan.private is not None}
        keyed = {path.replace(".", "/"): module for path, module in own.items()}
        self.levels[str(number)] = nn.ModuleDict(keyed)
        return view_of(self.model, plans)

    def _check_levels(self, x: Tensor | None) -> None:
        if x is None:
            return
        for number in range(1, len(self._counts)):
            check_level(
                self.model,
                self._views[number],
                self._found,
                self._counts[number],
                x,
                name=f"{self._names[number]} of {type(self.model).__name__}",
            )

    def _priced(self, number: int, costs: WidthCosts) -> Subnet:
        widths = self._kept.widths[number]
        stand_in = plain_copy(self._views[number], meta=True)
        return Subnet(
            name=self._names[number],
            widths=widths,
            macs=costs.macs(widths),
            params=costs.params(widths),
            mass=trace(stand_in, self.input_shape).mass,
        )

    def _checked(self, level: int) -> int:
        number = whole_number(level, "the level", low=0)
        if number >= len(self._counts):
            known = ", ".join(f"{n} ({name})" for n, name in enumerate(self._names))
            raise SpecError(f"there is no level {number}; there are {known}")
        return number
