"""The inverse problem: exact design of networks of a given mass. No torch.

The room carries the name of its verb, so it can be called: ``nnmass.design(...)`` is
``nnmass.design.design(...)``, whichever was imported first.
"""

import sys
import types
from typing import Any

from nnmass.design._design import design as design
from nnmass.design._front import Candidate as Candidate
from nnmass.design._front import Front as Front


class _CallableRoom(types.ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Front:
        """See `nnmass.design.design`."""
        return design(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableRoom
