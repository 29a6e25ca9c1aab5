"""An extension of griffe: ``Example:`` opens a section of examples, as ``Examples:`` does.

Without it the examples would be read as running text, where ``[a][b]`` is a link.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_HEADING = re.compile(r"^(\s*)Example:$", re.MULTILINE)


class ExampleSections(Extension):
    """Renames the heading in every docstring as it is loaded."""

    def on_object(self, *, obj: Object, **_kwargs: Any) -> None:
        """Called by griffe for every module, class, function and attribute that it has read."""
        if obj.docstring is not None:
            obj.docstring.value = _HEADING.sub(r"\1Examples:", obj.docstring.value)
