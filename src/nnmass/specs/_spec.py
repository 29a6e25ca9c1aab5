"""What every spec is: a frozen description of a network with a canonical string."""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any, ClassVar

from nnmass.errors import SpecError, did_you_mean
from nnmass.specs._cost import Cost
from nnmass.specs._kinds import Kind
from nnmass.topology import RELEASED, AnyCell, MassRule, network_mass

SCHEMA = "nnmass.spec/1"
FLOAT32_BYTES = 4

Default = object | Callable[[Mapping[str, Any]], object]
"""A field's default: a value, or a function of the fields before it (by their keys)."""


@dataclasses.dataclass(frozen=True)
class KeyedField:
    """How a field of a spec is named, read and filled in."""

    attribute: str
    key: str
    kind: Kind
    required: bool
    default: Default
    help: str
    unless: str = ""
    beside: str = ""

    def may_lack(self, given: Container[str]) -> bool:
        """It may be left out where the keys ``given`` are there."""
        return (not self.required or self.unless in given) and self.beside not in given

    def is_default(self, value: object, earlier: Mapping[str, Any]) -> bool:
        """``value`` is what leaving the field out gives, after the fields before it."""
        try:
            return not self.required and value == self.kind.check(self.default_after(earlier))
        except SpecError:
            return False  # there it cannot be left out

    def default_after(self, earlier: Mapping[str, Any]) -> object:
        """The default, given the values of the fields before this one."""
        return self.default(earlier) if callable(self.default) else self.default

    def missing(self) -> str:
        """What to say where the field is not given."""
        return f"{self.key} is missing: {self.help}, {self.kind.allowed}"

    def fault(self, given: object) -> str:
        """What to say of a value that is not allowed."""
        hint = did_you_mean(str(given), getattr(self.kind, "words", ()))
        return f"{self.key} must be {self.kind.allowed}, got {given!r}" + (
            f".{hint}" if hint else ""
        )


def spec_field(
    key: str, kind: Kind, default: Default = None, *, help: str, unless: str = "", beside: str = ""
) -> Any:
    """A dataclass field that a spec string calls ``key``; without a default it is required.

    With ``unless`` it is required unless the field of that key is given, which then tells it; the
    canonical string has one of the two. With ``beside`` it has a default, but is required where
    the field of that key is given, and shown where that is shown. A default that cannot be told
    raises a `SpecError`.
    """
    metadata = {"key": key, "kind": kind, "default": default, "help": help}
    metadata |= {"unless": unless, "beside": beside}
    if default is None and not unless:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=None, metadata=metadata)


class Spec(ABC):
    """A network as data: hashable, printable, and priced in closed form.

    Subclasses are frozen dataclasses made of `spec_field`. A field left out takes its default,
    which may depend on the fields before it. ``str(spec)`` is the canonical name: `nnmass.parse`
    of it gives an equal spec, and fields at their defaults are left out.
    """

    __slots__ = ()
    family: ClassVar[str]
    summary: ClassVar[str]
    example: ClassVar[str]

    @classmethod
    def keyed_fields(cls) -> tuple[KeyedField, ...]:
        """The fields in the order of the canonical string."""
        return tuple(
            KeyedField(
                attribute=f.name,
                key=f.metadata["key"],
                kind=f.metadata["kind"],
                required=f.metadata["default"] is None,
                default=f.metadata["default"],
                help=f.metadata["help"],
                unless=f.metadata["unless"],
                beside=f.metadata["beside"],
            )
            for f in dataclasses.fields(cls)  # type: ignore[arg-type]
        )

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Spec:
        """The spec with these fields, given as in a spec string; all faults in one message."""
        return cls._from_values(texts, lambda kind, value: kind.read(value))

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> Spec:
        """The spec with these fields by key, given as JSON values; all faults in one message."""
        return cls._from_values(values, lambda kind, value: kind.check(value))

    @classmethod
    def _from_values(cls, given: Mapping[str, Any], read: Callable[[Kind, Any], object]) -> Spec:
        fields = {field.key: field for field in cls.keyed_fields()}
        faults = [
            f"unknown key {key!r}.{did_you_mean(key, fields)} Known: {', '.join(fields)}"
            for key in given
            if key not in fields
        ]
        values: dict[str, object] = {}
        for key, field in fields.items():
            if key not in given:
                if not field.may_lack(given):
                    faults.append(field.missing())
                continue
            try:
                values[field.attribute] = read(field.kind, given[key])
            except (ValueError, TypeError, OverflowError):
                faults.append(field.fault(given[key]))
        if faults:
            raise SpecError(f"{cls.family}: " + "; ".join(faults))
        return cls(**values)

    def _fill_in(self) -> None:
        """Check the given fields and fill in the others; every ``__post_init__`` begins so."""
        values: dict[str, Any] = {}
        faults: list[str] = []
        fields = self.keyed_fields()
        there = {field.key for field in fields if getattr(self, field.attribute) is not None}
        for field in fields:
            given = getattr(self, field.attribute)
            if given is None and (field.unless or field.beside) and not field.may_lack(there):
                faults.append(field.missing())
                continue
            if given is None and not field.required and faults:
                continue  # the default may depend on what is wrong
            try:
                if given is None and not field.required:
                    given = field.default_after(values)
                values[field.key] = field.kind.check(given)
            except SpecError as error:
                faults.append(str(error))
                continue
            except (ValueError, TypeError, OverflowError):
                faults.append(field.fault(given))
                continue
            object.__setattr__(self, field.attribute, values[field.key])
        if faults:
            raise SpecError(f"{self.family}: " + "; ".join(faults))

    def values(self) -> dict[str, object]:
        """All fields by key, defaults included."""
        return {field.key: getattr(self, field.attribute) for field in self.keyed_fields()}

    def __str__(self) -> str:
        """The canonical spec string."""
        shown, earlier, fields = set[str](), dict[str, Any](), self.keyed_fields()
        for field in fields:
            value = getattr(self, field.attribute)
            if not field.is_default(value, earlier):
                shown.add(field.key)
            earlier[field.key] = value
        parts = [
            f"{field.key}={field.kind.show(earlier[field.key])}"
            for field in fields
            if field.beside in shown or (field.key in shown and field.unless not in shown)
        ]
        return f"{self.family}({','.join(parts)})" if parts else self.family

    def to_dict(self) -> dict[str, object]:
        """JSON-ready: the schema, the family and every field, defaults included."""
        return {"schema": SCHEMA, "family": self.family, **_plain(self.values())}

    def to_json(self) -> str:
        """`to_dict` as indented JSON text."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @property
    @abstractmethod
    def cells(self) -> tuple[AnyCell, ...]:
        """The cells, from input to output; empty for a plain network."""

    @property
    @abstractmethod
    def cost(self) -> Cost:
        """Parameters, and multiply-adds of one image."""

    @abstractmethod
    def _alive(self) -> Iterator[int]:
        """Values alive while each layer runs; see `peak_activation_bytes`."""

    def _outer_alive(self) -> Iterator[int]:
        """Those of `_alive` for the layers outside cells, stages and rows: stem and head."""
        yield 0

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, without the batch."""

    @property
    def mass(self) -> float:
        """NN-Mass: the sum over the cells, under the released rule for addition skips."""
        return network_mass(self.cells)

    def mass_by(self, rule: MassRule = RELEASED) -> float:
        """NN-Mass under another rule for addition skips."""
        return network_mass(self.cells, rule)

    @property
    def params(self) -> int:
        """Trainable parameters."""
        return self.cost.params

    @property
    def macs(self) -> int:
        """Multiply-adds of the convolutions and linear layers for one image."""
        return self.cost.macs

    @property
    def peak_activation_bytes(self) -> int:
        """Most memory that feature maps need at one moment: float32, one image, inference.

        While a layer (convolution, linear, pooling) runs, three things are alive: the feature
        maps that it reads, those that it writes, and those that a later layer still reads, such
        as the input of a residual block, or the channels that skip links carry over. Each is
        counted once, so concatenating copies nothing; norms, activations and additions work in
        place. Layers run in the order of the built network. Weights do not count.

        The links of dense cells are drawn: the number is that of the worst draw, which no draw
        exceeds and which never falls with the link cap.

        It is what a runtime cannot do without, not what PyTorch takes: eager, without gradients,
        that is 1.4 to 2.6 times as much for most networks, and 8 times for dense cells with all
        links, since each link is a copy there.

        Source:
            Ours.

        Example:
            >>> from nnmass.specs import parse
            >>> parse("mobilenet-v2").peak_activation_bytes  # 96 channels of 112 and 56 pixels
            6021120
        """
        return FLOAT32_BYTES * max(self._alive())

    @property
    def outer_activation_bytes(self) -> int:
        """`peak_activation_bytes` of stem and head alone; 0 where they are not told apart."""
        return FLOAT32_BYTES * max(self._outer_alive())


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    plain: dict[str, object] = json.loads(json.dumps(values))
    return plain
