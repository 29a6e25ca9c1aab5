"""When a copy votes for a class."""

from __future__ import annotations

from nnmass.errors import SpecError

TOP_ONE = "top-one"
"""The vote rule under which a copy votes for its most likely class alone."""


def checked_threshold(value: float | str) -> float | str:
    """A threshold in (0, 1], or ``top-one``.

    Raises:
        SpecError: It is neither.

    Example:
        >>> checked_threshold(0.3), checked_threshold("top-one")
        (0.3, 'top-one')
    """
    if value == TOP_ONE:
        return TOP_ONE
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise SpecError(
            f"threshold must lie in (0, 1] or be {TOP_ONE!r}, got {value!r}: at 0 every copy would "
            "vote for every class"
        )
    return float(value)
