"""Reading ``name(arguments)`` where the arguments are literals; nothing is evaluated."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from nnmass.errors import SpecError


@dataclass(frozen=True, slots=True)
class CallText:
    """What stands before the parentheses and what stands in them.

    Attributes:
        head: The text before them.
        args: The positional arguments.
        kwargs: The keyword arguments, in the order given.
    """

    head: str
    args: tuple[object, ...]
    kwargs: dict[str, object]

    def __str__(self) -> str:
        """The canonical text: no spaces but in literals, no empty parentheses."""
        parts = [repr(value) for value in self.args]
        parts += [f"{key}={value!r}" for key, value in self.kwargs.items()]
        return f"{self.head}({','.join(parts)})" if parts else self.head


def split_call(text: str) -> tuple[str, str]:
    """``"name(a=1)"`` as ``("name", "(a=1)")``; the second part is empty without parentheses."""
    head, opening, rest = text.strip().partition("(")
    return head.strip(), opening + rest


def read_call(text: str, *, where: str) -> CallText:
    """The parts of ``name``, ``name()`` or ``name(1, key="value")``.

    Args:
        text: To be read.
        where: The whole text that it stands in, for messages.

    Raises:
        SpecError: The parentheses do not close, or an argument is no Python literal.
    """
    head, inner = split_call(text)
    if not inner:
        return CallText(head, (), {})
    call = _parse(where, inner)
    args = tuple(_literal(where, "", node) for node in call.args)
    kwargs: dict[str, object] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise SpecError(_not_literal(where, f"**{ast.unparse(keyword.value)}"))
        if keyword.arg in kwargs:
            raise SpecError(f"{where}: the argument {keyword.arg!r} is given twice; give it once")
        kwargs[keyword.arg] = _literal(where, f"{keyword.arg}=", keyword.value)
    return CallText(head, args, kwargs)


def _parse(where: str, inner: str) -> ast.Call:
    try:
        node = ast.parse(f"f{inner}", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise SpecError(
            f"cannot read the arguments of {where!r}: {reason}; write them as in Python, for "
            "example name(width=2, kind='wide')"
        ) from None
    # "f(1)(2)" and "f(1)+g(2)" are expressions too.
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise SpecError(
            f"cannot read {where!r}: after the name comes one pair of parentheses with the "
            "arguments, and nothing behind it"
        )
    return node


def _literal(where: str, key: str, node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        hint = f"; is {key}'{node.id}' meant?" if isinstance(node, ast.Name) else ""
        raise SpecError(_not_literal(where, key + ast.unparse(node)) + hint) from None


def _not_literal(where: str, argument: str) -> str:
    return (
        f"{where}: the argument {argument} is no literal; allowed are numbers, quoted strings, "
        "True, False, None, and lists, tuples and dicts of them"
    )
