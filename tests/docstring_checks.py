"""What is wrong with a docstring: what it does not say, and what it says of what is not there."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import nnmass
from nnmass import errors
from nnmass.errors import NNMassError

SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "Source", "Example", "Note")
HEADER = re.compile(r"^([A-Z][a-z]+(?: [a-z]+)?):$")
ENTRY = re.compile(
    r"^    (\*{0,2}[A-Za-z_][\w.]*(?:, \*{0,2}[A-Za-z_][\w.]*)*)(?: \([^)]*\))?:(?: |$)"
)
CHECKS = ("whole_number", "positive_number")  # raise a SpecError for whom they check
OTHER_STYLES = re.compile(r"^\s*(?::param |:returns?:|@param |-{4,}$)", re.MULTILINE)


def public_names() -> dict[str, object]:
    """``room.name`` of all that a room's ``__init__.py`` names, lazily or at once."""
    folder = Path(nnmass.__file__).parent
    found = {}
    for file in [folder / "__init__.py", *sorted(folder.glob("*/__init__.py"))]:
        package = ".".join(("nnmass", *file.parent.relative_to(folder).parts))
        if package == "nnmass.cli":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = node.names if isinstance(node, ast.ImportFrom) else []
            for name in (n.name for n in names if n.name == n.asname):
                found[f"{package}.{name}"] = getattr(importlib.import_module(package), name)
    own = {n: v for n, v in vars(errors).items() if getattr(v, "__module__", "") == errors.__name__}
    return found | {f"nnmass.errors.{name}": value for name, value in own.items()}


def told(owner: object) -> str:
    """The docstring that is its own: not inherited, and not made up by `dataclass`."""
    text = vars(owner).get("__doc__") or "" if inspect.isclass(owner) else owner.__doc__ or ""
    is_made_up = inspect.isclass(owner) and text.startswith(f"{owner.__name__}(")
    return "" if is_made_up else inspect.cleandoc(text)


def sections(text: str) -> dict[str, list[str]]:
    """The lines below each header that stands at the margin."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if header := HEADER.match(line):
            lines = found.setdefault(header[1], [])
        else:
            lines.append(line)
    return found


def entries(lines: list[str]) -> list[str]:
    """The names that a section describes; several may share a line."""
    heads = [match[1] for line in lines if (match := ENTRY.match(line))]
    return [name.lstrip("*") for head in heads for name in head.split(", ")]


def parameters(function: Callable[..., object]) -> dict[str, bool]:
    """The parameters but ``self`` and ``cls``, and whether each must be described.

    ``**names`` need not.
    """
    all_of_them = inspect.signature(function).parameters.values()
    kept = [one for one in all_of_them if one.name not in ("self", "cls")]
    return {one.name: one.kind is not one.VAR_KEYWORD for one in kept}


def raised(function: Callable[..., object]) -> set[str]:
    """The errors of nnmass that the body raises itself, those of functions inside it left out."""

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        yield node
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
                yield from walk(child)

    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    found = set()
    for node in walk(tree):
        error = node.exc if isinstance(node, ast.Raise) else None
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in CHECKS:
            found.add("SpecError")
        while isinstance(error, ast.Call | ast.Attribute):
            error = error.func if isinstance(error, ast.Call) else error.value
        kind = function.__globals__.get(error.id) if isinstance(error, ast.Name) else None
        if inspect.isclass(kind) and issubclass(kind, NNMassError):
            found.add(kind.__name__)
    return found


def style(text: str) -> Iterator[str]:
    """What is not Google style."""
    first, *rest = text.splitlines()
    if rest and rest[0]:
        yield f"no blank line after the first line {first!r}"
    if not first.endswith((".", "?", "!", ":")):
        yield f"the first line does not end a sentence: {first!r}"
    yield from (f"unknown section {name!r}" for name in sections(text) if name not in SECTIONS)
    yield from (f"{name}: has nothing below it" for name, ls in sections(text).items() if not ls)
    if OTHER_STYLES.search(text):
        yield "a section of another style"


def raising(text: str, functions: list[Callable[..., object]]) -> Iterator[str]:
    """Errors that are raised and not told of, and told of though there is no such error."""
    named = entries(sections(text).get("Raises", []))
    kinds = {error for function in functions for error in raised(function)}
    if missing := kinds - set(named):
        yield f"Raises: lacks {', '.join(sorted(missing))}"
    where = [vars(builtins), vars(errors), *(f.__globals__ for f in functions)]
    for name in named:
        if not any(name in names for names in where):
            yield f"Raises: names {name!r}, which is no error"


def taking(
    known: dict[str, bool],
    described: list[str],
    above: Sequence[str] = (),
    held: Collection[str] = (),
) -> Iterator[str]:
    """Parameters that are described neither here nor above, and descriptions of what is none.

    What an instance holds may be described as well.
    """
    needed = [name for name, is_needed in known.items() if is_needed]
    needed = needed if described or len(needed) > 1 else []  # one is told by the first line
    if missing := [name for name in needed if name not in {*described, *above}]:
        yield f"Args: lacks {', '.join(missing)}"
    unknown = [name for name in described if name not in known and name not in held]
    yield from (f"describes {name!r}, and has none" for name in unknown)


def of_function(function: Callable[..., object]) -> Iterator[str]:
    """What is wrong with the docstring of a function."""
    text = told(function)
    if not text:
        yield "no docstring"
        return
    function = inspect.unwrap(function)
    yield from taking(parameters(function), entries(sections(text).get("Args", [])))
    yield from style(text)
    yield from raising(text, [function])


def fields_of(cls: type) -> list[str]:
    """The public fields of a dataclass or a named tuple."""
    fields = [f.name for f in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []
    return [name for name in getattr(cls, "_fields", fields) if not name.startswith("_")]


def held_by(cls: type) -> set[str]:
    """What an instance has: its class's names, and what its methods set."""
    annotated = {name for base in cls.__mro__ for name in vars(base).get("__annotations__", {})}
    return {*dir(cls), *annotated, *re.findall(r"self\.(\w+)", inspect.getsource(cls))}


def described_by(text: str) -> list[str]:
    """What a class says of its arguments and its attributes."""
    told_of = sections(text)
    return [name for part in ("Args", "Attributes") for name in entries(told_of.get(part, []))]


def of_class(cls: type) -> Iterator[str]:
    """What is wrong with the docstring of a class, of which ``__init__`` may be a part."""
    text = told(cls)
    if not text:
        yield "no docstring"
        return
    makers = [vars(cls)[name] for name in ("__init__", "__post_init__") if name in vars(cls)]
    written = [m for m in makers if m.__code__.co_filename == inspect.getsourcefile(cls)]
    whole = "\n".join([text, *(told(maker) for maker in written)])
    takes = {k: v for m in written if m.__name__ == "__init__" for k, v in parameters(m).items()}
    takes |= dict.fromkeys(fields_of(cls), True)
    bases = "\n".join(told(base) for base in cls.__mro__[1:-1])
    described = described_by(whole)
    yield from taking(takes, described, described_by(bases), held_by(cls))
    if fields_of(cls) and not described and len(takes) == 1 and not described_by(bases):
        yield f"Attributes: lacks {', '.join(takes)}"
    yield from style(text)
    yield from raising(whole, written)
    for name, member in vars(cls).items():
        method = getattr(member, "__func__", getattr(member, "fget", None) or member)
        if name.startswith("_") or not inspect.isfunction(method) or not told(method):
            continue  # ruff sees to methods without; an override needs none
        above = [vars(base)[name] for base in cls.__mro__[1:] if name in vars(base)]
        yield from (f"{name}: {said}" for said in of_method(method, above))


def of_method(method: Callable[..., object], above: list[object]) -> Iterator[str]:
    """What is wrong with the docstring of a method; an override need not repeat its base's."""
    text = told(method)
    arguments = entries(sections(text).get("Args", []))
    bases = [n for base in above for n in entries(sections(told(base)).get("Args", []))]
    yield from taking(parameters(method), arguments, bases)
    yield from style(text)
    yield from raising(text, [method])


def offences(value: object) -> list[str]:
    """What is wrong with a docstring; nothing for constants and rooms."""
    if inspect.isclass(value):
        return list(of_class(value))
    return list(of_function(value)) if inspect.isroutine(inspect.unwrap(value)) else []


def all_offences(names: dict[str, object]) -> list[str]:
    """Those of all names, each object under its first name alone."""
    first: dict[int, tuple[str, object]] = {}
    for name, value in names.items():
        first.setdefault(id(value), (name, value))
    return [f"{name}: {said}" for name, value in first.values() for said in offences(value)]
